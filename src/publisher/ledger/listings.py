"""Lists of results: by month, region, authority, outcome and task.

A place in a list is given once, when a result is first shown in it, and never to another: pages count from the oldest,
so a full page never moves, and what is withdrawn leaves its page short. Each list knows how many it shows and since
when it is so; nobody has to count.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, tuple_, update

from publisher import paths, regions
from publisher.ledger.schema import listing, place

SUBJECTS = "subjects"  # the list of a region's subjects gives out places too, and nothing else
NO_YEAR = 0  # of lists that are not a year's


class Key(NamedTuple):
    """What a list is of: a facet (month, region, authority, outcome, task), a year of inspection, and a value."""

    facet: str
    year: int
    value: str
    label: str | None = None  # words for the value where the value itself has none: an authority's name


class Listing(NamedTuple):
    """A list: its number, what it is of, places given out, results shown today, and the latest event in it."""

    list_no: int
    facet: str
    year: int
    value: str
    label: str | None
    size: int
    shown: int
    changed_on: date | None

    @property
    def pages(self) -> int:
        """How many pages the places given out make; the first is always there."""
        return max(1, -(-self.size // paths.LIST_PAGE))


def keys_of(values: Mapping[str, Any]) -> list[Key]:
    """Return the lists that a result belongs to: a county's results are its city's too."""
    year = values["year"]
    codes = dict.fromkeys((regions.city(values["region_code"]), values["region_code"]))
    return [
        Key("month", year, f"{values['month']:02}"),
        *(Key("region", year, code) for code in codes),
        Key("authority", year, paths.name_key(values["authority"]), values["authority"]),
        *(Key("outcome", year, outcome) for outcome in values["outcomes"].split(",") if outcome),
        Key("task", NO_YEAR, f"{values['plan_id']}/{values['task_id']}"),
    ]


Places = dict[int, int]  # list_no to place


def read_places(text: str | None) -> Places:
    """Return the places that a record keeps, from the text the ledger has them in."""
    return {int(number): int(slot) for number, slot in (one.split(":") for one in (text or "").split(",") if one)}


def write_places(places: Places) -> str:
    """Return places as the ledger keeps them with a record."""
    return ",".join(f"{number}:{slot}" for number, slot in places.items())


_IS_KNOWN = tuple_(listing.c.facet, listing.c.year, listing.c.value)
_SIT = update(listing).where(listing.c.list_no == bindparam("number"))
_GROW = _SIT.values(size=listing.c.size + bindparam("given"), shown=listing.c.shown + bindparam("more"))
_CHANGE = _SIT.values(changed_on=bindparam("day"))


class Lists:
    """The places that lists give out, and how many results they show, for a chunk of verdicts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, int, str], tuple[int, int]] = {}  # list_no and size
        self._given: Counter[int] = Counter()
        self._more: Counter[int] = Counter()
        self._changed: set[int] = set()
        self._taken: list[dict[str, int]] = []

    def read(self, keys: Iterable[Key]) -> None:
        """Read these lists all at once, and make those that are not there."""
        missing = {key[:3]: key for key in keys if key[:3] not in self._known}
        if not missing:
            return
        query = select(listing.c.facet, listing.c.year, listing.c.value, listing.c.list_no, listing.c.size)
        for row in self._connection.execute(query.where(_IS_KNOWN.in_(list(missing)))):
            self._known[row.facet, row.year, row.value] = (row.list_no, row.size)
        for named, key in missing.items():
            if named not in self._known:
                made = self._connection.execute(insert(listing).values(**key._asdict(), size=0, shown=0))
                self._known[named] = (int(made.inserted_primary_key[0]), 0)  # type: ignore[index]

    def next_place(self, key: Key) -> int:
        """Give out the next place of a list; a place is never given twice."""
        self.read([key])
        number, size = self._known[key[:3]]
        self._given[number] += 1
        return size + self._given[number] - 1

    def seat(self, record_no: int, had: Places, keys: Iterable[Key]) -> Places:
        """Return a record's places in these lists: those it had, new ones where it had none; others it leaves."""
        now: Places = {}
        for key in keys:
            self.read([key])
            number = self._known[key[:3]][0]
            if number in had:
                now[number] = had[number]
            else:
                now[number] = self.next_place(key)
                self._taken.append({"list_no": number, "slot": now[number], "record_no": record_no})
        for number in had.keys() - now.keys():
            self._connection.execute(delete(place).where(place.c.list_no == number, place.c.slot == had[number]))
        return now

    def count(self, had: Iterable[int], has: Iterable[int]) -> None:
        """Note that a result was shown in some lists and is shown in others now."""
        self._more.subtract(list(had))
        self._more.update(list(has))

    def change(self, numbers: Iterable[int]) -> None:
        """Note that what these lists show changes."""
        self._changed.update(numbers)

    def write(self, day: date) -> None:
        """Keep what was given out and counted; what changed did so on ``day``."""
        grown = sorted(self._given.keys() | self._more.keys())
        if grown:
            rows = [{"number": one, "given": self._given[one], "more": self._more[one]} for one in grown]
            self._connection.execute(_GROW, rows)
        if self._changed:
            self._connection.execute(_CHANGE, [{"number": one, "day": day} for one in sorted(self._changed)])
        if self._taken:
            self._connection.execute(insert(place), self._taken)


def by_number(connection: Connection, list_no: int) -> Listing | None:
    """Return a list of results, or None for a number that is none."""
    return next(_read(connection, listing.c.list_no == list_no), None)


def of_task(connection: Connection, plan_id: str, task_id: str) -> Listing | None:
    """Return the list of a task, or None before anything of it was shown."""
    where = (listing.c.facet == "task", listing.c.year == NO_YEAR, listing.c.value == f"{plan_id}/{task_id}")
    return next(_read(connection, *where), None)


def of_plan(connection: Connection, plan_id: str) -> dict[str, Listing]:
    """Return the lists of a plan's tasks by task id."""
    start = f"{plan_id}/"
    found = _read(connection, listing.c.facet == "task", func.substr(listing.c.value, 1, len(start)) == start)
    return {one.value.partition("/")[2]: one for one in found}


def of_month(connection: Connection, year: int, month: int) -> Listing | None:
    """Return the list of a month, or None before anything of it was shown."""
    where = (listing.c.facet == "month", listing.c.year == year, listing.c.value == f"{month:02}")
    return next(_read(connection, *where), None)


def of_year(connection: Connection, facet: str, year: int) -> list[Listing]:
    """Return a year's lists of a facet, by value."""
    return list(_read(connection, listing.c.facet == facet, listing.c.year == year))


def of_facet(connection: Connection, facet: str, value: str | None = None) -> list[Listing]:
    """Return the lists of a facet (of one value) of all years, by year and value."""
    where = [] if value is None else [listing.c.value == value]
    return list(_read(connection, listing.c.facet == facet, *where))


def all_lists(connection: Connection) -> Iterator[Listing]:
    """Yield every list of results."""
    return _read(connection, listing.c.facet != SUBJECTS)


def size_of_region(connection: Connection, region_code: str) -> int:
    """Return how many places the list of a region's subjects has given out."""
    query = select(listing.c.size).where(listing.c.facet == SUBJECTS, listing.c.value == region_code)
    return connection.execute(query.where(listing.c.year == NO_YEAR)).scalar() or 0


def values_of(connection: Connection, facet: str) -> list[tuple[str, str | None, int]]:
    """Return every value of a facet with its label and how many results all its lists show."""
    query = (
        select(listing.c.value, func.max(listing.c.label), func.sum(listing.c.shown))
        .where(listing.c.facet == facet)
        .group_by(listing.c.value)
        .order_by(listing.c.value)
    )
    return [(row[0], row[1], int(row[2])) for row in connection.execute(query)]


def _read(connection: Connection, *where: Any) -> Iterator[Listing]:
    query = select(*(listing.c[name] for name in Listing._fields)).where(*where)
    ordered = query.order_by(listing.c.facet, listing.c.year, listing.c.value)
    return (Listing._make(row) for row in connection.execute(ordered))
