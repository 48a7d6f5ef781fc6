"""A storm: everything that can go wrong between us and two endpoints goes wrong, and both must end exactly right.

    python tests/bench/storm.py --records 20000 --kills 100 --seed 1

One process plays the judge stage: it publishes, corrects and withdraws records at random, in a ledger file. A forked
child pushes what is owed and is killed (SIGKILL) at a random moment. The far end is a third process: it loses
requests and replies, answers 500, 503 and 429, leaves out, repeats and shuffles receipts, is slow, and is itself
killed and started again over its own file. All of it follows from the seed, but for when exactly a kill strikes.

At the end the far end's own file says whether each endpoint holds exactly what the ledger shows, whether each (record,
version) was applied once, with versions that grow and in a legal order, and whether ``reconcile`` finds nothing. Exit 1
when any of that fails.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert

from publisher.errors import EndpointError
from publisher.exchange import Endpoint, load_mapping, push, reconcile
from publisher.exchange.wire import canonical
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pushes
from publisher.ledger.schema import record, shown
from publisher.ledger.store import start_run
from publisher.sandbox import Limits, Sandbox

TOKEN = "storm"
MAPPINGS = {"gsxt": "gsxt", "credit": "plain"}
FAULTS = (
    "lost_after=0.1,lost_before=0.1,http_500=0.05,http_503=0.05,http_429=0.05,"
    "partial=0.05,shuffled=0.05,duplicates=0.05,slow=0.03,slow_seconds=0.05"
)
FASTER = 20  # waits are shortened by this, so that a storm of hours takes minutes
BATCH = 50
LEGAL = {(None, "publish"), ("publish", "correct"), ("publish", "withdraw"), ("correct", "correct"),
         ("correct", "withdraw"), ("withdraw", "publish")}  # fmt: skip


def body_of(record_id: str, edition: int) -> dict[str, Any]:
    return {
        "kind": "result", "result_id": record_id, "version": edition, "plan_id": "P-1", "task_id": "T-1",
        "subject": {"kind": "enterprise", "name": f"风暴测试第{record_id}有限公司", "uscc": None,
                    "reg_no": "320100000000001", "region_code": "320102"},
        "authority": "测试机关", "departments": ["市监"], "inspection_type": "不定向", "methods": "现场检查",
        "ended_on": "2021-06-02",
        "findings": [{"seq": 1, "item_code": "A07", "item_name": "公示信息抽查", "outcome": "未发现问题",
                      "outcome_code": None, "note": None}],
        "severity": None, "measure": None, "disposition": None, "penalty_no": None, "remark": f"第{edition}稿",
    }  # fmt: skip


class Judge:
    """Plays the stage before: what is shown changes at random, and each change is owed to both endpoints."""

    def __init__(self, url: str, records: int, draw: random.Random) -> None:
        self._url, self._draw, self._records = url, draw, records
        self.editions: dict[int, int] = {}  # by number of the record: the edition shown; absent: not shown
        self._made = self._edition = 0
        self.done: Counter[str] = Counter()

    def act(self, count: int) -> None:
        with Ledger(self._url) as ledger, ledger.transaction() as connection:
            touched = []
            new = min(count, self._records - self._made)
            if new:
                numbers = range(self._made + 1, self._made + new + 1)
                connection.execute(
                    insert(record),
                    [
                        {"record_no": n, "kind": "result", "record_id": f"R-{n:07}", "basis": "R0-01",
                         "plan_id": "P-1", "state": "pending", "version": 0}
                        for n in numbers
                    ],
                )  # fmt: skip
                for number in numbers:
                    self._show(connection, number)
                self._made += new
                touched += numbers
            for number in self._draw.sample(range(1, self._made + 1), min(count // 2, self._made)):
                if number in self.editions and self._draw.random() < 0.5:
                    self._stop(connection, number)
                else:
                    self._show(connection, number)
                touched.append(number)
            owe_pushes(connection, touched, list(MAPPINGS))

    def _show(self, connection: Any, number: int) -> None:
        self._edition += 1
        self.done["corrected" if number in self.editions else "published"] += 1
        self.editions[number] = self._edition
        connection.execute(shown.delete().where(shown.c.record_no == number))
        text = orjson.dumps(body_of(f"R-{number:07}", self._edition)).decode()
        connection.execute(insert(shown).values(record_no=number, body=text, beside="{}"))
        self._turn(connection, number, "published")

    def _stop(self, connection: Any, number: int) -> None:
        self.done["withdrawn"] += 1
        del self.editions[number]
        connection.execute(shown.delete().where(shown.c.record_no == number))
        self._turn(connection, number, "withdrawn")

    def _turn(self, connection: Any, number: int, state: str) -> None:
        turned = record.update().where(record.c.record_no == number)
        connection.execute(turned.values(state=state, version=record.c.version + 1))

    @property
    def is_done(self) -> bool:
        return self._made == self._records


def endpoints(port: int) -> list[Endpoint]:
    return [
        Endpoint(name, "api", url=f"http://127.0.0.1:{port}/{name}", token=TOKEN, mapping=mapping, batch_records=BATCH)
        for name, mapping in MAPPINGS.items()
    ]


def fork(work: Any) -> int:
    """Run ``work`` in a child process that ends with it; return its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        status = work() or 0
    except BaseException as error:
        print(f"child: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


def far_end(port: int, state: Path, seed: int, faults: str) -> int:
    def serve() -> None:
        sandbox = Sandbox(
            state=state, token=TOKEN, port=port, seed=seed, faults=[faults], limits=Limits(max_records=80)
        )
        sandbox.start()._thread.join()

    child = fork(serve)
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return child
        time.sleep(0.02)
    raise RuntimeError("the far end did not start")


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def push_once(url: str, port: int) -> int:
    """Push in this process; 0: nothing is owed any more, 1: something is."""

    def sleep(seconds: float) -> None:
        time.sleep(seconds / FASTER)

    with Ledger(url) as ledger:
        with ledger.transaction() as connection:
            run_no = start_run(connection, date(2021, 6, 9))
        done = push(ledger, endpoints(port), run_no, lambda line: None, sender="320000", sleep=sleep)
    refused = {name: one.refused for name, one in done.items() if one.refused}
    if refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 2
    return 1 if any(one.owed or one.error for one in done.values()) else 0


def wait_or_kill(child: int, seconds: float) -> int | None:
    """Return the status of a child, or None: it was killed after ``seconds``."""
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    kill(child)
    return None


def wrongs(state: Path, judge: Judge, url: str, port: int) -> list[str]:
    """Return everything that is not as it must be, read from the far end's file and by ``reconcile``."""
    found: list[str] = []
    far = sqlite3.connect(state)
    for name, mapping_name in MAPPINGS.items():
        mapping = load_mapping(mapping_name)
        rows = far.execute("SELECT record_id, state, digest FROM record WHERE endpoint = ?", (name,))
        held = {row[0]: (row[1], row[2]) for row in rows}
        for number, edition in judge.editions.items():
            record_id = f"R-{number:07}"
            payload = mapping.payload("result", body_of(record_id, edition), None)
            assert isinstance(payload, dict)
            wanted = ("published", hashlib.sha256(canonical(payload)).hexdigest())
            if (there := held.pop(record_id, None)) != wanted:
                found.append(f"{name}: {record_id} should be {wanted}, is {there}")
        found += [f"{name}: {one} should not be shown" for one, there in held.items() if there[0] != "withdrawn"]
        last: dict[str, tuple[int, str]] = {}
        applied = far.execute("SELECT record_id, version, action FROM applied WHERE endpoint = ? ORDER BY seq", (name,))
        for record_id, version, action in applied:
            before = last.get(record_id)
            if before is not None and version <= before[0]:
                found.append(f"{name}: {record_id} version {version} was applied after {before[0]}")
            if (before and before[1], action) not in LEGAL:
                found.append(f"{name}: {record_id} {action} followed {before}")
            last[record_id] = (version, action)
    far.close()
    with Ledger(url) as ledger:
        for endpoint in endpoints(port):
            try:
                differences = list(reconcile(ledger, endpoint, say=lambda line: None))
            except EndpointError as error:
                found.append(f"reconcile {endpoint.name}: {error}")
            else:
                found += [f"reconcile {endpoint.name}: {one}" for one in differences]
    return found


def storm(folder: Path, records: int, kills: int, seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    url, state = f"sqlite:///{folder}/ledger.db", folder / "far.db"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    judge = Judge(url, records, draw)
    rounds = max(10, kills // 2)
    restarts = killed = pushes = 0
    server = far_end(port, state, seed, FAULTS)
    try:
        while not judge.is_done or killed < kills:
            judge.act(max(1, records // rounds) if not judge.is_done else max(1, records // rounds // 4))
            is_cut = killed < kills and draw.random() < 0.6
            seconds = draw.uniform(0.03, 0.8) if is_cut else 600.0
            status = wait_or_kill(fork(lambda: push_once(url, port)), seconds)
            pushes += 1
            killed += status is None
            if status == 2:
                raise SystemExit("an endpoint refused a record")
            if draw.random() < 0.15:
                kill(server)
                restarts += 1
                server = far_end(port, state, seed + restarts, FAULTS)
        for _ in range(200):  # the storm goes on until everything was told
            pushes += 1
            if wait_or_kill(fork(lambda: push_once(url, port)), 600.0) == 0:
                break
        kill(server)
        copied = state.with_suffix(".copy")  # a far end that runs keeps its file to itself
        with contextlib.closing(sqlite3.connect(state)) as source, contextlib.closing(sqlite3.connect(copied)) as copy:
            source.backup(copy)
        server = far_end(port, state, seed, "")
        found = wrongs(copied, judge, url, port)
    finally:
        kill(server)
    with contextlib.closing(sqlite3.connect(copied)) as far:
        applied = dict(far.execute("SELECT action, count(*) FROM applied GROUP BY action"))
    return {
        "seed": seed, "records": records, "changes": dict(judge.done), "applied": applied, "pushes": pushes,
        "clients_killed": killed, "far_end_killed": restarts, "wrong": len(found), "first_wrongs": found[:10],
    }  # fmt: skip


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--records", type=int, default=20_000)
    asked.add_argument("--kills", type=int, default=100)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        told = storm(Path(folder), given.records, given.kills, given.seed)
    told["seconds"] = round(time.monotonic() - began, 1)
    told["client_peak_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(json.dumps(told, ensure_ascii=False))
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
