"""What the ledger keeps of the search index: which generation is installed, and what was changed in it since."""

import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from publisher.ledger.owed import pages_done
from publisher.ledger.schema import search_base, search_change
from publisher.searchfile import FORMAT
from publisher.site.search.index import Base


class State(NamedTuple):
    """The installed generation, the revisions of its files, and the subjects in the overlay with their numbers."""

    base: Base
    revision: int
    revisions: dict[str, int]
    changes: dict[int, int | None]


def load(connection: Connection) -> State | None:
    """Return what is installed, or None when there is nothing, or something of another format or not readable."""
    row = connection.execute(select(search_base)).one_or_none()
    if row is None:
        return None
    try:
        told = orjson.loads(row.told)
        if told.pop("format") != FORMAT:
            return None
        listed = {name: [tuple(one) for one in told[name]] for name in ("common", "pages", "facets", "authorities")}
        base = Base(row.generation, **(told | listed), subjects=_numbers(row.subjects), prints=_numbers(row.prints))
    except (ValueError, KeyError, TypeError):
        return None
    changes = {one.subject_no: one.doc for one in connection.execute(select(search_change))}
    return State(base, row.revision, orjson.loads(row.revisions), changes)


def reserve(connection: Connection, state: State) -> State:
    """Give out the next revision before any file bears it: no name ever stands for two contents."""
    connection.execute(update(search_base).values(revision=state.revision + 1))
    return state._replace(revision=state.revision + 1)


def keep(connection: Connection, state: State, done: Iterable[int]) -> None:
    """Note what is installed now, and that these subjects are in it as the ledger has them."""
    base = state.base
    told: Mapping[str, Any] = {
        name: getattr(base, name)
        for name in (
            "size",
            "shards",
            "common_shards",
            "sounds",
            "parts",
            "per_file",
            "common",
            "pages",
            "facets",
            "authorities",
        )
    }
    connection.execute(delete(search_base))
    connection.execute(
        insert(search_base).values(
            generation=base.generation,
            told=orjson.dumps({"format": FORMAT, **told}).decode(),
            subjects=_bytes(base.subjects),
            prints=_bytes(base.prints),
            revision=state.revision,
            revisions=orjson.dumps(state.revisions).decode(),
        )
    )
    connection.execute(delete(search_change))
    if state.changes:
        rows = [{"subject_no": number, "doc": doc} for number, doc in state.changes.items()]
        connection.execute(insert(search_change), rows)
    pages_done(connection, [("search", ""), *(("search_subject", str(number)) for number in done)])


def _numbers(data: bytes) -> "array[int]":
    numbers = array("I")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _bytes(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = array("I", numbers)
        numbers.byteswap()
    return numbers.tobytes()
