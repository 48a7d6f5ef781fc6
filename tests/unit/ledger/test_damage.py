"""A ledger that cannot be used: each time a clear error with status 5 that says what to do, never a trace."""

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from tempfile import gettempdir

import pytest

from publisher.errors import LedgerError
from publisher.ledger import Ledger
from publisher.ledger.store import set_meta

DAY = "2021-07-05"
ASKING = (("status",), ("check",), ("explain", "R-1"), ("explain", "--all"), ("search", "测试"), ("status", "--deep"))
ACTING = (("pull",), ("judge",), ("build",), ("run",), ("hold", "R-1", "--basis", "x", "--by", "y"))


@pytest.fixture
def judged(portal_dir, make_plan, make_result):
    """A portal whose ledger is many pages long."""
    portal_dir.give(make_plan(), *(make_result(number, remark="查" * 400) for number in range(1, 300)))
    portal_dir.take(DAY)
    return portal_dir


def refused(portal, *words):
    """Call a command that cannot do its work; return what it said."""
    ran = portal.call(*words, day=DAY)
    assert ran.status == 5, (words, ran.status, ran.out, ran.err)
    assert "Traceback" not in ran.err
    return ran.err


def ruin(file, content, *, where=0.5):
    """Overwrite one page of a database."""
    with file.open("r+b") as opened:
        opened.seek(int(file.stat().st_size * where) // 4096 * 4096)
        opened.write(content)


@pytest.mark.parametrize("content", [b"\x00" * 4096, b"\xff" * 4096, os.urandom(4096)], ids=["zeros", "ones", "noise"])
def test_a_ruined_page_is_told_with_what_to_do(judged, content):
    ruin(judged.var / "ledger.db", content)
    said = judged.call("status", "--deep", day=DAY)
    assert said.status == 5
    assert "publisher restore" in said.err
    for words in (*ASKING, *ACTING):
        ran = judged.call(*words, day=DAY)
        assert ran.status in (0, 5, 6), (words, ran.err)  # the page may be one that a command has no need of
        assert "Traceback" not in ran.err
        if ran.status == 5:
            assert "damaged" in ran.err
            assert "publisher restore" in ran.err


@pytest.mark.parametrize("where", [0.0, 0.1, 0.3, 0.6, 0.8, 0.9])
def test_whatever_page_is_ruined_nothing_fails_in_another_way(judged, where):
    ruin(judged.var / "ledger.db", b"\x00" * 4096, where=where)
    for words in (("explain", "--all"), ("judge",), ("status", "--deep")):
        ran = judged.call(*words, day=DAY)
        assert ran.status in (0, 5), (words, ran.err)
        assert "Traceback" not in ran.err
    assert ran.status == 5  # the last one reads everything


def test_a_body_that_is_not_as_it_arrived_is_found(judged):
    connection = sqlite3.connect(judged.var / "ledger.db")
    connection.execute("UPDATE received SET body = replace(body, '未发现问题', '不合格') WHERE record_id = 'R-7'")
    connection.commit()
    connection.close()
    assert judged.call("status", day=DAY).status == 0
    ran = judged.call("status", "--deep", "--json", day=DAY)
    assert ran.status == 5
    assert ran.json["damage"] == ["received: result R-7 version 1 is not as it arrived"]


def test_a_sound_ledger_is_told_so(judged):
    found = judged.call("status", "--deep", "--json", day=DAY).json
    assert found["damage"] == []
    assert found["history"].startswith("300 ")


@pytest.mark.parametrize("content", [b"", b"no database at all " * 500, b"SQLite format 3\x00" + b"\x07" * 9000])
def test_a_file_that_is_no_ledger(portal_dir, make_plan, content):
    portal_dir.give(make_plan())
    portal_dir.var.mkdir()
    (portal_dir.var / "ledger.db").write_bytes(content)
    if content:
        assert "publisher restore" in refused(portal_dir, "run")
        assert (portal_dir.var / "ledger.db").read_bytes() == content
    else:  # as SQLite makes a new one
        assert portal_dir.call("judge", day=DAY).status == 0


def test_a_ledger_that_another_process_holds_is_told_as_in_use(judged, monkeypatch):
    monkeypatch.setattr("publisher.ledger.store.PATIENCE", 1)
    other = sqlite3.connect(judged.var / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert "in use" in refused(judged, "judge")
        assert judged.call("status", day=DAY).status == 0  # who only reads is not kept
    finally:
        other.close()
    assert judged.call("judge", day=DAY).status == 0


@contextmanager
def as_nobody():
    """Lay down what lets root write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_ledger_that_may_not_be_written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read-only")
    for above in takewhile(lambda one: one != Path(gettempdir()), (folder, *folder.parents)):
        above.chmod(above.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP)
    url = f"sqlite:///{folder}/ledger.db"
    with Ledger(url) as ledger, ledger.transaction() as connection:
        set_meta(connection, "latest_day", DAY)
    (folder / "ledger.db").chmod(0o444)
    folder.chmod(0o555)
    try:
        with as_nobody(), pytest.raises(LedgerError, match="may write it") as caught:
            Ledger(url)
    finally:
        folder.chmod(0o755)
    assert caught.value.exit_status == 5
    assert str(folder / "ledger.db") in str(caught.value)


FULL = """
import resource, signal, sys
from publisher.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
main()
"""


@pytest.mark.parametrize("room", [0, 20_000, 150_000, 400_000])
def test_where_nothing_more_can_be_written_nothing_is_lost(judged, make_plan, make_result, room):
    """No file may grow past a size, as on a full disk."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    rows = judged.call("status", "--json", day=DAY).json["records"]
    judged.give(make_plan(), *(make_result(number, remark="查" * 400) for number in range(1, 900)))
    code = ["-c", FULL, str(room), "--config", str(judged.config), "--as-of", DAY, "pull"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "src")}
    ended = subprocess.run([sys.executable, *code], capture_output=True, text=True, timeout=120, env=environment)
    assert ended.returncode == 5, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "publisher: " in ended.stderr
    assert judged.call("status", "--deep", day=DAY).status == 0
    assert judged.call("status", "--json", day=DAY).json["records"]["result"] >= rows["result"]
    assert judged.call("pull", day=DAY).status == 0
    assert judged.call("status", "--json", day=DAY).json["records"]["result"] == 899


def test_what_is_withdrawn_leaves_no_journal_behind(judged):
    assert not (judged.var / "ledger.db-wal").exists()


def test_what_is_deleted_is_overwritten(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        reader = sqlite3.connect(tmp_path / "ledger.db")  # so that the journal is not simply removed at the end
        reader.execute("SELECT count(*) FROM meta").fetchone()
        for number in range(200):
            with ledger.transaction() as connection:
                set_meta(connection, f"canary-{number}", f"CANARY-{number:03}" * 20)
        with ledger.transaction() as connection:
            connection.exec_driver_sql("DELETE FROM meta WHERE key LIKE 'canary-%'")
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    reader.close()
    assert left.count(b"CANARY-1") == 0
