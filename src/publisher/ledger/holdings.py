"""What endpoints said of each record that was sent, and what they are known to hold since."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, func, insert, literal, select, update

from publisher.ledger.outbox import MAY_BE_SENT, Batch, BatchItem, drop_batch, now
from publisher.ledger.schema import batch_item, held, owed_push, receipt, record
from publisher.ledger.store import insert_into


class Receipt(NamedTuple):
    """What an endpoint said of one record of a batch."""

    item: BatchItem
    status: str  # accepted, duplicate, rejected, unprocessed, unsendable
    receipt_no: str | None = None
    code: str | None = None
    message: str | None = None


class _Said(Protocol):
    """A receipt as it came over the wire."""

    @property
    def record_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def receipt_no(self) -> str | None: ...
    @property
    def code(self) -> str | None: ...
    @property
    def message(self) -> str | None: ...


def noted(said: Iterable[_Said], sent: Batch) -> list[Receipt]:
    """Return receipts as they came, each with the record it is about; they are all about records of the batch."""
    items = {item.record_id: item for item in sent.items}
    return [Receipt(items[one.record_id], one.status, one.receipt_no, one.code, one.message) for one in said]


class Holding(NamedTuple):
    """What an endpoint says it holds of one record."""

    record_id: str
    version: int
    state: str  # published, withdrawn
    digest: str | None


def settle(connection: Connection, sent: Batch, receipts: Sequence[Receipt], run_no: int, *, is_whole: bool) -> int:
    """Take in the receipts of a batch; return how many records are left without one.

    Accepted and duplicate records are held and struck out, unless a newer version is owed by now. Rejected ones are
    set aside until their version grows, those without a receipt stay owed. ``is_whole``: no more receipts will come.
    """
    note_receipts(connection, sent.endpoint, receipts, run_no)
    taken = [one.item for one in receipts if one.status in ("accepted", "duplicate")]
    _hold(connection, sent.endpoint, taken)
    set_aside(connection, sent.endpoint, [one.item for one in receipts if one.status == "rejected"])
    told = {one.item.record_no for one in receipts}
    left = [item for item in sent.items if item.record_no not in told]
    if is_whole:
        note_receipts(connection, sent.endpoint, [Receipt(item, "unprocessed") for item in left], run_no)
        drop_batch(connection, sent.batch_id)
    elif told:
        done = update(batch_item).where(
            batch_item.c.batch_id == sent.batch_id, batch_item.c.record_no == bindparam("number")
        )
        connection.execute(done.values(settled=True), [{"number": number} for number in told])
    return len(left)


def note_receipts(connection: Connection, endpoint: str, receipts: Iterable[Receipt], run_no: int) -> None:
    """Append what was said of each record to the history."""
    at = now()
    rows = [
        {
            "endpoint": endpoint,
            "record_no": one.item.record_no,
            "version": one.item.version,
            "action": one.item.action,
            "status": one.status,
            "receipt_no": one.receipt_no,
            "code": one.code,
            "message": one.message,
            "run_no": run_no,
            "at": at,
        }
        for one in receipts
    ]
    if rows:
        connection.execute(insert(receipt), rows)


def _hold(connection: Connection, endpoint: str, items: Sequence[BatchItem]) -> None:
    if not items:
        return
    at = now()
    rows = [
        {
            "endpoint": endpoint,
            "record_no": item.record_no,
            "version": item.version,
            "state": "withdrawn" if item.action == "withdraw" else "published",
            "digest": item.digest,
            "first_accepted_at": None if item.action == "withdraw" else at,
        }
        for item in items
    ]
    statement = insert_into(connection, held)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["endpoint", "record_no"],
            set_={
                "version": new.version,
                "state": new.state,
                "digest": new.digest,
                "first_accepted_at": func.coalesce(held.c.first_accepted_at, new.first_accepted_at),
            },
        ),
        rows,
    )
    is_sent_version = exists(
        select(literal(1)).where(
            record.c.record_no == owed_push.c.record_no, record.c.version == bindparam("sent_version")
        )
    )
    struck = delete(owed_push).where(
        owed_push.c.endpoint == endpoint, owed_push.c.record_no == bindparam("number"), is_sent_version
    )
    connection.execute(struck, [{"number": item.record_no, "sent_version": item.version} for item in items])


def set_aside(connection: Connection, endpoint: str, items: Sequence[BatchItem]) -> None:
    """Send these versions no more: the endpoint refused them for what they are."""
    if items:
        refused = update(owed_push).where(
            owed_push.c.endpoint == endpoint, owed_push.c.record_no == bindparam("number")
        )
        rows = [{"number": item.record_no, "refused": item.version} for item in items]
        connection.execute(refused.values(refused_version=bindparam("refused")), rows)


def believe(connection: Connection, endpoint: str, holdings: Mapping[int, Holding | None]) -> None:
    """Take an endpoint's word for what it holds of records (by number), and owe them: a push decides what to tell."""
    for number, holding in holdings.items():
        where = (held.c.endpoint == endpoint, held.c.record_no == number)
        if holding is None:
            connection.execute(delete(held).where(*where))
        else:
            values = {"version": holding.version, "state": holding.state, "digest": holding.digest}
            statement = insert_into(connection, held).values(endpoint=endpoint, record_no=number, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["endpoint", "record_no"], set_=values))
        owed = insert_into(connection, owed_push).values(endpoint=endpoint, record_no=number)
        again = owed.on_conflict_do_update(index_elements=["endpoint", "record_no"], set_={"refused_version": None})
        connection.execute(again)


def refusals(connection: Connection, endpoint: str) -> Iterator[Row[Any]]:
    """Yield kind, id, version, code and message of every record an endpoint refused as it is."""
    last = (
        select(func.max(receipt.c.receipt_seq))
        .where(
            receipt.c.endpoint == endpoint,
            receipt.c.record_no == owed_push.c.record_no,
            receipt.c.status == "rejected",
        )
        .correlate(owed_push)
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(record.c.kind, record.c.record_id, record.c.version, receipt.c.code, receipt.c.message)
        .select_from(
            owed_push.join(record, record.c.record_no == owed_push.c.record_no).outerjoin(
                receipt, receipt.c.receipt_seq == last
            )
        )
        .where(owed_push.c.endpoint == endpoint, ~MAY_BE_SENT)
        .order_by(record.c.kind, record.c.record_id)
    )
    yield from connection.execute(query)
