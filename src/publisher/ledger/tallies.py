"""Counts of results over months and regions, for plots. They name nobody."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select

from publisher.ledger.schema import record

Key = tuple[Any, ...]


class Outcomes(NamedTuple):
    """Published results that share a key and a combination of outcomes (ids with commas between)."""

    key: Key
    outcomes: str
    results: int
    negative: int  # those with a problem, as the profile has it


class Timeliness(NamedTuple):
    """Results that were due to be published, and those first published in time."""

    due: int
    on_time: int


def outcomes_by(connection: Connection, *names: str, year: int | None = None) -> list[Outcomes]:
    """Return the published results by the named columns (``year, month`` or ``region_code``) and their outcomes, in
    order; ``year`` counts the inspections of that year alone."""
    columns = [record.c[name] for name in names]
    query = (
        select(*columns, record.c.outcomes, func.count(), func.sum(case((record.c.negative, 1), else_=0)))
        .where(record.c.kind == "result", record.c.state == "published", _of(year))
        .group_by(*columns, record.c.outcomes)
        .order_by(*columns, record.c.outcomes)
    )
    return [Outcomes(tuple(row[:-3]), row[-3], row[-2], int(row[-1])) for row in connection.execute(query)]


def timeliness_by(connection: Connection, *names: str, year: int | None = None) -> dict[Key, Timeliness]:
    """Return how timely results were published, by the named columns; due means what it means in
    :func:`publisher.ledger.shown.indicator_counts`."""
    columns = [record.c[name] for name in names]
    lawful = (record.c.state != "withheld") & (func.coalesce(record.c.cause, "") != "retracted")
    due = lawful & (record.c.published_on.is_not(None) | record.c.marks.contains("late"))
    query = (
        select(*columns, func.count(), func.sum(case((record.c.published_on <= record.c.due_on, 1), else_=0)))
        .where(record.c.kind == "result", due, _of(year))
        .group_by(*columns)
        .order_by(*columns)
    )
    return {tuple(row[:-2]): Timeliness(int(row[-2]), int(row[-1])) for row in connection.execute(query)}


def _of(year: int | None) -> ColumnElement[bool]:
    return record.c.year.is_not(None) if year is None else record.c.year == year
