"""What goes over the wire: records and batches in canonical form, with their digests (RFC 8785, RFC 9530)."""

import hashlib
import re
import secrets
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Self

import orjson

from publisher.errors import SettingsError

Body = Mapping[str, Any]
Action = Literal["publish", "correct", "withdraw"]
_SHA256_MEMBER = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):\s*(?=$|[,;])")


class Message(NamedTuple):
    """What an endpoint is told of one record. ``payload`` is None for a withdrawal, and only for one.

    ``version`` grows by at least one for every action on a record; an endpoint refuses a lower one than it holds.
    """

    record_id: str
    kind: Literal["plan", "item_list", "result"]
    version: int
    action: Action
    basis: str
    payload: Body | None


class Submission(NamedTuple):
    """A batch as it goes out under one Idempotency-Key, its ``batch_id``; ``versions`` are those sent, by record.

    Keep ``body`` until the batch is settled: :meth:`read` makes the same submission of it again.
    """

    batch_id: str
    body: bytes
    versions: Mapping[str, int]

    @classmethod
    def of(cls, messages: Sequence[Message], sender: str, batch_id: str | None = None) -> Self:
        """Return a batch of messages, each about another record; ``sender`` is the portal's region code.

        Raises :class:`SettingsError` for two messages about one record, or a payload that does not go with its action.
        """
        versions = {one.record_id: one.version for one in messages}
        if len(versions) != len(messages):
            raise SettingsError("a batch holds a record once; send its next version in another batch")
        if any((one.payload is None) != (one.action == "withdraw") for one in messages):
            raise SettingsError("a withdrawal has no payload, and everything else has one")
        batch_id = batch_id or new_batch_id()
        return cls(batch_id, batch_body(batch_id, sender, [_entry(one) for one in messages]), versions)

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Return the submission a kept ``body`` belongs to."""
        said = orjson.loads(body)
        return cls(said["batch_id"], body, {one["record_id"]: one["version"] for one in said["records"]})


def canonical(payload: Body) -> bytes:
    """Return the canonical JSON (RFC 8785) of a payload.

    Payloads hold texts, whole numbers, true, false, null, lists and objects whose names stay within U+FFFF; of these
    the sorted, compact form is the canonical one.
    """
    return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)


def new_batch_id() -> str:
    """Return an Idempotency-Key nobody had before."""
    return uuid.UUID(bytes=secrets.token_bytes(16), version=4).hex


def record_entry(
    record_id: str, kind: str, version: int, action: str, basis: str, payload: bytes | None, digest: str | None
) -> bytes:
    """Return a record of a batch as it goes over the wire; ``payload`` is canonical already."""
    return orjson.dumps(
        {
            "record_id": record_id,
            "kind": kind,
            "version": version,
            "action": action,
            "basis": basis,
            "payload": None if payload is None else orjson.Fragment(payload),
            "digest": digest,
        }
    )


def _entry(message: Message) -> bytes:
    text = None if message.payload is None else canonical(message.payload)
    digest = None if text is None else hashlib.sha256(text).hexdigest()
    return record_entry(*message[:5], text, digest)


def batch_body(batch_id: str, sender: str, entries: Iterable[bytes]) -> bytes:
    """Return the body of ``POST /v1/batches``."""
    return b'{"batch_id":%s,"sender":%s,"records":[%s]}' % (
        orjson.dumps(batch_id),
        orjson.dumps(sender),
        b",".join(entries),
    )


def content_digest(body: bytes) -> str:
    """Return the ``Content-Digest`` of a body (RFC 9530, sha-256)."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def digest_fits(header: str, body: bytes) -> bool:
    """Whether a body is the one a ``Content-Digest`` was made for; a header that names no sha-256 fits any."""
    members = _SHA256_MEMBER.findall(header)
    if not members:
        return "sha-256" not in header.lower()
    try:
        return b64decode(members[-1], validate=True) == hashlib.sha256(body).digest()
    except ValueError:
        return False
