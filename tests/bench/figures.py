"""Figures as they are printed for a person, and kept for a program: a table, and one line of JSON each."""

from pathlib import Path
from typing import Any, NamedTuple

import orjson
from tests.bench.processes import Spent

_HEAD = f"{'':<34}{'count':>12}{'wall s':>10}{'CPU s':>10}{'a second':>12}{'MB':>8}  "


class Figure(NamedTuple):
    """One line of the table: what was done, how many of it (None: nothing to count), what it took, and a remark."""

    name: str
    count: int | None
    spent: Spent
    remark: str = ""

    @property
    def rate(self) -> float | None:
        """How many a second on the clock."""
        return self.count / self.spent.wall if self.count and self.spent.wall else None


class Figures:
    """The figures of one run: printed as they come, and kept in a file of JSON lines that begins anew each time."""

    def __init__(self, file: Path | None, **common: Any) -> None:
        self._common = common
        self._file = file
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")

    def add(self, one: Figure) -> None:
        """Print a figure, and keep it."""
        wall, cpu, peak = one.spent
        rate = one.rate
        cells = [
            f"{one.name:<34}",
            f"{'' if one.count is None else format(one.count, ','):>12}",
            f"{wall:>10.2f}{cpu:>10.2f}",
            f"{'' if rate is None else format(rate, ',.0f'):>12}",
            f"{format(peak, ',.0f') if peak else '':>8}",
        ]
        print("".join(cells) + f"  {one.remark}".rstrip(), flush=True)
        self.keep(one)

    def keep(self, one: Figure) -> None:
        """Keep a figure for which the table has no room."""
        wall, cpu, peak = one.spent
        told = {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mb": round(peak, 1) or None}
        rates = {"count": one.count, "a_second": None if one.rate is None else round(one.rate, 1)}
        self._keep({"figure": one.name.strip()} | rates | told | {"remark": one.remark})

    def ratio(self, name: str, value: float, remark: str = "") -> None:
        """Print how many times one figure is another, and keep it."""
        print(f"{name:<44}{value:>12.2f}  {remark}".rstrip(), flush=True)
        self._keep({"figure": name, "ratio": round(value, 4), "remark": remark})

    def say(self, title: str) -> None:
        """Print a heading, with the columns' names; what follows is kept under it."""
        self._common["under"] = title
        print(f"\n{title}\n{_HEAD}".rstrip(), flush=True)

    def skip(self, name: str, reason: str) -> None:
        """Say that a figure could not be had."""
        print(f"{name:<34}  skipped: {reason}", flush=True)
        self._keep({"figure": name, "skipped": reason})

    def _keep(self, told: dict[str, Any]) -> None:
        if self._file is not None:
            with self._file.open("ab") as out:
                out.write(orjson.dumps(self._common | told) + b"\n")
