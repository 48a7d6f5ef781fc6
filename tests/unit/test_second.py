"""A second process makes ready what the first one writes: the same, in the same order, and its errors are told."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from publisher import keeping, pipeline, second
from publisher.errors import LedgerError, RenderFailed, RuleError, SourceUnavailable
from publisher.ledger import Ledger, schema
from publisher.portal import Watcher, opened
from publisher.second import done_elsewhere, made_elsewhere, pays

DAY = date(2021, 6, 20)


def numbers(until: int) -> Iterator[list[int]]:
    for number in range(until):
        yield [number] * 20_000  # more than a pipe holds


def failing() -> Iterator[str]:
    yield "one"
    raise RuleError("no such rule")


def process_id() -> Iterator[int]:
    yield os.getpid()
    yield from count()


def test_what_comes_keeps_its_order():
    with made_elsewhere(numbers, 5) as items:
        assert [one[0] for one in items] == [0, 1, 2, 3, 4]


def test_an_error_of_ours_arrives_as_it_was_raised():
    with made_elsewhere(failing) as items:
        assert next(items) == "one"
        with pytest.raises(RuleError, match="no such rule"):
            next(items)


def test_the_process_ends_with_the_block_though_it_has_more_to_give():
    with made_elsewhere(process_id) as items:
        number = next(items)
        assert number != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_process_that_is_killed_is_told():
    with made_elsewhere(process_id) as items:
        os.kill(next(items), signal.SIGKILL)
        with pytest.raises(LedgerError, match="run again"):
            list(items)


def test_a_fork_knows_what_its_maker_knew_and_ends_with_the_block():
    known = [os.getpid()]
    with made_elsewhere(lambda: iter([(known[0], os.getpid())]), is_fork=True) as items:
        maker, number = next(items)
        assert maker == os.getpid() != number
        assert list(items) == []
    with made_elsewhere(lambda: (os.getpid() for _ in count()), is_fork=True) as items:
        number = next(items)
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_an_error_that_is_none_of_ours_is_told_with_its_words():
    with (
        made_elsewhere(lambda: iter([{}["no such key"]]), is_fork=True) as items,
        pytest.raises(LedgerError, match="KeyError: 'no such key'"),
    ):
        next(items)


def counting(tell, until: int) -> str:
    for number in range(until):
        tell("counted", number)
    return f"process {os.getpid()}"


@pytest.mark.parametrize("is_fork", [True, False])
def test_a_work_done_elsewhere_tells_and_returns(is_fork):
    told = []
    done = done_elsewhere(counting, 3, on_told=lambda *said: told.append(said), is_fork=is_fork)
    assert told == [("counted", 0), ("counted", 1), ("counted", 2)]
    assert done.startswith("process ")
    assert done != f"process {os.getpid()}"


def dying(tell) -> None:
    tell("begun")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_work_that_fails_elsewhere_is_told_as_its_caller_wants():
    told = []
    with pytest.raises(RenderFailed, match="ended with status -9"):
        done_elsewhere(dying, on_told=told.append, is_fork=True, fails=RenderFailed)
    assert told == ["begun"]
    with pytest.raises(RenderFailed, match="failed: TypeError"):
        done_elsewhere(len, on_told=told.append, is_fork=True, fails=RenderFailed)


def test_a_process_with_threads_does_not_fork(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert second.may_fork()
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert not second.may_fork()


def test_few_items_are_not_worth_a_process():
    assert not pays(99, 100)


def everything(settings) -> dict[str, list[tuple[object, ...]]]:
    """What pull and judge wrote, without what is drawn at random and the marks of files."""
    random = ("ref", "chain", "key", "path", "started_at")
    with Ledger(settings.ledger.url) as ledger, ledger.reading() as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(select(*(c for c in table.c if c.name not in random)))),
                key=repr,
            )
            for table in schema.metadata.sorted_tables
            if table.name not in ("meta", "seen")
        }


@pytest.mark.parametrize(("chunk", "forks"), [(3, True), (3, False), (2000, True)])
def test_two_processes_decide_what_one_does(
    portal_dir, make_portal, tmp_path_factory, monkeypatch, make_plan, make_result, make_case, chunk, forks
):
    other = make_portal(Path(tmp_path_factory.mktemp("other")))
    records = [
        make_plan(),
        *(make_result(one) for one in range(1, 12)),
        make_result(12, outcome="不合格"),
        make_result(13, finalized_at=None),
        make_result(14, remark="电话13800138000，张三"),
        make_result(3, version=2, authority="另一个局"),
        make_case("withhold", decision="granted", decided_on="2021-06-19", decided_by="测某"),
        {"kind": "result"},
    ]
    told, shown, begun = [], [], tmp_path_factory.mktemp("begun") / "by"

    def counted(make, *args, **named):
        with begun.open("a") as file:
            file.write(f"{make.__name__} {os.getpid() == here}\n")
        return made_elsewhere(make, *args, **named)

    here = os.getpid()
    monkeypatch.setattr(second, "may_fork", lambda: forks)  # there are threads where tests run side by side
    monkeypatch.setattr("publisher.portal.may_fork", lambda: forks)
    for place in (keeping, pipeline):
        monkeypatch.setattr(place, "made_elsewhere", counted)
    monkeypatch.setattr(keeping, "CHUNK", chunk)
    monkeypatch.setattr(pipeline, "JUDGE_CHUNK", chunk)
    for portal, least in ((portal_dir, 1_000_000_000), (other, 1)):
        monkeypatch.setattr(pipeline, "SECOND_FROM_RECORDS", least)
        monkeypatch.setattr(pipeline, "SECOND_FROM_BYTES", least)
        portal.give(*records)
        seen = []
        watcher = Watcher(progress=lambda *said, seen=seen: seen.append(said))
        with opened(portal.settings, DAY, watcher) as ready:
            told.append((pipeline.pull(ready), pipeline.judge(ready)))
        shown.append(seen)
    assert begun.read_text().splitlines() == [f"chunks_of {not forks}", f"drafts_of {not forks}"]
    assert shown[0] == shown[1]
    assert len(shown[0]) > 1
    assert told[0] == told[1]
    assert told[0][1] > 10
    assert everything(portal_dir.settings) == everything(other.settings)


def test_a_source_that_fails_in_the_second_process_is_told(portal_dir, monkeypatch, make_result):
    monkeypatch.setattr(pipeline, "SECOND_FROM_BYTES", 0)
    portal_dir.give(make_result(1))
    folder = portal_dir.settings.source.path
    folder.rename(folder.with_name("elsewhere"))
    with (
        opened(portal_dir.settings, DAY, Watcher()) as ready,
        pytest.raises(SourceUnavailable, match="is not there"),
    ):
        pipeline.pull(ready)


STARTS_ANOTHER = """
import os, sys
from publisher.second import made_elsewhere
from tests.unit.test_second import process_id
if __name__ == "__main__":
    with made_elsewhere(process_id) as items:
        print(next(items), flush=True)
        sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the system ends processes with their parents on Linux alone")
def test_the_process_ends_with_the_one_that_started_it(tmp_path):
    file = tmp_path / "starts.py"
    file.write_text(STARTS_ANOTHER, "utf-8")
    root = Path(__file__).parents[2]
    first = subprocess.Popen(
        [sys.executable, file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    with first:
        number = int(first.stdout.readline())
        os.kill(number, 0)
        first.kill()
        for _ in range(100):
            if not is_running(number):
                break
            time.sleep(0.05)
        assert not is_running(number)


def is_running(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
