"""A copy of the ledger while runs go on: one moment of it, whole, checked, and closed to other accounts.

The seeds of the publication log's salts are left out, so that what is destroyed with a withdrawal was never in a backup
(docs/adr/0011-backup.md). All else is in it, what is not public too: a backup is as confidential as the ledger.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from publisher.errors import LedgerError, SettingsError
from publisher.ledger import chain
from publisher.ledger.faults import PATIENCE, damage, damaged, ledger_error
from publisher.ledger.store import Ledger

_SEEDS = ("log_seed", "log_live")  # where seeds lie, and where they lay in ledgers of schema 7 and before


class Backup(NamedTuple):
    """A backup that lies whole at ``file``: its SHA-256 and size in bytes, and how far the ledger had come."""

    file: Path
    sha256: str
    bytes: int
    run_no: int
    latest_day: str | None
    chain: str  # number and seal of the last entry of the history


def backup(source: Path, file: Path) -> Backup:
    """Write the ledger ``source``, as it is at this moment, to ``file``. Runs are neither kept waiting nor waited for.

    ``file`` appears when it is whole and on the disk. Raises :class:`SettingsError` when it is there already,
    :class:`LedgerError` when the ledger cannot be read or the copy not written.
    """
    if not source.is_file():
        raise LedgerError(f"there is no ledger {source} yet; `publisher run` makes it")
    if file.exists():
        raise SettingsError(f"{file} is there already; a backup never takes the place of another, name a new file")
    partial = file.with_name(f".{file.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            _copy(source, partial)
            found = _told(partial, file)
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        sync(file.parent)
    except OSError as error:
        raise LedgerError(f"{file} cannot be written: {error.strerror}") from error
    return found


def _copy(source: Path, partial: Path) -> None:
    with opened(source) as connection, reported(source, partial):
        connection.execute("VACUUM INTO ?", (str(partial),))
    with opened(partial) as connection, reported(partial, partial):
        connection.execute("PRAGMA journal_mode = OFF")
        destroy_seeds(connection)
    found = damage(partial)
    if found is not None:
        raise damaged(source, found)
    sync(partial)


def destroy_seeds(connection: sqlite3.Connection) -> None:
    """Overwrite all seeds of the publication log in a ledger file of any version, in place and byte for byte."""
    connection.execute("PRAGMA secure_delete = ON")
    for table in _SEEDS:
        if connection.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = 'seed'", (table,)).fetchone():
            connection.execute(f"UPDATE {table} SET seed = zeroblob(length(seed))")  # noqa: S608 - names of our own


def _told(partial: Path, file: Path) -> Backup:
    with opened(partial) as connection, reported(partial, partial):
        run_no = connection.execute("SELECT max(run_no) FROM run").fetchone()[0] or 0
        notes = dict(connection.execute("SELECT key, value FROM meta"))
    head = str(chain.head_in(notes.get(chain.NOTE)))
    return Backup(file, digest_of(partial), partial.stat().st_size, run_no, notes.get("latest_day"), head)


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection of its own to a ledger file that is there, without touching its notes or its shape."""
    with reported(file, file):
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    try:
        with reported(file, file):
            connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
        yield connection
    finally:
        connection.close()


@contextmanager
def reported(read: Path, written: Path) -> Iterator[None]:
    """Turn what SQLite reports into our errors: damage is in the file that is read, the rest in the one written."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or ""
        is_damage = name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
        raise ledger_error(error, read if is_damage else written) from error


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, be on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def unsound(ledger: Ledger) -> Iterator[str]:
    """Yield what is wrong with a ledger: its structure, its references, its history, and records that are not as they
    arrived. Reads all of it: 1,000,000 results take a minute or so.
    """
    with ledger.reading() as connection:
        if connection.dialect.name == "sqlite":
            for (said,) in connection.exec_driver_sql("PRAGMA integrity_check(20)"):
                if said != "ok":
                    yield f"structure: {said}"
            for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                yield f"references: a row of {row[0]} names one of {row[2]} that is not there"
                break
        broken = chain.first_break(connection)
        if broken is not None:
            yield f"history: entry {broken.entry_no}: {broken.why}"
        changed = next(_not_as_they_arrived(connection), None)
        if changed is not None:
            yield f"received: {changed} is not as it arrived"


def _not_as_they_arrived(connection: Connection) -> Iterator[str]:
    found = connection.exec_driver_sql("SELECT kind, record_id, version, digest, body FROM received")
    for rows in found.partitions(1_000):
        for kind, record_id, version, digest, body in rows:
            if hashlib.sha256(body.encode()).hexdigest() != digest:
                yield f"{kind} {record_id} version {version}"
