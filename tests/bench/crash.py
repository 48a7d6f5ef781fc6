"""Runs that are killed, run out of disk or are fed damaged files: the next run ends where an undisturbed one does.

    python -m tests.bench.crash --kills 200 --full 20 --damaged 20 --seed 1

A small portal of invented firms is run on two days: files of every format on the first, corrections, decisions to
withhold and more results on the second, with a folder as its endpoint that a far end answers. ``outcome.py`` says what
is compared; the site's search files, its log and its change feed are decoded by ``audit``, ``verify`` and ``status
--deep``. Kills (SIGKILL, of the command alone or with every process it started) strike at moments drawn by lot over the
length of a run. A disk of its own, which takes root, is filled so far that a run fails ever later. Damage is a byte
with its highest bit turned, or a file that ends early. Exit 1 when anything is lost or different.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.crash_portal import DAYS, IN_USE, Portal, write_second
from tests.bench.outcome import difference, outcome

FORESEEN = (5, 6, 7)  # the ledger, the site or the folder of the endpoint could not be written
KILLED = -signal.SIGKILL
DISK_MB = 192
STAGES = {  # a run that began after another has reached a stage when there is such a row
    "pull": "SELECT 1 FROM received WHERE run_no > ?",
    "judge": "SELECT 1 FROM entry WHERE run_no > ?",
    "build": "SELECT 1 FROM tree WHERE state IN ('filling', 'open') AND (SELECT max(run_no) FROM run) > ?",
    "push": "SELECT 1 FROM batch WHERE (SELECT max(run_no) FROM run) > ?",
}
FORMATS = {
    "json": "results/b.json", "jsonl": "results/a.jsonl", "csv": "results/c.csv", "xlsx": "results/d.xlsx",
    "toml": "plans/p.toml",
}  # fmt: skip


class Trials:
    """The three trials, and what they found."""

    def __init__(self, folder: Path, seed: int, say: Any) -> None:
        self.folder, self.say = folder, say
        self.seed = seed
        self.wrong: list[str] = []
        self.told: Counter[str] = Counter()
        self.ready = Portal(folder / "ready", folder / "said").make()
        self.portal = self.ready.copy(folder / "undisturbed")
        began = time.monotonic()
        self._must(self.portal.run("run", "--as-of", DAYS[0]))
        self.took = time.monotonic() - began
        self._must(*self.portal.day(DAYS[0]))
        self.first = self.portal.copy(folder / "first")
        self.outcomes = {DAYS[0]: outcome(self.portal.root)}
        write_second(self.portal.source)
        self._must(*self.portal.day(DAYS[1]), *self.portal.checked(DAYS[1]))
        self.outcomes[DAYS[1]] = outcome(self.portal.root)

    def _must(self, *wrong: Any) -> None:
        if any(wrong):
            raise SystemExit(f"the undisturbed run failed: {wrong} {self.portal.said()}")

    def _is_same(self, portal: Portal, day: str, where: str) -> None:
        wrong = [*difference(outcome(portal.root), self.outcomes[day]), *portal.checked(day)]
        self.wrong += [f"{where}: {one}" for one in wrong]
        left = sorted(one.name for one in portal.root.iterdir() if one.name.startswith(".output"))
        if left != [".output.a", ".output.b"]:
            self.wrong.append(f"{where}: what a killed build had in hand lies about: {left}")

    def kills(self, kills: int) -> None:
        """Kill runs of both days, one to three in a row, and let the next one end."""
        draw, number = random.Random(f"{self.seed} kills"), 0
        while self.told["killed"] < kills:
            number += 1
            portal = (self.ready if draw.random() < 0.5 else self.first).copy(self.folder / "killed")
            day = DAYS[portal.drop.exists()]
            if day == DAYS[1]:
                write_second(portal.source)
            for _ in range(min(draw.randint(1, 3), kills - self.told["killed"])):
                self._kill(portal, day, draw)
                if draw.random() < 0.5:
                    portal.answer()
            wrong = portal.day(day)
            self.wrong += [f"kill {number} of {day}: {one}" for one in wrong]
            self._is_same(portal, day, f"kill {number} of {day}")
            self.say(f"{self.told['killed']} killed, {len(self.wrong)} wrong")

    def _kill(self, portal: Portal, day: str, draw: random.Random) -> None:
        """Kill a run at a moment drawn from its whole length, or soon after it has begun a stage."""
        stage = draw.choice((None, *STAGES))
        earlier = _first(portal, "SELECT max(run_no) FROM run") or 0
        child, began = portal.start("run", "--as-of", day), time.monotonic()
        until = began + draw.uniform(0, self.took) if stage is None else None
        after = draw.uniform(0, 0.1)
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if until is None and stage and _first(portal, STAGES[stage], earlier):
                until = time.monotonic() + after
            if until is not None and time.monotonic() >= until:
                break
            time.sleep(0.002)
        else:
            if (status := os.waitstatus_to_exitcode(ended[1])) not in (0, IN_USE):
                self.wrong.append(f"a run to be killed ended by itself: exit {status}: {portal.said()[-1000:]}")
            self.told["over before"] += 1
            return
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if draw.random() < 0.5 else os.kill)(child, signal.SIGKILL)
        is_killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
        self.told["killed" if is_killed else "over before"] += 1
        if is_killed:
            reached = [name for name, query in STAGES.items() if _first(portal, query, earlier)]
            self.told[f"killed in or after {reached[-1]}" if reached else "killed before pull"] += 1

    def full(self, points: int) -> None:
        """Fill the disk so far that a run fails, ever later, on either day; then make room."""
        with _small_disk(self.folder / "disk") as why_not:
            if why_not:
                self.say(f"disk full: left out: {why_not}")
                self.told["disk full: left out"] = points
                return
            ballast = self.folder / "disk" / "ballast"
            for number in range(points):
                share, day = (number // 2 + 0.5) / max(1, (points + 1) // 2), DAYS[number % 2]
                portal = (self.ready if day == DAYS[0] else self.first).copy(self.folder / "disk" / "portal")
                if day == DAYS[1]:
                    write_second(portal.source)
                self._full(portal, day, share, ballast)
                shutil.rmtree(portal.root)

    def _full(self, portal: Portal, day: str, share: float, ballast: Path) -> None:
        where = f"disk full at {share:.0%} of {day}"
        ended = self.first if day == DAYS[0] else self.portal
        goal = sum(file.lstat().st_blocks for file in ended.root.rglob("*")) * 512
        has = sum(file.lstat().st_blocks for file in portal.root.rglob("*")) * 512
        found = os.statvfs(portal.root)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - int((goal - has) * share)))
        status = portal.run("run", "--as-of", day)
        self.told[f"disk full: exit {status}"] += 1
        words = [line for line in portal.said().splitlines() if line.startswith("publisher: ")]
        if "Traceback" in portal.said() or (status and (status not in FORESEEN or len(words) != 1)):
            self.wrong.append(f"{where}: exit {status}: {portal.said()[-1500:]}")
        ballast.unlink()
        self.wrong += [f"{where}: {one}" for one in portal.day(day)]
        self._is_same(portal, day, where)
        self.say(f"{where}: exit {status} {words[:1]}")

    def damaged(self, rounds: int) -> None:
        """Damage one file of each format, run, put the right ones back, and run again."""
        wanted = outcome(self.first.root, ordered=False)
        for number in range(rounds):
            draw = random.Random(f"{self.seed} damaged {number}")
            portal = self.ready.copy(self.folder / "damaged")
            right = {name: (portal.source / name).read_bytes() for name in FORMATS.values()}
            for name, data in right.items():
                (portal.source / name).write_bytes(_damaged(data, draw))
            where = f"damaged {number}"
            self.wrong += [f"{where}: {one}" for one in portal.day(DAYS[0])]
            told = {*outcome(portal.root, ordered=False)["problem"]} - {*wanted["problem"]}
            for name in right:
                if not any(name.replace(".toml", ".xlsx") in one for one in told):
                    self.wrong.append(f"{where}: {name}: no Problem told")
            for name, data in right.items():
                (portal.source / name).write_bytes(data)
                self.told["damaged files"] += 1
            self.wrong += [f"{where}: {one}" for one in portal.day(DAYS[0])]
            found = outcome(portal.root, ordered=False)
            self.wrong += [f"{where}: {one}" for one in (*difference(found, wanted), *portal.checked(DAYS[0]))]
            self.say(f"{where}: {len(self.wrong)} wrong")


def _damaged(data: bytes, draw: random.Random) -> bytes:
    """Return a file with a byte no text can have there, or its beginning alone."""
    places = range(1, len(data))
    while {data[(place := draw.choice(places)) - 1], data[place]} & {*b"\r\n"}:
        pass  # a file that ends with a line may be whole
    if draw.random() < 0.5:
        return data[:place]
    return data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :]


def _first(portal: Portal, query: str, *values: object) -> Any:
    """Return the first value a query of the ledger gives, or None: nothing, or there is no ledger yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{portal.root}/var/ledger.db?mode=ro", uri=True)) as ledger:
            found = ledger.execute(query, values).fetchone()
            return found and found[0]
    except sqlite3.Error:
        return None


@contextlib.contextmanager
def _small_disk(place: Path) -> Iterator[str]:
    """Mount a small disk in memory; yield why not, or nothing."""
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        yield "a disk can be mounted by root only"
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"nothing can be mounted here: {done.stderr.strip()}"
        return
    try:
        yield ""
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--full", type=int, default=20, help="disk-full points")
    asked.add_argument("--damaged", type=int, default=20, help="damaged files of each format")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder), given.seed, lambda line: print(line, file=sys.stderr, flush=True))
        trials.kills(given.kills)
        trials.full(given.full)
        trials.damaged(given.damaged)
    told = {"seed": given.seed, **trials.told, "wrong": len(trials.wrong), "first_wrongs": trials.wrong[:20]}
    told |= {"seconds": round(time.monotonic() - began, 1), "seconds_of_a_run": round(trials.took, 1)}
    print(json.dumps(told, ensure_ascii=False))
    return 1 if trials.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
