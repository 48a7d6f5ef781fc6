"""Backups while runs go on, and restores after which nothing that was stopped comes back."""

import hashlib
import os
import shutil
import sqlite3
import stat
import threading

import pytest

from publisher.errors import LedgerError, SettingsError
from publisher.ledger import Ledger, only_run
from publisher.ledger.backup import backup
from publisher.ledger.chain import head
from publisher.ledger.store import get_meta, set_meta

DAY, NEXT = "2021-07-05", "2021-07-06"


def rows(file, query):
    connection = sqlite3.connect(file)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def execute(file, statement):
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


# backup -------------------------------------------------------------------------------------------------------------


def test_a_backup_says_what_it_is_and_is_its_owners_alone(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.take(DAY)
    file = portal_dir.root / "one.backup"
    told = portal_dir.call("backup", file, "--json").json
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (told["bytes"], told["latest_day"], told["run_no"]) == (file.stat().st_size, DAY, 2)
    with Ledger(portal_dir.settings.ledger.url, rehearsal=True) as ledger, ledger.reading() as connection:
        assert told["chain"] == str(head(connection))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "confidential" in portal_dir.call("backup", "--help").out
    assert [one.name for one in portal_dir.root.iterdir() if "partial" in one.name] == []


def test_a_backup_is_made_while_a_run_is_under_way(book, tmp_path, make_plan, make_result):
    """The writer goes on, is in the middle of a transaction, and holds the run lock."""
    book.keep(make_plan())
    stop, errors = threading.Event(), []

    def write():
        number = 1
        try:
            while not stop.is_set():
                book.keep(make_result(number))
                book.decide()
                number += 1
        except Exception as error:  # told below
            errors.append(error)

    writer = threading.Thread(target=write)
    with only_run(tmp_path):
        writer.start()
        made = [backup(tmp_path / "ledger.db", tmp_path / f"{number}.backup") for number in range(5)]
        with book.ledger.transaction() as connection:
            set_meta(connection, "latest_day", "2099-01-01")  # not kept yet
            made.append(backup(tmp_path / "ledger.db", tmp_path / "last.backup"))
        stop.set()
        writer.join()
    assert errors == []
    for one in made:
        with Ledger(f"sqlite:///{one.file}", rehearsal=True) as copy, copy.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
            assert str(head(connection)) == one.chain
            judged = "SELECT count(*) FROM record WHERE state IS NOT NULL"
            shown = connection.exec_driver_sql("SELECT count(*) FROM shown").scalar()
            assert connection.exec_driver_sql(judged).scalar() == shown == head(connection).entry_no
            assert get_meta(connection, "latest_day") is None
    assert made[0].run_no <= made[-1].run_no


def test_a_backup_holds_nothing_that_opens_the_publication_log(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), *(make_result(number) for number in range(1, 40)))
    portal_dir.run(DAY)
    ledger, file = portal_dir.var / "ledger.db", portal_dir.root / "one.backup"
    seeds = [bytes(row[0]) for row in rows(ledger, "SELECT seed FROM log_seed")]
    assert len(set(seeds)) == 40
    assert portal_dir.call("backup", file).status == 0
    content = file.read_bytes()
    assert [one for one in seeds if one in content] == []
    assert [one for one in seeds if one in ledger.read_bytes()] == seeds  # the ledger itself keeps them


def test_a_backup_never_takes_the_place_of_a_file_nor_lies_in_the_site(portal_dir, make_plan):
    portal_dir.give(make_plan())
    portal_dir.run(DAY)
    file = portal_dir.root / "one.backup"
    file.write_text("something else")
    assert portal_dir.call("backup", file).status == 2
    assert file.read_text() == "something else"
    for name in ("one.backup", "data/one.backup"):
        assert portal_dir.call("backup", portal_dir.output / name).status == 2


@pytest.mark.parametrize("file", ["absent/one.backup", "publisher.toml/one.backup"])
def test_where_a_backup_cannot_be_written(portal_dir, make_plan, file):
    portal_dir.give(make_plan())
    portal_dir.take(DAY)
    assert portal_dir.call("backup", portal_dir.root / file).status == 5


def test_there_is_nothing_to_back_up_before_the_first_run(portal_dir):
    assert portal_dir.call("backup", portal_dir.root / "one.backup").status == 5
    assert not portal_dir.var.exists()


def test_a_damaged_ledger_is_not_backed_up_in_silence(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), *(make_result(number, remark="查" * 400) for number in range(1, 200)))
    portal_dir.take(DAY)
    ledger = portal_dir.var / "ledger.db"
    with ledger.open("r+b") as opened:
        opened.seek(ledger.stat().st_size // 2 // 4096 * 4096)
        opened.write(os.urandom(8192))
    ran = portal_dir.call("backup", portal_dir.root / "one.backup")
    assert ran.status == 5
    assert "damaged" in ran.err
    assert sorted(one.name for one in portal_dir.root.iterdir()) == ["publisher.toml", "source", "var"]


def test_a_database_that_is_no_file_is_backed_up_with_its_own_tools(tmp_path, portal_dir):
    words = portal_dir.config.read_text("utf-8").replace("sqlite:///var/ledger.db", "postgresql://x/y")
    portal_dir.config.write_text(words, "utf-8")
    for command in ("backup", "restore"):
        ran = portal_dir.call(command, tmp_path / "one.backup")
        assert ran.status == 2
        assert "own tools" in ran.err


# restore ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def backed_up(portal_dir, make_plan, make_result):
    """A portal that shows three results, and the backup of that moment."""
    portal_dir.give(make_plan(), *(make_result(number) for number in (1, 2, 3)))
    portal_dir.run(DAY)
    portal_dir.backup = portal_dir.root / "one.backup"
    assert portal_dir.call("backup", portal_dir.backup).status == 0
    return portal_dir


def shown_ids(portal):
    words = "".join(content.decode("utf-8", "replace") for content in portal.files().values())
    return {f"R-{number}" for number in range(1, 9) if f"玄武第{number}测试" in words}


def test_what_was_stopped_since_the_backup_does_not_come_back(backed_up, make_plan, make_result, make_case):
    portal = backed_up
    more = (make_result(4), make_result(5, finalized_at="2021-06-08T09:00:00+08:00"))
    first = (make_plan(), *(make_result(number) for number in (1, 2, 3)))
    portal.give(*first, *more, make_case("withhold", case_id="C-1", result_id="R-1", decided_on=NEXT))
    assert portal.call("hold", "R-2", "--basis", "试", "--by", "甲", day=NEXT).status == 0
    portal.run(NEXT)
    gone = make_case("withhold", case_id="C-2", result_id="R-5", decided_on=NEXT)
    assert shown_ids(portal) == {"R-3", "R-4", "R-5"}
    runs = rows(portal.var / "ledger.db", "SELECT max(run_no) FROM run")[0][0]

    ran = portal.call("restore", portal.backup, "--json", day=NEXT)
    assert ran.status == 0, ran.err
    assert (ran.json["holds"], ran.json["was_readable"], ran.json["latest_day"]) == (1, True, DAY)
    assert rows(portal.var / "ledger.db", "SELECT max(run_no) FROM run")[0][0] > runs
    assert shown_ids(portal) == {"R-3", "R-4", "R-5"}  # the site is as it was
    assert portal.call("run", day=DAY).status == 2  # a day that was lived through does not come again

    shutil.move(portal.feed, portal.root / "away")
    for command in ("build", "push", "run"):  # the source is away: nothing is shown of what is not known to be current
        ran = portal.call(command, day=NEXT)
        assert ran.status == 5, (command, ran.err)
        assert "restored from a backup" in ran.err
    assert shown_ids(portal) == {"R-3", "R-4", "R-5"}
    shutil.move(portal.root / "away", portal.feed)

    case = make_case("withhold", case_id="C-1", result_id="R-1", decided_on=NEXT)
    portal.give(*first, *more, case, gone)  # shown only after the backup, and stopped before the next run
    summary = portal.run(NEXT)
    assert summary["pulled"]["results"] == 2
    assert shown_ids(portal) == {"R-3", "R-4"}
    assert portal.call("audit", day=NEXT).status == 0
    assert portal.call("status", "--deep", day=NEXT).status == 0
    assert portal.call("verify", portal.output, day=NEXT).status == 0
    for tree in portal.root.glob(".output.*"):
        assert not any("玄武第5测试".encode() in one.read_bytes() for one in tree.rglob("*") if one.is_file())
    assert portal.run(NEXT)["pages"]["written"] == 0


def test_a_restore_where_the_lost_ledger_cannot_be_read_says_that_holds_are_lost(backed_up):
    ledger = backed_up.var / "ledger.db"
    ledger.write_bytes(os.urandom(20_000))
    assert backed_up.call("run", day=DAY).status == 5
    ran = backed_up.call("restore", backed_up.backup, day=DAY)
    assert ran.status == 0, ran.err
    assert "place all holds since the backup again" in ran.out
    [kept] = backed_up.var.glob("ledger.db.replaced-*")
    assert kept.stat().st_size == 20_000
    assert rows(ledger, "SELECT max(run_no) FROM run")[0][0] > 1_000
    backed_up.run(DAY)
    assert shown_ids(backed_up) == {"R-1", "R-2", "R-3"}
    assert backed_up.call("verify", backed_up.output, day=DAY).status == 0


def test_a_restore_where_there_is_no_ledger(backed_up):
    shutil.rmtree(backed_up.var)
    shutil.rmtree(backed_up.root / ".output.a", ignore_errors=True)
    shutil.rmtree(backed_up.root / ".output.b", ignore_errors=True)
    backed_up.output.unlink()
    ran = backed_up.call("restore", backed_up.backup, "--json", day=DAY)
    assert ran.status == 0, ran.err
    assert ran.json["kept"] is None
    backed_up.run(DAY)
    assert shown_ids(backed_up) == {"R-1", "R-2", "R-3"}


def test_the_kept_ledger_opens_no_entry_of_the_publication_log(backed_up):
    seeds = [bytes(row[0]) for row in rows(backed_up.var / "ledger.db", "SELECT seed FROM log_seed")]
    assert seeds
    assert backed_up.call("restore", backed_up.backup, day=DAY).status == 0
    for file in backed_up.var.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert [one for one in seeds if one in content] == [], file


def spoil_page(file):
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2 // 4096 * 4096)
        opened.write(b"\x00" * 4096)


SPOILT = {
    "a page": spoil_page,
    "the end": lambda file: os.truncate(file, file.stat().st_size - 8192),
    "a decision": lambda file: execute(file, "UPDATE entry SET state = 'withheld' WHERE entry_no = 2"),
    "a decision less": lambda file: execute(file, "DELETE FROM entry WHERE entry_no = 2"),
    "a record": lambda file: execute(file, "UPDATE received SET body = replace(body, '测试', '他人')"),
    "its shape": lambda file: execute(file, "UPDATE meta SET value = '999' WHERE key = 'schema'"),
    "another database": lambda file: execute(file, "DROP TABLE received"),
    "no database": lambda file: file.write_bytes(b"no database" * 1000),
    "nothing": lambda file: file.write_bytes(b""),
    "not there": lambda file: file.unlink(),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_backup_that_is_not_whole_changes_nothing(backed_up, spoil):
    execute(backed_up.backup, "DELETE FROM entry WHERE entry_no < 0")  # it can be written, and is sound
    spoil(backed_up.backup)
    before = {file.name: file.read_bytes() for file in backed_up.var.iterdir() if file.name.startswith("ledger")}
    ran = backed_up.call("restore", backed_up.backup, day=DAY)
    assert ran.status == 5
    assert "Traceback" not in ran.err
    after = {file.name: file.read_bytes() for file in backed_up.var.iterdir() if "ledger" in file.name}
    assert after == before
    backed_up.run(DAY)


def test_nothing_is_restored_under_a_run_or_another_reader(backed_up):
    with only_run(backed_up.var):
        ran = backed_up.call("restore", backed_up.backup, day=DAY)
    assert (ran.status, "another run is under way" in ran.err) == (5, True)
    other = sqlite3.connect(backed_up.var / "ledger.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM meta").fetchone()
    ran = backed_up.call("restore", backed_up.backup, day=DAY)
    other.close()
    assert (ran.status, "in use" in ran.err) == (5, True)
    assert backed_up.call("restore", backed_up.backup, day=DAY).status == 0


def test_a_backup_as_a_function_says_why_it_refuses(tmp_path):
    (tmp_path / "there").write_text("")
    with pytest.raises(LedgerError, match="no ledger"):
        backup(tmp_path / "absent.db", tmp_path / "one")
    with pytest.raises(SettingsError, match="is there already"):
        backup(tmp_path / "there", tmp_path / "there")
