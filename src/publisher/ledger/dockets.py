"""Reading what there is to judge: each record with its versions, its cases and the verdict in force."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any, NamedTuple, get_args

import orjson
from sqlalchemy import Connection, Row, func, or_, select

from publisher.ledger.many import select_many
from publisher.ledger.octets import octets_of
from publisher.ledger.schema import case_of, hold, received, record
from publisher.model import RecordKind

Body = Mapping[str, Any]
_NAMES = {"plan": "plan_id", "item_list": "list_id", "result": "result_id"}  # how a case names the record it is about


class Docket(NamedTuple):
    """All that the rules need to know about one record: what was received, and the cases about it."""

    row: Row[Any]  # of ``record``: the verdict in force
    versions: tuple[Body, ...]  # by number, ascending
    cases: tuple[Body, ...]
    tombstone: Body | None
    holds: tuple[tuple[date, date | None, str, str], ...]  # placed on, lifted on, basis, placed by


def due(
    connection: Connection, day: date, *, kinds: Sequence[str], limit: int, after: tuple[date, int] = (date.min, 0)
) -> Iterator[Docket]:
    """Return the next records of these kinds that are due to be judged on ``day``: kind by kind, those due longest
    first, then by number. ``after`` is the day and the number of the last one had, of the first kind."""
    found: list[Row[Any]] = []
    for kind in kinds:
        later = or_(record.c.judge_on > after[0], record.c.record_no > after[1])
        query = (
            select(record)
            .where(record.c.kind == kind, record.c.judge_on >= after[0], record.c.judge_on <= day, later)
            .order_by(record.c.judge_on, record.c.record_no)
            .limit(limit - len(found))
        )
        found += connection.execute(query).all()
        after = (date.min, 0)
        if len(found) >= limit:
            break
    return dockets(connection, found)


def due_count(connection: Connection, day: date) -> int:
    """Return how many records are due to be judged on ``day``."""
    of_kinds = record.c.kind.in_(get_args(RecordKind))  # the index of what is due begins with the kind
    return connection.execute(select(func.count()).where(of_kinds, record.c.judge_on <= day)).scalar_one()


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
    """Return the docket of each row of ``record``, those of a kind together.

    All of it is read now, but the JSON of a record is taken apart when its docket is asked for: what it is made into is
    then still in the processor's caches when it is judged.
    """
    wanted: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        wanted[row.kind].append(row)
    return chain.from_iterable([_of_kind(connection, kind, of_kind) for kind, of_kind in wanted.items()])


def _of_kind(connection: Connection, kind: str, rows: Sequence[Row[Any]]) -> Iterator[Docket]:
    ids = [row.record_id for row in rows]
    versions = _bodies(connection, kind, ids)
    tombstones = _bodies(connection, "tombstone", [f"{kind}.{one}" for one in ids])
    cases = _cases(connection, kind, ids)
    holds: dict[str, list[Any]] = defaultdict(list)
    if connection.execute(select(hold.c.hold_no).limit(1)).first():  # rare: an officer's own stop
        for found in connection.execute(select(hold).where(hold.c.kind == kind, hold.c.record_id.in_(ids))):
            holds[found.record_id].append((found.placed_on, found.lifted_on, found.basis, found.placed_by))
    return (
        Docket(
            row,
            tuple(map(orjson.loads, versions[row.record_id])),
            tuple(cases.get(row.record_id, ())),
            _latest(tombstones.get(f"{kind}.{row.record_id}")),
            tuple(holds.get(row.record_id, ())),
        )
        for row in rows
    )


def _bodies(connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, list[bytes]]:
    """Return the contents of records (or cases, or tombstones) as JSON by id, in the order of their versions."""
    found: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    columns = ("record_id", "version", octets_of(connection, "body"))
    for record_id, version, body in select_many(connection, received, columns, "record_id", ids, kind=kind):
        found[record_id].append((version, body))
    return {record_id: [body for _, body in sorted(bodies)] for record_id, bodies in found.items()}


def _latest(bodies: Sequence[bytes] | None) -> Any:
    return orjson.loads(bodies[-1]) if bodies else None


def _cases(connection: Connection, kind: str, ids: Sequence[str]) -> dict[str, list[Body]]:
    columns = ("record_id", "case_id")
    links = sorted(select_many(connection, case_of, columns, "record_id", ids, kind=kind))
    contents = _bodies(connection, "case", [case_id for _, case_id in links]) if links else {}
    found: dict[str, list[Body]] = defaultdict(list)
    for record_id, case_id in links:
        latest = _latest(contents[case_id])
        if latest[_NAMES[kind]] == record_id:
            found[record_id].append(latest)
    return found


def version_of(docket: Docket, number: int | None) -> Body:
    """Return the body of a version by its number; the highest received when ``number`` is None."""
    if number is not None:
        for body in docket.versions:
            if body["version" if docket.row.kind == "result" else "revision"] == number:
                return body
    return docket.versions[-1]
