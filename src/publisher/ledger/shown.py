"""Reading what may be shown today: public forms only, never what was received."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, Select, and_, case, distinct, func, select

from publisher import paths
from publisher.ledger.schema import counts, entry, list_size, record, shown, subject

Body = Mapping[str, Any]


class Shown(NamedTuple):
    """A published record: its row of the ledger, its public form, what is said beside it, and its subject."""

    row: Row[Any]
    body: Body
    beside: Body


def _published(kind: str) -> Select[Any]:
    columns = (record, shown.c.body, shown.c.beside, subject.c.path.label("subject_path"))
    joined = record.join(shown, shown.c.record_no == record.c.record_no).outerjoin(
        subject, subject.c.subject_no == record.c.subject_no
    )
    return select(*columns).select_from(joined).where(record.c.kind == kind, record.c.state == "published")


def _read(connection: Connection, query: Select[Any]) -> Iterator[Shown]:
    for row in connection.execute(query):
        yield Shown(row, orjson.loads(row.body), orjson.loads(row.beside))


def all_of(connection: Connection, kind: str) -> Iterator[Shown]:
    """Yield every published plan or item list, by id."""
    return _read(connection, _published(kind).order_by(record.c.record_id))


def one_of(connection: Connection, kind: str, record_id: str) -> Shown | None:
    """Return a record if it is published today."""
    return next(_read(connection, _published(kind).where(record.c.record_id == record_id)), None)


def of_subject(connection: Connection, subject_no: int) -> list[Shown]:
    """Return a subject's published results, newest inspection first."""
    query = _published("result").where(record.c.subject_no == subject_no)
    return list(_read(connection, query.order_by(record.c.ended_on.desc(), record.c.record_no)))


def of_month(connection: Connection, year: int, month: int, first: int = 0, last: int | None = None) -> Iterator[Shown]:
    """Yield a month's published results by their places, from ``first`` up to but not including ``last``."""
    query = _published("result").where(record.c.year == year, record.c.month == month, record.c.slot >= first)
    if last is not None:
        query = query.where(record.c.slot < last)
    return _read(connection, query.order_by(record.c.slot))


def of_task(connection: Connection, plan_id: str, task_id: str, limit: int) -> list[Shown]:
    """Return up to ``limit`` published results of a task, newest inspection first."""
    query = _published("result").where(record.c.plan_id == plan_id, record.c.task_id == task_id)
    return list(_read(connection, query.order_by(record.c.ended_on.desc(), record.c.record_no).limit(limit)))


def latest(connection: Connection, limit: int) -> list[Shown]:
    """Return the results published last."""
    query = _published("result").order_by(record.c.since.desc(), record.c.record_no.desc())
    return list(_read(connection, query.limit(limit)))


class MonthSize(NamedTuple):
    """A month that ever had a published result: how many it shows today, and when that last changed."""

    year: int
    month: int
    results: int
    as_of: date | None


def month_sizes(connection: Connection) -> list[MonthSize]:
    """Return every month that ever had a published result, in order."""
    is_shown = record.c.state == "published"
    query = (
        select(
            record.c.year,
            record.c.month,
            func.sum(case((is_shown, 1), else_=0)),
            func.max(case((is_shown, record.c.since))),
        )
        .where(record.c.kind == "result", record.c.slot.is_not(None))
        .group_by(record.c.year, record.c.month)
        .order_by(record.c.year, record.c.month)
    )
    return [MonthSize(row[0], row[1], int(row[2]), row[3]) for row in connection.execute(query)]


def month_pages(connection: Connection, year: int, month: int) -> dict[int, int]:
    """Return the numbers of a month's pages with how many results each shows today, down to none."""
    mine = (record.c.kind == "result") & (record.c.year == year) & (record.c.month == month)
    return _pages(connection, f"{year}-{month:02}", record.c.slot, record.c.state == "published", mine)


def _pages(connection: Connection, list_key: str, slot: Any, is_shown: Any, mine: Any) -> dict[int, int]:
    """Return every page that places were given out on, so that no page before the last ever loses its next one."""
    number = slot // paths.LIST_PAGE + 1
    query = select(number, func.sum(case((is_shown, 1), else_=0))).where(mine, slot.is_not(None)).group_by(number)
    found = {int(row[0]): int(row[1]) for row in connection.execute(query)}
    if not found:
        return {}
    given = connection.execute(select(list_size.c.size).where(list_size.c.list_key == list_key)).scalar_one()
    return {which: found.get(which, 0) for which in range(1, (given - 1) // paths.LIST_PAGE + 2)}


class SubjectRow(NamedTuple):
    """A subject with something published: as its newest published result names it."""

    subject_no: int
    path: str
    name: str
    former_names: tuple[str, ...]
    uscc: str | None
    reg_no: str | None
    region_code: str
    results: int
    latest_on: date
    outcomes: tuple[str, ...]


def by_subject(connection: Connection) -> Iterator[list[Shown]]:
    """Yield the published results of every subject that has some, newest inspection first, by the subject's number."""
    query = _published("result").order_by(record.c.subject_no, record.c.ended_on.desc(), record.c.record_no)
    for _, results in groupby(_read(connection, query), key=lambda one: one.row.subject_no):
        yield list(results)


def subjects(connection: Connection, *, numbers: tuple[int, int]) -> Iterator[SubjectRow]:
    """Yield the subjects numbered from ``numbers[0]`` up to but not including ``numbers[1]`` that are shown."""
    return _subjects(
        connection, and_(record.c.subject_no >= numbers[0], record.c.subject_no < numbers[1]), record.c.subject_no
    )


def subjects_of_region(connection: Connection, region_code: str, places: tuple[int, int]) -> Iterator[SubjectRow]:
    """Yield the shown subjects of a region by their places in its list."""
    where = and_(subject.c.region_code == region_code, subject.c.slot >= places[0], subject.c.slot < places[1])
    return _subjects(connection, where, subject.c.slot)


def _subjects(connection: Connection, where: Any, order: Any) -> Iterator[SubjectRow]:
    query = _published("result").where(where).order_by(order, record.c.ended_on.desc(), record.c.record_no)
    group: list[Shown] = []
    for one in _read(connection, query):
        if group and group[0].row.subject_no != one.row.subject_no:
            yield subject_row(group)
            group = []
        group.append(one)
    if group:
        yield subject_row(group)


def subject_row(results: Sequence[Shown]) -> SubjectRow:
    """Return a subject as its published results (newest first) describe it."""
    newest = results[0].body["subject"]
    names = dict.fromkeys(one.body["subject"]["name"] for one in results)
    outcomes = dict.fromkeys(outcome for one in results for outcome in one.row.outcomes.split(","))
    return SubjectRow(
        results[0].row.subject_no,
        results[0].row.subject_path,
        newest["name"],
        tuple(name for name in names if name != newest["name"]),
        newest["uscc"],
        newest["reg_no"],
        newest["region_code"],
        len(results),
        results[0].row.ended_on,
        tuple(outcomes),
    )


def region_sizes(connection: Connection) -> list[tuple[str, int]]:
    """Return region code and number of subjects shown, for every region that has some."""
    query = (
        select(subject.c.region_code, func.count(distinct(subject.c.subject_no)))
        .join(record, record.c.subject_no == subject.c.subject_no)
        .where(record.c.state == "published")
        .group_by(subject.c.region_code)
        .order_by(subject.c.region_code)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]


def region_pages(connection: Connection, region_code: str) -> dict[int, int]:
    """Return the numbers of a region's pages with how many subjects each shows today, down to none."""
    is_shown = (
        select(record.c.record_no)
        .where(record.c.subject_no == subject.c.subject_no, record.c.state == "published")
        .exists()
    )
    mine = subject.c.region_code == region_code
    return _pages(connection, f"region/{region_code}", subject.c.slot, is_shown, mine)


class Progress(NamedTuple):
    """How far a task (or a plan) has come, in results."""

    inspected: int
    published: int
    on_time: int
    late: int
    problems: int


NO_PROGRESS = Progress(0, 0, 0, 0, 0)


def progress(connection: Connection, plan_id: str) -> dict[str, Progress]:
    """Return the progress of each task of a plan, in numbers that name nobody.

    A retracted record does not count; one that is stopped stays on time or late, and a problem where it was one.
    """
    done = record.c.published_on.is_not(None) & (record.c.state != "withheld") & (record.c.state != "pending")
    query = (
        select(
            record.c.task_id,
            func.count(),
            func.sum(case((record.c.state == "published", 1), else_=0)),
            func.sum(case((done & (record.c.published_on <= record.c.due_on), 1), else_=0)),
            func.sum(case((done & (record.c.published_on > record.c.due_on), 1), else_=0)),
            func.sum(case((done & record.c.negative, 1), else_=0)),
        )
        .where(
            record.c.kind == "result",
            record.c.plan_id == plan_id,
            record.c.state.is_not(None),
            func.coalesce(record.c.cause, "") != "retracted",
        )
        .group_by(record.c.task_id)
    )
    return {row[0]: Progress(*(int(value) for value in row[1:])) for row in connection.execute(query)}


def outcome_counts(connection: Connection) -> dict[str, int]:
    """Return how many published results have each combination of outcomes (ids with commas between)."""
    query = (
        select(record.c.outcomes, func.count())
        .where(record.c.kind == "result", record.c.state == "published")
        .group_by(record.c.outcomes)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def published_counts(connection: Connection) -> dict[str, int]:
    """Return how many plans, item lists and results are published, and how many subjects that makes."""
    query = select(record.c.kind, func.count()).where(record.c.state == "published").group_by(record.c.kind)
    found = {"plan": 0, "item_list": 0, "result": 0} | {row[0]: row[1] for row in connection.execute(query)}
    subjects_shown = select(func.count(distinct(record.c.subject_no))).where(record.c.state == "published")
    return found | {"subject": connection.execute(subjects_shown).scalar_one()}


def stops_by_rule_and_month(connection: Connection) -> list[tuple[str, str, int]]:
    """Return rule, month (YYYY-MM) and number of records that were shown and are so no longer."""
    month = (
        func.substr(record.c.since, 1, 7)
        if connection.dialect.name == "sqlite"
        else func.to_char(record.c.since, "YYYY-MM")
    )
    query = (
        select(record.c.rule, month, func.count())
        .where(record.c.first_shown_on.is_not(None), record.c.state.in_(("withdrawn", "withheld", "shielded")))
        .group_by(record.c.rule, month)
        .order_by(record.c.rule, month)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


class YearCounts(NamedTuple):
    """What the indicators of a year are made of."""

    year: int
    due: int
    on_time: int
    problems: int
    settled: int
    visits: int


def indicator_counts(connection: Connection) -> list[YearCounts]:
    """Return, by the year of inspection, the counts that the indicators divide.

    Due are the results that were published, and those that should have been by now (late and still unpublished); both
    change with a verdict only, so that the page is as true on a quiet day. Withheld and retracted ones do not count.
    """
    lawful = (record.c.state != "withheld") & (func.coalesce(record.c.cause, "") != "retracted")
    due = lawful & (record.c.published_on.is_not(None) | record.c.marks.contains("late"))
    query = (
        select(
            record.c.year,
            func.sum(case((due, 1), else_=0)),
            func.sum(case((due & (record.c.published_on <= record.c.due_on), 1), else_=0)),
            func.sum(case((record.c.negative, 1), else_=0)),
            func.sum(case((record.c.negative & record.c.settled, 1), else_=0)),
            func.count(),
        )
        .where(record.c.kind == "result", record.c.state.is_not(None))
        .group_by(record.c.year)
        .order_by(record.c.year)
    )
    return [YearCounts(*(int(value) for value in row)) for row in connection.execute(query)]


def library_counts(connection: Connection) -> dict[int, int]:
    """Return all inspections by year, as the authorities themselves reported them for whole years."""
    query = select(counts.c.period, func.sum(counts.c.all_inspections)).group_by(counts.c.period)
    return {int(row[0]): int(row[1]) for row in connection.execute(query) if len(row[0]) == 4 and row[1] is not None}


def latest_event(connection: Connection) -> date | None:
    """Return the day of the latest decision in the ledger."""
    found: date | None = connection.execute(select(func.max(entry.c.as_of))).scalar()
    return found
