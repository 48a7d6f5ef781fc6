"""What endpoints said in one run, record by record, and when each record was first accepted: for the officer."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, String, case, cast, func, select

from publisher.ledger.schema import held, receipt, record, run


class Timeliness(NamedTuple):
    """How many results an endpoint first accepted by the day they were due, later, or without such a day."""

    endpoint: str
    on_time: int
    late: int
    undated: int


def latest_told_run(connection: Connection) -> int | None:
    """Return the last run in which an endpoint said anything, or None."""
    return connection.execute(select(func.max(receipt.c.run_no))).scalar()


def run_day(connection: Connection, run_no: int) -> date | None:
    """Return the day a run was for, or None when there was no such run."""
    return connection.execute(select(run.c.as_of).where(run.c.run_no == run_no)).scalar()


def receipts_of(connection: Connection, run_no: int, endpoint: str | None = None) -> Iterator[Row[Any]]:
    """Yield the last receipt of each record and version in a run, by endpoint, in the order in which they came."""
    last = select(func.max(receipt.c.receipt_seq)).where(receipt.c.run_no == run_no)
    if endpoint is not None:
        last = last.where(receipt.c.endpoint == endpoint)
    last = last.group_by(receipt.c.endpoint, receipt.c.record_no, receipt.c.version)
    query: Select[Any] = (
        select(
            receipt.c.endpoint,
            record.c.kind,
            record.c.record_id,
            receipt.c.version,
            receipt.c.action,
            receipt.c.status,
            receipt.c.receipt_no,
            receipt.c.code,
            receipt.c.message,
            receipt.c.at,
        )
        .join(record, record.c.record_no == receipt.c.record_no)
        .where(receipt.c.receipt_seq.in_(last))
        .order_by(receipt.c.endpoint, receipt.c.receipt_seq)
    )
    yield from connection.execute(query)


def first_acceptances(connection: Connection, endpoint: str) -> Iterator[Row[Any]]:
    """Yield kind, id, authority, ``ended_on``, ``due_on`` and ``first_accepted_at`` (an instant) of every record
    whose publication an endpoint has accepted: the evidence that it was told in time."""
    query: Select[Any] = (
        select(
            record.c.kind,
            record.c.record_id,
            record.c.authority,
            record.c.ended_on,
            record.c.due_on,
            held.c.first_accepted_at,
        )
        .join(held, held.c.record_no == record.c.record_no)
        .where(held.c.endpoint == endpoint, held.c.first_accepted_at.is_not(None))
        .order_by(record.c.record_no)
    )
    yield from connection.execute(query)


def timeliness(connection: Connection) -> list[Timeliness]:
    """Return, by endpoint, how many results were first accepted in time; instants count as days of Asia/Shanghai."""
    accepted_on = func.substr(held.c.first_accepted_at, 1, 10)
    due_on = cast(record.c.due_on, String)
    counts = [
        func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
        for condition in (accepted_on <= due_on, accepted_on > due_on, record.c.due_on.is_(None))
    ]
    query: Select[Any] = (
        select(held.c.endpoint, *counts)
        .join(record, record.c.record_no == held.c.record_no)
        .where(record.c.kind == "result", held.c.first_accepted_at.is_not(None))
        .group_by(held.c.endpoint)
        .order_by(held.c.endpoint)
    )
    return [Timeliness(*row) for row in connection.execute(query)]
