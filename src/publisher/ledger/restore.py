"""Putting a backup in the ledger's place, so that nothing the lost ledger had stopped comes back.

A restored ledger is older than the site. What it does not know (withdrawals, cases, versions since the backup) the
source knows: the source is read again from its beginning and everything is judged again before anything is shown or
sent, and of the site that is there nothing is trusted (docs/adr/0011-backup.md). What no source knows is taken over
from the ledger that is replaced, as far as that can be read: officers' holds, and numbers that were given out.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from publisher import __version__
from publisher.errors import LedgerError
from publisher.ledger import intake
from publisher.ledger.backup import destroy_seeds, digest_of, opened, sync, unsound
from publisher.ledger.faults import damage, ledger_error
from publisher.ledger.schema import hold, lag, log_live, page, run, search_base, search_change, site_release, tree
from publisher.ledger.store import Ledger, get_meta, latest_day, set_meta
from publisher.model import SHANGHAI

RUNS_SKIPPED = 1_000  # numbers of runs passed over where the replaced ledger cannot say which were used
_HOLD = ("kind", "record_id", "basis", "placed_by", "placed_on", "lifted_on")
_MUST_PULL = "restored"


class Restored(NamedTuple):
    """What a restore did: the backup's SHA-256 and how far it goes, where the replaced ledger lies, how many holds were
    taken over from it, and whether it could be read at all."""

    sha256: str
    run_no: int
    latest_day: str | None
    kept: Path | None
    holds: int
    was_readable: bool


class _Lost(NamedTuple):
    """What only the replaced ledger knows."""

    run_no: int
    latest_day: str | None
    holds: list[tuple[Any, ...]]
    releases: list[tuple[Any, ...]]


def restore(ledger_file: Path, file: Path, var: Path) -> Restored:
    """Put the backup ``file`` in the place of the ledger, which is kept beside it under a name with the time.

    To be called under the run lock. The backup is read whole and checked before anything changes. Raises
    :class:`LedgerError` when it is damaged or of a newer program, or while another process has the ledger open.
    """
    staged = ledger_file.with_name(f".{ledger_file.name}.restoring")
    try:
        digest = _stage(file, staged)
        lost = _lost(ledger_file)
        with Ledger(f"sqlite:///{staged}") as ledger:
            wrong = next(unsound(ledger), None)
            if wrong is not None:
                raise LedgerError(f"{file} is damaged ({wrong}); nothing was changed. Restore another backup")
            with ledger.transaction() as connection:
                told = get_meta(connection, "latest_day")
                run_no = _latest_run(connection)
                holds = _take_over(connection, lost)
                _distrust(connection)
        sync(staged)
        kept = _put_aside(ledger_file)
        staged.replace(ledger_file)
        sync(ledger_file.parent)
        shutil.rmtree(var / "search", ignore_errors=True)  # the officers' index of the replaced ledger
    except OSError as error:
        raise LedgerError(f"{ledger_file} could not be restored: {error.strerror}") from error
    finally:
        for left in _with_journal(staged):
            left.unlink(missing_ok=True)
    return Restored(digest, run_no, told, kept, holds, lost is not None)


def must_pull(connection: Connection) -> str | None:
    """Return since when the ledger waits, after a restore, for the source to be read again; None when it does not."""
    return get_meta(connection, _MUST_PULL) or None


def pulled_whole(connection: Connection) -> None:
    """Note that the source was read to its end."""
    if must_pull(connection):
        set_meta(connection, _MUST_PULL, "")


def _stage(file: Path, staged: Path) -> str:
    for left in _with_journal(staged):
        left.unlink(missing_ok=True)
    try:
        with file.open("rb") as content:
            is_database = content.read(16) == b"SQLite format 3\0"
    except OSError as error:
        raise LedgerError(f"{file} cannot be read: {error.strerror}") from error
    if is_database:
        os.close(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        shutil.copyfile(file, staged)
        found = damage(staged)
        if found is not None:
            raise LedgerError(f"{file} is damaged ({found}); nothing was changed. Restore another backup")
        with opened(staged) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            if {"meta", "entry", "received"} <= names:
                return digest_of(staged)
    raise LedgerError(f"{file} is no backup of a ledger; nothing was changed")


def _lost(ledger_file: Path) -> _Lost | None:
    """Return what only the replaced ledger knows, or None when there is none or it cannot be read."""
    if not ledger_file.exists():
        return None
    with suppress(LedgerError, sqlite3.Error, TypeError), opened(ledger_file) as connection:
        return _Lost(
            connection.execute("SELECT max(run_no) FROM run").fetchone()[0] or 0,
            next((row[0] for row in connection.execute("SELECT value FROM meta WHERE key = 'latest_day'")), None),
            connection.execute(f"SELECT {', '.join(_HOLD)} FROM hold ORDER BY hold_no").fetchall(),  # noqa: S608
            connection.execute("SELECT release_no, as_of, added, changed, removed FROM site_release").fetchall(),
        )
    return None


def _take_over(connection: Connection, lost: _Lost | None) -> int:
    """Have the restored ledger know what only the replaced one knew; return how many holds were new to it.

    No number of a run or a release is given out twice: they name files that others may have taken.
    """
    number = _latest_run(connection) + RUNS_SKIPPED
    day = latest_day(connection)
    new = 0
    if lost is not None:
        number = max(_latest_run(connection), lost.run_no) + 1
        if lost.latest_day and (day is None or lost.latest_day > day.isoformat()):
            set_meta(connection, "latest_day", lost.latest_day)
        for row in lost.holds:
            known = [hold.c[name] == _typed(name, value) for name, value in zip(_HOLD[:5], row, strict=False)]
            values = {name: _typed(name, value) for name, value in zip(_HOLD, row, strict=True)}
            changed = connection.execute(update(hold).where(*known).values(lifted_on=values["lifted_on"])).rowcount
            if not changed:
                connection.execute(insert(hold).values(**values))
                new += 1
        last = connection.execute(select(func.max(site_release.c.release_no))).scalar() or 0
        for row in lost.releases:
            if row[0] > last:
                values = dict(zip((one.name for one in site_release.columns), row, strict=True))
                values["as_of"] = _typed("as_of", values["as_of"])
                connection.execute(insert(site_release).values(**values))
    started_at = datetime.now(SHANGHAI).isoformat(timespec="seconds")
    as_of = latest_day(connection) or datetime.now(SHANGHAI).date()
    connection.execute(insert(run).values(run_no=number, as_of=as_of, started_at=started_at, version=__version__))
    return new


def _typed(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value).date() if value and name.endswith(("_on", "as_of")) else value


def _distrust(connection: Connection) -> None:
    """Have everything read, judged and made again, and nothing shown or sent before."""
    intake.forget_reading(connection)
    intake.touch_all(connection)
    for table in (page, lag, tree, search_change, search_base):
        connection.execute(delete(table))
    connection.execute(update(log_live).values(seed_no=None))
    for key in ("look", "built_day", "log_run", "log_signed"):
        if get_meta(connection, key) is not None:
            set_meta(connection, key, "" if key in ("look", "built_day") else "0")
    set_meta(connection, _MUST_PULL, f"{datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}")


def _latest_run(connection: Connection) -> int:
    return connection.execute(select(func.max(run.c.run_no))).scalar() or 0


def _put_aside(ledger_file: Path) -> Path | None:
    """Keep the ledger that is replaced beside it; return where. What opens the log's entries does not stay in it."""
    if not ledger_file.exists():
        return None
    with opened(ledger_file) as connection:
        try:  # this is possible for an only connection alone: nobody may have a ledger open that changes its place
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            destroy_seeds(connection)
        except sqlite3.DatabaseError as error:
            if (getattr(error, "sqlite_errorname", None) or "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise ledger_error(error, ledger_file) from error  # otherwise it is damaged, and kept as it is
    kept = ledger_file.with_name(f"{ledger_file.name}.replaced-{datetime.now(SHANGHAI):%Y%m%d-%H%M%S}")
    for old, new in zip(_with_journal(ledger_file), _with_journal(kept), strict=True):
        if old != ledger_file and old.exists():
            old.rename(new)
    os.link(ledger_file, kept)  # the ledger's own name is never without a file
    kept.chmod(0o600)
    return kept


def _with_journal(file: Path) -> Iterator[Path]:
    return (file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm"))
