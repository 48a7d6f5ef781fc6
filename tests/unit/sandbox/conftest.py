"""A real sandbox on a free port, and a client that knows HTTP and nothing of the sandbox's code."""

import hashlib
import http.client
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from publisher.sandbox import Sandbox

TOKEN = "the-token"


def sha256_member(body: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One keep-alive connection; every answer with a body must carry its right digest."""

    def __init__(self, port: int, check_digest: bool = True) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.check_digest = check_digest

    def ask(
        self, method: str, path: str, body: bytes | None = None, token: str | None = TOKEN, **headers: str
    ) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        try:
            self.connection.request(method, path, body, sent)
            response = self.connection.getresponse()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            raise
        reply = Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        if reply.body and self.check_digest:
            assert reply.headers["content-digest"] == sha256_member(reply.body)
        if reply.status >= 400:
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.json["status"] == reply.status
            assert reply.json["title"]
            assert reply.json["detail"]
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, **headers)

    def post_raw(self, body: bytes, key: str = "k-1", endpoint: str = "", **headers: str) -> Reply:
        headers = {"Idempotency_Key": key, "Content_Digest": sha256_member(body)} | headers
        return self.ask("POST", f"{endpoint}/v1/batches", body, **headers)

    def post(self, records: list[dict[str, Any]], key: str = "k-1", endpoint: str = "", **headers: str) -> Reply:
        return self.post_raw(batch_of(records), key, endpoint, **headers)

    def statuses(self, records: list[dict[str, Any]], key: str, endpoint: str = "") -> list[tuple[str, str | None]]:
        reply = self.post(records, key, endpoint)
        assert reply.status == 200, reply.body
        return [(receipt["status"], receipt["code"]) for receipt in reply.json["receipts"]]


def batch_of(records: list[dict[str, Any]]) -> bytes:
    return json.dumps({"batch_id": "b-1", "sender": "320000", "records": records}, ensure_ascii=False).encode()


def a_record(
    record_id: str = "R-1", version: int = 1, action: str = "publish", text: str = "未发现问题"
) -> dict[str, Any]:
    payload = None if action == "withdraw" else {"result_id": record_id, "outcome": text}
    digest = None if payload is None else hashlib.sha256(rfc8785.dumps(payload)).hexdigest()
    return {
        "record_id": record_id,
        "kind": "result",
        "version": version,
        "action": action,
        "basis": "R0-01",
        "payload": payload,
        "digest": digest,
    }


@dataclass(frozen=True)
class FarEnd:
    sandbox: Sandbox
    client: Client
    _stack: ExitStack

    def another_client(self, check_digest: bool = True) -> Client:
        client = Client(self.sandbox.port, check_digest)
        self._stack.callback(client.connection.close)
        return client


@pytest.fixture
def run() -> Iterator[Callable[..., FarEnd]]:
    """Starts sandboxes that end with the test."""
    with ExitStack() as stack:

        def start(folder: Path | None = None, state: Path | None = None, **options: Any) -> FarEnd:
            sandbox = stack.enter_context(Sandbox(folder, state, options.pop("token", TOKEN), **options))
            client = Client(sandbox.port)
            stack.callback(client.connection.close)
            return FarEnd(sandbox, client, stack)

        yield start


@pytest.fixture
def record() -> Callable[..., dict[str, Any]]:
    return a_record
