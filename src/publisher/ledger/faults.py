"""What the database reports, turned into an error that says what to do. The only place that knows SQLite's names."""

import sqlite3
from pathlib import Path

from publisher.errors import LedgerError

PATIENCE = 10  # seconds to wait for another process that writes


def ledger_error(reported: BaseException | None, file: Path | None) -> LedgerError:
    """Return the error for what the database (or the system) reported of the ledger in ``file``."""
    name = getattr(reported, "sqlite_errorname", None) or ""
    ledger = f"the ledger {file}" if file else "the ledger"
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or "decode to UTF-8" in str(reported):
        return damaged(file, str(reported))
    if name.startswith("SQLITE_FULL"):
        return LedgerError(f"the disk is full: {ledger} could not be written; make room, then run again")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerError(
            f"{ledger} is in use: another process has held it for {PATIENCE} s; wait for it to end, then run again"
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return LedgerError(f"{ledger} cannot be opened for writing ({reported}); see who may write it and its folder")
    if name.startswith("SQLITE_IOERR"):
        return LedgerError(f"{ledger} could not be read or written: its disk failed or is full ({reported})")
    return LedgerError(f"{ledger} could not be read or written: {reported}")


def damaged(file: Path | None, how: str) -> LedgerError:
    """Return the error for a ledger that is no longer what was written."""
    where = f"the ledger {file}" if file else "the ledger"
    return LedgerError(f"{where} is damaged ({how}); `publisher restore FILE` puts a backup in its place")


def damage(file: Path) -> str | None:
    """Return what SQLite finds wrong with the structure of a file; None when nothing, or when it cannot be asked."""
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", None) or ""
        return str(error) if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) else None
    return None if said == "ok" else said.splitlines()[0]
