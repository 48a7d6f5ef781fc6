"""An endpoint over HTTP: batches out, receipts back. Nothing is sent again before it is known what became of it."""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from publisher.errors import EndpointRefused, EndpointUnavailable, OutcomeUnknown
from publisher.exchange.actions import Outgoing
from publisher.exchange.endpoint import Endpoint, Tally
from publisher.exchange.receipts import read_receipts
from publisher.ledger import Ledger, holdings, outbox
from publisher.ledger.holdings import Holding, Receipt
from publisher.ledger.outbox import Batch, BatchItem
from publisher.transport import Answer, Transport

_SENDINGS = 5  # of one batch whose outcome stays unknown, in one push
_ASK_AFTER = (0.0, 0.5, 2.0)  # seconds before each question what became of a request that may still be on its way
_STALE_KEPT = 10_000  # records looked up because the endpoint holds a higher version; beyond that reconcile is the tool
_STALE_SENT = 500  # of these are asked of the ledger at once
_ALL_REFUSED = 8  # a batch of at least so many records that are all refused says something about us, not about them
_PAGE = 1000
_SHA256_MEMBER = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):\s*(?=$|[,;])")


class Api:
    """The three requests an endpoint understands.

    Every method raises :class:`EndpointUnavailable` when no answer comes, and :class:`EndpointRefused` when the
    endpoint refuses us or breaks its contract.
    """

    def __init__(self, transport: Transport, where: str, sleep: Callable[[float], None]) -> None:
        self._transport, self.where, self._sleep = transport, where, sleep

    def deliver(self, batch: Batch) -> Answer:
        """Send a batch and return its answer: 200 with receipts, or 400, 413, 422, which refuse it whole.

        After a lost reply it asks for the batch first; what never arrived is sent as it was, under the same key.
        """
        for _ in range(_SENDINGS):
            try:
                answer = self._post(batch)
            except OutcomeUnknown:
                found = self.outcome(batch.batch_id, _ASK_AFTER)
                if found is None:
                    continue
                return found
            if answer.status in (200, 400, 413, 422):
                return answer
            raise self._refusal(answer, f"batch {batch.batch_id}")
        raise EndpointUnavailable(f"{self.where}: what became of batch {batch.batch_id} stays unknown; asked next time")

    def _post(self, batch: Batch) -> Answer:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": batch.batch_id,
            "Content-Digest": content_digest(batch.body),
        }
        answer = self._transport.post("/v1/batches", batch.body, headers)
        if not _is_intact(answer):
            raise OutcomeUnknown(f"{self.where}: the answer to batch {batch.batch_id} arrived damaged")
        return answer

    def outcome(self, batch_id: str, waits: Collection[float] = (0.0,)) -> Answer | None:
        """Return the answer once given to a batch, or None: it never arrived. Asks after each of ``waits`` (seconds)
        until there is one."""
        for wait in waits:
            if wait:
                self._sleep(wait)
            answer = self._get(f"/v1/batches/{quote(batch_id, safe='')}", {})
            if answer.status == 200:
                return answer
            if answer.status != 404:
                raise self._refusal(answer, f"the question about batch {batch_id}")
        return None

    def receipts(self, answer: Answer, batch: Batch) -> list[Receipt]:
        """Return the receipts in an answer of status 200."""
        said = answer.json()
        if not isinstance(said, dict) or not isinstance(said.get("receipts"), list):
            raise EndpointRefused(f"{self.where}: batch {batch.batch_id} was answered without a list of receipts")
        if said.get("batch_id") != batch.batch_id:
            raise EndpointRefused(
                f"{self.where}: batch {batch.batch_id} was answered as {str(said.get('batch_id'))[:64]!r}"
            )
        return read_receipts(said["receipts"], batch, self.where)

    def listing(self) -> Iterator[Holding]:
        """Yield what the endpoint holds, in byte order of ``record_id``, page by page."""
        cursor: str | None = None
        last = b""
        while True:
            params = {"limit": str(_PAGE)} | ({} if cursor is None else {"cursor": cursor})
            answer = self._get("/v1/records", params)
            if answer.status != 200:
                raise self._refusal(answer, "the list of records")
            page = answer.json()
            if not isinstance(page, dict) or not isinstance(page.get("records"), list):
                raise EndpointRefused(f"{self.where}: the list of records holds no records")
            for one in page["records"]:
                holding = self._holding(one)
                if (key := holding.record_id.encode()) <= last:
                    raise EndpointRefused(
                        f"{self.where}: the list of records is not in byte order at {holding.record_id!r}"
                    )
                last = key
                yield holding
            cursor = page.get("next")
            if cursor is None:
                return
            if not isinstance(cursor, str) or not page["records"]:
                raise EndpointRefused(f"{self.where}: the list of records goes on without records or a cursor")

    def _holding(self, one: Any) -> Holding:
        if isinstance(one, Mapping):
            record_id, version, state = one.get("record_id"), one.get("version"), one.get("state")
            digest = one.get("digest")
            if (
                isinstance(record_id, str)
                and 0 < len(record_id) <= 1000
                and type(version) is int
                and 0 < version < 1 << 53
                and state in ("published", "withdrawn")
                and (digest is None) == (state == "withdrawn")
                and (digest is None or isinstance(digest, str))
            ):
                return Holding(record_id, version, state, digest)
        raise EndpointRefused(f"{self.where}: the list of records holds something that is no record: {str(one)[:200]}")

    def _get(self, path: str, params: Mapping[str, str]) -> Answer:
        for wait in _ASK_AFTER:
            if wait:
                self._sleep(wait)
            answer = self._transport.get(path, params)
            if _is_intact(answer):
                return answer
        raise EndpointUnavailable(f"{self.where}: the answers to {path} arrive damaged (Content-Digest)")

    def _refusal(self, answer: Answer, what: str) -> EndpointRefused:
        _, words = problem_of(answer)
        return EndpointRefused(f"{self.where}: {what} was answered {answer.status}: {words}")


class ApiPush:
    """One push to an endpoint over HTTP."""

    def __init__(
        self,
        ledger: Ledger,
        endpoint: Endpoint,
        api: Api,
        outgoing: Outgoing,
        run_no: int,
        tally: Tally,
        say: Callable[[str], None],
    ) -> None:
        self._ledger, self._name, self._api, self._outgoing = ledger, endpoint.name, api, outgoing
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
            answer = self._api.outcome(batch_id)
            if answer is None and is_current:
                answer = self._api.deliver(batch)
            if answer is None:
                # It never arrived, and some of it may not be said any more. An endpoint that forgets keys may
                # hold it all the same: what it lists decides.
                self._believe(batch.items, forget_absent=True, drop=batch)
            elif answer.status == 200:
                self._settle(batch, answer)  # what it left unprocessed is owed, and sent again below
            else:
                with self._ledger.transaction() as connection:  # refused whole: it is made anew, and split, below
                    outbox.drop_batch(connection, batch_id)

    def _send(self, batch: Batch) -> None:
        refused: list[Receipt] = []
        self._send_whole_or_split(batch, refused)
        if len(refused) == len(batch.items) >= _ALL_REFUSED:
            raise EndpointRefused(
                f"{self._api.where}: refuses every record of a batch, the last one with {refused[-1].code}: "
                f"{refused[-1].message}"
            )
        with self._ledger.transaction() as connection:
            holdings.note_receipts(connection, self._name, refused, self._run_no)
            holdings.set_aside(connection, self._name, [one.item for one in refused])
        self._tally.add("rejected", len(refused))

    def _send_whole_or_split(self, batch: Batch, refused: list[Receipt]) -> None:
        answer = self._api.deliver(batch)
        if answer.status == 200:
            self._tally.add("unprocessed", self._settle(batch, answer))
            return
        if answer.status == 413:
            self._outgoing.max_bytes = max(1, len(batch.body) // 2)
        if len(batch.items) > 1:
            for half in self._outgoing.halves(batch):
                self._send_whole_or_split(half, refused)
            return
        code, words = problem_of(answer)
        refused.append(Receipt(batch.items[0], "rejected", None, code, words))
        with self._ledger.transaction() as connection:
            outbox.drop_batch(connection, batch.batch_id)

    def _settle(self, batch: Batch, answer: Answer) -> int:
        """Take in an answer's receipts; return how many records it left unprocessed."""
        receipts = self._api.receipts(answer, batch)
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
        for holding in self._api.listing():
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


def content_digest(body: bytes) -> str:
    """Return the ``Content-Digest`` of a body (RFC 9530, sha-256)."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def _is_intact(answer: Answer) -> bool:
    """Whether the body is the one the answer's ``Content-Digest`` was made for; one without a sha-256 passes."""
    members = _SHA256_MEMBER.findall(answer.headers.get("content-digest", ""))
    if not members:
        return True
    try:
        return b64decode(members[-1], validate=True) == hashlib.sha256(answer.body).digest()
    except ValueError:
        return False


def problem_of(answer: Answer) -> tuple[str, str]:
    """Return a code and the endpoint's own words for a refusal (RFC 9457), whatever shape it has."""
    code = f"http_{answer.status}"
    try:
        said = answer.json()
    except EndpointRefused:
        return code, "no problem details were given"
    words = (said.get("detail") or said.get("title")) if isinstance(said, dict) else None
    return code, words[:1000] if isinstance(words, str) else "no problem details were given"
