"""Endpoints: each takes batches, keeps what it holds and gives receipts, as a credit publicity system does."""

import hashlib
import re
from base64 import b64decode, urlsafe_b64encode
from http import HTTPStatus
from sqlite3 import Connection

from publisher.sandbox.answers import Answer, answer_json, digest_fits, problem, read_limit
from publisher.sandbox.batch import Batch, Limits, Record, read_batch
from publisher.sandbox.faults import Draw
from publisher.sandbox.state import State

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_FROM_TO = {
    (None, "publish"): "published",
    ("published", "correct"): "published",
    ("published", "withdraw"): "withdrawn",
    ("withdrawn", "publish"): "published",
}


class Endpoints:
    """All endpoints of one sandbox; an endpoint begins with its first batch."""

    def __init__(self, state: State, limits: Limits) -> None:
        self._state = state
        self._limits = limits

    def take(self, endpoint: str, key: str | None, digest: str | None, body: bytes, draw: Draw) -> Answer:
        """Takes one batch: 200 with receipts, the first answer again for the same key and body, 409 for the
        same key with another body; 400, 413 and 422 refuse it whole and keep nothing of it, nor the key."""
        if key is None or not _KEY.fullmatch(key):
            return problem(HTTPStatus.BAD_REQUEST, "Idempotency-Key must be 1 to 255 visible ASCII characters")
        if digest is None or (fits := digest_fits(digest, body)) is None:
            return problem(HTTPStatus.BAD_REQUEST, "Content-Digest with a sha-256 member is required (RFC 9530)")
        if not fits:
            return problem(HTTPStatus.BAD_REQUEST, "Content-Digest is not that of the body received")
        body_digest = hashlib.sha256(body).digest()
        with self._state.transaction() as connection:
            if held := _answer_held(connection, endpoint, key, body_digest):
                return held
        batch = read_batch(body, self._limits)  # outside the lock: the digests of 500 payloads take a while
        if isinstance(batch, Answer):
            return batch
        with self._state.transaction() as connection:
            if held := _answer_held(connection, endpoint, key, body_digest):
                return held  # the same request came twice at once, and the other was first
            seq = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM batch").fetchone()[0]
            answer = answer_json(
                {"batch_id": batch.batch_id, "receipts": _receipts(connection, endpoint, batch, seq, draw)}
            )
            connection.execute(
                "INSERT INTO batch (seq, endpoint, key, digest, answer) VALUES (?, ?, ?, ?, ?)",
                (seq, endpoint, key, body_digest, answer.body),
            )
            if remembered := int(draw.amounts["forget_keys"]):
                connection.execute(
                    "DELETE FROM batch WHERE endpoint = ?1 AND seq NOT IN"
                    " (SELECT seq FROM batch WHERE endpoint = ?1 ORDER BY seq DESC LIMIT ?2)",
                    (endpoint, remembered),
                )
        return answer

    def settle(self, endpoint: str, key: str) -> Answer:
        """The answer once given for an Idempotency-Key; 404 when the batch never arrived (or is forgotten)."""
        with self._state.transaction() as connection:
            row = connection.execute(
                "SELECT answer FROM batch WHERE endpoint = ? AND key = ?", (endpoint, key)
            ).fetchone()
        if row is None:
            return problem(HTTPStatus.NOT_FOUND, "no batch arrived under this Idempotency-Key")
        return Answer(HTTPStatus.OK, row[0])

    def records(self, endpoint: str, cursor: str | None, limit: str | None) -> Answer:
        """One page of what the endpoint holds, in byte order of ``record_id``; ``next`` is null at the end."""
        count = read_limit(limit, default=500, most=5000)
        if isinstance(count, Answer):
            return count
        try:
            after = b64decode(cursor or "", altchars=b"-_", validate=True).decode()
        except ValueError:
            return problem(HTTPStatus.BAD_REQUEST, "cursor is not one this endpoint gave")
        with self._state.transaction() as connection:
            rows = connection.execute(
                "SELECT record_id, version, state, digest FROM record WHERE endpoint = ? AND record_id > ?"
                " ORDER BY record_id LIMIT ?",
                (endpoint, after, count + 1),
            ).fetchall()
        names = ("record_id", "version", "state", "digest")
        more = len(rows) > count
        return answer_json(
            {
                "records": [dict(zip(names, row, strict=True)) for row in rows[:count]],
                "next": urlsafe_b64encode(rows[count - 1][0].encode()).decode() if more else None,
            }
        )

    def summary(self) -> dict[str, dict[str, int]]:
        """Records by state, and batches remembered, of every endpoint."""
        counts: dict[str, dict[str, int]] = {}
        with self._state.transaction() as connection:
            for endpoint, name, count in connection.execute(
                "SELECT endpoint, state, count(*) FROM record GROUP BY 1, 2 UNION ALL"
                " SELECT endpoint, 'batches', count(*) FROM batch GROUP BY 1 ORDER BY 1"
            ):
                counts.setdefault(endpoint, {"published": 0, "withdrawn": 0, "batches": 0})[name] = count
        return counts


def _answer_held(connection: Connection, endpoint: str, key: str, body_digest: bytes) -> Answer | None:
    row = connection.execute(
        "SELECT digest, answer FROM batch WHERE endpoint = ? AND key = ?", (endpoint, key)
    ).fetchone()
    if row is None:
        return None
    if row[0] != body_digest:
        return problem(HTTPStatus.CONFLICT, "this Idempotency-Key came before with another body")
    return Answer(HTTPStatus.OK, row[1])


def _receipts(connection: Connection, endpoint: str, batch: Batch, seq: int, draw: Draw) -> list[dict[str, object]]:
    """Applies a batch record by record and returns its receipts, faults included: the answer kept under the
    key is the one sent, so that asking again gives the same."""
    records = batch.records
    if "partial" in draw:
        left_out = draw.random.randint(1, max(1, len(records) // 2))
        chosen = set(draw.random.sample(range(len(records)), left_out))
        records = [record for index, record in enumerate(records) if index not in chosen]
    receipts = [_apply(connection, endpoint, record, f"{seq:08d}-{index:05d}") for index, record in enumerate(records)]
    if "duplicates" in draw and receipts:
        receipts.append(draw.random.choice(receipts))
    if "shuffled" in draw:
        draw.random.shuffle(receipts)
    return receipts


def _apply(connection: Connection, endpoint: str, record: Record, receipt_no: str) -> dict[str, object]:
    held = connection.execute(
        "SELECT kind, version, state, digest, receipt_no FROM record WHERE endpoint = ? AND record_id = ?",
        (endpoint, record.record_id),
    ).fetchone()
    kind, version, state, digest, earlier_no = held or (record.kind, 0, None, None, "")
    if record.fault:
        return _receipt(record, "rejected", receipt_no, *record.fault)
    if kind != record.kind:
        return _receipt(record, "rejected", receipt_no, "kind_mismatch", f"held as {kind}")
    if record.version < version:
        return _receipt(record, "rejected", receipt_no, "stale_version", f"version {version} is held")
    if record.version == version:
        if record.digest == digest:
            return _receipt(record, "duplicate", earlier_no)
        return _receipt(record, "rejected", receipt_no, "version_conflict", "held with another digest")
    becomes = _FROM_TO.get((state, record.action))
    if becomes is None:
        detail = f"{record.action} cannot follow {state or 'nothing held'}"
        return _receipt(record, "rejected", receipt_no, "wrong_order", detail)
    connection.execute(
        "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            endpoint, record.record_id, record.kind, record.version, becomes, record.digest, record.payload,
            receipt_no,
        ),
    )  # fmt: skip
    connection.execute(  # every action that took effect, in order: what a test of the sender can count
        "INSERT INTO applied (endpoint, record_id, version, action) VALUES (?, ?, ?, ?)",
        (endpoint, record.record_id, record.version, record.action),
    )
    return _receipt(record, "accepted", receipt_no)


def _receipt(
    record: Record, status: str, receipt_no: str, code: str | None = None, message: str | None = None
) -> dict[str, object]:
    return {
        "record_id": record.record_id,
        "version": record.version,
        "status": status,
        "receipt_no": receipt_no,
        "code": code,
        "message": message,
    }
