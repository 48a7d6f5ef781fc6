"""Counts of results, for figures and plots. They name nobody.

They are kept in step with every verdict (:mod:`publisher.ledger.counting`), so that reading them costs what they say
and not what there is to count. A retracted record counts nowhere. A result that is stopped stays on time or late, and a
problem where it was one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from publisher.ledger.schema import tally, task_tally, visit_tally

Key = tuple[Any, ...]


class Outcomes(NamedTuple):
    """Published results that share a key and a combination of outcomes (ids with commas between)."""

    key: Key
    outcomes: str
    results: int
    negative: int  # those with a problem, as the profile has it


class Timeliness(NamedTuple):
    """Results that were due to be published, and those first published in time.

    Due are those that were published, and those that should have been by now (late and still unpublished): both change
    with a verdict only, so that a page is as true on a quiet day. Withheld ones are not asked for.
    """

    due: int
    on_time: int


class Progress(NamedTuple):
    """How far a task (or a plan) has come, in results."""

    inspected: int
    published: int
    on_time: int
    late: int
    problems: int

    def plus(self, other: "Progress") -> "Progress":
        """Return both together."""
        return Progress(*(mine + yours for mine, yours in zip(self, other, strict=True)))


NO_PROGRESS = Progress(0, 0, 0, 0, 0)


class YearCounts(NamedTuple):
    """What the indicators of a year are made of: ``due`` by the year in which publication was due, the rest by the year
    of inspection; several results of one subject and day are one visit (R0-20)."""

    year: int
    due: int
    on_time: int
    problems: int
    settled: int
    visits: int


def outcomes_by(connection: Connection, *names: str, year: int | None = None) -> list[Outcomes]:
    """Return the published results by the named columns (``year, month`` or ``region_code``) and their outcomes, in
    order; ``year`` counts the inspections of that year alone."""
    columns = [tally.c[name] for name in names]
    published = func.sum(tally.c.published)
    query = (
        select(*columns, tally.c.outcomes, published, func.sum(tally.c.negative))
        .where(_of(year))
        .group_by(*columns, tally.c.outcomes)
        .having(published > 0)
        .order_by(*columns, tally.c.outcomes)
    )
    return [Outcomes(tuple(row[:-3]), row[-3], int(row[-2]), int(row[-1])) for row in connection.execute(query)]


def timeliness_by(connection: Connection, *names: str, year: int | None = None) -> dict[Key, Timeliness]:
    """Return how timely results were published, by the named columns (``year``, ``month``, ``region_code``)."""
    columns = [tally.c[name] for name in names]
    due = func.sum(tally.c.due)
    query = (
        select(*columns, due, func.sum(tally.c.on_time))
        .where(_of(year))
        .group_by(*columns)
        .having(due > 0)
        .order_by(*columns)
    )
    return {tuple(row[:-2]): Timeliness(int(row[-2]), int(row[-1])) for row in connection.execute(query)}


def _of(year: int | None) -> ColumnElement[bool]:
    return tally.c.year > 0 if year is None else tally.c.year == year


def progress(connection: Connection, plan_id: str) -> dict[str, Progress]:
    """Return the progress of each task of a plan."""
    found = _progress(connection, ["task_id"], task_tally.c.plan_id == plan_id)
    return {task_id: done for (task_id,), done in found.items()}


def progress_by_city(connection: Connection) -> dict[tuple[str, str, int, str], Progress]:
    """Return the progress of every task, year of inspection and city (by its code)."""
    return _progress(connection, ["plan_id", "task_id", "year", "city"])


def _progress(connection: Connection, by: Sequence[str], *where: ColumnElement[bool]) -> dict[Any, Progress]:
    columns = [task_tally.c[name] for name in by]
    inspected = func.sum(task_tally.c.inspected)
    others = [func.sum(task_tally.c[name]) for name in Progress._fields[1:]]
    query = select(*columns, inspected, *others).where(*where).group_by(*columns).having(inspected > 0)
    return {
        tuple(row[: len(by)]): Progress(*(int(value) for value in row[len(by) :])) for row in connection.execute(query)
    }


def indicator_counts(connection: Connection) -> list[YearCounts]:
    """Return, by year, the counts that the indicators divide."""
    due = select(tally.c.due_year, func.sum(tally.c.due), func.sum(tally.c.on_time)).where(tally.c.due_year > 0)
    found = select(tally.c.year, func.sum(tally.c.problems), func.sum(tally.c.settled))
    by_due = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(due.group_by(tally.c.due_year))}
    by_found = {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(found.group_by(tally.c.year))}
    by_visit = {row.year: row.visits for row in connection.execute(select(visit_tally)) if row.visits}
    years = {year for year, (number, _) in by_due.items() if number} | by_visit.keys()
    return [
        YearCounts(year, *by_due.get(year, (0, 0)), *by_found.get(year, (0, 0)), by_visit.get(year, 0))
        for year in sorted(years)
    ]
