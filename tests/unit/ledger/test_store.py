"""Opening the ledger: made, migrated, refused, rehearsed; and one run at a time."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import date

import pytest
from sqlalchemy import create_engine, inspect, text

from publisher.errors import LedgerError, SettingsError
from publisher.ledger import Ledger, only_run, schema
from publisher.ledger.migrations import STEPS
from publisher.ledger.store import get_meta, latest_day, path_secret, set_meta, start_run


def test_a_new_ledger_has_every_table_and_says_its_schema(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/new/ledger.db") as ledger, ledger.reading() as connection:
        assert set(schema.metadata.tables) <= set(inspect(connection).get_table_names())
        assert get_meta(connection, "schema") == str(len(STEPS))
        assert latest_day(connection) is None


def test_opening_again_keeps_what_is_there(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger(url) as ledger, ledger.transaction() as connection:
        set_meta(connection, "latest_day", "2021-06-20")
        secret = path_secret(connection)
    with Ledger(url) as ledger, ledger.transaction() as connection:
        assert latest_day(connection) == date(2021, 6, 20)
        assert path_secret(connection) == secret
        assert start_run(connection, date(2021, 6, 21)) == 1


def test_a_ledger_of_a_newer_program_is_refused_and_left_as_it_is(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger(url) as ledger, ledger.transaction() as connection:
        set_meta(connection, "schema", "999")
    for rehearsal in (False, True):
        with pytest.raises(LedgerError, match="schema 999") as caught:
            Ledger(url, rehearsal=rehearsal)
        assert caught.value.exit_status == 5
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT value FROM meta WHERE key = 'schema'")).scalar() == "999"
    engine.dispose()


def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(LedgerError, match="not a database"):
        Ledger(f"sqlite:///{tmp_path}/ledger.db")


@pytest.mark.parametrize("url", ["nonsense", "nodialect://x/y", "sqlite+nodriver:///x.db"])
def test_an_address_that_cannot_be_one_is_a_setting_to_mend(url):
    with pytest.raises(SettingsError, match=r"\[ledger\] url"):
        Ledger(url)


def test_a_rehearsal_keeps_nothing_and_makes_nothing(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/absent/ledger.db", rehearsal=True) as ledger, ledger.transaction() as connection:
        assert start_run(connection, date(2021, 6, 20)) == 1
    assert list(tmp_path.iterdir()) == []
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger(url) as ledger, ledger.transaction() as connection:
        set_meta(connection, "latest_day", "2021-06-20")
    with Ledger(url, rehearsal=True) as ledger:
        with ledger.transaction() as connection:
            set_meta(connection, "latest_day", "2031-01-01")
        with ledger.reading() as connection:
            assert latest_day(connection) == date(2031, 1, 1)
    with Ledger(url) as ledger, ledger.reading() as connection:
        assert latest_day(connection) == date(2021, 6, 20)


def test_a_failed_transaction_keeps_nothing(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        with suppress(RuntimeError), ledger.transaction() as connection:
            set_meta(connection, "latest_day", "2021-06-20")
            raise RuntimeError
        with ledger.reading() as connection:
            assert latest_day(connection) is None


def test_a_reader_sees_one_moment_while_a_writer_goes_on(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger, ledger.reading() as reader:
        assert latest_day(reader) is None
        with ledger.transaction() as writer:
            set_meta(writer, "latest_day", "2021-06-20")
        assert latest_day(reader) is None


# one run at a time -------------------------------------------------------------------------------------------------

HOLDER = """
import sys, time
from pathlib import Path
from publisher.ledger import only_run
with only_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield other
        other.kill()


def test_a_second_run_is_refused_and_told_who_holds_the_lock(tmp_path, holder):
    with pytest.raises(LedgerError, match=f"process {holder.pid}, since 20") as caught, only_run(tmp_path):
        pytest.fail("two runs at a time")
    assert caught.value.exit_status == 5


def test_the_lock_falls_with_its_process_however_it_ends(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with only_run(tmp_path):
        assert f"process {os.getpid()}," in (tmp_path / "run.lock").read_text()


def test_a_lock_is_free_after_its_run_also_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), only_run(tmp_path / "var"):
        raise RuntimeError
    with only_run(tmp_path / "var"):
        pass


def test_a_folder_that_cannot_be_made_is_a_ledger_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be written"), only_run(tmp_path / "file" / "var"):
        pytest.fail("there is no such folder")


def test_a_fork_that_outlives_its_run_keeps_the_next_one_waiting(tmp_path):
    code = (
        "import os, time\nfrom pathlib import Path\nfrom publisher.ledger import only_run\n"
        f"with only_run(Path({str(tmp_path)!r})):\n"
        "    child = os.fork()\n"
        "    if child:\n        print(child, flush=True)\n    time.sleep(60)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        run.kill()
        run.wait()
    with pytest.raises(LedgerError, match="another run is under way"), only_run(tmp_path):
        pytest.fail("the builder of the killed run is still there")
    os.kill(child, signal.SIGKILL)
    with only_run(tmp_path):
        pass
