"""What endpoints are owed, and what was sent and is not yet settled.

A batch is written down before its request goes out and struck out in the transaction that takes in its receipts
(``holdings``), so that whatever happens in between, the next push knows what to ask about before it sends again.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from publisher.ledger.schema import batch, batch_item, held, owed_push, record, shown
from publisher.ledger.store import insert_into
from publisher.model import SHANGHAI

Body = Mapping[str, Any]


class BatchItem(NamedTuple):
    """One record of a batch, as it was sent."""

    record_no: int
    record_id: str
    version: int
    action: str  # publish, correct, withdraw
    digest: str | None


class Batch(NamedTuple):
    """What was or will be sent under one Idempotency-Key; ``items`` are those without a receipt so far."""

    batch_id: str
    endpoint: str
    body: bytes
    items: tuple[BatchItem, ...]
    sent_at: str | None = None
    made_at: str | None = None


MAY_BE_SENT = or_(owed_push.c.refused_version.is_(None), owed_push.c.refused_version < record.c.version)
_IS_SHOWN = func.coalesce(record.c.state, "") == "published"
_OF_RECORD = (record.c.record_no, record.c.kind, record.c.record_id, record.c.version, record.c.state, record.c.basis)
_OF_HELD = (held.c.state.label("held_state"), held.c.version.label("held_version"), held.c.digest.label("held_digest"))


def now() -> str:
    """Return this instant, to the second, as the ledger writes it."""
    return datetime.now(SHANGHAI).isoformat(timespec="seconds")


# what is owed ------------------------------------------------------------------------------------------------------


def due_pushes(
    connection: Connection,
    endpoint: str,
    *,
    is_shown: bool,
    after: int,
    limit: int,
    only: Collection[int] | None = None,
) -> Sequence[Row[Any]]:
    """Return the next records an endpoint may be told of, by number from ``after`` on, with their public form and
    what the endpoint holds. Refused versions and records in a batch that is not settled are left out."""
    in_doubt = (
        select(literal(1))
        .select_from(batch_item.join(batch, batch.c.batch_id == batch_item.c.batch_id))
        .where(batch_item.c.record_no == owed_push.c.record_no, batch.c.endpoint == endpoint, ~batch_item.c.settled)
    )
    query: Select[Any] = (
        select(*_OF_RECORD, shown.c.body, *_OF_HELD)
        .select_from(_joined(owed_push.join(record, record.c.record_no == owed_push.c.record_no), endpoint))
        .where(
            owed_push.c.endpoint == endpoint,
            owed_push.c.record_no > after,
            MAY_BE_SENT,
            _IS_SHOWN if is_shown else ~_IS_SHOWN,
            ~exists(in_doubt),
        )
        .order_by(owed_push.c.record_no)
        .limit(limit)
    )
    if only is not None:
        query = query.where(owed_push.c.record_no.in_(only))
    return connection.execute(query).all()


def _joined(source: Any, endpoint: str) -> Any:
    return source.outerjoin(shown, shown.c.record_no == record.c.record_no).outerjoin(
        held, (held.c.record_no == record.c.record_no) & (held.c.endpoint == endpoint)
    )


def owed_and_refused(connection: Connection, endpoint: str) -> tuple[int, int]:
    """Return how many records an endpoint is still to be told of, and how many it refused as they are."""
    may = func.coalesce(func.sum(case((MAY_BE_SENT, 1), else_=0)), 0)
    joined = owed_push.join(record, record.c.record_no == owed_push.c.record_no)
    query = select(may, func.count()).select_from(joined).where(owed_push.c.endpoint == endpoint)
    owed, total = connection.execute(query).one()
    return int(owed), int(total) - int(owed)


def owe_results_of_owed_plans(connection: Connection, endpoint: str) -> None:
    """Owe the results an endpoint holds of every plan it is to be told of: they may carry the plan's title."""
    plan = record.alias("plan")
    plans = (
        select(plan.c.record_id)
        .select_from(owed_push.join(plan, plan.c.record_no == owed_push.c.record_no))
        .where(
            owed_push.c.endpoint == endpoint,
            plan.c.kind == "plan",
            or_(owed_push.c.refused_version.is_(None), owed_push.c.refused_version < plan.c.version),
        )
    )
    results = (
        select(literal(endpoint), record.c.record_no)
        .select_from(record.join(held, held.c.record_no == record.c.record_no))
        .where(
            held.c.endpoint == endpoint,
            held.c.state == "published",
            record.c.kind == "result",
            record.c.plan_id.in_(plans),
        )
    )
    statement = insert_into(connection, owed_push).from_select(["endpoint", "record_no"], results)
    connection.execute(statement.on_conflict_do_nothing())


def strike_out(connection: Connection, endpoint: str, record_numbers: Sequence[int]) -> None:
    """Note that there is nothing to tell an endpoint about these records."""
    if record_numbers:
        gone = delete(owed_push).where(owed_push.c.endpoint == endpoint, owed_push.c.record_no == bindparam("number"))
        connection.execute(gone, [{"number": number} for number in record_numbers])


def shown_plans(connection: Connection, plan_ids: Collection[str]) -> dict[str, Body]:
    """Return the public form of those plans that are shown today, by id."""
    query = (
        select(record.c.record_id, shown.c.body)
        .join(shown, shown.c.record_no == record.c.record_no)
        .where(record.c.kind == "plan", record.c.record_id.in_(plan_ids), record.c.state == "published")
    )
    return {row.record_id: orjson.loads(row.body) for row in connection.execute(query)}


def by_record_id(connection: Connection, endpoint: str, kind: str, *, after: str, limit: int) -> Sequence[Row[Any]]:
    """Return the next judged records of a kind in byte order of ``record_id``, with public form and what is held."""
    record_id = record.c.record_id if connection.dialect.name == "sqlite" else record.c.record_id.collate("C")
    query: Select[Any] = (
        select(*_OF_RECORD, shown.c.body, *_OF_HELD)
        .select_from(_joined(record, endpoint))
        .where(record.c.kind == kind, record_id > after, record.c.state.is_not(None))
        .order_by(record_id)
        .limit(limit)
    )
    return connection.execute(query).all()


# what was sent -----------------------------------------------------------------------------------------------------


def keep_batch(connection: Connection, new: Batch) -> None:
    """Write a batch down before its request goes out; a record's version follows when it had to be raised."""
    connection.execute(insert(batch).values(batch_id=new.batch_id, endpoint=new.endpoint, body=new.body, made_at=now()))
    items = [
        {
            "batch_id": new.batch_id,
            "record_no": item.record_no,
            "version": item.version,
            "action": item.action,
            "digest": item.digest,
            "settled": False,
        }
        for item in new.items
    ]
    connection.execute(insert(batch_item), items)


def raise_versions(connection: Connection, versions: Mapping[int, int]) -> None:
    """Raise our counter of records (by number) where an endpoint already holds that version or a higher one."""
    if versions:
        raised = update(record).where(record.c.record_no == bindparam("number"), record.c.version < bindparam("least"))
        rows = [{"number": number, "least": version} for number, version in versions.items()]
        connection.execute(raised.values(version=bindparam("least")), rows)


def unsettled_ids(connection: Connection, endpoint: str) -> list[str]:
    """Return the batches sent to an endpoint whose outcome is not known, oldest first."""
    query = select(batch.c.batch_id).where(batch.c.endpoint == endpoint)
    return list(connection.execute(query.order_by(batch.c.made_at, batch.c.batch_id)).scalars())


def find_batch(connection: Connection, batch_id: str) -> tuple[Batch, bool] | None:
    """Return an unsettled batch, and whether all its records still are as they were when it was made."""
    row = connection.execute(select(batch).where(batch.c.batch_id == batch_id)).one_or_none()
    if row is None:
        return None
    query = (
        select(batch_item, record.c.record_id, record.c.version.label("version_now"))
        .join(record, record.c.record_no == batch_item.c.record_no)
        .where(batch_item.c.batch_id == batch_id, ~batch_item.c.settled)
        .order_by(batch_item.c.record_no)
    )
    found = connection.execute(query).all()
    items = tuple(BatchItem(one.record_no, one.record_id, one.version, one.action, one.digest) for one in found)
    is_current = all(one.version == one.version_now for one in found)
    return Batch(row.batch_id, row.endpoint, row.body, items, row.sent_at, row.made_at), is_current


def settled_ids(connection: Connection, batch_id: str) -> set[str]:
    """Return the record ids of a batch whose receipts came before."""
    query = (
        select(record.c.record_id)
        .join(batch_item, batch_item.c.record_no == record.c.record_no)
        .where(batch_item.c.batch_id == batch_id, batch_item.c.settled)
    )
    return set(connection.execute(query).scalars())


def mark_sent(connection: Connection, batch_id: str) -> None:
    """Note that the file of a batch lies whole in the folder."""
    connection.execute(update(batch).where(batch.c.batch_id == batch_id).values(sent_at=now()))


def drop_batch(connection: Connection, batch_id: str) -> None:
    """Forget a batch that had no effect; its records stay owed."""
    connection.execute(delete(batch_item).where(batch_item.c.batch_id == batch_id))
    connection.execute(delete(batch).where(batch.c.batch_id == batch_id))
