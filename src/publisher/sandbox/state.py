"""The sandbox's memory: one SQLite file, or nothing but memory, behind one lock."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publisher.errors import SettingsError

# A record's primary key compares UTF-8 bytes (SQLite's BINARY collation): the order `GET /v1/records` promises.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
  endpoint TEXT NOT NULL, record_id TEXT NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('published', 'withdrawn')), digest TEXT, payload BLOB,
  receipt_no TEXT NOT NULL, PRIMARY KEY (endpoint, record_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applied (
  seq INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, record_id TEXT NOT NULL, version INTEGER NOT NULL,
  action TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batch (
  seq INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,
  answer BLOB NOT NULL, UNIQUE (endpoint, key));
CREATE TABLE IF NOT EXISTS sighting (
  collection TEXT NOT NULL, position INTEGER NOT NULL, path TEXT NOT NULL, digest BLOB NOT NULL,
  tag BLOB NOT NULL, gone INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (collection, position)) WITHOUT ROWID;
"""


class State:
    """What the endpoints hold and what the platform has shown, surviving a restart when it has a file.

    Raises SettingsError when the file cannot be opened, is no database, or serves another sandbox.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.RLock()
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path or ":memory:", timeout=0.5, isolation_level=None, check_same_thread=False
            )
            # Exclusive: two sandboxes over one file would give the same receipt numbers and positions twice.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"the sandbox's state file {path} cannot be used ({error}); name another one, or stop the "
                "sandbox that has it open"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection to this thread alone; kept when the block ends well, undone when it does not."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
