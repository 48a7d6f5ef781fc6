"""Lists of results: by month, region, authority, outcome and task.

A place in a list is given once, when a result is first shown in it, and never to another: pages count from the oldest,
so a full page never moves, and what is withdrawn leaves its page short. Each list knows how many it shows and since
when it is so; nobody has to count.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, select, tuple_

from publisher import paths, regions
from publisher.ledger.many import insert_many, iso, update_many
from publisher.ledger.schema import listing, place, vacated

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
    return lists_of(*(values[name] for name in _SORTED_BY))


_SORTED_BY = ("year", "month", "region_code", "authority", "outcomes", "plan_id", "task_id")


def lists_of(
    year: int, month: int, region_code: str, authority: str, outcomes: str, plan_id: str, task_id: str
) -> list[Key]:
    """Return the lists of a result, as :func:`keys_of` does."""
    return [
        _of_month(year, month),
        *_of_region(year, region_code),
        _of_authority(year, authority),
        *_of_outcomes(year, outcomes),
        _of_task(plan_id, task_id),
    ]


# every result asks for lists that thousands of others are in


@lru_cache(4096)
def _of_month(year: int, month: int) -> Key:
    return Key("month", year, f"{month:02}")


@lru_cache(4096)
def _of_task(plan_id: str, task_id: str) -> Key:
    return Key("task", NO_YEAR, f"{plan_id}/{task_id}")


@lru_cache(4096)
def _of_region(year: int, region_code: str) -> tuple[Key, ...]:
    return tuple(Key("region", year, code) for code in dict.fromkeys((regions.city(region_code), region_code)))


@lru_cache(4096)
def _of_authority(year: int, authority: str) -> Key:
    return Key("authority", year, paths.name_key(authority), authority)


@lru_cache(4096)
def _of_outcomes(year: int, outcomes: str) -> tuple[Key, ...]:
    return tuple(Key("outcome", year, outcome) for outcome in outcomes.split(",") if outcome)


Places = dict[int, int]  # list_no to place; the list of its month comes first


def read_places(text: str | None) -> Places:
    """Return the places that a record keeps, from the text the ledger has them in."""
    return {int(number): int(slot) for number, slot in (one.split(":") for one in (text or "").split(",") if one)}


def write_places(places: Places) -> str:
    """Return places as the ledger keeps them with a record."""
    return ",".join([f"{number}:{slot}" for number, slot in places.items()])


_IS_KNOWN = tuple_(listing.c.facet, listing.c.year, listing.c.value)
_LISTS_ASKED = 1_000  # at once: three values each


class Lists:
    """The places that lists give out, and how many results they show, for a chunk of verdicts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[Key, int] = {}  # list_no
        self._next: dict[int, int] = {}  # the place it gives out next
        self._given: defaultdict[int, int] = defaultdict(int)
        self._more: defaultdict[int, int] = defaultdict(int)
        self._changed: set[int] = set()
        self._taken: list[tuple[int, int, int]] = []  # list_no, slot, record_no
        self._left: list[tuple[int, int]] = []  # list_no, slot

    def read(self, keys: Iterable[Key]) -> None:
        """Read these lists all at once, and make those that are not there."""
        missing = {key[:3]: key for key in keys if key not in self._known}
        if not missing:
            return
        query = select(listing.c.facet, listing.c.year, listing.c.value, listing.c.list_no, listing.c.size)
        asked = iter(missing)
        while part := list(islice(asked, _LISTS_ASKED)):
            for facet, year, value, number, size in self._connection.execute(query.where(_IS_KNOWN.in_(part))):
                self._known[missing[facet, year, value]] = number
                self._next[number] = size
        new = [key for key in missing.values() if key not in self._known]
        if new:
            last = self._connection.execute(select(func.max(listing.c.list_no))).scalar() or 0
            rows = [(number, *key, 0, 0) for number, key in enumerate(new, start=last + 1)]
            insert_many(self._connection, listing, ("list_no", *Key._fields, "size", "shown"), rows)
            for number, key in enumerate(new, start=last + 1):
                self._known[key], self._next[number] = number, 0

    def next_place(self, key: Key) -> int:
        """Give out the next place of a list; a place is never given twice."""
        number = self._number_of(key)
        slot = self._next[number]
        self._next[number] = slot + 1
        self._given[number] += 1
        return slot

    def _number_of(self, key: Key) -> int:
        if key not in self._known:
            self.read([key])
        return self._known[key]

    def seat(self, record_no: int, had: Places, keys: Iterable[Key]) -> Places:
        """Return a record's places in these lists: those it had, new ones where it had none; others it leaves."""
        now: Places = {}
        known, following, given = self._known, self._next, self._given
        for key in keys:
            number = known.get(key) or self._number_of(key)
            slot = had.get(number)
            if slot is None:
                slot = following[number]
                following[number] = slot + 1
                given[number] += 1
                self._taken.append((number, slot, record_no))
            now[number] = slot
        self._left += [(number, had[number]) for number in had.keys() - now.keys()] if had else ()
        return now

    def count(self, had: Iterable[int], has: Iterable[int]) -> None:
        """Note that a result was shown in some lists and is shown in others now."""
        for number in had:
            self._more[number] -= 1
        for number in has:
            self._more[number] += 1

    def count_more(self, key: Key, more: int) -> None:
        """Note that a list shows so many more (or fewer, if negative) than it did."""
        self._more[self._number_of(key)] += more

    def change(self, numbers: Iterable[int]) -> None:
        """Note that what these lists show changes."""
        self._changed.update(numbers)

    def write(self, day: date) -> None:
        """Keep what was given out and counted; what changed did so on ``day``."""
        grown = sorted(self._given.keys() | self._more.keys())
        rows = [(self._given[one], self._more[one], one) for one in grown]
        update_many(self._connection, listing, ("size", "shown"), "list_no", rows, add=True)
        changed = [(iso(day), one) for one in sorted(self._changed)]
        update_many(self._connection, listing, ("changed_on",), "list_no", changed)
        insert_many(self._connection, place, ("list_no", "slot", "record_no"), sorted(self._taken))
        for number, slot in self._left:
            self._connection.execute(delete(place).where(place.c.list_no == number, place.c.slot == slot))
        left = [(number, slot, iso(day)) for number, slot in self._left]
        insert_many(self._connection, vacated, ("list_no", "slot", "since"), left)


# Made once: every statement with a list of values leaves a cycle, which nobody collects while a stage runs.
_BY_NUMBERS = select(*(listing.c[name] for name in Listing._fields)).where(
    listing.c.list_no.in_(bindparam("numbers", expanding=True))
)


def by_numbers(connection: Connection, numbers: Collection[int]) -> dict[int, Listing]:
    """Return lists of results by their numbers; a number that is none has none."""
    found = connection.execute(_BY_NUMBERS, {"numbers": list(numbers)})
    return {row.list_no: Listing._make(row) for row in found}


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


def region_sizes(connection: Connection) -> list[tuple[str, int]]:
    """Return region code and number of subjects shown, for every region that has some."""
    query = select(listing.c.value, listing.c.shown).where(listing.c.facet == SUBJECTS, listing.c.shown > 0)
    return [(row.value, row.shown) for row in connection.execute(query.order_by(listing.c.value))]


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
