"""A batch as it arrives: its shape is checked here, before an endpoint looks at what it holds."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import rfc8785

from publisher.sandbox.answers import Answer, problem

_BATCH_KEYS = {"batch_id", "sender", "records"}
_RECORD_KEYS = {"record_id", "kind", "version", "action", "basis", "payload", "digest"}
_KINDS = {"plan", "item_list", "result"}
_ACTIONS = {"publish", "correct", "withdraw"}
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_LARGEST_INTEGER = 2**53 - 1  # of a JSON number every reader keeps exactly (RFC 8785, 3.2.2.3)


@dataclass(frozen=True)
class Limits:
    """What an endpoint takes in one request: more records or bytes are answered 413; one record whose
    payload is larger than ``max_payload`` bytes is rejected alone, because splitting would not help it."""

    max_records: int = 1000
    max_body: int = 8 * 2**20
    max_payload: int = 2**20


@dataclass(frozen=True)
class Record:
    """One record of a batch. ``payload`` is its canonical JSON (RFC 8785), None for a withdrawal; ``fault``
    is the code and sentence of its rejection when the record is well formed but cannot be taken."""

    record_id: str
    kind: str
    version: int
    action: str
    digest: str | None
    payload: bytes | None
    fault: tuple[str, str] | None = None


@dataclass(frozen=True)
class Batch:
    """A whole batch of the agreed shape."""

    batch_id: str
    records: list[Record]


def read_batch(body: bytes, limits: Limits) -> Batch | Answer:
    """The batch in a request body, or why it is refused whole: 400 for what is no JSON, 413 for too many
    records, 422 for a wrong shape, naming the record by its place (from 0) and id."""
    try:
        value = orjson.loads(body)
    except ValueError as error:
        return problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}")
    if not isinstance(value, dict) or value.keys() != _BATCH_KEYS:
        return _unprocessable("a batch is one object with exactly batch_id, sender and records")
    for name in ("batch_id", "sender"):
        if not isinstance(value[name], str) or not value[name]:
            return _unprocessable(f"{name} must be a text that is not empty")
    entries = value["records"]
    if not isinstance(entries, list) or not entries:
        return _unprocessable("records must be a list that is not empty")
    if len(entries) > limits.max_records:
        return problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"a batch holds at most {limits.max_records} records, not {len(entries)}: split it",
            extensions={"max_records": limits.max_records},
        )
    seen: set[str] = set()
    records: list[Record] = []
    for index, entry in enumerate(entries):
        reason = _shape_fault(entry)
        if reason is None and entry["record_id"] in seen:
            reason = "this record_id stands in the batch before"
        if reason is not None:
            record_id = entry.get("record_id") if isinstance(entry, dict) else None
            return _unprocessable(f"record {index}: {reason}", {"index": index, "record_id": record_id})
        seen.add(entry["record_id"])
        records.append(_record(entry, limits))
    return Batch(value["batch_id"], records)


def _unprocessable(detail: str, extensions: Mapping[str, object] | None = None) -> Answer:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, extensions=extensions)


def _shape_fault(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return "must be an object"
    if entry.keys() != _RECORD_KEYS:
        missing, unknown = _RECORD_KEYS - entry.keys(), entry.keys() - _RECORD_KEYS
        return f"keys missing: {sorted(missing)}, unknown: {sorted(unknown)}"
    version, payload, digest = entry["version"], entry["payload"], entry["digest"]
    if not isinstance(entry["record_id"], str) or not entry["record_id"]:
        return "record_id must be a text that is not empty"
    if not isinstance(entry["kind"], str) or entry["kind"] not in _KINDS:
        return "kind must be plan, item_list or result"
    if type(version) is not int or not 1 <= version <= _LARGEST_INTEGER:
        return "version must be a whole number from 1 on"
    if not isinstance(entry["action"], str) or entry["action"] not in _ACTIONS:
        return "action must be publish, correct or withdraw"
    if not isinstance(entry["basis"], str):
        return "basis must be a text"
    if entry["action"] == "withdraw":
        return None if payload is None and digest is None else "withdraw carries payload null and digest null"
    if not isinstance(payload, dict):
        return "payload must be an object"
    if not isinstance(digest, str) or not _HEX_SHA256.fullmatch(digest):
        return "digest must be 64 lower-case hexadecimal digits"
    return None


def _record(entry: dict[str, Any], limits: Limits) -> Record:
    """A record of the right shape, with its payload in canonical form and checked against its digest."""
    payload: bytes | None = None
    fault: tuple[str, str] | None = None
    if entry["payload"] is not None:
        try:
            payload = rfc8785.dumps(entry["payload"])
        except rfc8785.CanonicalizationError as error:
            fault = ("digest_mismatch", f"the payload has no canonical form: {error}")
        else:
            if len(payload) > limits.max_payload:
                fault = ("payload_too_large", f"a payload has at most {limits.max_payload} bytes")
            elif hashlib.sha256(payload).hexdigest() != entry["digest"]:
                fault = ("digest_mismatch", "digest is not the sha-256 of the canonical payload (RFC 8785)")
    return Record(entry["record_id"], entry["kind"], entry["version"], entry["action"], entry["digest"], payload, fault)
