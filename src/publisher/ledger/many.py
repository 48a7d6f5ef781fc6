"""Statements run for many rows at once, past what SQLAlchemy does for every single value.

A first run writes some thirty rows a result; handling each value costs more than SQLite takes to write it. Rows are
tuples in the order of the columns named, days as text (``YYYY-MM-DD``), which every database takes for a date.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, Row, Select, Table

Values = tuple[Any, ...]

MOST_ASKED = 5_000  # values in one list of a query: SQLite takes 32,766
FETCHED = 200  # rows held at a time: of more, the first leave the processor's caches before they are used


@lru_cache(4096)
def iso(day: date | None) -> str | None:
    """Return a day as it is written."""
    return None if day is None else day.isoformat()


@lru_cache(4096)
def day_of(written: Any) -> Any:
    """Return a day that a database has as text or as a date; None for none."""
    return date.fromisoformat(written) if isinstance(written, str) else written


def insert_many(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Values], then: str = ""
) -> None:
    """Insert rows; ``then`` says what else, such as ``ON CONFLICT DO NOTHING``."""
    if rows:
        marks = ", ".join([_mark(connection)] * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {then}"  # noqa: S608 - names of our own
        connection.exec_driver_sql(statement, list(rows))


def update_many(
    connection: Connection, table: Table, columns: Sequence[str], key: str, rows: Sequence[Values], *, add: bool = False
) -> None:
    """Set columns of the row that has a key, which stands last in each tuple, or ``add`` to what is there."""
    if rows:
        mark = _mark(connection)
        changes = ", ".join(f"{name} = {name} + {mark}" if add else f"{name} = {mark}" for name in columns)
        statement = f"UPDATE {table.name} SET {changes} WHERE {key} = {mark}"  # noqa: S608 - names of our own
        connection.exec_driver_sql(statement, list(rows))


def select_many(
    connection: Connection, table: Table, columns: Sequence[str], key: str, wanted: Collection[Any], **equal: Any
) -> Iterator[Values]:
    """Yield the columns of the rows whose ``key`` is one of those wanted and whose other columns equal what is given.

    In no order; days come as the database has them.
    """
    mark = _mark(connection)
    same = "".join(f"{name} = {mark} AND " for name in equal)
    asked = iter(wanted)
    while part := tuple(islice(asked, MOST_ASKED)):
        marks = ", ".join([mark] * len(part))
        statement = f"SELECT {', '.join(columns)} FROM {table.name} WHERE {same}{key} IN ({marks})"  # noqa: S608
        with connection.exec_driver_sql(statement, (*equal.values(), *part)) as found:
            yield from found.cursor.fetchall()  # plain tuples: a Row each, fetched alone, costs more than to read it


def ask(connection: Connection, statement: str, values: Values) -> Sequence[Values]:
    """Return the rows of a query whose values are written as ``?``; days come as the database has them."""
    return list(read(connection, statement, values))


def read(connection: Connection, statement: str, values: Values) -> Iterator[Values]:
    """Yield the rows of a query as :func:`ask` does, without all of them being held."""
    with connection.exec_driver_sql(statement.replace("?", _mark(connection)), values) as found:
        while rows := found.cursor.fetchmany(FETCHED):
            yield from rows


def stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of a query of SQLAlchemy, many fetched at once and not all of them held."""
    return chain.from_iterable(connection.execute(query).partitions(FETCHED))


def delete_many(connection: Connection, table: Table, keys: Sequence[str], wanted: Sequence[Values]) -> None:
    """Delete the rows whose ``keys`` are one of the tuples given."""
    if wanted:
        mark = _mark(connection)
        same = " AND ".join(f"{name} = {mark}" for name in keys)
        connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {same}", list(wanted))  # noqa: S608 - names of our own


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"
