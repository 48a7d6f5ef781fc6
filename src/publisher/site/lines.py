"""Published results as lines of lists: each is drawn once, though it stands in half a dozen lists."""

from collections.abc import Callable
from datetime import date
from itertools import islice
from typing import NamedTuple

from markupsafe import Markup
from sqlalchemy import Connection

from publisher.ledger import list_pages, shown
from publisher.ledger.shown import Shown

MOST_KEPT = 20_000  # lines, some 20 MB: lists are made side by side (ledger/listings.py) and share most of them


class Line(NamedTuple):
    """A result as a row of a table, and the day since when it is shown as it is."""

    words: Markup
    since: date


class Lines:
    """The lines of one build."""

    def __init__(self, draw: Callable[[Shown], Markup]) -> None:
        self._draw = draw
        self._kept: dict[int, Line] = {}

    def of_list(self, connection: Connection, list_no: int, first: int, last: int) -> list[Line]:
        """Return what is shown on some places of a list, from ``first`` up to but not including ``last``."""
        numbers = list_pages.seated(connection, list_no, first, last)
        kept = self._kept
        if len(kept) > MOST_KEPT:
            for number in list(islice(kept, MOST_KEPT // 4)):  # those that were read first
                del kept[number]
        for one in shown.listed(connection, [number for number in numbers if number not in kept]):
            kept[one.row.record_no] = self.of(one)
        return [kept[number] for number in numbers if number in kept]

    def forget(self) -> None:
        """Forget all lines, where what is made now is no list."""
        self._kept.clear()

    def of(self, one: Shown) -> Line:
        """Return the line of a result."""
        return Line(self._draw(one), one.row.since)
