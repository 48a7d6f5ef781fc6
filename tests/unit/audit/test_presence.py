"""What the ledger shows is where it should be and says what it should; every file is one the ledger knows."""

import gzip
import os
import sqlite3
from pathlib import Path

import brotli
import pytest
from sqlalchemy import insert

from publisher.audit import audit
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.schema import page

from .conftest import HIDDEN, LABELS, SHOWN, SHOWN_CODE, Portal, result_body

SUBJECT = f"subjects/320102/{SHOWN_CODE}.html"
MONTH, DATA = "results/2021/06/index.html", "data/results-2021-06"


def test_a_site_that_says_what_the_ledger_says_has_no_differences(portal: Portal) -> None:
    assert portal.audit() == []


@pytest.mark.parametrize(
    ("file", "before", "after", "kind", "what"),
    [
        (SUBJECT, f"<h1>{SHOWN}", "<h1>玄武云桥", "differs", "result R-000001: subject name"),
        (SUBJECT, 'id="R-000001"', 'id="R-1"', "missing", "result R-000001: anchor"),
        (SUBJECT, "2021-06-02", "2021-06-03", "differs", "result R-000001: ended_on"),
        (SUBJECT, "玄武区市场监督", "鼓楼区市场监督", "differs", "result R-000001: authority"),
        (SUBJECT, "公示信息抽查", "公示抽查", "differs", "result R-000001: finding 1 item_name"),
        (SUBJECT, "<span>不合格", "<span>合格", "differs", "result R-000001: finding 2 outcome"),
        (SUBJECT, "<span>未发现问题", "<span>不合格", "differs", "result R-000001: finding 1 outcome"),
        (MONTH, "#R-000001", "#R-1", "missing", "result R-000001: its row"),
        (MONTH, SHOWN, "云桥", "differs", "result R-000001: subject name"),
        (f"{DATA}.json", "2021-06-02", "2021-06-03", "differs", "result R-000001"),
        (f"{DATA}.json", '"result_id":"R-000001"', '"result_id":"R-1"', "missing", "result R-000001"),
        (f"{DATA}.jsonl", "2021-06-02", "2021-06-03", "differs", "result R-000001"),
        (f"{DATA}.csv", "价格行为抽查", "价格抽查", "differs", "result R-000001"),
        (f"{DATA}.excel.csv", "B2", "B1", "differs", "result R-000001"),
        (f"{DATA}.csv", "subject_name", "name", "missing", "the results in it (ValueError)"),
        ("search/x/r0/0.bin", SHOWN, "云桥", "differs", "result R-000001: its subject in the search index"),
        ("search/x/r0/0.bin", f"{SHOWN_CODE}.html", "x.html", "missing",
         "result R-000001: its subject in the search index"),
        ("search/index.json", '"x"', '"y"', "missing", "result R-000001: its subject in the search index"),
        ("plans/2021/P-2021/index.html", "年度联合抽查计划", "年度计划", "differs", "plan P-2021: title"),
        ("plans/2021/P-2021/index.html", "餐饮&amp;外卖", "餐饮", "differs", "plan P-2021: task T-02 name"),
        ("plans/2021/P-2021/index.html", 'id="T-02"', "", "missing", "plan P-2021: task T-02"),
        ("plans/2021/P-2021/T-01.html", "培训机构", "机构", "differs", "plan P-2021: task T-01 name"),
        ("plans/2021/index.html", "P-2021/", "P/", "missing", "plan P-2021: its row"),
        ("data/plan-2021-P-2021.json", "T-02", "T-03", "differs", "plan P-2021"),
        ("data/plan-2021-P-2021.csv", "T-02", "T-03", "differs", "plan P-2021"),
        ("items/JS-LH/index.html", "公示信息抽查", "抽查", "differs", "item list JS-LH: item A07 name"),
        ("items/index.html", "JS-LH", "JS", "missing", "item list JS-LH: its row"),
        ("data/items-JS-LH.json", "A07", "A08", "differs", "item list JS-LH"),
        ("data/items-JS-LH.csv", "第十四条", "第十条", "differs", "item list JS-LH"),
    ],
)  # fmt: skip
def test_what_is_told_otherwise_is_found(
    portal: Portal, file: str, before: str, after: str, kind: str, what: str
) -> None:
    portal.change(file, before, after)
    assert (kind, what) in [(one.kind, one.what) for one in portal.audit()]


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (SUBJECT, "result R-000001: its subject's page"),
        (MONTH, "result R-000001: its row"),
        (f"{DATA}.json", "the results in it (FileNotFoundError)"),
        (f"{DATA}.jsonl", "the results in it (FileNotFoundError)"),
        (f"{DATA}.excel.csv", "the results in it (FileNotFoundError)"),
        ("search/index.json", "the search index, or a file of it"),
        ("search/x/r0/0.bin", "the search index, or a file of it"),
        ("plans/2021/P-2021/index.html", "plan P-2021: its page"),
        ("plans/2021/P-2021/T-02.html", "plan P-2021: task T-02"),
        ("data/plan-2021-P-2021.csv", "plan P-2021 (FileNotFoundError)"),
        ("items/JS-LH/index.html", "item list JS-LH: its page"),
        ("data/items-JS-LH.json", "item list JS-LH (FileNotFoundError)"),
    ],
)
def test_a_file_that_is_gone_is_found_twice(portal: Portal, file: str, what: str) -> None:
    (portal.output / file).unlink()
    found = portal.audit()
    assert ("missing", what) in [(one.kind, one.what) for one in found]
    assert ("stray", "the ledger knows a file that is not there") in [(one.kind, one.what) for one in found]


def test_findings_that_changed_places_are_found(portal: Portal) -> None:
    portal.change(SUBJECT, "公示信息抽查", "价格")
    portal.change(SUBJECT, "价格行为抽查", "公示信息抽查")
    portal.change(SUBJECT, "<th>价格<", "<th>价格行为抽查<")
    assert "result R-000001: finding 2 item_name" in [one.what for one in portal.audit()]


def test_what_stands_outside_the_element_of_a_result_does_not_count(portal: Portal) -> None:
    text = (portal.output / SUBJECT).read_text("utf-8")
    portal.write(SUBJECT, text.replace('id="R-000001">', 'id="R-000001"></article><article>'))
    assert {one.what for one in portal.audit()} == {
        "result R-000001: authority",
        "result R-000001: ended_on",
        "result R-000001: finding 1 item_name",
        "result R-000001: finding 2 item_name",
    }


def test_a_download_with_more_than_is_shown_is_found(portal: Portal) -> None:
    portal.build([result_body("R-000001"), result_body("R-000002")])
    leaks = [(one.where, one.what) for one in portal.audit() if one.kind == "leak"]
    for name in (DATA, "data/results-2021"):
        for suffix in ("csv", "excel.csv", "jsonl"):
            assert (f"/{name}.{suffix}", "1 results that the ledger does not show there") in leaks
    for name in (f"{DATA}.json", "data/results-2021.xlsx", "data/site.db"):
        assert (f"/{name}", "1 results that the ledger does not show there") in leaks


def test_what_files_of_a_year_and_of_the_portal_lack_or_tell_otherwise_is_found(portal: Portal) -> None:
    portal.add_result(result_body("R-000003"), "published", slot=51)
    missing = {one.where for one in portal.audit() if (one.kind, one.what) == ("missing", "result R-000003")}
    year = [f"/data/results-2021.{suffix}" for suffix in ("csv", "excel.csv", "jsonl", "xlsx")]
    assert missing >= {*year, "/data/site.db"}
    told = result_body("R-000001")
    told["findings"][0]["outcome"] = "另一种结果"
    portal.build([told, result_body("R-000003")])
    differs = {one.where for one in portal.audit() if (one.kind, one.what) == ("differs", "result R-000001")}
    assert differs >= {*year, "/data/site.db"}


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_result_that_is_told_twice_is_found(portal: Portal, suffix: str) -> None:
    text = (portal.output / f"{DATA}.{suffix}").read_text("utf-8")
    header, row, *_ = text.splitlines(keepends=True) if suffix == "csv" else ["", *text.splitlines(keepends=True)]
    other = row.replace("R-000001", "R-000002")
    portal.write(f"{DATA}.{suffix}", header + row + other + row)
    found = [(one.where, one.what) for one in portal.audit()]
    assert (f"/{DATA}.{suffix}", "the results in it (ValueError)") in found


def test_a_workbook_or_database_that_is_none_is_told(portal: Portal) -> None:
    portal.write("data/results-2021.xlsx", b"PK\x03\x04")
    portal.write("data/site.db", b"SQLite format 3\x00" + bytes(4000))
    told = {one.where for one in portal.audit() if one.kind == "missing"}
    assert told >= {"/data/results-2021.xlsx", "/data/site.db"}


def test_results_of_a_subject_stand_on_one_page_and_far_down_the_month(portal: Portal) -> None:
    more = result_body("R-000003")
    portal.add_result(more, "published", slot=51)
    found = {(one.kind, one.where, one.what) for one in portal.audit()}
    assert ("missing", f"/{SUBJECT}", "result R-000003: anchor") in found
    assert ("missing", "/results/2021/06/2.html", "result R-000003: its row") in found
    assert ("missing", f"/{DATA}.csv", "result R-000003") in found
    portal.build([result_body("R-000001"), more])
    row = f'<a href="/portal/{SUBJECT}#R-000003">{SHOWN}</a>'  # a site may stand below a path of its host
    portal.write("results/2021/06/2.html", f"<main><h1>6</h1>{row}</main>")
    assert portal.audit() == []


def test_strays(portal: Portal) -> None:
    portal.write("about/old.html", "<p>旧</p>", known=False)
    portal.write("static/.DS_Store", b"x", known=False)
    portal.write("static/site.css", "body {}")
    (portal.output / "static/site.css").write_text("body{}")
    (portal.output / "static/link.css").symlink_to(portal.output / "static/site.css")
    (portal.output / "static/folder").symlink_to(portal.output / "plans")
    (portal.output / "empty").mkdir()
    (portal.output / os.fsdecode(b"static/\xff.css")).write_text("")
    with portal.ledger.transaction() as connection:
        connection.execute(insert(page).values(path="../x", scope="", key="", digest="", bytes=0))
    assert {(one.kind, one.where, one.what) for one in portal.audit()} == {
        ("stray", "/about/old.html", "a file the ledger does not know"),
        ("stray", "/static/.DS_Store", "a hidden file"),
        ("differs", "/static/site.css", "the file is not the one that was built"),
        ("stray", "/static/link.css", "a link"),
        ("stray", "/static/folder", "a link"),
        ("stray", "/empty", "an empty folder"),
        ("stray", "/static/\ufffd.css", "a file whose name is no text"),
        ("stray", "../x", "the ledger knows a file by what is no address of this site"),
    }


def test_progress_counts_files_and_subjects_to_the_end(portal: Portal) -> None:
    told: list[tuple[int, int]] = []
    list(audit(portal.ledger, portal.output, on_progress=lambda done, total: told.append((done, total))))
    assert told[0] == (0, 23)  # the portal of this test has no list that counts its subject
    assert told[-1][0] == told[-1][1] == 23 + 1


def test_a_folder_that_is_not_there_is_an_error(portal: Portal) -> None:
    with pytest.raises(SiteError, match="build the site first"):
        list(audit(portal.ledger, portal.output / "none"))


def test_words_of_an_outcome_that_nobody_gave_are_not_compared(portal: Portal) -> None:
    portal.change(SUBJECT, "<span>不合格", "<span>合格")
    assert list(audit(portal.ledger, portal.output, labels={"clear": "未发现问题"})) == []
    assert [one.what for one in portal.audit()] == ["result R-000001: finding 2 outcome"]


def test_what_is_owed_and_not_built_is_a_difference(portal: Portal) -> None:
    portal.add_result(result_body("R-000003", "建邺霁月样例中心", "91320105MA00000015"), "published", slot=2)
    assert ("missing", "result R-000003: its subject's page") in [(one.kind, one.what) for one in portal.audit()]


def test_shares_in_processes_find_what_one_finds(portal: Portal, tmp_path: Path) -> None:
    hidden = result_body("R-000007", "苏州隐山测试有限公司", None)
    other = result_body("R-000008", "无锡远山测试有限公司", None)
    portal.add_result(hidden, "withdrawn", slot=5)
    portal.add_result(other, "withdrawn", slot=6)
    portal.write("extra/a.html", "<p>苏州隐山测试有限公司</p>")
    portal.write("extra/b.html", "<p>R-000008</p>")
    (portal.output / "search/x/r0/0.bin").write_bytes(b"")
    alone = portal.audit()
    assert {one.kind for one in alone} >= {"leak", "differs"}
    file = tmp_path / "ledger.db"
    with portal.ledger.reading() as connection, sqlite3.connect(file) as copy:
        connection.connection.driver_connection.backup(copy)
    with Ledger(f"sqlite:///{file}") as ledger:
        for processes in (2, 3):
            together = list(audit(ledger, portal.output, labels=LABELS, processes=processes))
            assert sorted(map(str, together)) == sorted(map(str, alone))


def test_compressed_siblings_are_unpacked_and_compared(portal: Portal) -> None:
    page_itself = (portal.output / SUBJECT).read_bytes()
    portal.write(f"{SUBJECT}.gz", gzip.compress(page_itself), known=False)
    portal.write(f"{SUBJECT}.br", brotli.compress(page_itself), known=False)
    portal.write(f"{MONTH}.gz", gzip.compress((portal.output / MONTH).read_bytes()), known=False)
    assert portal.audit() == []
    portal.write(f"{SUBJECT}.gz", gzip.compress(page_itself + b" "), known=False)
    portal.write(f"{SUBJECT}.br", brotli.compress(page_itself + HIDDEN.encode()), known=False)
    portal.write("extra/none.html.gz", gzip.compress(b"x"), known=False)
    assert {(one.kind, one.where) for one in portal.audit()} == {
        ("differs", f"/{SUBJECT}.gz"),
        ("differs", f"/{SUBJECT}.br"),
        ("leak", f"/{SUBJECT}.br"),
        ("stray", "/extra/none.html.gz"),
    }
