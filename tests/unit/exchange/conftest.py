"""A ledger filled by hand, and real endpoints to push it to."""

import dataclasses
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, insert, select, update

from publisher.exchange import Difference, Endpoint, Pushed, push, reconcile
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pushes
from publisher.ledger.schema import batch, held, owed_push, receipt, record, shown
from publisher.ledger.store import start_run
from publisher.sandbox import Limits, Sandbox

TOKEN = "the-token"


def result_body(result_id: str, name: str = "玄武云桥测试有限公司", **changes: Any) -> dict[str, Any]:
    return {
        "kind": "result",
        "result_id": result_id,
        "version": 1,
        "plan_id": "P-1",
        "task_id": "T-1",
        "subject": {
            "kind": "enterprise",
            "name": name,
            "uscc": "91320102MA00000036",
            "reg_no": None,
            "region_code": "320102",
        },
        "authority": "南京市玄武区市场监督管理局",
        "departments": ["教育", "市监"],
        "inspection_type": "不定向",
        "methods": "现场检查",
        "ended_on": "2021-06-02",
        "findings": [
            {
                "seq": 1,
                "item_code": "A07",
                "item_name": "公示信息抽查",
                "outcome": "未发现问题",
                "outcome_code": None,
                "note": None,
            }
        ],
        "severity": None,
        "measure": None,
        "disposition": None,
        "penalty_no": None,
        "remark": None,
    } | changes


def plan_body(plan_id: str = "P-1", title: str = "2021年度抽查计划") -> dict[str, Any]:
    return {
        "kind": "plan",
        "plan_id": plan_id,
        "title": title,
        "tasks": [{"task_id": "T-1", "name": "校外培训机构联合抽查"}],
    }


@dataclass
class Book:
    """The ledger as the judge stage leaves it, and one endpoint's side of it."""

    ledger: Ledger
    endpoint: Endpoint
    sleep: Callable[[float], None]
    said: list[str]

    def show(self, record_id: str, kind: str = "result", body: dict[str, Any] | None = None) -> None:
        """Publish a record, or publish another content of it."""
        body = body or (result_body(record_id) if kind == "result" else plan_body(record_id))
        with self.ledger.transaction() as connection:
            self._show(connection, kind, record_id, body)

    def show_many(self, records: list[tuple[str, str]]) -> None:
        """Publish records, each an id and a kind, all at once."""
        with self.ledger.transaction() as connection:
            for record_id, kind in records:
                body = result_body(record_id) if kind == "result" else plan_body(record_id)
                self._show(connection, kind, record_id, body)

    def _show(self, connection: Any, kind: str, record_id: str, body: dict[str, Any]) -> None:
        number = self._act(connection, kind, record_id, "published")
        connection.execute(delete(shown).where(shown.c.record_no == number))
        text = orjson.dumps(body).decode()
        connection.execute(insert(shown).values(record_no=number, body=text, beside="{}"))

    def stop(self, record_id: str, kind: str = "result") -> None:
        with self.ledger.transaction() as connection:
            number = self._act(connection, kind, record_id, "withdrawn")
            connection.execute(delete(shown).where(shown.c.record_no == number))

    def _act(self, connection: Any, kind: str, record_id: str, state: str) -> int:
        where = (record.c.kind == kind, record.c.record_id == record_id)
        number = connection.execute(select(record.c.record_no).where(*where)).scalar()
        if number is None:
            values = {"kind": kind, "record_id": record_id, "basis": "R0-01", "plan_id": "P-1"}
            number = connection.execute(insert(record).values(**values)).inserted_primary_key[0]
        connection.execute(
            update(record).where(record.c.record_no == number).values(state=state, version=record.c.version + 1)
        )
        owe_pushes(connection, [number], [self.endpoint.name])
        return int(number)

    def set_version(self, record_id: str, version: int) -> None:
        with self.ledger.transaction() as connection:
            connection.execute(update(record).where(record.c.record_id == record_id).values(version=version))

    def push(self, endpoint: Endpoint | None = None, sleep: Callable[[float], None] | None = None) -> Pushed:
        endpoint = endpoint or self.endpoint
        with self.ledger.transaction() as connection:
            run_no = start_run(connection, date(2021, 6, 9))
        pushed = push(self.ledger, [endpoint], run_no, self.said.append, sender="320000", sleep=sleep or self.sleep)
        return pushed[endpoint.name]

    def reconcile(self, repair: bool = False) -> list[Difference]:
        found = reconcile(self.ledger, self.endpoint, repair=repair, say=self.said.append, sleep=self.sleep)
        return list(found)

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.ledger.reading() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table))]

    def receipts(self) -> list[tuple[str, int, str, str]]:
        """Record id, version, action and status of every receipt, in order of arrival."""
        query = (
            select(record.c.record_id, receipt.c.version, receipt.c.action, receipt.c.status)
            .join(record, record.c.record_no == receipt.c.record_no)
            .order_by(receipt.c.receipt_seq)
        )
        with self.ledger.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]  # type: ignore[misc]

    @property
    def held(self) -> dict[str, tuple[int, str]]:
        """Version and state of what the endpoint is known to hold, by id."""
        query = select(record.c.record_id, held.c.version, held.c.state).join(
            record, record.c.record_no == held.c.record_no
        )
        with self.ledger.reading() as connection:
            return {row.record_id: (row.version, row.state) for row in connection.execute(query)}

    @property
    def unsettled(self) -> list[dict[str, Any]]:
        return self.rows(batch)

    @property
    def owed(self) -> list[dict[str, Any]]:
        return self.rows(owed_push)


@dataclass
class FarSide:
    """What the endpoint holds, read from the sandbox's own memory and not through the code under test."""

    sandbox: Sandbox

    def holds(self, name: str = "gsxt") -> dict[str, tuple[int, str, Any]]:
        with self.sandbox._state.transaction() as connection:
            rows = connection.execute(
                "SELECT record_id, version, state, payload FROM record WHERE endpoint = ?", (name,)
            ).fetchall()
        return {row[0]: (row[1], row[2], row[3] and orjson.loads(row[3])) for row in rows}

    def batches(self, name: str = "gsxt") -> int:
        with self.sandbox._state.transaction() as connection:
            query = "SELECT count(*) FROM batch WHERE endpoint = ?"
            return int(connection.execute(query, (name,)).fetchone()[0])

    def forget(self, record_id: str, name: str = "gsxt") -> None:
        self.sql("DELETE FROM record WHERE endpoint = ? AND record_id = ?", (name, record_id))

    def sql(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        with self.sandbox._state.transaction() as connection:
            connection.execute(statement, values)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def new_ledger(stack: ExitStack, tmp_path: Path) -> Callable[[], Ledger]:
    def make() -> Ledger:
        number = len(list(tmp_path.glob("*.db")))
        return stack.enter_context(Ledger(f"sqlite:///{tmp_path}/ledger-{number}.db"))

    return make


@pytest.fixture
def sandbox(stack: ExitStack) -> Sandbox:
    return stack.enter_context(Sandbox(token=TOKEN, limits=Limits(max_records=50)))


@pytest.fixture
def far(sandbox: Sandbox) -> FarSide:
    return FarSide(sandbox)


def no_sleep(seconds: float) -> None:
    assert seconds >= 0


@pytest.fixture
def endpoint(sandbox: Sandbox) -> Endpoint:
    return Endpoint("gsxt", "api", url=f"{sandbox.url}/gsxt", token=TOKEN, token_env="GSXT_TOKEN", batch_records=20)


@pytest.fixture
def new_book(new_ledger: Callable[[], Ledger], endpoint: Endpoint) -> Callable[..., Book]:
    def make(of: Endpoint | None = None) -> Book:
        return Book(new_ledger(), of or endpoint, no_sleep, [])

    return make


@pytest.fixture
def book(new_book: Callable[..., Book]) -> Book:
    return new_book()


@pytest.fixture
def result() -> Callable[..., dict[str, Any]]:
    return result_body


@pytest.fixture
def plan() -> Callable[..., dict[str, Any]]:
    return plan_body


@pytest.fixture
def odd(stack: ExitStack, endpoint: Endpoint) -> tuple[Endpoint, list[Callable[[Any], tuple[int, Any]]]]:
    """Serve an endpoint that answers batches and lists of records as its test tells it, and knows no batch."""
    answers: list[Callable[[Any], tuple[int, Any]]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(*answers[0](None) if "/v1/records" in self.path else (404, {}))

        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send(*answers[0](said))

        def _send(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return dataclasses.replace(endpoint, url=f"http://127.0.0.1:{server.server_address[1]}"), answers


class Recorder:
    """A far end that accepts everything, and keeps the requests it was sent: method, path, headers, body.

    ``routes`` answer other paths; what is in ``refuse`` is an ``Authorization`` answered 401.
    """

    def __init__(self, tls: Any = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.routes: dict[str, Callable[[Any], tuple[int, Any]]] = {}
        self.refuse: set[str] = set()
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = (self.command, self.path, headers, body)
                recorder.requests.append(request)
                status, said = recorder.answer(request)
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, request: tuple[str, str, dict[str, str], bytes]) -> tuple[int, Any]:
        method, path, headers, body = request
        if path in self.routes:
            return self.routes[path](request)
        if headers.get("authorization") in self.refuse:
            return 401, {}
        if method == "POST":
            said = json.loads(body)
            receipts = [
                {"record_id": one["record_id"], "version": one["version"], "status": "accepted", "receipt_no": "1"}
                for one in said["records"]
            ]
            return 200, {"batch_id": said["batch_id"], "receipts": receipts}
        return (200, {"records": [], "next": None}) if "/v1/records" in path else (404, {})

    def __iter__(self) -> Iterator[Any]:
        return iter((self.url, self.requests))


@pytest.fixture
def recorder_at(stack: ExitStack) -> Callable[..., Recorder]:
    def make(tls: Any = None) -> Recorder:
        made = Recorder(tls)
        stack.callback(made.server.server_close)
        stack.callback(made.server.shutdown)
        return made

    return make


@pytest.fixture
def recorder(recorder_at: Callable[..., Recorder]) -> Recorder:
    return recorder_at()
