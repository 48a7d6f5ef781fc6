"""Numbered pages of lists: the order in which they are made, and what sits on them."""

from array import array
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import NamedTuple

from sqlalchemy import Connection

from publisher import paths
from publisher.ledger.listings import Listing
from publisher.ledger.many import ask

_ASKED = 1_000  # pages whose first places are asked for at once
_PARTS = 64  # in which pages are sorted
_OF_SEATS = """
    WITH seat (list_no, slot) AS (VALUES {})
    SELECT record_no, list_no, slot FROM seat JOIN place USING (list_no, slot)
"""


def seated(connection: Connection, list_no: int, first: int, last: int) -> list[int]:
    """Return the numbers of the records on some places, from ``first`` up to but not including ``last``."""
    query = "SELECT record_no FROM place WHERE list_no = ? AND slot >= ? AND slot < ? ORDER BY slot"
    return [number for (number,) in ask(connection, query, (list_no, first, last))]


class Pages(NamedTuple):
    """Numbered pages of lists in some order; there may be hundreds of thousands."""

    lists: Sequence[int]
    numbers: Sequence[int]

    def between(self, first: int, last: int) -> list[str]:
        """Return the pages (``list_no/number``) from ``first`` up to but not including ``last``."""
        return [f"{one}/{number}" for one, number in zip(self.lists[first:last], self.numbers[first:last], strict=True)]


def in_order(connection: Connection, pages: Iterable[str]) -> Pages:
    """Return numbered pages of lists (``list_no/number``) by the record on the first place of each.

    Those that show the same results then stand side by side.
    """
    lists, numbers, records = array("q"), array("q"), array("q")
    coming = iter(pages)
    while some := list(islice(coming, _ASKED)):
        read = [tuple(map(int, one.split("/"))) for one in some]
        seats = [(list_no, (number - 1) * paths.LIST_PAGE) for list_no, number in read]
        asked = _OF_SEATS.format(", ".join(["(?, ?)"] * len(seats)))
        of_seat = {(list_no, slot): no for no, list_no, slot in ask(connection, asked, tuple(chain(*seats)))}
        lists.extend([list_no for list_no, _ in read])
        numbers.extend([number for _, number in read])
        records.extend([of_seat.get(seat, 0) for seat in seats])
    order = array("q")
    for part in _parted(records):  # to sort all at once takes ten times the memory that they take
        order.extend(sorted(part, key=records.__getitem__))
    return Pages(array("q", map(lists.__getitem__, order)), array("q", map(numbers.__getitem__, order)))


def _parted(records: Sequence[int]) -> list["array[int]"]:
    """Return the places of records in parts, each of lower records than the next."""
    parts = [array("q") for _ in range(_PARTS)]
    above = max(records, default=0) + 1
    for index, number in enumerate(records):
        parts[number * _PARTS // above].append(index)
    return parts


def filled_parts(connection: Connection, one: Listing, size: int) -> list[int]:
    """Return the parts of a list, so many places each and counted from 1, in which something is shown."""
    query = """
        SELECT EXISTS (SELECT 1 FROM place JOIN shown ON shown.record_no = place.record_no
                       WHERE list_no = ? AND slot >= ? AND slot < ?)
    """
    parts = range(1, -(-one.size // size) + 1)
    return [part for part in parts if ask(connection, query, (one.list_no, (part - 1) * size, part * size))[0][0]]
