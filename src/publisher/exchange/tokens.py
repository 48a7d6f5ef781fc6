"""Bearer tokens by OAuth 2.0 client credentials (RFC 6749, 4.4): fetched when needed, kept in memory alone."""

import time
from base64 import b64encode
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import quote_plus, urlencode, urlsplit

from publisher.answer import Answer
from publisher.errors import EndpointRefused
from publisher.exchange.endpoint import OAuth
from publisher.transport import Transport, is_token

LEEWAY = 30.0  # seconds before its end at which a token is no longer used
SHORTEST_LIFE = 60.0  # seconds a token is kept when the server does not say, and at least
_ERROR_CODES = ("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope")


class ClientCredentials:
    """Fetches tokens from ``oauth.token_url`` and keeps one until shortly before it ends.

    ``transport`` speaks to the token server alone: neither the client's secret nor a token goes to another host.
    Every method raises what the transport raises.
    """

    def __init__(
        self, oauth: OAuth, transport: Transport, where: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._oauth, self._transport, self._where, self._clock = oauth, transport, where, clock
        self._token: str | None = None
        self._ends_at = 0.0

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.__exit__(kind, error, trace)

    def token(self) -> str:
        """Return a token that is good now. Raises :class:`EndpointRefused` when the server gives none."""
        if self._token is None or self._clock() >= self._ends_at:
            self._token, lasts = self._fetch()
            self._ends_at = self._clock() + max(lasts - LEEWAY, lasts / 2)
        return self._token

    def forget(self) -> None:
        """Have the next one fetched anew."""
        self._token = None

    def secrets(self) -> tuple[str, ...]:
        """Return what must never be told."""
        return (self._oauth.client_secret,) + ((self._token,) if self._token else ())

    def _fetch(self) -> tuple[str, float]:
        oauth = self._oauth
        # RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
        pair = f"{quote_plus(oauth.client_id)}:{quote_plus(oauth.client_secret)}"
        form = {"grant_type": "client_credentials"} | ({"scope": oauth.scope} if oauth.scope else {})
        headers = {
            "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = self._transport.post(
            urlsplit(oauth.token_url).path or "/", urlencode(form).encode(), headers, safe=True
        )
        if answer.status != 200:
            raise EndpointRefused(
                f"{self._where}: the token server answered {answer.status}{_error_code(answer)}; check client_id "
                f"and the secret in environment variable {oauth.client_secret_env}"
            )
        said = answer.json()
        token = said.get("access_token") if isinstance(said, dict) else None
        kind = said.get("token_type") if isinstance(said, dict) else None
        if not isinstance(token, str) or not is_token(token) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise EndpointRefused(f"{self._where}: the token server gave no bearer token")
        lasts = said.get("expires_in")
        is_number = type(lasts) is int and 0 < lasts < 10**9
        return token, float(lasts) if is_number else SHORTEST_LIFE


def _error_code(answer: Answer) -> str:
    """Return the server's code for its refusal (RFC 6749, 5.2), and nothing else of what it says."""
    try:
        said = answer.json()
    except EndpointRefused:
        return ""
    code = said.get("error") if isinstance(said, dict) else None
    return f" ({code})" if code in _ERROR_CODES else ""
