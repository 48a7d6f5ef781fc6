"""What an endpoint must be told: the action for each record that is owed, and batches of them."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row

from publisher.exchange.endpoint import Endpoint, Tally
from publisher.exchange.mapping import PayloadMapping, Unsendable
from publisher.exchange.wire import Body, batch_body, canonical, new_batch_id, record_entry
from publisher.ledger import Ledger, holdings, outbox
from publisher.ledger.holdings import Receipt
from publisher.ledger.outbox import Batch, BatchItem

_PLANS_KEPT = 256


class Wanted(NamedTuple):
    """What should be public of a record at an endpoint: its payload with digest, or that it should not be shown."""

    payload: bytes | None
    digest: str | None
    unsendable: Unsendable | None = None


class Outgoing:
    """Everything one endpoint is owed, as batches written down in the ledger, withdrawals first.

    Each batch must be settled or left in the ledger before the next one is asked for. ``max_bytes`` may be lowered
    in between when the endpoint finds batches too large.
    """

    def __init__(
        self, ledger: Ledger, endpoint: Endpoint, mapping: PayloadMapping, sender: str, run_no: int, tally: Tally
    ) -> None:
        self.max_bytes = endpoint.batch_bytes
        self._ledger, self._endpoint, self._mapping = ledger, endpoint, mapping
        self._sender, self._run_no, self._tally = sender, run_no, tally
        self._views = Views(mapping)

    def batches(self, only: Sequence[int] | None = None) -> Iterator[Batch]:
        """Yield batches, each written down before; ``only``: of these record numbers, not more than a few hundred."""
        if self._mapping.looks_up_plan:
            with self._ledger.transaction() as connection:
                outbox.owe_results_of_owed_plans(connection, self._endpoint.name)
        for is_shown in (False, True):  # what must go comes first: a push may be cut short
            after = 0
            while True:
                with self._ledger.transaction() as connection:
                    batch, last = self._next(connection, is_shown, after, only)
                if last is None:
                    break
                after = last
                if batch is not None:
                    yield batch

    def _next(
        self, connection: Connection, is_shown: bool, after: int, only: Sequence[int] | None
    ) -> tuple[Batch | None, int | None]:
        """Write the next batch down and strike out what there is no need to tell; return it and how far it reaches."""
        name = self._endpoint.name
        limit = self._endpoint.batch_records
        rows = outbox.due_pushes(connection, name, is_shown=is_shown, after=after, limit=limit, only=only)
        items: list[BatchItem] = []
        entries: list[bytes] = []
        done: list[int] = []
        unsendable: list[Receipt] = []
        ids: set[str] = set()
        raised: dict[int, int] = {}
        size, last = 0, None
        self._views.look_up_plans(connection, rows)
        for row in rows:
            wanted = self._views.wanted(row)
            action = action_for(row.held_state, row.held_digest, wanted)
            if action is None:
                done.append(row.record_no)
                if wanted.unsendable is not None:
                    item = BatchItem(row.record_no, row.record_id, row.version, "publish", None)
                    unsendable.append(Receipt(item, "unsendable", None, *wanted.unsendable))
                last = row.record_no
                continue
            if row.record_id in ids:  # a plan and a result may share an id; a batch holds an id once
                break
            version = max(row.version, (row.held_version or 0) + 1)
            item = BatchItem(row.record_no, row.record_id, version, action, wanted.digest)
            entry = record_entry(
                row.record_id, row.kind, version, action, row.basis or "", wanted.payload, wanted.digest
            )
            size += len(entry) + 1
            if items and size > self.max_bytes:
                break
            if version > row.version:
                raised[row.record_no] = version
            items.append(item)
            entries.append(entry)
            ids.add(row.record_id)
            last = row.record_no
        outbox.strike_out(connection, name, done)
        holdings.note_receipts(connection, name, unsendable, self._run_no)
        self._tally.add("unsendable", len(unsendable))
        if not items:
            return None, last
        outbox.raise_versions(connection, raised)
        batch = self._batch(entries, items)
        outbox.keep_batch(connection, batch)
        return batch, last

    def _batch(self, entries: Sequence[bytes], items: Sequence[BatchItem]) -> Batch:
        batch_id = new_batch_id()
        if self._endpoint.kind == "filedrop":
            body = b"\n".join(entries) + b"\n"
        else:
            body = batch_body(batch_id, self._sender, entries)
        return Batch(batch_id, self._endpoint.name, body, tuple(items))

    def halves(self, batch: Batch) -> Iterator[Batch]:
        """Yield the two halves of a batch that was refused whole, each written down; the whole one is forgotten."""
        entries = [orjson.dumps(one) for one in orjson.loads(batch.body)["records"]]
        with self._ledger.transaction() as connection:
            outbox.drop_batch(connection, batch.batch_id)
        middle = len(entries) // 2
        for part in (slice(None, middle), slice(middle, None)):
            half = self._batch(entries[part], batch.items[part])
            with self._ledger.transaction() as connection:
                outbox.keep_batch(connection, half)
            yield half


class Views:
    """The form in which an endpoint sees records, with the shown plans its mapping looks up."""

    def __init__(self, mapping: PayloadMapping) -> None:
        self._mapping = mapping
        self._plans: dict[str, Body | None] = {}

    def look_up_plans(self, connection: Connection, rows: Sequence[Row[Any]]) -> None:
        """Fetch the shown plans of these results, before :meth:`wanted` is asked about them."""
        if not self._mapping.looks_up_plan:
            return
        ids = {orjson.loads(row.body)["plan_id"] for row in rows if row.kind == "result" and row.body}
        missing = ids - self._plans.keys()
        if missing and len(self._plans) + len(missing) > _PLANS_KEPT:
            self._plans.clear()
            missing = ids
        if missing:
            self._plans.update(dict.fromkeys(missing) | outbox.shown_plans(connection, missing))

    def wanted(self, row: Row[Any]) -> Wanted:
        """Return what an endpoint should show of a record: a row with ``kind``, ``state`` and ``body``."""
        if row.state != "published" or row.body is None:
            return Wanted(None, None)
        body = orjson.loads(row.body)
        plan = self._plans.get(body["plan_id"]) if row.kind == "result" else None
        payload = self._mapping.payload(row.kind, body, plan)
        if isinstance(payload, Unsendable):
            return Wanted(None, None, payload)
        text = canonical(payload)
        return Wanted(text, hashlib.sha256(text).hexdigest())


def action_for(held_state: str | None, held_digest: str | None, wanted: Wanted) -> str | None:
    """Return what to tell an endpoint that holds a record so, or None: it need not be told anything.

    A stop before its publish was sent tells neither; a record stopped and shown again before it was told is
    corrected, and only if it is another one now.
    """
    if wanted.payload is None:
        return "withdraw" if held_state == "published" else None
    if held_state == "published":
        return "correct" if held_digest != wanted.digest else None
    return "publish"
