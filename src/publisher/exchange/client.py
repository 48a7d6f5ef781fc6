"""A client for an endpoint over HTTP, for any program: submit batches, ask what became of one, list what is held.

It needs no ledger. What it guarantees: a batch whose reply was lost is asked about before it is sent again, and an
answer is believed only if it is of the agreed shape and about what was sent.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import quote, urlsplit

from publisher.errors import EndpointRefused, EndpointUnavailable, OutcomeUnknown, SettingsError
from publisher.exchange.endpoint import Endpoint
from publisher.exchange.pace import Pace
from publisher.exchange.receipts import Receipt, read_receipts
from publisher.exchange.signing import Signer
from publisher.exchange.tokens import ClientCredentials
from publisher.exchange.wire import Submission, content_digest, digest_fits
from publisher.ledger.holdings import Holding
from publisher.transport import Answer, RetryPolicy, Tokens, Transport

_SENDINGS = 5  # of one batch whose outcome stays unknown, in one call
_ASK_AFTER = (0.0, 0.5, 2.0)  # seconds before each question what became of a request that may still be on its way
_PAGE = 1000
_LONGEST_CURSOR = 4096
_LONGEST_WORDS = 1000


class Reply(NamedTuple):
    """What an endpoint said of a batch.

    ``taken``: it answered record by record; those without a receipt are unprocessed, not refused, and may be sent
    again. ``too_large`` (413) and ``refused`` (400, 422): nothing of it was taken, for the reason in ``code`` and
    ``message``; sending it again as it is would not help.
    """

    verdict: Literal["taken", "too_large", "refused"]
    receipts: tuple[Receipt, ...] = ()
    code: str | None = None
    message: str | None = None

    def unprocessed(self, submission: Submission) -> list[str]:
        """Return the records of a batch that was taken which have no receipt."""
        told = {one.record_id for one in self.receipts}
        return [record_id for record_id in submission.versions if record_id not in told]


class Client:
    """One endpoint over HTTP. Use it in a ``with`` statement; it keeps one connection open.

    ``retry``: how patient to be (``None``: as the endpoint says). ``say`` gets one line for each wait. Every method
    raises :class:`EndpointUnavailable` when no answer comes, and :class:`EndpointRefused` when the endpoint refuses
    us or breaks its contract. Raises :class:`SettingsError` for an address, token, certificate or key that cannot
    be used.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        retry: RetryPolicy | None = None,
        say: Callable[[str], None] = lambda line: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if endpoint.kind != "api" or endpoint.url is None:
            raise SettingsError(f"endpoint {endpoint.name}: an api needs its url")
        self.name, self._endpoint, self._sleep, self._say = endpoint.name, endpoint, sleep, say
        self._retry = retry or endpoint.retry
        self._closing = ExitStack()
        tokens: Tokens | str | None = endpoint.token
        if endpoint.oauth is not None:
            parts = urlsplit(endpoint.oauth.token_url)
            server = self._transport(f"{parts.scheme}://{parts.netloc}", None, endpoint.oauth.client_secret_env)
            tokens = self._closing.enter_context(ClientCredentials(endpoint.oauth, server, endpoint.name))
        signing = endpoint.signing
        sign = None if signing is None else Signer(signing.pem, signing.key_id)
        token_env = endpoint.oauth.client_secret_env if endpoint.oauth else endpoint.token_env or ""
        self._http = self._closing.enter_context(self._transport(endpoint.url, tokens, token_env, sign))
        self._pace = Pace(endpoint.records_per_second, endpoint.batches_per_minute, sleep)

    def _transport(self, url: str, token: str | Tokens | None, token_env: str, sign: Signer | None = None) -> Transport:
        endpoint = self._endpoint
        return Transport(
            url,
            token,
            unavailable=EndpointUnavailable,
            refused=EndpointRefused,
            token_env=token_env,
            timeout=endpoint.answer_seconds,
            answer_timeout=endpoint.answer_seconds,
            max_answer_bytes=endpoint.answer_bytes,
            retry=self._retry,
            ca_file=endpoint.ca_file,
            client_cert=endpoint.client_cert,
            sign=sign,
            sleep=self._sleep,
            say=self._say,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def submit(self, submission: Submission) -> Reply:
        """Send a batch and return what was said of it.

        After a lost reply it asks for the batch first; what never arrived is sent as it was, under the same key.
        """
        for _ in range(_SENDINGS):
            self._pace.wait(len(submission.versions))
            try:
                answer = self._post(submission)
            except OutcomeUnknown:
                found = self.find_batch(submission, _ASK_AFTER)
                if found is None:
                    continue
                return found
            if answer.status in (200, 400, 413, 422):
                return self._reply(answer, submission)
            raise self._refusal(answer, f"batch {submission.batch_id}")
        raise EndpointUnavailable(
            f"{self.name}: what became of batch {submission.batch_id} stays unknown; asked next time"
        )

    def _post(self, submission: Submission) -> Answer:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": submission.batch_id,
            "Content-Digest": content_digest(submission.body),
        }
        answer = self._http.post("/v1/batches", submission.body, headers)
        if not _is_intact(answer):
            raise OutcomeUnknown(f"{self.name}: the answer to batch {submission.batch_id} arrived damaged")
        return answer

    def find_batch(self, submission: Submission, waits: Collection[float] = (0.0,)) -> Reply | None:
        """Return what was said of a batch, or None: it never arrived, or the endpoint has forgotten its key.

        Asks after each of ``waits`` (seconds) until there is an answer.
        """
        for wait in waits:
            if wait:
                self._sleep(wait)
            answer = self._get(f"/v1/batches/{quote(submission.batch_id, safe='')}", {})
            if answer.status == 200:
                return self._reply(answer, submission)
            if answer.status != 404:
                raise self._refusal(answer, f"the question about batch {submission.batch_id}")
        return None

    def _reply(self, answer: Answer, submission: Submission) -> Reply:
        if answer.status != 200:
            return Reply("too_large" if answer.status == 413 else "refused", (), *_problem_of(answer))
        where = f"{self.name}: batch {submission.batch_id}"
        said = answer.json()
        if not isinstance(said, dict) or not isinstance(said.get("receipts"), list):
            raise EndpointRefused(f"{where} was answered without a list of receipts")
        if said.get("batch_id") != submission.batch_id:
            raise EndpointRefused(f"{where} was answered as {str(said.get('batch_id'))[:64]!r}")
        return Reply("taken", tuple(read_receipts(said["receipts"], submission.versions, where)))

    def records(self) -> Iterator[Holding]:
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
                raise EndpointRefused(f"{self.name}: the list of records holds no records")
            for one in page["records"]:
                holding = self._holding(one)
                if (key := holding.record_id.encode()) <= last:
                    raise EndpointRefused(
                        f"{self.name}: the list of records is not in byte order at {holding.record_id!r}"
                    )
                last = key
                yield holding
            cursor = page.get("next")
            if cursor is None:
                return
            if not isinstance(cursor, str) or len(cursor) > _LONGEST_CURSOR or not page["records"]:
                raise EndpointRefused(f"{self.name}: the list of records goes on without records or a cursor")

    def _holding(self, one: Any) -> Holding:
        if isinstance(one, dict):
            record_id, version, state = one.get("record_id"), one.get("version"), one.get("state")
            digest = one.get("digest")
            if (
                isinstance(record_id, str)
                and 0 < len(record_id) <= 1000
                and type(version) is int
                and 0 < version < 1 << 53
                and (state == "published" or state == "withdrawn")
                and (digest is None) == (state == "withdrawn")
                and (digest is None or (isinstance(digest, str) and len(digest) <= 200))
            ):
                return Holding(record_id, version, state, digest)
        raise EndpointRefused(f"{self.name}: the list of records holds something that is no record: {str(one)[:200]}")

    def _get(self, path: str, params: Mapping[str, str]) -> Answer:
        for wait in _ASK_AFTER:
            if wait:
                self._sleep(wait)
            answer = self._http.get(path, params)
            if _is_intact(answer):
                return answer
        raise EndpointUnavailable(f"{self.name}: the answers to {path} arrive damaged (Content-Digest)")

    def _refusal(self, answer: Answer, what: str) -> EndpointRefused:
        _, words = _problem_of(answer)
        return EndpointRefused(f"{self.name}: {what} was answered {answer.status}: {words}")


def _is_intact(answer: Answer) -> bool:
    return digest_fits(answer.headers.get("content-digest", ""), answer.body)


def _problem_of(answer: Answer) -> tuple[str, str]:
    """Return a code and the endpoint's own words for a refusal (RFC 9457), whatever shape it has."""
    code = f"http_{answer.status}"
    try:
        said = answer.json()
    except EndpointRefused:
        return code, "no problem details were given"
    words = (said.get("detail") or said.get("title")) if isinstance(said, dict) else None
    return code, words[:_LONGEST_WORDS] if isinstance(words, str) else "no problem details were given"
