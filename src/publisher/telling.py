"""How a command tells a person what goes on: a bar where someone watches, plain lines where not, JSON when asked."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
import orjson

from publisher.portal import Watcher

STAGES = {
    "pull": "pulled",
    "judge": "judged",
    "append": "logged",
    "build": "rendered",
    "link": "linked",
    "index": "indexed",
    "log": "log entries",
    "verify": "pages checked",
    "audit": "audited",
}
PLAIN_EVERY = 5.0  # seconds between plain lines of one stage
DRAWN_EVERY = 0.1  # seconds between two looks of the bars


class Teller:
    """Tells of a run on standard error, and of its end on standard output."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._progress: Any = None
        self._bars: dict[str, Any] = {}
        self._last: dict[str, float] = {}
        self._began = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    @property
    def watcher(self) -> Watcher:
        """What the stages are given."""
        return Watcher(self._say, self._advance)

    def _say(self, line: str) -> None:
        click.echo(line, err=True)

    def _advance(self, stage: str, done: int, total: int | None) -> None:
        if sys.stderr.isatty():
            self._draw(stage, done, total)
        elif done == total or time.monotonic() - self._last.get(stage, self._began) >= PLAIN_EVERY:
            self._last[stage] = time.monotonic()
            self._say(f"{STAGES[stage]} {done}" + (f" of {total}" if total is not None else ""))

    def _draw(self, stage: str, done: int, total: int | None) -> None:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress

            # drawn here and not by a thread of rich's: with one, no stage could be done by a fork (publisher.second)
            self._progress = Progress(console=Console(stderr=True), transient=True, auto_refresh=False)
            self._progress.start()
        if stage not in self._bars:
            self._bars[stage] = self._progress.add_task(STAGES[stage], total=total)
        self._progress.update(self._bars[stage], completed=done, total=total)
        if done == total or time.monotonic() - self._drawn >= DRAWN_EVERY:
            self._drawn = time.monotonic()
            self._progress.refresh()

    def summary(self, result: Mapping[str, Any], output: Path) -> None:
        """Print what a run did and where to look: as one JSON object, or in words."""
        if self._as_json:
            click.echo(orjson.dumps(result).decode())
            return
        pulled, states, pages = result["pulled"], result["states"], result["pages"]
        lines = [
            f"as of       {result['as_of']}",
            "pulled      " + ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in pulled.items()),
            "records     " + ", ".join(f"{number} {state}" for state, number in states.items()),
            f"problems    {result['problems']}" + (" (publisher check lists them)" if result["problems"] else ""),
            f"pages       {pages['written']} written, {pages['removed']} removed, {pages['total']} in all",
        ]
        for name, counts in result["pushed"].items():
            told = ", ".join(f"{number} {kind}" for kind, number in counts.items())
            lines.append(f"pushed      {name}: {told}")
        lines.append(f"site        {output / 'index.html'} (publisher serve shows it)")
        lines.append(f"took        {time.monotonic() - self._began:.1f} s")
        click.echo("\n".join(lines))
