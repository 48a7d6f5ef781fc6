"""What a process and all those below it take: CPU time, wall time, and memory at its peak. Linux only: reads ``/proc``.

Memory is the sum of the proportional set sizes (``Pss`` of ``smaps_rollup``) of all processes of the tree, looked at
every few tenths of a second: shared pages count once, and a peak between two looks is missed.
"""

import os
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK")
SHORTEST, LONGEST = 0.05, 0.5  # seconds between two looks at the memory: short at first, for short runs


class Spent(NamedTuple):
    """What something took: seconds on the clock, seconds of CPU of all processes, and the most memory in MB."""

    wall: float
    cpu: float
    peak: float


class Failed(Exception):
    """A process that was measured did not end well; holds the last line it said."""


def tree(root: int) -> Iterator[int]:
    """Yield the numbers of a process and of all those below it that live."""
    waiting = [root]
    while waiting:
        number = waiting.pop()
        yield number
        with suppress(OSError):
            for task in Path(f"/proc/{number}/task").iterdir():
                waiting += map(int, (task / "children").read_text("ascii").split())


def cpu(root: int | None = None) -> float:
    """Return the CPU time of a process (None: this one) and all those below it, the ended ones among them."""
    total = 0
    for number in tree(root or os.getpid()):
        with suppress(OSError):
            fields = Path(f"/proc/{number}/stat").read_text("utf-8").rpartition(") ")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / TICK


class Cost(NamedTuple):
    """What was taken until now: seconds on the clock, seconds of CPU of all processes."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> "Cost":
        """Return what this process and all below it took."""
        return cls(perf_counter(), cpu())

    def since(self, before: "Cost") -> Spent:
        """Return what was taken since then; nothing is said of memory."""
        return Spent(self.wall - before.wall, self.cpu - before.cpu, 0.0)


def memory(root: int) -> float:
    """Return the memory of a process and all those below it, in MB."""
    total = 0
    for number in tree(root):
        with suppress(OSError, IndexError):
            rollup = Path(f"/proc/{number}/smaps_rollup").read_text("ascii")
            total += int(rollup.partition("\nPss:")[2].split(maxsplit=1)[0])
    return total / 1024


def watched(
    command: Sequence[str | Path], on_line: Callable[[str], str | None] = lambda line: None, **options: object
) -> tuple[Spent, dict[str, float]]:
    """Run a command; return what it took, and its most memory by part.

    ``on_line`` is given every line of its standard output and may return the name of the part that begins with it.
    Raises :class:`Failed`.
    """
    peaks: dict[str, float] = defaultdict(float)
    part, ended = "", threading.Event()

    def look() -> None:
        begun = perf_counter()
        while not ended.wait(min(LONGEST, SHORTEST + (perf_counter() - begun) / 100)):
            now = part
            peaks[now] = max(peaks[now], memory(child.pid))

    begun = perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    last = ""
    for line in child.stdout:
        last, part = line.strip() or last, on_line(line) or part
    _, status, used = os.wait4(child.pid, 0)
    wall = perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)  # waited for here, for what it used
    child.stdout.close()
    ended.set()
    looking.join()
    if child.returncode:
        raise Failed(f"{command[0]} ended with {child.returncode}: {last}")
    return Spent(wall, used.ru_utime + used.ru_stime, max(peaks.values(), default=0.0)), dict(peaks)
