"""The chain over the history of decisions: every entry is sealed with the SHA-256 of the one before it and of itself.

Whoever alters, removes or slips in an entry breaks the chain from there on; the head, which a backup and ``status
--deep`` print, stands for the whole history. The seal of an entry is SHA-256(seal before ‖ entry as a JSON list),
thirty-two zero bytes before the first. Salts and names are no part of it, so nothing that must be erased is ever held
by it.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection

from publisher.ledger.many import Values, insert_many, update_many
from publisher.ledger.schema import entry
from publisher.ledger.store import get_meta, set_meta

COLUMNS = (
    *("record_no", "as_of", "run_no", "actor", "version"),
    *("state", "cause", "marks", "rule", "basis", "since", "shown_version"),
)
_ALL = ("entry_no", *COLUMNS, "chain")
NOTE = "chain_head"  # where the ledger notes the head
_START = bytes(32)
_CHUNK = 10_000  # entries read at once


class Head(NamedTuple):
    """The last entry and its seal; 0 and zero bytes while there is none."""

    entry_no: int
    seal: bytes

    def __str__(self) -> str:
        return f"{self.entry_no} {self.seal.hex()}"


class Break(NamedTuple):
    """The first entry at which the history is not what was written, and why."""

    entry_no: int
    why: str


def append(connection: Connection, rows: Sequence[Values]) -> None:
    """Write entries (values in the order of :data:`COLUMNS`, days as text) and seal them.

    To be called in the transaction that writes the verdicts.
    """
    if not rows:
        return
    first, seal = head(connection)
    sealed = []
    number = first
    for number, row in enumerate(rows, start=first + 1):
        seal = _seal(seal, (number, *row))
        sealed.append((number, *row, seal))
    insert_many(connection, entry, _ALL, sealed)
    set_meta(connection, NOTE, str(Head(number, seal)))


def head(connection: Connection) -> Head:
    """Return the last entry and its seal, as the ledger notes them beside the entries."""
    return head_in(get_meta(connection, NOTE))


def head_in(note: str | None) -> Head:
    """Return the head that the ledger's note under :data:`NOTE` tells."""
    number, seal = (note or f"0 {_START.hex()}").split(" ")
    return Head(int(number), bytes.fromhex(seal))


def first_break(connection: Connection) -> Break | None:
    """Return the first entry that is missing or not as it was written; None for a history that is whole."""
    number, seal = 0, _START
    found = connection.exec_driver_sql(f"SELECT {', '.join(_ALL)} FROM entry ORDER BY entry_no")  # noqa: S608
    for rows in found.partitions(_CHUNK):
        for row in rows:
            number += 1
            if row[0] != number:
                return Break(number, "it is missing")
            seal = _seal(seal, row[:-1])
            if row[-1] is None or bytes(row[-1]) != seal:
                return Break(number, "it is not as it was written, or one before it is missing")
    told = head(connection)
    if told != (number, seal):
        return Break(
            min(number, told.entry_no) + 1, f"the history ended with entry {told.entry_no} when it was written"
        )
    return None


def seal_all(connection: Connection) -> None:
    """Seal the entries of a ledger that had no chain."""
    number, seal = 0, _START
    query = f"SELECT {', '.join(_ALL[:-1])} FROM entry WHERE entry_no > {{}} ORDER BY entry_no LIMIT {_CHUNK}"  # noqa: S608
    while rows := connection.exec_driver_sql(query.format(number)).all():
        sealed = []
        for row in rows:
            number, seal = row[0], _seal(seal, row[:])
            sealed.append((seal, number))
        update_many(connection, entry, ["chain"], "entry_no", sealed)
    set_meta(connection, NOTE, str(Head(number, seal)))


def _seal(before: bytes, row: Values) -> bytes:
    return hashlib.sha256(before + orjson.dumps(row)).digest()
