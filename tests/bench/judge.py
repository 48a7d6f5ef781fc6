"""How fast records are judged: a million in memory, and a day of a real ledger on which 500 are due.

    python tests/bench/judge.py [RESULTS]          (default 1,000,000)

Prints verdicts a second for the mix below, the same as a multiple of a plain Python loop timed on the same machine (so
that a busy or a slow machine can be told from a slow judge), and how many records one day's judge stage touched.
"""

import gc
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter, process_time

import orjson

from publisher import pipeline
from publisher.ledger import Ledger
from publisher.ledger.intake import arrival, keep
from publisher.ledger.store import start_run
from publisher.ledger.verdicts import state_counts
from publisher.model import Received, Result
from publisher.portal import Watcher, opened
from publisher.rules import facts_of, judge, load_profile, load_workdays
from publisher.settings import load

DAY = date(2026, 11, 20)
FIRST = date(2021, 4, 1)
DAYS = (DAY - FIRST).days
LEDGER_RESULTS = 20_000
DUE = 500
# of a hundred results: 82 with nothing found, 10 negative, 4 of two versions, 3 with cases, 1 not final
KINDS = ["clear"] * 82 + ["negative"] * 10 + ["corrected"] * 4 + ["cases"] * 3 + ["open"]
SPREAD = 37  # a step without a common divisor with 100: every kind on every day


def body(number: int, kind: str, ended_on: date, version: int = 1) -> dict[str, object]:
    """One result as it arrives; the firms are numbers."""
    finalized = None if kind == "open" else f"{ended_on + timedelta(5 + 3 * version)}T09:00:00+08:00"
    return {
        "kind": "result", "result_id": f"R{number:07}", "version": version, "plan_id": "P-1", "task_id": "T-1",
        "subject": {"kind": "enterprise", "name": f"测试{number}号有限公司", "uscc": None, "reg_no": None,
                    "region_code": "320102"},
        "authority": "测试局", "departments": ["市监"], "inspection_type": None, "methods": None,
        "ended_on": ended_on.isoformat(), "recorded_at": f"{ended_on}T17:00:00+08:00", "finalized_at": finalized,
        "findings": [{"seq": 1, "item_code": "A07", "item_name": "公示信息抽查", "outcome_code": None, "note": None,
                      "outcome": "不合格" if kind in ("negative", "cases") else "未发现问题"}],
        "severity": None, "measure": None, "disposition": None, "penalty_no": None, "inspectors": [], "remark": None,
        "openness": "public", "openness_basis": None,
    }  # fmt: skip


def repair(ended_on: date) -> dict[str, object]:
    """A repair granted a year after the inspection."""
    on = (ended_on + timedelta(365)).isoformat()
    return {"case_id": "C-1", "case_type": "repair", "filed_on": on, "decision": "granted", "decided_on": on,
            "accepted_on": None, "lifted_on": None}  # fmt: skip


def calibration() -> float:
    """Rounds a second of a loop that is the same everywhere: dates, tuples and a dictionary, as judging is."""
    begun, seen, day = process_time(), {}, FIRST
    for number in range(500_000):
        seen[number & 1023] = (day + timedelta(number & 255), number)
    return 500_000 / (process_time() - begun)


def in_memory(results: int) -> None:
    profile, workdays = load_profile("jiangsu-2021"), load_workdays()
    facts_seconds = seconds = 0.0
    states: dict[str, int] = {}
    for start in range(0, results, 20_000):
        made = []
        for number in range(start, min(start + 20_000, results)):
            kind, ended_on = KINDS[number * SPREAD % 100], FIRST + timedelta(number % DAYS)
            versions = [body(number, kind, ended_on)] + (
                [body(number, kind, ended_on, 2)] if kind == "corrected" else []
            )
            made.append((versions, [repair(ended_on)] if kind == "cases" else []))
        gc.collect()
        gc.freeze()  # the bodies wait in memory only here: what the judge makes itself is collected as ever
        begun = process_time()
        facts = [facts_of("result", versions, cases, None, (), profile) for versions, cases in made]
        facts_seconds += process_time() - begun
        begun = process_time()
        verdicts = [judge(each, profile, workdays, DAY) for each in facts]
        seconds += process_time() - begun
        gc.unfreeze()
        for verdict in verdicts:
            states[verdict.state] = states.get(verdict.state, 0) + 1
    rounds = calibration()
    print(f"results           {results:>12,}   {states}")
    print(f"verdicts a second {results / seconds:>12,.0f}   from their facts, one core")
    print(f"with their facts  {results / (seconds + facts_seconds):>12,.0f}   from JSON bodies already parsed")
    print(
        f"calibration       {rounds:>12,.0f}   rounds a second; a verdict costs {rounds * seconds / results:.2f} rounds"
    )


def on_a_ledger() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "source").mkdir()
        (root / "publisher.toml").write_text(
            '[portal]\nname = "测试"\nbase_url = "https://example.org"\nregion_code = "320000"\n'
            'profile = "jiangsu-2021"\n'
            '[source]\nkind = "folder"\npath = "source"\n',
            "utf-8",
        )
        settings = load(root / "publisher.toml")
        # what changes by time alone on DAY: negative results of the kind whose year of publicity is over on it
        final_on = date(DAY.year - 1, DAY.month, DAY.day)
        with Ledger(settings.ledger.url) as ledger, ledger.transaction() as connection:
            run_no = start_run(connection, DAY)
            for start in range(0, LEDGER_RESULTS, 1000):
                records = []
                for number in range(start, start + 1000):
                    due = number < DUE
                    ended_on = final_on - timedelta(8) if due else FIRST + timedelta(number % 300)
                    made = body(number, "negative" if due else "clear", ended_on)
                    records.append(arrival(Received(Result.model_validate(made), made, "bench", None)))
                keep(connection, run_no, records)
        touched = []
        for day in (DAY - timedelta(1), DAY, DAY):
            done: list[int] = []
            watcher = Watcher(progress=lambda stage, number, total, done=done: done.append(number))
            with opened(settings, day, watcher) as portal:
                begun = perf_counter()
                changed = pipeline.judge(portal)
                touched.append((day, max(done, default=0), changed, perf_counter() - begun))
        with Ledger(settings.ledger.url) as ledger, ledger.reading() as connection:
            states = state_counts(connection)
        print(f"ledger            {LEDGER_RESULTS:>12,}   results; {orjson.dumps(states).decode()}")
        for day, judged, changed, seconds in touched:
            print(f"judge {day}  {judged:>12,}   touched, {changed:,} changed for the public, {seconds:.2f} s")


if __name__ == "__main__":
    in_memory(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
    on_a_ledger()
