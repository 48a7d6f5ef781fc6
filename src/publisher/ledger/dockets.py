"""Reading what there is to judge: each record with its versions, its cases and the verdict in force."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, func, select

from publisher.ledger.schema import case_of, hold, received, record

Body = Mapping[str, Any]


class Docket(NamedTuple):
    """All that the rules need to know about one record: what was received, and the cases about it."""

    row: Row[Any]  # of ``record``: the verdict in force
    versions: tuple[Body, ...]  # by number, ascending
    cases: tuple[Body, ...]
    tombstone: Body | None
    holds: tuple[tuple[date, date | None, str, str], ...]  # placed on, lifted on, basis, placed by


def due(connection: Connection, day: date, *, kinds: Sequence[str], limit: int) -> list[Docket]:
    """Return the next records of these kinds that are due to be judged on ``day``, oldest number first."""
    rows = connection.execute(
        select(record)
        .where(record.c.judge_on <= day, record.c.kind.in_(kinds))
        .order_by(record.c.judge_on, record.c.record_no)
        .limit(limit)
    ).all()
    return list(dockets(connection, rows))


def due_count(connection: Connection, day: date) -> int:
    """Return how many records are due to be judged on ``day``."""
    return connection.execute(select(func.count()).select_from(record).where(record.c.judge_on <= day)).scalar_one()


def find(connection: Connection, kind: str, record_id: str) -> Docket | None:
    """Return one record with everything known about it, or None."""
    rows = connection.execute(select(record).where(record.c.kind == kind, record.c.record_id == record_id)).all()
    return next(iter(dockets(connection, rows)), None)


def every(connection: Connection, kinds: Sequence[str], *, chunk: int = 1000) -> Iterator[Docket]:
    """Yield every record of these kinds in the order of their numbers, ``chunk`` at a time."""
    last = 0
    while rows := connection.execute(
        select(record)
        .where(record.c.record_no > last, record.c.kind.in_(kinds))
        .order_by(record.c.record_no)
        .limit(chunk)
    ).all():
        yield from dockets(connection, rows)
        last = rows[-1].record_no


def dockets(connection: Connection, rows: Sequence[Row[Any]]) -> Iterator[Docket]:
    """Yield the docket of each row of ``record``."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        wanted[row.kind].append(row.record_id)
    for kind, ids in wanted.items():
        versions = _bodies(connection, kind, ids)
        tombstones = _bodies(connection, "tombstone", [f"{kind}.{one}" for one in ids])
        cases = _cases(connection, kind, ids)
        holds = defaultdict(list)
        for found in connection.execute(select(hold).where(hold.c.kind == kind, hold.c.record_id.in_(ids))):
            holds[found.record_id].append((found.placed_on, found.lifted_on, found.basis, found.placed_by))
        for row in rows:
            if row.kind == kind:
                last = tombstones.get(f"{kind}.{row.record_id}")
                yield Docket(
                    row,
                    tuple(versions[row.record_id]),
                    tuple(cases.get(row.record_id, ())),
                    last[-1] if last else None,
                    tuple(holds.get(row.record_id, ())),
                )


def _bodies(connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, list[Body]]:
    found: dict[str, list[Body]] = defaultdict(list)
    query = select(received.c.record_id, received.c.body).where(received.c.kind == kind, received.c.record_id.in_(ids))
    for record_id, body in connection.execute(query.order_by(received.c.record_id, received.c.version)):
        found[record_id].append(orjson.loads(body))
    return found


def _cases(connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, list[Body]]:
    links = connection.execute(
        select(case_of.c.record_id, case_of.c.case_id)
        .where(case_of.c.kind == kind, case_of.c.record_id.in_(ids))
        .order_by(case_of.c.record_id, case_of.c.case_id)
    ).all()
    contents = _bodies(connection, "case", [link.case_id for link in links]) if links else {}
    found: dict[str, list[Body]] = defaultdict(list)
    for link in links:
        latest = contents[link.case_id][-1]
        if latest[{"plan": "plan_id", "item_list": "list_id", "result": "result_id"}[kind]] == link.record_id:
            found[link.record_id].append(latest)
    return found


def version_of(docket: Docket, number: int | None) -> Body:
    """Return the body of a version by its number; the highest received when ``number`` is None."""
    if number is not None:
        for body in docket.versions:
            if body["version" if docket.row.kind == "result" else "revision"] == number:
                return body
    return docket.versions[-1]
