"""A published site as a stranger checks it: an honest one passes, whatever was done to it otherwise is told."""

import hashlib
import json
import re
import shutil
import sqlite3
import threading
from datetime import date
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select, update

from publisher.ledger import Ledger
from publisher.ledger.schema import log_live, log_seed, record
from publisher.log import keeping, recovery
from publisher.log.bundle import Checkpoint, entries_of
from publisher.log.key import Key, load_key
from publisher.log.leaf import parse
from publisher.log.seal import signature

DAY, LATER, LAST = "2021-07-05", "2021-07-20", "2021-07-25"
NEGATIVE = "发现问题，依法责令立即改正或者限期改正"
BASE = "https://gongshi.example.gov.cn"
HOSTILE = "甲 <b>&amp;\"' --> -->"


@pytest.fixture(scope="module")
def built(tmp_path_factory, make_portal, make_plan, make_item_list, make_result):
    """A site with a plan, a list and four results; ``R-2`` bears a note with everything that HTML and comments mind."""
    portal = make_portal(tmp_path_factory.mktemp("built"))
    results = [make_result(1), make_result(2, outcome=NEGATIVE), make_result(3), make_result(4, subject__name="丁公司")]
    results[1]["findings"][0]["note"] = HOSTILE
    portal.give(make_plan(), make_item_list(), *results)
    portal.run(DAY)
    return portal


@pytest.fixture
def site(built, make_portal, tmp_path):
    """A copy of that site, to do with as one likes."""
    shutil.copytree(built.root, tmp_path / "portal", symlinks=True)
    return make_portal(tmp_path / "portal")


@pytest.fixture
def check(site):
    """What `verify` says of the site: exit status, and the kinds of fault by where they are."""

    def checked(*more, expect=None):
        ran = site.call("verify", "--json", *more)
        faults = [(one["kind"], one["where"]) for one in ran.json["faults"]]
        assert ran.status == (6 if faults else 0), ran.err
        if expect is not None:
            assert {kind for kind, _ in faults} == expect, ran.json["faults"]
        return ran.json

    return checked


@pytest.fixture
def withdraw(site, make_case):
    """Withdraw a result on a day, on an error found."""

    def withdrawn(result_id="R-2", day=LATER):
        told = {"filed_on": "2021-07-10", "decided_on": "2021-07-12", "decided_by": "测试局", "reason": "测试"}
        site.give(make_case("error", case_id=f"C-{result_id}", result_id=result_id, **told), name=f"case-{result_id}")
        site.run(day)

    return withdrawn


def page_of(site, make_code, number):
    [file] = site.output.rglob(f"{make_code(number)}.html")
    return file


def entries(site):
    found = []
    for file in sorted((site.output / "log/tile/entries").rglob("*")):
        if file.is_file():
            found = max(found, [*map(parse, entries_of(file.read_bytes()))], key=len)
    return found


def replace_file(file, content):
    file.unlink()  # its bytes may be those of another tree too
    file.write_bytes(content)


def sign(site, checkpoint):
    signer = load_key(Key(site.var / "log.key"), BASE)
    replace_file(site.output / "log/checkpoint", checkpoint.note(signer))


def test_an_honest_site_passes_and_every_record_is_proved(site, check):
    found = check(expect=set())
    assert (found["entries"], found["pages"], found["records"]) == (6, 6, 6)
    assert [one.op for one in entries(site)] == ["ADD"] * 6
    assert (site.var / "log.key").stat().st_mode & 0o777 == 0o600
    assert site.page("log/vkey").strip() == found["vkey"]


def test_a_second_run_leaves_the_log_as_it_is(site, check):
    before = site.files()
    site.run(DAY)
    assert {name: one for name, one in site.files().items() if name.startswith("log/")} == {
        name: one for name, one in before.items() if name.startswith("log/")
    }
    check(expect=set())


def test_a_withdrawn_record_leaves_a_stop_and_nothing_else(site, check, withdraw, make_code):
    check(expect=set())
    with Ledger(site.settings.ledger.url) as ledger, ledger.reading() as connection:
        joined = (
            select(log_live.c.leaf_no, log_seed.c.seed)
            .join(record)
            .join(log_seed, log_seed.c.seed_no == log_live.c.seed_no)
        )
        opening = connection.execute(joined.where(record.c.record_id == "R-2")).one()
    seed = bytes(opening.seed)
    assert any(seed in file.read_bytes() for file in site.var.glob("ledger.db*"))
    old_page = page_of(site, make_code, 2).read_bytes()
    withdraw()
    stop = entries(site)[-1]
    assert (stop.op, stop.leaf, stop.on) == ("STOP", opening.leaf_no, date(2021, 7, 12))
    assert stop.rule
    assert check(expect=set())["records"] == 5
    for name, content in site.files().items():
        assert seed not in content, name
        if name.startswith("log/"):
            assert b"R-2" not in content, name
            assert make_code(2).encode() not in content, name
    assert not any(seed in file.read_bytes() for file in site.var.glob("ledger.db*"))
    again = site.output / "subjects/320102" / f"{make_code(2)}.html"
    again.write_bytes(old_page)
    assert [one["where"] for one in check(expect={"unlogged"})["faults"]] == [f"/subjects/320102/{make_code(2)}.html"]


def test_a_corrected_record_is_replaced_and_its_old_salts_are_gone(site, check, make_result):
    check(expect=set())
    with Ledger(site.settings.ledger.url) as ledger, ledger.reading() as connection:
        joined = (
            select(log_seed.c.seed, log_live.c.leaf_no)
            .join(log_live, log_live.c.seed_no == log_seed.c.seed_no)
            .join(record)
        )
        was = connection.execute(joined.where(record.c.record_id == "R-3")).one()
    corrected = make_result(3, version=2, methods="书面检查", finalized_at="2021-07-08T09:00:00+08:00")
    site.give(corrected, name="corrected")
    site.run(LATER)
    assert (entries(site)[-1].op, entries(site)[-1].leaf) == ("MOD", was.leaf_no)
    check(expect=set())
    assert not any(bytes(was.seed) in file.read_bytes() for file in site.var.glob("ledger.db*"))


def test_a_record_shown_again_is_another_one_for_the_log(site, check, withdraw, make_result):
    withdraw()
    site.give(make_result(2, version=2, finalized_at="2021-07-22T09:00:00+08:00"), name="corrected")
    site.run(LAST)
    assert [one.op for one in entries(site)][-2:] == ["STOP", "ADD"]
    assert check(expect=set())["records"] == 6


@pytest.mark.parametrize(
    ("old", "new"),
    [("玄武第1测试有限公司", "玄武第一测试有限公司"), ("未发现问题", "合格"), ('"leaf":', '"leaf":1'),
     ("<h1>", "<h1 hidden>"), ("2021-06-02", "2021-06-03")],
)  # fmt: skip
def test_an_altered_page_is_told(site, check, make_code, old, new):
    file = page_of(site, make_code, 1)
    words = file.read_text("utf-8")
    assert old in words
    replace_file(file, words.replace(old, new, 1).encode())
    assert check(expect={"altered", "removed"})["faults"][0]["where"].endswith(f"{make_code(1)}.html")


def test_a_page_without_its_signature_or_at_another_address_is_told(site, check, make_code):
    file = page_of(site, make_code, 1)
    whole = file.read_bytes()
    replace_file(file, whole[: whole.rindex(b"<!-- publication-log-signature")])
    check(expect={"altered", "removed"})
    replace_file(file, whole)
    file.with_name(f"{make_code(9)}.html").write_bytes(whole)
    check(expect={"altered"})


def test_what_the_office_itself_signs_must_be_what_it_logged(site, check, make_code):
    file = page_of(site, make_code, 1)
    words = file.read_bytes()
    unsigned = words[: words.rindex(b"<!-- publication-log-signature")].replace("现场检查".encode(), "书面".encode())
    address = f"/subjects/320102/{make_code(1)}.html"
    signer = load_key(Key(site.var / "log.key"), BASE)
    replace_file(file, unsigned + signature(signer, address, hashlib.sha256(unsigned).digest()))
    check(expect={"unlogged", "removed"})
    shown = words[: words.rindex(b"<!-- publication-log [")].replace("玄武第1测试".encode(), "玄武第九测试".encode())
    forged = shown + words[words.rindex(b"<!-- publication-log [") : words.rindex(b"<!-- publication-log-signature")]
    replace_file(file, forged + signature(signer, address, hashlib.sha256(forged).digest()))
    check(expect={"unlogged"})


def test_a_record_removed_without_a_stop_is_told(site, check, make_code):
    page_of(site, make_code, 3).unlink()
    assert len(check(expect={"removed"})["faults"]) == 1


def test_a_rewritten_checkpoint_is_told(site, check):
    check(expect=set())
    file = site.output / "log/checkpoint"
    honest = file.read_bytes()
    replace_file(file, honest.replace(b"\n6\n", b"\n5\n"))
    check(expect={"checkpoint"})
    other = load_key(Key(site.root / "other.key"), BASE)
    size, root = 6, bytes(32)
    replace_file(file, Checkpoint(other.verifier.name, size, root).note(other))
    check(expect={"checkpoint"})
    replace_file(site.output / "log/vkey", other.verifier.vkey.encode())
    check(expect={"checkpoint"})  # the key is the one that was seen first, whatever the site says now
    check("--vkey", other.verifier.vkey, expect={"key"})
    sign(site, Checkpoint("gongshi.example.gov.cn/log", 6, bytes(32)))
    check(expect={"forked"})
    sign(site, Checkpoint("gongshi.example.gov.cn/log", 0, hashlib.sha256().digest()))
    check(expect={"rewritten"})
    replace_file(file, honest)
    check(expect=set())


def test_a_forked_log_is_told(site, check, make_portal, make_plan, make_item_list, make_result, tmp_path):
    check(expect=set())
    (tmp_path / "other/var").mkdir(parents=True)
    other = make_portal(tmp_path / "other")
    shutil.copy(site.var / "log.key", other.var / "log.key")
    other.give(make_plan(), make_item_list(), *map(make_result, range(1, 9)))
    other.run(DAY)
    ran = other.call("verify", "--json", "--memory", site.var / "verify", other.output)
    assert ran.json["faults"] == []  # another place, never seen before
    before = site.output.resolve()
    shutil.rmtree(before)
    shutil.copytree(other.output, before)
    check(expect={"forked"})


def test_tiles_and_entries_that_do_not_agree_are_told(site, check):
    [bundle] = [one for one in (site.output / "log/tile/entries").rglob("*") if one.is_file()]
    whole = bundle.read_bytes()
    replace_file(bundle, whole.replace(b"ADD", b"AXD", 1))
    check(expect={"log"})
    replace_file(bundle, whole[:-5])
    check(expect={"log"})
    replace_file(bundle, whole)
    [tile] = [one for one in (site.output / "log/tile/0").rglob("*") if one.is_file()]
    replace_file(tile, bytes(32) + tile.read_bytes()[32:])
    check(expect={"log"})


def test_a_single_page_is_proved_by_its_branch(site, check, make_code):
    file = page_of(site, make_code, 2)
    found = check(file, expect=set())
    assert (found["pages"], found["records"]) == (1, 1)
    replace_file(file, file.read_bytes().replace("玄武".encode(), "鼓楼".encode()))
    check(file, expect={"altered"})


def test_a_killed_run_is_finished_by_the_next_one(site, check, make_result):
    before = site.page("log/checkpoint")
    site.give(make_result(5), name="more")
    site.take(LATER)
    with Ledger(site.settings.ledger.url) as ledger:
        assert keeping.append(ledger).entries == 1
        assert keeping.append(ledger).entries == 0
    assert site.page("log/checkpoint") == before
    site.run(LATER)
    assert check(expect=set())["entries"] == 7


def test_a_restored_ledger_takes_over_what_was_published_meanwhile(site, check, make_result):
    shutil.copytree(site.var, site.root / "backup")
    site.give(make_result(5), make_result(1, version=2, finalized_at="2021-07-08T09:00:00+08:00"), name="more")
    site.run(LATER)
    published = entries(site)
    check(expect=set())
    shutil.copy(site.var / "log.key", site.root / "backup/log.key")
    for file in site.var.glob("ledger.db*"):
        file.unlink()
    shutil.copy(site.root / "backup/ledger.db", site.var / "ledger.db")
    with Ledger(site.settings.ledger.url) as ledger, ledger.transaction() as connection:
        connection.execute(update(log_live).values(seed_no=None))  # as a restore leaves it
    site.run(LATER)
    found = entries(site)
    assert found[: len(published)] == published
    assert {one.rule for one in found[len(published) :] if one.op == "STOP"} == {recovery.RULE}
    assert check(expect=set())["records"] == 7


def test_a_lost_folder_is_written_again_as_it_was(site, check):
    before = {name: one for name, one in site.files().items() if name.startswith("log/")}
    check(expect=set())
    shutil.rmtree(site.output.resolve())
    site.run(DAY)
    assert {name: one for name, one in site.files().items() if name.startswith("log/")} == before
    check(expect=set())


def test_salts_follow_from_a_value_where_a_test_asks_for_it(make_portal, make_plan, make_result, tmp_path, monkeypatch):
    monkeypatch.setenv(keeping.TEST_SALTS, "fixed")
    roots = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        portal = make_portal(tmp_path / name)
        portal.give(make_plan(), *map(make_result, range(1, 6)))
        portal.run(DAY)
        roots.add(portal.page("log/checkpoint").split("\n")[2])
    assert len(roots) == 1


def test_where_entries_stand_says_nothing_of_the_order_of_records(site):
    with Ledger(site.settings.ledger.url) as ledger, ledger.reading() as connection:
        seeds = connection.execute(select(log_seed.c.seed).order_by(log_seed.c.seed_no)).scalars().all()
    assert list(map(bytes, seeds)) == sorted(map(bytes, seeds))


def test_the_ledger_keeps_no_seed_but_of_what_is_shown(site, withdraw):
    withdraw()
    connection = sqlite3.connect(site.var / "ledger.db")
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%seed%'")}
        assert tables == {"log_live", "log_seed"}
        kept = "SELECT seed_no FROM log_seed WHERE seed <> zeroblob(16) ORDER BY seed_no"
        named = "SELECT seed_no FROM log_live ORDER BY seed_no"
        assert connection.execute(kept).fetchall() == connection.execute(named).fetchall()
        assert connection.execute("SELECT count(*) FROM log_live").fetchone() == (5,)
    finally:
        connection.close()


def test_proofs_hold_no_byte_that_ends_their_comment(site, make_code):
    words = page_of(site, make_code, 2).read_text("utf-8")
    comment = re.search(r"<!-- publication-log (\[.*?\]) -->", words)
    [one] = json.loads(comment[1])
    assert one["record"]["findings"][0]["note"] == HOSTILE
    assert "<" not in comment[1]
    assert ">" not in comment[1]


@pytest.fixture
def served(site):
    """The site served at an address of its own, and what was asked for."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *given):
            super().__init__(*given, directory=str(site.output))

        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_a_whole_site_is_checked_over_http(site, served, make_code):
    address, asked = served
    ran = site.call("verify", "--json", address)
    assert (ran.status, ran.json["faults"]) == (0, [])
    assert (ran.json["entries"], ran.json["pages"], ran.json["records"]) == (6, 6, 6)
    assert "/log/checkpoint" in asked
    file = page_of(site, make_code, 1)
    replace_file(file, file.read_bytes().replace("玄武".encode(), "鼓楼".encode()))
    page_of(site, make_code, 3).unlink()
    ran = site.call("verify", "--json", address)
    assert ran.status == 6
    assert {f"/subjects/320102/{make_code(one)}.html" for one in (1, 3)} <= {one["where"] for one in ran.json["faults"]}
    replace_file(site.output / "log/checkpoint", b"x" * (65 << 20))
    assert site.call("verify", "--json", address).status == 6  # an answer without an end is not taken in


def test_a_published_log_that_contradicts_the_ledger_is_refused(site, check, make_result):
    honest = site.page("log/checkpoint").encode()
    sign(site, Checkpoint("gongshi.example.gov.cn/log", 6, bytes(32)))
    site.give(make_result(7), name="more")
    ran = site.call("run", day=LATER)
    assert ran.status == 6
    assert "restore the ledger that made this site" in ran.err
    other = load_key(Key(site.root / "other.key"), BASE)
    replace_file(site.output / "log/checkpoint", Checkpoint(other.verifier.name, 9, bytes(32)).note(other))
    ran = site.call("run", day=LATER)
    assert ran.status == 6
    assert "our key did not sign it" in ran.err
    replace_file(site.output / "log/checkpoint", honest)
    site.run(LATER)
    assert check(expect=set())["entries"] == 7
