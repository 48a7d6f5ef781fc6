"""Reading what may be shown today: public forms only, never what was received."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from heapq import nlargest
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, func, select, text

from publisher.ledger.listings import SUBJECTS
from publisher.ledger.many import MOST_ASKED, ask, day_of, stream
from publisher.ledger.octets import octets, octets_of
from publisher.ledger.schema import STOPPED, counts, entry, listing, place, record, shown, subject

Body = Mapping[str, Any]


class ShownRow(NamedTuple):
    """A published record in the ledger, as far as pages and files say it: each column more costs every row.

    What a plan or an item list does not have is None.
    """

    record_no: int
    kind: str
    record_id: str
    subject_no: Any
    outcomes: Any
    negative: bool | None
    marks: str
    basis: str | None
    since: date
    due_on: date | None
    published_on: date | None
    may_apply_on: date | None
    ends_on: date | None
    provisional: bool
    ended_on: Any
    ref: str
    year: Any
    rule: str
    shown_version: int
    version: int
    subject_path: Any


class Shown(NamedTuple):
    """A published record: its row of the ledger, its public form, what is said beside it."""

    row: Any  # ShownRow, or less where less is asked for
    body: Body
    beside: Body


_WIDTH = len(ShownRow._fields)
COLUMNS = (
    *(record.c[name] for name in ShownRow._fields[:-1]),
    subject.c.path.label("subject_path"),
    octets(shown.c.body),
    octets(shown.c.beside),
)
_SHOWN = (
    select(*COLUMNS)
    .join(shown, shown.c.record_no == record.c.record_no)
    .outerjoin(subject, subject.c.subject_no == record.c.subject_no)
)


def _published(kind: str) -> Select[Any]:
    return _SHOWN.where(record.c.kind == kind, record.c.state == "published")


def _read(connection: Connection, query: Select[Any]) -> Iterator[Shown]:
    return map(shown_of, stream(connection, query))


def shown_of(row: Sequence[Any]) -> Shown:
    """Return the record that a row of ``COLUMNS`` tells of; a row of SQLAlchemy takes fifteen times as long to ask."""
    return Shown(ShownRow._make(row[:_WIDTH]), orjson.loads(row[-2]), beside_of(row[-1]))


def beside_of(said: bytes | str) -> Body:
    """Return what is said beside a public form, from its JSON: of most results the same, then the same object."""
    found: Body = _known(said) if len(said) <= _SHORT else orjson.loads(said)
    return found


_SHORT = 500  # bytes; what is longer is said once
_known = lru_cache(1_000)(orjson.loads)


def all_of(connection: Connection, kind: str) -> Iterator[Shown]:
    """Yield every published plan or item list, by id."""
    return _read(connection, _published(kind).order_by(record.c.record_id))


def one_of(connection: Connection, kind: str, record_id: str) -> Shown | None:
    """Return a record if it is published today."""
    return next(_read(connection, _published(kind).where(record.c.record_id == record_id)), None)


def every_result(connection: Connection) -> Iterator[Shown]:
    """Yield every published result by subject, each subject's newest inspection first."""
    results = _SHOWN.where(record.c.subject_no.is_not(None))
    return _read(connection, results.order_by(record.c.subject_no, record.c.ended_on.desc(), record.c.record_no))


def of_list(connection: Connection, list_no: int, first: int = 0, last: int | None = None) -> Iterator[Shown]:
    """Yield a list's published results by their places, from ``first`` up to but not including ``last``."""
    seats = select(place.c.record_no, place.c.slot).where(place.c.list_no == list_no, place.c.slot >= first)
    if last is not None:
        seats = seats.where(place.c.slot < last)
    seated = seats.subquery()
    query = _SHOWN.join(seated, seated.c.record_no == record.c.record_no)
    return _read(connection, query.order_by(seated.c.slot))


def count_of_list(connection: Connection, list_no: int, first: int, last: int) -> int:
    """Return how many results a list shows on its places from ``first`` up to but not including ``last``."""
    seats = place.join(shown, shown.c.record_no == place.c.record_no)
    query = select(func.count()).select_from(seats).where(place.c.list_no == list_no)
    return connection.execute(query.where(place.c.slot >= first, place.c.slot < last)).scalar_one()


class Listed(NamedTuple):
    """What lists say of a published result, apart from its public form."""

    record_no: int
    record_id: str
    outcomes: str
    marks: str
    since: date
    subject_path: str


_LISTED = """
    SELECT {body}, record.record_no, record_id, outcomes, marks, since, path FROM shown
    JOIN record ON record.record_no = shown.record_no JOIN subject ON subject.subject_no = record.subject_no
    WHERE shown.record_no IN ({numbers})
"""


def listed(connection: Connection, record_numbers: Sequence[int]) -> Iterator[Shown]:
    """Yield what lists say of those of some results that are published, in no order; nothing beside them."""
    for start in range(0, len(record_numbers), MOST_ASKED):
        part = tuple(record_numbers[start : start + MOST_ASKED])
        statement = _LISTED.format(body=octets_of(connection, "shown.body"), numbers=", ".join("?" * len(part)))
        for body, *row in ask(connection, statement, part):
            listed = Listed._make(row)
            yield Shown(listed._replace(since=day_of(row[4])), orjson.loads(body), {})


def of_month(connection: Connection, year: int, month: int) -> Iterator[Shown]:
    """Yield a month's published results by their places."""
    number = select(listing.c.list_no).where(
        listing.c.facet == "month", listing.c.year == year, listing.c.value == f"{month:02}"
    )
    found = connection.execute(number).scalar()
    return iter(()) if found is None else of_list(connection, found)


def latest_of_lists(connection: Connection, list_numbers: Iterable[int], limit: int) -> list[Shown]:
    """Return the results that came last to some lists, those that changed last first."""
    newest: set[tuple[date, int]] = set()
    joined = place.join(record, record.c.record_no == place.c.record_no)
    query = select(record.c.since, record.c.record_no).select_from(joined).where(record.c.state == "published")
    for list_no in list_numbers:
        last = query.where(place.c.list_no == list_no).order_by(place.c.slot.desc()).limit(limit)
        newest.update((row.since, row.record_no) for row in connection.execute(last))
        newest = set(nlargest(limit, newest))
    numbers = [record_no for _, record_no in newest]
    return list(_read(connection, _SHOWN.where(record.c.record_no.in_(numbers)).order_by(*_NEWEST_FIRST)))


_NEWEST_FIRST = (record.c.since.desc(), record.c.record_no.desc())


def latest(connection: Connection, limit: int) -> list[Shown]:
    """Return the results published last."""
    return list(_read(connection, _published("result").order_by(*_NEWEST_FIRST).limit(limit)))


class MonthSize(NamedTuple):
    """A month that ever had a published result: how many it shows today, and when that last changed."""

    year: int
    month: int
    results: int
    as_of: date | None


def month_sizes(connection: Connection) -> list[MonthSize]:
    """Return every month that ever had a published result, in order."""
    query = (
        select(listing.c.year, listing.c.value, listing.c.shown, listing.c.changed_on)
        .where(listing.c.facet == "month")
        .order_by(listing.c.year, listing.c.value)
    )
    return [MonthSize(row.year, int(row.value), row.shown, row.changed_on) for row in connection.execute(query)]


def published_counts(connection: Connection) -> dict[str, int]:
    """Return how many plans, item lists and results are published, and how many subjects that makes."""
    few = record.c.kind.in_(("plan", "item_list"))
    query = select(record.c.kind, func.count()).where(few, record.c.state == "published").group_by(record.c.kind)
    sums = select(listing.c.facet, func.sum(listing.c.shown)).where(listing.c.facet.in_(("month", SUBJECTS)))
    many = {row[0]: int(row[1]) for row in connection.execute(sums.group_by(listing.c.facet))}
    return {
        "plan": 0,
        "item_list": 0,
        **{row[0]: row[1] for row in connection.execute(query)},
        "result": many.get("month", 0),
        "subject": many.get(SUBJECTS, 0),
    }


def stops_by_rule_and_month(connection: Connection) -> list[tuple[str, str, int]]:
    """Return rule, month (YYYY-MM) and number of records that were shown and are so no longer."""
    month = (
        func.substr(record.c.since, 1, 7)
        if connection.dialect.name == "sqlite"
        else func.to_char(record.c.since, "YYYY-MM")
    )
    query = (
        select(record.c.rule, month, func.count())
        .where(text(STOPPED))
        .group_by(record.c.rule, month)
        .order_by(record.c.rule, month)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def library_counts(connection: Connection) -> dict[int, int]:
    """Return all inspections by year, as the authorities themselves reported them for whole years."""
    query = select(counts.c.period, func.sum(counts.c.all_inspections)).group_by(counts.c.period)
    return {int(row[0]): int(row[1]) for row in connection.execute(query) if len(row[0]) == 4 and row[1] is not None}


def latest_event(connection: Connection) -> date | None:
    """Return the day of the latest decision in the ledger."""
    found: date | None = connection.execute(select(func.max(entry.c.as_of))).scalar()
    return found
