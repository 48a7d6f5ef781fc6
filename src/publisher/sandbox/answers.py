"""What goes over the wire in an answer: JSON with its digest, or problem details (RFC 9457)."""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson

JSON = "application/json"
PROBLEM = "application/problem+json"
_SHA256_MEMBER = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):\s*(?=$|[,;])")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, before it is sent. ``close`` ends the connection after it."""

    status: HTTPStatus
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False


def answer_json(value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """200 with ``value`` as JSON."""
    return Answer(HTTPStatus.OK, orjson.dumps(value), headers=headers or {})


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    close: bool = False,
    extensions: Mapping[str, object] | None = None,
) -> Answer:
    """Problem details (RFC 9457). ``type`` is ``about:blank``: the status says what kind of problem it is,
    ``detail`` what to do about this one, and extension members name the record or the limit concerned."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Answer(status, orjson.dumps(body | dict(extensions or {})), PROBLEM, headers or {}, close)


def content_digest(body: bytes) -> str:
    """The ``Content-Digest`` header of a body (RFC 9530, sha-256)."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def digest_fits(header: str, body: bytes) -> bool | None:
    """Whether the sha-256 member of a ``Content-Digest`` header is that of ``body``; None when there is
    no such member. The last one counts, as in every structured-field dictionary (RFC 9651, 3.2)."""
    members = _SHA256_MEMBER.findall(header)
    if not members:
        return None
    try:
        return b64decode(members[-1], validate=True) == hashlib.sha256(body).digest()
    except ValueError:
        return False


def read_limit(text: str | None, default: int, most: int) -> int | Answer:
    """The ``limit`` of a page: ``default`` when absent, never above ``most``, 400 when it is no count."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        return problem(HTTPStatus.BAD_REQUEST, "limit must be a whole number from 1 on")
    return min(int(text), most)
