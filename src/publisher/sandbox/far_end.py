"""Which part of the far end a request is for, whether its sender may ask, and which faults strike it."""

import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from publisher.errors import SettingsError
from publisher.sandbox.answers import Answer, answer_json, content_digest, problem
from publisher.sandbox.endpoint import Endpoints
from publisher.sandbox.faults import PLATFORM, Draw, Faults
from publisher.sandbox.platform import COLLECTIONS, Platform

DEFAULT_ENDPOINT = "default"
_ROUTE = re.compile(r"(?:/(?P<endpoint>[A-Za-z0-9][A-Za-z0-9._~/-]*))?/v1/(?P<noun>[a-z-]+)(?:/(?P<key>[^/]+))?")


@dataclass(frozen=True)
class Request:
    """One HTTP request. ``headers`` is asked by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class FarEnd:
    """The platform and every endpoint behind one address. ``pause`` waits for a number of seconds."""

    platform: Platform
    endpoints: Endpoints
    faults: Faults
    source_token: str
    endpoint_token: str
    pause: Callable[[float], object]

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request, or None: the connection is to be closed without one."""
        url = urlsplit(request.target)
        if url.path.startswith("/_sandbox/"):
            return self._inside(request, url.path)
        query = dict(parse_qsl(url.query))
        route = _ROUTE.fullmatch(url.path)
        if route is None:
            return problem(HTTPStatus.NOT_FOUND, "nothing is served here")
        endpoint, noun, key = route["endpoint"], route["noun"], route["key"]
        if endpoint is None and noun in COLLECTIONS and key is None:
            method, place = "GET", PLATFORM
        elif noun == "batches" and endpoint != PLATFORM:
            method, place = ("POST" if key is None else "GET"), endpoint or DEFAULT_ENDPOINT
        elif noun == "records" and key is None and endpoint != PLATFORM:
            method, place = "GET", endpoint or DEFAULT_ENDPOINT
        else:
            return problem(HTTPStatus.NOT_FOUND, "nothing is served here")
        if request.method != method:
            return _wrong_method(method)
        if refusal := self._refusal(request.headers.get("authorization", ""), place):
            return refusal
        draw = self.faults.draw(place)
        if "slow" in draw:
            self.pause(draw.amounts["slow_seconds"])
        if "lost_before" in draw:
            return None
        answer = _struck(draw) or self._ask(request, place, noun, key, query, draw)
        if "lost_after" in draw:
            return None
        if "wrong_digest" in draw:
            wrong = {"Content-Digest": content_digest(answer.body + b" ")}
            return replace(answer, headers={**answer.headers, **wrong})
        return answer

    def _ask(
        self, request: Request, place: str, noun: str, key: str | None, query: Mapping[str, str], draw: Draw
    ) -> Answer:
        header = request.headers.get
        if place == PLATFORM:
            return self.platform.page(noun, query.get("since"), query.get("limit"), header("if-none-match"), draw)
        if noun == "records":
            return self.endpoints.records(place, query.get("cursor"), query.get("limit"))
        if key is not None:
            return self.endpoints.settle(place, unquote(key))
        return self.endpoints.take(place, header("idempotency-key"), header("content-digest"), request.body, draw)

    def _refusal(self, authorization: str, place: str) -> Answer | None:
        """401 without a token or with one nobody has; 403 with the token of the other side."""
        mine, other = self.source_token, self.endpoint_token
        if place != PLATFORM:
            mine, other = other, mine
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode() if scheme.lower() == "bearer" else b""
        if hmac.compare_digest(given, mine.encode()):
            return None
        if hmac.compare_digest(given, other.encode()):
            return problem(HTTPStatus.FORBIDDEN, "this token is not for this side")
        return problem(
            HTTPStatus.UNAUTHORIZED, "a valid Bearer token is required", headers={"WWW-Authenticate": "Bearer"}
        )

    def _inside(self, request: Request, path: str) -> Answer:
        """``GET /_sandbox/state`` and ``POST /_sandbox/faults``: for whoever runs the sandbox, without faults
        and, as it listens on this machine only and tells counts alone, without a token."""
        if path == "/_sandbox/state":
            if request.method != "GET":
                return _wrong_method("GET")
            return answer_json(
                {
                    "platform": self.platform.summary(),
                    "endpoints": self.endpoints.summary(),
                    "faults": self.faults.summary(),
                }
            )
        if path != "/_sandbox/faults":
            return problem(HTTPStatus.NOT_FOUND, "nothing is served here")
        if request.method != "POST":
            return _wrong_method("POST")
        try:
            wanted = orjson.loads(request.body)
        except ValueError as error:
            return problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}")
        try:
            self.faults.replace(wanted)
        except SettingsError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        return answer_json(self.faults.summary())


def _wrong_method(allowed: str) -> Answer:
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"only {allowed} here", headers={"Allow": allowed})


def _struck(draw: Draw) -> Answer | None:
    """The error answer drawn for a request, if any; the request has no effect then."""
    if "http_500" in draw:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault was drawn")
    seconds = int(draw.amounts["retry_after"])
    if "http_503" in draw:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "a fault was drawn", headers={"Retry-After": str(seconds)})
    if "http_429" in draw:
        # RFC 9110, 10.2.3 allows both forms; a client must read both.
        as_date = draw.random.random() < 0.5
        after = formatdate(time.time() + seconds, usegmt=True) if as_date else str(seconds)
        return problem(HTTPStatus.TOO_MANY_REQUESTS, "a fault was drawn", headers={"Retry-After": after})
    return None
