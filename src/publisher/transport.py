"""The only file that knows the HTTP library and the retry library.

One client for both sides: the inspection platform we pull from and the endpoints we push to. It waits and tries
again where that can help, says so in one line, and turns every foreign error into the two classes its caller
chose. What it never does: follow a redirect, send the token to another host, put the token into a message.
"""

import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Timer
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Protocol, Self

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_result

from publisher.answer import Answer, conceal
from publisher.errors import OutcomeUnknown, PublisherError, SettingsError

__all__ = ["Answer", "RetryPolicy", "Sign", "Tokens", "Transport", "is_token"]

MIB = 1 << 20
LONGEST_CONNECT = 10.0  # seconds; an answer may take long to make, a connection may not
_HOST = re.compile(r"[\w.:-]+")
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class RetryPolicy(NamedTuple):
    """How long to keep trying. Times in seconds; a ``Retry-After`` above ``longest_wait`` ends the trying.

    ``in_a_row`` and ``total`` hold for all calls of one :class:`Transport`: after so many failures without an answer
    between them, or so much time lost to failures and waits, every further call fails at once.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 60.0
    budget: float = 300.0  # for one call, waits included
    in_a_row: int = 12
    total: float = 900.0


class Tokens(Protocol):
    """Where a bearer token comes from when it has to be fetched, and fetched again."""

    def token(self) -> str:
        """Return a token that is good now."""

    def forget(self) -> None:
        """Have the next one fetched anew: this one was refused."""

    def secrets(self) -> tuple[str, ...]:
        """Return what must never be told."""


Sign = Callable[[str, str, Mapping[str, str]], Mapping[str, str]]
"""Return further headers for a request: its method, its whole URL and its headers with lower-case names."""


class _Failure(NamedTuple):
    reason: str
    wait: float | None = None  # what the server asked for, in seconds
    in_doubt: bool = False  # the request may have had its effect
    answered: bool = False
    again: bool = True


class Transport:
    """A client for one base URL. Use it in a ``with`` statement; it keeps one connection open.

    ``token`` is sent as a bearer token (RFC 6750), or fetched when it is needed; ``token_env`` is the name of the
    variable it came from and the only thing a message says of it. ``sign`` adds headers to every request as it goes
    out. ``timeout`` bounds one wait on the network, ``answer_timeout`` a whole request with its answer, in seconds.
    ``unavailable`` is raised when trying again later may help, ``refused`` when a person must look (401, 403, a
    redirect, an answer too large or not to be decoded). Raises ``SettingsError`` for a URL, token or certificate
    that cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        token: str | Tokens | None,
        *,
        unavailable: type[PublisherError],
        refused: type[PublisherError],
        token_env: str = "",
        timeout: float = 20.0,
        answer_timeout: float = 120.0,
        max_answer_bytes: int = 64 * MIB,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008  an immutable value
        ca_file: Path | None = None,
        client_cert: tuple[Path, Path] | None = None,
        sign: Sign | None = None,
        sleep: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._base, self.host = _checked_base(base_url)
        self._unavailable, self._refused = unavailable, refused
        self._token_env = token_env
        self._answer_timeout, self._max_bytes = answer_timeout, max_answer_bytes
        self._retry, self._sleep, self._say = retry, sleep, say
        self._failures, self._lost, self._last_reason = 0, 0.0, ""
        self._socket: socket.socket | None = None
        if isinstance(token, str) and not is_token(token):
            raise SettingsError(f"The token in environment variable {token_env} is empty or not plain ASCII.")
        self._token, self._sign = token, sign
        self._client = httpx2.Client(
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "publisher"},
            timeout=httpx2.Timeout(timeout, connect=min(timeout, LONGEST_CONNECT)),
            verify=_tls(ca_file, client_cert, is_used=base_url.startswith("https:")),
            follow_redirects=False,
            trust_env=False,  # neither a proxy nor a .netrc from the environment may see or replace the token
            limits=httpx2.Limits(max_connections=1),
        )

    def __repr__(self) -> str:
        return f"Transport({self._base!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to a GET of ``path`` (which starts with ``/``), whatever its status, unless retried."""
        return self._call("GET", path, params or {}, headers or {}, None, safe=True)

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, safe: bool = False) -> Answer:
        """Send ``body`` and return the answer.

        ``safe`` says that sending twice does no harm. Without it a connection that breaks after the request
        went out is not tried again: ``OutcomeUnknown`` tells the caller to ask first.
        """
        return self._call("POST", path, {}, headers or {}, body, safe=safe)

    def _call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        safe: bool,
    ) -> Answer:
        if not path.startswith("/"):
            raise ValueError("a path starts with /")
        where = f"{self._base}{path}"
        if self._is_left():
            raise self._unavailable(self._why_left())
        doubts: list[bool] = []

        def once() -> Answer | _Failure:
            began = time.monotonic()
            outcome = self._once(method, where, params, headers, body)
            if isinstance(outcome, _Failure):
                self._failures += 1
                self._lost += time.monotonic() - began
                self._last_reason = outcome.reason
            else:
                self._failures = 0
            if isinstance(outcome, _Failure) and outcome.in_doubt and not safe:
                doubts.append(True)
                return outcome._replace(again=outcome.answered)
            return outcome

        outcome = self._retried(once)
        if isinstance(outcome, Answer) and outcome.status == 401 and self._token and not isinstance(self._token, str):
            self._token.forget()  # it may have been called back before its time
            outcome = self._retried(once)
        if isinstance(outcome, Answer):
            return self._checked(outcome)
        if doubts:
            raise OutcomeUnknown(f"{where}: the request went out, but {outcome.reason}; ask before sending again.")
        if self._is_left():
            raise self._unavailable(self._why_left())
        raise self._unavailable(f"{where}: {outcome.reason}. Nothing was lost; the next run tries again.")

    def _retried(self, once: Callable[[], Answer | _Failure]) -> Answer | _Failure:
        outcome: Answer | _Failure = Retrying(
            retry=retry_if_result(lambda found: isinstance(found, _Failure) and found.again),
            wait=self._wait,
            stop=self._is_enough,
            sleep=self._sleep,
            before_sleep=self._tell,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )(once)
        return outcome

    def _is_left(self) -> bool:
        """Whether the far end is given up until another transport is made."""
        return self._failures >= self._retry.in_a_row or self._lost >= self._retry.total

    def _why_left(self) -> str:
        why = (
            f"{self._failures} failures in a row"
            if self._failures >= self._retry.in_a_row
            else f"{self._lost:.0f} s lost to failures"
        )
        return (
            f"{self._base}: {self._last_reason}; left for this run after {why}. "
            "Nothing was lost; the next run tries again."
        )

    def _authorization(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return the header that says who we are, and what of it is secret."""
        if self._token is None:
            return {}, ()
        if isinstance(self._token, str):
            return {"Authorization": f"Bearer {self._token}"}, (self._token,)
        token = self._token.token()
        return {"Authorization": f"Bearer {token}"}, (token, *self._token.secrets())

    def _once(
        self,
        method: str,
        where: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> Answer | _Failure:
        authorization, secrets = self._authorization()
        request = self._client.build_request(
            method,
            where,
            params=params,
            headers={**authorization, **headers},
            content=body,
            extensions={"trace": self._keep_socket},
        )
        if self._sign is not None:
            request.headers.update(self._sign(method, str(request.url), dict(request.headers.items())))
        with self._deadline() as has_passed:
            try:
                with closing(self._client.send(request, stream=True)) as response:
                    status = response.status_code
                    if status == 429 or status >= 500:
                        asked = _seconds_to_wait(response.headers.get("retry-after"))
                        return _Failure(f"status {status}", asked, in_doubt=status not in (429, 503), answered=True)
                    whole = self._read(response, where)
                    if has_passed():  # cut by us, which may look like a proper end
                        return _Failure("no answer in time", in_doubt=True)
                    names = {name.lower(): value for name, value in response.headers.items()}
                    return Answer(status, MappingProxyType(names), whole, where, self._refused, secrets)
            except _NEVER_SENT as failure:
                if _is_distrust(failure):
                    raise self._refused(
                        f"{where}: its TLS certificate is not trusted; name the authority's certificate in ca_file."
                    ) from failure
                return _Failure("no connection")
            except httpx2.DecodingError as failure:
                raise self._refused(f"{where}: the answer is not encoded as it says.") from failure
            except httpx2.TimeoutException:
                return _Failure("no answer in time", in_doubt=True)
            except httpx2.TransportError:
                late = "no answer in time" if has_passed() else "the connection broke"
                return _Failure(late, in_doubt=True)

    def _read(self, response: httpx2.Response, where: str) -> bytes:
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > self._max_bytes:
                raise self._refused(f"{where}: the answer is larger than {self._max_bytes} bytes.")
        return bytes(body)

    def _checked(self, answer: Answer) -> Answer:
        if answer.status in (401, 403):
            hint = f"check the token in environment variable {self._token_env}" if self._token_env else "no token"
            raise self._refused(f"{answer.where}: refused us with status {answer.status}; {hint}.")
        if 300 <= answer.status < 400 and answer.status != 304:
            try:
                host = httpx2.URL(answer.headers.get("location", "")).host or self.host
            except httpx2.InvalidURL:
                host = "an address that cannot be read"
            host = conceal(host, answer.secrets)
            raise self._refused(f"{answer.where}: redirects to {host}; redirects are not followed, correct the url.")
        return answer

    def _wait(self, state: RetryCallState) -> float:
        failure = state.outcome.result() if state.outcome else None
        if isinstance(failure, _Failure) and failure.wait is not None:
            return failure.wait
        ceiling = self._retry.first_wait * 2 ** min(state.attempt_number - 1, 30)
        return random.uniform(0, min(self._retry.longest_wait, ceiling))  # full jitter

    def _is_enough(self, state: RetryCallState) -> bool:
        spent = max(state.seconds_since_start or 0.0, state.idle_for)
        return (
            state.attempt_number >= self._retry.attempts
            or state.upcoming_sleep > self._retry.longest_wait
            or spent + state.upcoming_sleep > self._retry.budget
            or self._is_left()
            or self._lost + state.upcoming_sleep > self._retry.total
        )

    def _tell(self, state: RetryCallState) -> None:
        failure = state.outcome.result() if state.outcome else None
        reason = failure.reason if isinstance(failure, _Failure) else "no answer"
        self._lost += state.upcoming_sleep
        self._say(
            f"{self.host}: {reason}; trying again in {state.upcoming_sleep:.1f} s"
            f" (attempt {state.attempt_number + 1} of {self._retry.attempts})"
        )

    @contextmanager
    def _deadline(self) -> Iterator[Callable[[], bool]]:
        """Shut the socket when a request takes longer than ``answer_timeout``, however slowly bytes drip in."""
        ends_at = time.monotonic() + self._answer_timeout
        timer = Timer(self._answer_timeout, self._shut)
        timer.daemon = True
        timer.start()
        try:
            yield lambda: time.monotonic() >= ends_at
        finally:
            timer.cancel()

    def _keep_socket(self, event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")

    def _shut(self) -> None:
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # closed meanwhile


def is_token(text: str) -> bool:
    """Whether a text can be sent as a bearer token: visible ASCII without spaces."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _checked_base(base_url: str) -> tuple[str, str]:
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL:
        raise SettingsError(f"The url {base_url!r} cannot be read.") from None
    if url.userinfo:
        raise SettingsError("A url holds no user name or password; give the token in its environment variable.")
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.host) or url.query or url.fragment:
        raise SettingsError(f"The url {base_url!r} must be http(s)://host[:port][/path], without ? or #.")
    return base_url.rstrip("/"), url.host


def _tls(ca_file: Path | None, client_cert: tuple[Path, Path] | None, *, is_used: bool) -> ssl.SSLContext:
    if not is_used and ca_file is None and client_cert is None:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody; reading the system's authorities takes a while
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if client_cert is not None:
            context.load_cert_chain(*client_cert)
    except OSError as failure:  # ssl.SSLError is one
        raise SettingsError(f"A certificate file cannot be used ({ca_file or client_cert}): {failure}") from failure
    return context


def _is_distrust(failure: BaseException | None) -> bool:
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return True
        failure = failure.__cause__ or failure.__context__
    return False


def _seconds_to_wait(retry_after: str | None) -> float | None:
    """Return what ``Retry-After`` asks for (RFC 9110, 10.2.3: seconds or a date), ``None`` when it says nothing."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
