"""A push over HTTP: batches out, receipts back. Nothing is sent again before it is known what became of it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from publisher.errors import EndpointRefused
from publisher.exchange.actions import Outgoing
from publisher.exchange.client import Client, Reply
from publisher.exchange.endpoint import Endpoint, Tally
from publisher.exchange.wire import Submission
from publisher.ledger import Ledger, holdings, outbox
from publisher.ledger.holdings import Holding
from publisher.ledger.outbox import Batch, BatchItem

_STALE_KEPT = 10_000  # records looked up because the endpoint holds a higher version; beyond that reconcile is the tool
_STALE_SENT = 500  # of these are asked of the ledger at once
_ALL_REFUSED = 8  # a batch of at least so many records that are all refused says something about us, not about them


class ApiPush:
    """One push to an endpoint over HTTP. Raises what the client raises; what is owed stays owed."""

    def __init__(
        self,
        ledger: Ledger,
        endpoint: Endpoint,
        client: Client,
        outgoing: Outgoing,
        run_no: int,
        tally: Tally,
        say: Callable[[str], None],
    ) -> None:
        self._ledger, self._name, self._client, self._outgoing = ledger, endpoint.name, client, outgoing
        self._key_kept = timedelta(hours=endpoint.keys_kept_hours)
        self._run_no, self._tally, self._say = run_no, tally, say
        self._stale: dict[str, BatchItem] | None = {}

    def run(self) -> None:
        """Settle what is in doubt, then tell the endpoint everything it is owed."""
        self._settle_earlier()
        for batch in self._outgoing.batches():
            self._send(batch)
        stale, self._stale = self._stale or {}, None  # a version refused as stale once more is refused
        if stale:
            self._catch_up(stale)

    def _settle_earlier(self) -> None:
        with self._ledger.reading() as connection:
            ids = outbox.unsettled_ids(connection, self._name)
        for batch_id in ids:
            with self._ledger.reading() as connection:
                found = outbox.find_batch(connection, batch_id)
            if found is None:
                continue
            batch, is_current = found
            reply = self._client.find_batch(_submission(batch))
            if reply is None and is_current and self._knows_key_of(batch):
                reply = self._client.submit(_submission(batch))
            if reply is None:
                # It never arrived, and some of it may not be said any more; or the key may be forgotten, and the
                # batch may have had its effect all the same. What the endpoint lists decides.
                self._believe(batch.items, forget_absent=True, drop=batch)
            elif reply.verdict == "taken":
                self._settle(batch, reply)  # what it left unprocessed is owed, and sent again below
            else:
                with self._ledger.transaction() as connection:  # refused whole: it is made anew, and split, below
                    outbox.drop_batch(connection, batch_id)

    def _knows_key_of(self, batch: Batch) -> bool:
        made_at = datetime.fromisoformat(batch.made_at or outbox.now())
        return datetime.fromisoformat(outbox.now()) - made_at < self._key_kept

    def _send(self, batch: Batch) -> None:
        refused: list[holdings.Receipt] = []
        self._send_whole_or_split(batch, refused)
        if len(refused) == len(batch.items) >= _ALL_REFUSED:
            raise EndpointRefused(
                f"{self._name}: refuses every record of a batch, the last one with {refused[-1].code}: "
                f"{refused[-1].message}"
            )
        with self._ledger.transaction() as connection:
            holdings.note_receipts(connection, self._name, refused, self._run_no)
            holdings.set_aside(connection, self._name, [one.item for one in refused])
        self._tally.add("rejected", len(refused))

    def _send_whole_or_split(self, batch: Batch, refused: list[holdings.Receipt]) -> None:
        reply = self._client.submit(_submission(batch))
        if reply.verdict == "taken":
            self._tally.add("unprocessed", self._settle(batch, reply))
            return
        if reply.verdict == "too_large":
            self._outgoing.max_bytes = max(1, len(batch.body) // 2)
        if len(batch.items) > 1:
            for half in self._outgoing.halves(batch):
                self._send_whole_or_split(half, refused)
            return
        refused.append(holdings.Receipt(batch.items[0], "rejected", None, reply.code, reply.message))
        with self._ledger.transaction() as connection:
            outbox.drop_batch(connection, batch.batch_id)

    def _settle(self, batch: Batch, reply: Reply) -> int:
        """Take in an answer's receipts; return how many records it left unprocessed."""
        receipts = holdings.noted(reply.receipts, batch)
        with self._ledger.transaction() as connection:
            unprocessed = holdings.settle(connection, batch, receipts, self._run_no, is_whole=True)
        for one in receipts:
            is_stale = one.status == "rejected" and one.code == "stale_version"
            if is_stale and self._stale is not None and len(self._stale) < _STALE_KEPT:
                self._stale[one.item.record_id] = one.item
            else:
                self._tally.add(one.status)
        return unprocessed

    def _catch_up(self, stale: Mapping[str, BatchItem]) -> None:
        """Tell stale records again above the versions the endpoint holds; those it does not list stay refused."""
        self._say(f"{self._name}: holds higher versions of {len(stale)} records; looking them up")
        known = self._believe(stale.values())
        self._tally.add("rejected", len(stale) - len(known))
        for start in range(0, len(known), _STALE_SENT):
            for batch in self._outgoing.batches(known[start : start + _STALE_SENT]):
                self._send(batch)

    def _believe(
        self, items: Collection[BatchItem], *, forget_absent: bool = False, drop: Batch | None = None
    ) -> list[int]:
        """Take over what the endpoint lists of these records; return the numbers of those it lists."""
        wanted = {item.record_id: item.record_no for item in items}
        last = max(record_id.encode() for record_id in wanted)
        found: dict[int, Holding | None] = dict.fromkeys(wanted.values()) if forget_absent else {}
        listed = []
        for holding in self._client.records():
            if holding.record_id.encode() > last:
                break
            if holding.record_id in wanted:
                found[wanted[holding.record_id]] = holding
                listed.append(wanted[holding.record_id])
        with self._ledger.transaction() as connection:
            holdings.believe(connection, self._name, found)
            if drop is not None:
                outbox.drop_batch(connection, drop.batch_id)
        return sorted(listed)


def _submission(batch: Batch) -> Submission:
    return Submission(batch.batch_id, batch.body, {item.record_id: item.version for item in batch.items})
