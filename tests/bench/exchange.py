"""How fast, and in how much memory: a push of many records, and a reconcile of a million, against a sandbox.

    python tests/bench/exchange.py --push 100000
    python tests/bench/exchange.py --reconcile 1000000

The sandbox is a process of its own, so it takes part of the machine too. Before the reconcile both sides are filled
directly, and one record in every 100,000 is spoilt: it must name exactly these. Prints one line of JSON.
"""

import argparse
import json
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import insert

from publisher.exchange import Endpoint, push, reconcile
from publisher.exchange.wire import canonical
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pushes
from publisher.ledger.schema import held, record, shown
from publisher.ledger.store import start_run
from publisher.sandbox import Sandbox
from publisher.sandbox.state import State

TOKEN, CHUNK, EVERY = "bench", 5000, 100_000


def body_of(number: int) -> dict[str, Any]:
    return {
        "kind": "result", "result_id": f"R2021-{number:09}", "version": 1, "plan_id": "32000020210001",
        "task_id": "320000202104010001",
        "subject": {"kind": "enterprise", "name": f"测试第{number}号贸易有限公司", "uscc": "91320102MA00000036",
                    "reg_no": None, "region_code": "320102"},
        "authority": "测试市测试区市场监督管理局", "departments": ["教育", "市监"], "inspection_type": "不定向",
        "methods": "现场检查", "ended_on": "2021-06-02",
        "findings": [{"seq": 1, "item_code": "A07", "item_name": "公示信息抽查", "outcome": "未发现问题",
                      "outcome_code": None, "note": None}],
        "severity": None, "measure": None, "disposition": None, "penalty_no": None, "remark": None,
    }  # fmt: skip


def fill(ledger: Ledger, count: int, *, is_held: bool, far: sqlite3.Connection | None = None) -> None:
    """Show so many records; ``is_held``: both sides agree on them already."""
    for start in range(1, count + 1, CHUNK):
        numbers = range(start, min(start + CHUNK, count + 1))
        bodies = [body_of(number) for number in numbers]
        digests = [sha256(canonical(body)).hexdigest() for body in bodies]
        ids = [body["result_id"] for body in bodies]
        with ledger.transaction() as connection:
            known = {
                "kind": "result",
                "plan_id": "32000020210001",
                "basis": "R0-01",
                "state": "published",
                "version": 1,
            }
            connection.execute(
                insert(record), [known | {"record_no": n, "record_id": i} for n, i in zip(numbers, ids, strict=True)]
            )
            texts = [orjson.dumps(body).decode() for body in bodies]
            connection.execute(
                insert(shown),
                [{"record_no": n, "body": t, "beside": "{}"} for n, t in zip(numbers, texts, strict=True)],
            )
            if not is_held:
                owe_pushes(connection, list(numbers), ["bench"])
                continue
            there = {"endpoint": "bench", "version": 1, "state": "published"}
            connection.execute(
                insert(held), [there | {"record_no": n, "digest": d} for n, d in zip(numbers, digests, strict=True)]
            )
        assert far is not None
        far.executemany(
            "INSERT INTO record VALUES ('bench', ?, 'result', 1, 'published', ?, NULL, '1')",
            [(i, "spoilt" if n % EVERY == 0 else d) for n, i, d in zip(numbers, ids, digests, strict=True)],
        )


def beside(state: Path) -> tuple[int, int]:
    """Start a sandbox in a process of its own; return its number and port."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        sandbox = Sandbox(state=state, token=TOKEN).start()
        os.write(writing, str(sandbox.port).encode())
        os.close(writing)
        sandbox._thread.join()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return child, int(pipe.read())


def measured(work: Callable[[Endpoint], int], state: Path) -> dict[str, Any]:
    child, port = beside(state)
    endpoint = Endpoint("bench", "api", url=f"http://127.0.0.1:{port}/bench", token=TOKEN)
    try:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        began, spent = time.monotonic(), time.process_time()
        count = work(endpoint)
        seconds, spent = time.monotonic() - began, time.process_time() - spent
    finally:
        os.kill(child, 9)
        theirs = os.wait4(child, 0)[2]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {
        "seconds": round(seconds, 1), "a_second": round(count / seconds), "our_cpu_seconds": round(spent, 1),
        "sandbox_cpu_seconds": round(theirs.ru_utime + theirs.ru_stime, 1), "peak_mb": peak, "peak_mb_before": before,
    }  # fmt: skip


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--push", type=int, metavar="RECORDS")
    asked.add_argument("--reconcile", type=int, metavar="RECORDS")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.push:
            with Ledger(f"sqlite:///{folder}/push.db") as ledger:
                fill(ledger, given.push, is_held=False)

                def work(endpoint: Endpoint) -> int:
                    with ledger.transaction() as connection:
                        run_no = start_run(connection, date(2021, 6, 9))
                    (done,) = push(ledger, [endpoint], run_no, print, sender="320000").values()
                    assert done.accepted == given.push, done
                    return given.push

                print(json.dumps({"push": given.push} | measured(work, folder / "push-far.db")))
        if given.reconcile:
            state = folder / "far.db"
            State(state).close()
            far = sqlite3.connect(state)
            with Ledger(f"sqlite:///{folder}/reconcile.db") as ledger:
                fill(ledger, given.reconcile, is_held=True, far=far)
                far.commit()
                far.close()

                def compare(endpoint: Endpoint) -> int:
                    found = [one.name for one in reconcile(ledger, endpoint, say=print)]
                    assert found == ["digest_differs"] * (given.reconcile // EVERY), found
                    return given.reconcile

                print(json.dumps({"reconcile": given.reconcile} | measured(compare, state)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
