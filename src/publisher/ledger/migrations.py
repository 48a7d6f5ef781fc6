"""Numbered steps that bring a ledger of an older version up to this one. A step, once released, never changes."""

from collections.abc import Callable

from sqlalchemy import Connection, inspect, select

from publisher.errors import LedgerError
from publisher.ledger import schema


def _first(connection: Connection) -> None:
    schema.metadata.create_all(connection)


def _search(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.search_base, schema.search_change])
    connection.execute(schema.owed_page.delete().where(schema.owed_page.c.scope == "search_part"))


STEPS: tuple[Callable[[Connection], None], ...] = (_first, _search)


def migrate(connection: Connection) -> None:
    """Apply the steps this ledger lacks, in the caller's transaction.

    Raises :class:`LedgerError` for a ledger written by a newer version of this program.
    """
    known = inspect(connection).has_table("meta")
    found = (
        int(connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "schema")).scalar_one())
        if known
        else 0
    )
    if found > len(STEPS):
        raise LedgerError(
            f"the ledger has schema {found}, this program knows {len(STEPS)}: use the program that wrote it, or newer"
        )
    for step in STEPS[found:]:
        step(connection)
    if found == len(STEPS):
        return
    if found:
        connection.execute(schema.meta.update().where(schema.meta.c.key == "schema").values(value=str(len(STEPS))))
    else:
        connection.execute(schema.meta.insert().values(key="schema", value=str(len(STEPS))))
