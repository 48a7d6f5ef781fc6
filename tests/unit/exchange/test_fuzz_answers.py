"""Answers of endpoints and feedback files, damaged: each is refused in words or taken for what it says; nothing raises,
nothing is lost, and an honest answer settles everything afterwards.
"""

import http.server
import json
import os
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.errors import EndpointError
from publisher.exchange import Endpoint
from publisher.exchange.client import Client
from publisher.exchange.wire import Message, Submission
from publisher.transport import RetryPolicy

from ..source.damage import CHANGES, damage

EXAMPLES = int(os.environ.get("PUBLISHER_TEST_EXAMPLES", "40"))
SOME = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
STATUSES = st.sampled_from([200, 200, 200, 400, 401, 404, 409, 413, 422, 429, 500])


def receipts(said: bytes) -> list[dict[str, Any]]:
    return [
        {"record_id": one["record_id"], "version": one["version"], "status": "accepted", "receipt_no": "F-1"}
        for one in (json.loads(line) for line in said.splitlines())
    ]


def test_damaged_feedback_loses_nothing(new_book: Any, tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    book = new_book(Endpoint("credit", "filedrop", path=drop, batch_records=50))
    numbers = iter(range(1_000_000))

    @SOME
    @given(CHANGES)
    def fed(changes: list[Any]) -> None:
        first, last = next(numbers), next(numbers)
        book.show(f"R-{first:06}")
        book.show(f"R-{last:06}")
        book.push()
        (ready,) = (drop / "outbox").glob("*.ready")
        feedback = drop / "feedback" / f"{ready.stem}.jsonl"
        honest = "".join(json.dumps(one) + "\n" for one in receipts(ready.with_suffix(".jsonl").read_bytes())).encode()
        feedback.write_bytes(damage(honest, changes))
        pushed = book.push()
        if pushed.error is not None:
            assert str(feedback) in pushed.error
            assert pushed.owed == 2
            feedback.write_bytes(honest)
            pushed = book.push()
        for _ in range(3):  # what was rejected or left out goes out again
            for ready in (drop / "outbox").glob("*.ready"):
                lines = receipts(ready.with_suffix(".jsonl").read_bytes())
                (drop / "feedback" / f"{ready.stem}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
            pushed = book.push()
        assert pushed.error is None
        assert pushed.owed - pushed.refused <= 0
        assert not list((drop / "outbox").iterdir())
        assert not book.unsettled

    fed()


def test_a_damaged_answer_is_refused_or_taken_for_what_it_says(stack: ExitStack) -> None:
    answer: dict[str, Any] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(len(answer["body"])))
            self.end_headers()
            self.wfile.write(answer["body"])

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    patience = RetryPolicy(attempts=1, budget=5, total=600, in_a_row=1_000_000)
    endpoint = Endpoint("far", "api", url=f"http://127.0.0.1:{server.server_address[1]}", token="a-secret-token")
    client = stack.enter_context(Client(endpoint, retry=patience, sleep=lambda seconds: None))
    sent = Submission.of([Message("R-1", "result", 1, "publish", "R0-01", {"a": 1})], "320000", "b" * 32)
    told = {"record_id": "R-1", "version": 1, "status": "accepted", "receipt_no": "a-secret-token"}
    batch = json.dumps({"batch_id": "b" * 32, "receipts": [told]}).encode()
    held = {"record_id": "R-1", "version": 1, "state": "published", "digest": "d"}
    listed = json.dumps({"records": [held, held | {"record_id": "R-2"}], "next": None}).encode()

    @SOME
    @given(CHANGES, STATUSES)
    def fed(changes: list[Any], status: int) -> None:
        words = []
        answer.update(status=status, body=damage(batch, changes))
        for asking in (lambda: client.submit(sent), lambda: client.find_batch(sent)):
            try:
                reply = asking()
            except EndpointError as error:
                words.append(str(error))
            else:
                assert reply is None or all(one.record_id == "R-1" and one.version == 1 for one in reply.receipts)
                words.append(str(reply))
        answer.update(body=damage(listed, changes))
        try:
            found = [one for one, _ in zip(client.records(), range(10), strict=False)]
        except EndpointError as error:
            words.append(str(error))
        else:
            assert all(one.version > 0 for one in found)
        assert not [one for one in words if "a-secret-token" in one]

    fed()
