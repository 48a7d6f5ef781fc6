"""Opening the ledger: one SQLite file by default, any database SQLAlchemy Core speaks to otherwise."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from publisher import __version__
from publisher.errors import LedgerError, PublisherError, SettingsError
from publisher.ledger.faults import PATIENCE, damage, damaged, ledger_error
from publisher.ledger.migrations import migrate
from publisher.ledger.schema import meta, run
from publisher.model import SHANGHAI
from publisher.second import give_back

CACHE_KIB = 32 * 1024  # of SQLite's pages: at a million subjects, indexes by code do not fit into the 2 MiB it takes
READERS_KIB = 4 * 1024  # where several processes read at once: each keeps its own
PAGES_OF_WAL = 8_000  # 32 MiB: a page that several transactions change is written back once


class Ledger:
    """The ledger of one portal. Every change happens in :meth:`transaction`; reads may use :meth:`reading`."""

    def __init__(self, url: str, *, rehearsal: bool = False, cache_kib: int = CACHE_KIB) -> None:
        """Open the ledger at ``url`` (relative SQLite paths are the caller's to resolve), creating or migrating it.

        ``cache_kib``: how much of a SQLite file is kept in memory.

        In a ``rehearsal`` all that happens is undone when the ledger is closed, and a ledger that is not there is not
        made. Raises :class:`LedgerError` when it cannot be opened or was written by a newer version.
        """
        try:
            parsed = make_url(url)
            if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
                file = Path(str(parsed.database))
                if rehearsal and not file.exists():
                    parsed = make_url("sqlite://")
                else:
                    file.parent.mkdir(parents=True, exist_ok=True)
            self.engine: Engine = create_engine(parsed)
        except (NoSuchModuleError, ImportError, SQLAlchemyError) as error:
            raise SettingsError(f"[ledger] url cannot be used: {type(error).__name__}") from error
        except OSError as error:
            raise LedgerError(f"the ledger's folder cannot be made: {error.strerror}") from error
        if parsed.get_backend_name() == "sqlite":
            event.listen(self.engine, "connect", partial(_prepare_sqlite, cache_kib))
            event.listen(self.engine, "begin", _begin_immediate)
        self._only: Connection | None = None
        name = parsed.database if parsed.get_backend_name() == "sqlite" else None
        self.file = None if name in (None, "", ":memory:") else Path(str(name))
        try:
            if rehearsal:
                self._only = self.engine.connect().execution_options(publisher_deferred=True)
        except DBAPIError as error:
            raise ledger_error(error.orig, self.file) from error
        with self.transaction() as connection:
            migrate(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database (undoing a rehearsal); the ledger cannot be used after."""
        if self._only is not None:
            self._only.rollback()
            self._only.close()
        elif self.file is not None:
            self.empty_journal()
        self.engine.dispose()

    def let_go(self) -> None:
        """Close what is open and not in use, so that this process may be forked, or wait for another that needs memory;
        what is free goes back to the system, and the next to ask opens the database again."""
        self.engine.dispose()
        give_back()

    def empty_journal(self) -> None:
        """Leave nothing of what was deleted in the write-ahead log. Where another process reads, it is left to that."""
        if self.file is None:
            return
        with suppress(SQLAlchemyError, sqlite3.Error):
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute("PRAGMA busy_timeout = 0")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
            finally:
                connection.close()

    @property
    def is_shared(self) -> bool:
        """Whether another process sees what is written here: not so in a rehearsal."""
        return self._only is None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose changes are kept together or not at all.

        Raises :class:`LedgerError` for whatever the database reports.
        """
        with self.told():
            if self._only is not None:
                with self._only.begin_nested():
                    yield self._only
                return
            with self.engine.begin() as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the ledger and does not hold up a writer."""
        with self.told():
            if self._only is not None:
                yield self._only
                return
            with self.engine.connect().execution_options(publisher_deferred=True) as connection:
                yield connection

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the database reports into our errors, and what follows from its damage; what was read may be taken
        apart later.

        Raises :class:`LedgerError`.
        """
        try:
            yield
        except PublisherError:
            raise
        except DBAPIError as error:
            raise ledger_error(error.orig, self.file) from error
        except Exception as error:  # what is read from a damaged page may fail in any way
            found = damage(self.file) if self.file is not None else None
            if found is None:
                raise
            raise damaged(self.file, found) from error


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert that can say what to do ON CONFLICT, in the dialect of this ledger's database."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def start_run(connection: Connection, as_of: date) -> int:
    """Note that a run for a day begins; return its number."""
    started_at = datetime.now(SHANGHAI).isoformat(timespec="seconds")
    result = connection.execute(insert(run).values(as_of=as_of, started_at=started_at, version=__version__))
    return int(result.inserted_primary_key[0])  # type: ignore[index]


def latest_day(connection: Connection) -> date | None:
    """Return the latest day this ledger was judged for, or None for a new one."""
    value = get_meta(connection, "latest_day")
    return date.fromisoformat(value) if value else None


def get_meta(connection: Connection, key: str) -> str | None:
    """Return a note the ledger keeps about itself, or None."""
    value: str | None = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return value


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Keep a note about the ledger itself."""
    changed = connection.execute(meta.update().where(meta.c.key == key).values(value=value)).rowcount
    if not changed:
        connection.execute(insert(meta).values(key=key, value=value))


def path_secret(connection: Connection) -> bytes:
    """Return the key that hides subjects without a code in addresses; made once, kept in the ledger."""
    found = get_meta(connection, "path_secret")
    if found is None:
        found = secrets.token_hex(32)
        set_meta(connection, "path_secret", found)
    return bytes.fromhex(found)


def _prepare_sqlite(cache_kib: int, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by us, below
    connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is withdrawn leaves the file, not only the tables
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_OF_WAL}")


def _begin_immediate(connection: Connection) -> None:
    # A transaction that reads first and writes later could otherwise fail half-way when another one wrote between.
    deferred = connection.get_execution_options().get("publisher_deferred")
    connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")
