"""Nothing that is not published stands anywhere, whatever the encoding; what is shown for others is no leak."""

import gzip
import io
import json
import sqlite3
import zipfile
import zlib
from pathlib import Path
from urllib.parse import quote

import openpyxl
import pytest

from publisher import uscc
from publisher.audit import tree
from publisher.audit.reading import forms

from .conftest import HIDDEN, HIDDEN_CODE, REMARK, SHOWN, Portal, plan_body, result_body

NAME = "result R-000002 subject name"


def leaks(portal: Portal) -> set[tuple[str, str]]:
    return {(one.where, one.what) for one in portal.audit() if one.kind == "leak"}


def workbook(text: str) -> bytes:
    made = openpyxl.Workbook()
    made.active.append(["名称", text])
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def database(text: str, folder: Path, *, removed: bool = False) -> bytes:
    file = folder / "made.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE subjects (name TEXT)")
        connection.execute("INSERT INTO subjects VALUES (?)", (text,))
        connection.commit()
        if removed:
            connection.execute("DELETE FROM subjects")
            connection.commit()
    connection.close()
    return file.read_bytes()


def archive(name: str, content: bytes, *, and_then: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, content)
        if and_then:
            made.writestr("then.txt", and_then)
    return out.getvalue()


def search_file(name: str, code: str) -> bytes:
    """A file of the search index with one line; of the code only what does not follow from the rest."""
    columns = ["1", "737943", name, code[:2] + code[8:16], code[2:8], "21a", "", "\t1\t\t"]
    machine = zlib.compressobj(6, zlib.DEFLATED, -15)
    return machine.compress("\x1e".join(columns).encode()) + machine.flush()


def entities(text: str) -> str:
    return "".join(f"&#x{ord(one):x};" if at % 2 else f"&#{ord(one)};" for at, one in enumerate(text))


ENCODED = {
    "plain.html": f"<p>{HIDDEN}的检查结果</p>",
    "attribute.html": f'<meta content="见{HIDDEN}。">',
    "entity.html": f"<p>{entities(HIDDEN)}</p>",
    "percent.html": f'<a href="/search/?q={quote(HIDDEN)}">x</a>',
    "twice.html": f'<a href="/go?to={quote(quote("/search/?q=" + HIDDEN))}">x</a>',
    "script.html": f"<script>const name = {json.dumps(HIDDEN)};</script>",
    "escapes.json": json.dumps({"list": [{"name": HIDDEN}]}),
    "key.json": json.dumps({HIDDEN: 1}),
    "plain.json": json.dumps([HIDDEN], ensure_ascii=False),
    "cells.csv": f'name,note\r\n"{HIDDEN}","a ""b"""\r\n',
    "feed.xml": f'<?xml version="1.0"?><feed><title>{HIDDEN}：未发现问题</title></feed>',
    "names.js": f"export default ['{HIDDEN}'];",
    "braces.js": "const a = '" + "".join(f"\\u{{{ord(one):x}}}" for one in HIDDEN) + "';",
    "day.ics": f"SUMMARY:{HIDDEN[:4]}\r\n {HIDDEN[4:]}\r\n",
    "list.txt": f"一\n{HIDDEN}\n",
    "wide.txt": HIDDEN.encode("utf-16"),
    "page.html.gz": gzip.compress(f"<p>{entities(HIDDEN)}</p>".encode()),
    "list.xlsx": workbook(HIDDEN),
    "all.zip": archive("inside.json", json.dumps(HIDDEN).encode()),
    "named.zip": archive(f"{HIDDEN}.txt", b""),
}


@pytest.mark.parametrize("file", ENCODED)
def test_a_name_is_found_in_every_encoding(portal: Portal, file: str) -> None:
    portal.write(f"extra/{file}", ENCODED[file])
    assert leaks(portal) == {(f"/extra/{file}", NAME)}


def test_names_and_shortened_codes_are_found_in_the_search_index(portal: Portal) -> None:
    code = "91320105MA0000015N"[:8] + "MA000001"
    code += uscc.organisation_check_character(code[8:])
    code += uscc.check_character(code)
    portal.add_result(result_body("R-000004", "建邺霁月样例中心", code), "withdrawn")
    portal.write("search/r-3.bin", search_file("建邺霁月样例中心", code))
    assert leaks(portal) == {
        ("/search/r-3.bin", "result R-000004 subject name"),
        ("/search/r-3.bin", "result R-000004 subject code"),
    }


@pytest.mark.parametrize("removed", [False, True])
def test_a_name_is_found_in_a_database_and_in_what_was_deleted_there(
    portal: Portal, tmp_path: Path, removed: bool
) -> None:
    portal.write("site.db", database(HIDDEN, tmp_path, removed=removed))
    assert leaks(portal) == {("/site.db", NAME)}


def test_a_name_whose_letters_are_composed_otherwise_is_found(portal: Portal) -> None:
    portal.add_result(result_body("R-000004", "Café Lumière 南京", "91320102MA0000009X"), "withheld")
    portal.write("extra/x.html", "<p>Cafe\u0301 Lumie\u0300re\n  南京</p>")
    assert leaks(portal) == {("/extra/x.html", "result R-000004 subject name")}


def test_a_name_in_a_file_name_is_found_and_not_told(portal: Portal) -> None:
    portal.write(f"extra/{HIDDEN}.html", "", known=False)
    portal.write(f"extra/{quote(HIDDEN)}.txt", "")
    found = portal.audit()
    assert {(one.kind, one.where, one.what) for one in found} == {
        ("leak", "/extra/….html", f"{NAME}, in the address"),
        ("stray", "/extra/….html", "a file the ledger does not know"),
        ("leak", "/extra/….txt", f"{NAME}, in the address"),
    }
    assert HIDDEN not in repr(found)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('<article id="R-000002">', "result R-000002 id"),
        ('<h3 id="t-R-000002">', "result R-000002 id"),
        ("<a href=/x.html#R-000002>", "result R-000002 id"),
        (f"<p>代码{HIDDEN_CODE}。</p>", "result R-000002 subject code"),
        ("<p>注册号 320104000012345</p>", "result R-000002 subject registration number"),
        (f'<a href="/subjects/320104/{HIDDEN_CODE}.html">', "result R-000002 subject code"),
        (f"<p>备注：{REMARK}。</p>", "result R-000002 remark"),
        ("<p>南京市不宜公开的专项抽查计划</p>", "plan P-2022 title"),
        ("<p>P-2022</p>", "plan P-2022 id"),
        ("<p>ref0P-2022</p>", "plan P-2022 ref"),
    ],
)
def test_ids_codes_and_words_are_found(portal: Portal, text: str, what: str) -> None:
    portal.write("extra/x.html", text)
    assert leaks(portal) == {("/extra/x.html", what)}


def test_a_random_ref_is_found_in_a_download(portal: Portal) -> None:
    portal.write("data/all.jsonl", json.dumps({"ref": portal.ref("R-000002")}))
    assert leaks(portal) == {("/data/all.jsonl", "result R-000002 ref")}


def test_a_stop_may_name_the_ref_and_nothing_else_may(portal: Portal) -> None:
    ref = portal.ref("R-000002")
    stop = json.dumps({"op": "STOP", "ref": ref, "rule": "withdraw.repair", "on": "2021-07-01"}) + "\n"
    portal.write("data/delta/000002.jsonl", stop)
    assert leaks(portal) == set()
    portal.write("data/delta/000002.jsonl", json.dumps({"op": "ADD", "ref": ref}) + "\n" + stop)
    assert leaks(portal) == {("/data/delta/000002.jsonl", "result R-000002 ref")}
    portal.write("data/delta/000002.jsonl", stop.replace("withdraw.repair", HIDDEN_CODE))
    assert leaks(portal) == {("/data/delta/000002.jsonl", "result R-000002 subject code")}


def test_a_stop_may_name_the_ref_wherever_a_large_file_is_cut(portal: Portal) -> None:
    ref = portal.ref("R-000002")
    stop = json.dumps({"op": "STOP", "ref": ref, "rule": "withdraw.repair", "on": "2021-07-01"}) + "\n"
    other = json.dumps({"op": "ADD", "ref": "another", "record": "长" * 5_000}, ensure_ascii=False) + "\n"
    large = (stop * 200 + other) * (3 * tree.PIECE // len((stop * 200 + other).encode()))
    for shift in range(0, len(stop), 15):
        portal.write("data/delta/000002.jsonl", "x" * shift + "\n" + large)
        assert leaks(portal) == set()
    portal.write("data/delta/000002.jsonl", large + json.dumps({"op": "ADD", "ref": ref}) + "\n")
    assert leaks(portal) == {("/data/delta/000002.jsonl", "result R-000002 ref")}


@pytest.mark.parametrize("state", ["withheld", "pending", "shielded", "withdrawn", None])
def test_every_state_but_published_is_kept_off_the_site(portal: Portal, state: str | None) -> None:
    portal.add_result(result_body("R-000004", "建邺霁月样例中心", "91320105MA00000015"), state)
    portal.write("extra/x.html", "<p>建邺霁月样例中心</p>")
    assert leaks(portal) == {("/extra/x.html", "result R-000004 subject name")}


def test_the_rule_of_the_verdict_is_told(portal: Portal) -> None:
    portal.write("extra/x.html", HIDDEN)
    assert [one.rule for one in portal.audit()] == ["rule.withdrawn"]


def test_a_subject_with_another_result_on_show_may_be_named_but_its_other_results_may_not(portal: Portal) -> None:
    portal.add_result(result_body("R-000005"), "withdrawn", slot=2)
    assert leaks(portal) == set()
    portal.change("results/2021/06/index.html", "</table>", '<a href="#R-000005">x</a></table>')
    assert leaks(portal) == {("/results/2021/06/", "result R-000005 id")}


def test_a_former_name_of_a_subject_on_show_is_no_leak(portal: Portal) -> None:
    portal.add_result(result_body("R-000005", "玄武旧名测试有限公司"), "withdrawn", slot=2)
    portal.write("extra/x.html", "<p>曾用名：玄武旧名测试有限公司</p>")
    assert leaks(portal) == set()


def test_a_name_that_a_shown_subject_bears_too_is_no_leak(portal: Portal) -> None:
    person = {"kind": "person", "reg_no": None}
    portal.add_result(result_body("R-000004", SHOWN, None, subject=person), "withheld")
    assert leaks(portal) == set()


def test_a_name_within_a_longer_shown_name_is_no_leak_there_and_one_elsewhere(portal: Portal) -> None:
    portal.add_result(result_body("R-000004", SHOWN[2:], "91320105MA00000015"), "withheld")
    assert leaks(portal) == set()
    portal.write("extra/x.html", f"<p>{SHOWN}、{SHOWN[2:]}</p>")
    assert leaks(portal) == {("/extra/x.html", "result R-000004 subject name")}


def test_a_short_name_counts_only_as_a_word_of_its_own(portal: Portal) -> None:
    person = {"kind": "person"}
    portal.add_result(result_body("R-000004", "张阆", None, subject=person), "withheld")
    portal.write("extra/x.html", "<p>主张阆中开展检查</p>")
    assert leaks(portal) == set()
    portal.write("extra/x.html", "<td>张阆</td>")
    assert leaks(portal) == {("/extra/x.html", "result R-000004 subject name")}
    portal.write("extra/x.html", "<td>张阆：未发现问题</td>")
    assert leaks(portal) == {("/extra/x.html", "result R-000004 subject name")}


def test_a_subject_without_a_code_is_found_by_its_address(portal: Portal) -> None:
    portal.add_result(result_body("R-000004", "周禹", None, subject={"kind": "person"}), "withheld")
    with portal.ledger.reading() as connection:
        address = connection.exec_driver_sql("SELECT path FROM subject WHERE name = '周禹'").scalar_one()
    portal.write(address[1:], "<p></p>")
    assert leaks(portal) == {(address, "result R-000004 subject address, in the address")}


def test_a_part_of_a_longer_id_or_code_is_no_leak(portal: Portal) -> None:
    portal.write("extra/x.html", f"<p>R-0000021 XR-000002 {HIDDEN_CODE}7</p>")
    assert leaks(portal) == set()


def test_an_id_that_is_hardly_one_counts_only_where_an_id_stands(portal: Portal) -> None:
    portal.add_result(result_body("2021", "建邺霁月样例中心", "91320105MA00000015"), "pending")
    assert leaks(portal) == set()
    portal.write("extra/x.html", '<article id="2021"></article>')
    assert leaks(portal) == {("/extra/x.html", "result 2021 anchor")}


def test_the_plan_of_a_shown_result_may_be_named_but_has_no_page(portal: Portal) -> None:
    portal.add_other("plan", "P-2023", plan_body("P-2023", "南京市二〇二三年度计划", year=2023), "withheld")
    body = result_body("R-000001", plan_id="P-2023")
    portal.set_state("R-000001", "withdrawn")
    portal.add_result(body | {"result_id": "R-000006"}, "published", slot=5)
    portal.write("extra/x.html", "<dd>P-2023</dd>")
    assert ("/extra/x.html", "plan P-2023 id") not in leaks(portal)
    portal.write("plans/2023/P-2023/index.html", "<p></p>")
    portal.write("extra/x.html", '<a href="/data/plan-2023-P-2023.csv">')
    found = leaks(portal)
    assert ("/plans/2023/P-2023/", "plan P-2023 address, in the address") in found
    assert ("/extra/x.html", "plan P-2023 address") in found


def test_the_words_of_a_corrected_version_and_what_was_hidden_are_found(portal: Portal) -> None:
    portal.receive(result_body("R-000001", version=2, remark="联系人手机13851234567另行告知"))
    portal.receive(result_body("R-000001", HIDDEN, HIDDEN_CODE, version=3))
    portal.write("extra/x.html", f"<p>联系人手机13851234567另行告知</p><p>{HIDDEN}</p>")
    found = {what for _, what in leaks(portal)}
    assert "result R-000001 remark" in found
    assert any(what.endswith("subject name") for what in found)


def test_what_a_case_says_and_the_site_does_not_is_found(portal: Portal) -> None:
    portal.receive({"kind": "case", "case_id": "C-1", "case_type": "objection", "result_id": "R-000001",
                    "reason": "检查当天本店并未营业，与事实不符", "commitment": None})  # fmt: skip
    portal.write("extra/x.html", "<p>理由：检查当天本店并未营业，与事实不符</p>")
    assert leaks(portal) == {("/extra/x.html", "result R-000001 case C-1 reason")}


def test_a_sentence_that_another_record_shows_or_the_office_itself_wrote_is_no_leak(portal: Portal) -> None:
    portal.add_result(result_body("R-000005", remark=f"经查，{REMARK}。"), "published", slot=2)
    portal.write("extra/x.html", f"<p>{REMARK}</p>")
    assert leaks(portal) == set()


def test_hand_written_pages_may_share_a_sentence_but_no_name(portal: Portal) -> None:
    portal.write("about/repair/index.html", f"<p>{REMARK}</p><p>{HIDDEN}</p>", scope="content")
    assert leaks(portal) == {("/about/repair/", NAME)}


def test_files_that_cannot_be_opened_are_told(portal: Portal) -> None:
    portal.write("extra/x.gz", b"\x1f\x8bnot so")
    portal.write("extra/x.zip", b"PK\x03\x04not so")
    portal.write("extra/site.db", b"SQLite format 3\x00not so")
    portal.write("extra/x.html.br", b"not so")
    assert {(one.kind, one.where) for one in portal.audit()} == {
        ("differs", "/extra/x.gz"), ("differs", "/extra/x.zip"), ("differs", "/extra/site.db"),
        ("differs", "/extra/x.html.br"),
    }  # fmt: skip


@pytest.mark.parametrize("chance", [b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff"])
def test_a_hash_may_begin_as_a_packed_file_does(portal: Portal, chance: bytes) -> None:
    portal.write("log/tile/0/x001/632", chance + bytes(range(158, 188)), scope="log")
    assert list(portal.audit()) == []


def test_texts_of_a_clean_template_are_not_taken_for_those_of_another_file(portal: Portal) -> None:
    for number in range(3):
        portal.write(f"extra/{number}.html", f"<p>共用的文字</p><p>{HIDDEN if number == 2 else number}</p>")
    assert leaks(portal) == {("/extra/2.html", NAME)}


def test_forms_undo_one_encoding_after_another() -> None:
    assert "南京" in list(forms("%26%2321335%3B\\u4eac"))
    assert "\U00020bb7野" in list(forms("\\ud842\\udfb7野"))
    assert list(forms("15%, a & b")) == ["15%, a & b"]


@pytest.mark.parametrize("file", ["x.json", "x.csv", "x.html"])
def test_a_text_of_several_lines_is_found(portal: Portal, file: str) -> None:
    lines = "第一次检查没有人在场\n第二次检查仍没有人"
    portal.add_result(result_body("R-000005", remark=lines), "withdrawn", slot=2)
    content = {"x.json": json.dumps([lines]), "x.csv": f'a,"{lines}"\r\n', "x.html": f"<p>\n  {lines}\n</p>"}
    portal.write(f"extra/{file}", content[file])
    assert leaks(portal) == {(f"/extra/{file}", "result R-000005 remark")}


def test_what_was_found_before_a_file_breaks_off_is_told(portal: Portal) -> None:
    whole = archive("inside.txt", HIDDEN.encode())
    portal.write("extra/x.zip", whole[:-30] + b"x" * 30)
    two = archive("inside.txt", HIDDEN.encode(), and_then=bytes(range(256)))
    broken = two.index(b"then.txt") + len(b"then.txt")
    portal.write("extra/y.zip", two[:broken] + b"\xff" * 8 + two[broken + 8 :])
    found = {(one.kind, one.where) for one in portal.audit()}
    assert {("differs", "/extra/x.zip"), ("differs", "/extra/y.zip"), ("leak", "/extra/y.zip")} == found
