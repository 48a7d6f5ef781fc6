"""One run of a portal, as ``publisher run`` makes it, telling what each stage took.

    python -m tests.bench.onerun PUBLISHER_TOML DAY

Writes JSON lines: ``{"begins": part}``, then ``{"part", "wall", "cpu", "count"}`` when it ends. CPU is that of this
process and all below it. The parts of a build follow from what it tells of its progress:

- ``build: begin``: what is owed is noted, and the other tree brought in step.
- ``build: log``: the publication log is appended to; a new base of a large search index is made beside it.
- ``build: subject pages``: the processes that make pages start, and make those of subjects.
- ``build: other pages``: lists, downloads, feeds, plans.
- ``build: index``: the search index is installed, and the log's files.
- ``build: audit``: what changed is read again; after a first build all files are.
- ``build: swap``: the list of the release, the disk in step, and the release.
- ``build: second tree``: filling the other tree with links, where it has to be.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson
from tests.bench.processes import cpu

from publisher import pipeline
from publisher.ledger.owed import is_all_owed, owed_counts
from publisher.ledger.shown import published_counts
from publisher.portal import Portal, Watcher, opened
from publisher.settings import load

BEGIN, LOG, SUBJECTS, OTHERS, INDEX, AUDIT, SWAP, LINKS = BUILD = tuple(
    f"build: {name}"
    for name in (
        "begin", "log", "subject pages", "other pages", "index", "audit", "swap", "second tree",
    )
)  # fmt: skip


def tell(**told: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
    sys.stdout.buffer.flush()


class Clock:
    """The part that is under way, since when, and how much of it is done."""

    def __init__(self) -> None:
        self.part, self.count, self._before = "", 0, 0
        self.subjects = 0  # owed before a build
        self._wall, self._cpu = perf_counter(), cpu()

    def turn(self, part: str, done: int = 0) -> None:
        """End the part under way, of which so many were done in all, and begin another."""
        wall, used = perf_counter(), cpu()
        if self.part:
            tell(part=self.part, wall=wall - self._wall, cpu=used - self._cpu, count=max(0, self.count - self._before))
        self.part, self._before, self.count, self._wall, self._cpu = part, done, done, wall, used
        tell(begins=part)


def timed(name: str, stage: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    """Return a stage that tells what it took."""

    def run(portal: Portal, *given: Any, **more: Any) -> Any:
        if name == "build":
            with portal.ledger.reading() as connection:
                clock.subjects = (
                    published_counts(connection)["subject"]
                    if is_all_owed(connection)
                    else owed_counts(connection).get("subject", 0)
                )
        clock.turn(BEGIN if name == "build" else name)
        begun, used = perf_counter(), cpu()
        done = stage(portal, *given, **more)
        if name == "push":
            clock.count = sum(one.accepted for one in done.values())
        clock.turn("between")
        if name == "build":
            tell(part=name, wall=perf_counter() - begun, cpu=cpu() - used, count=done.written + done.removed)
        return done

    return run


def main(file: Path, day: date) -> None:
    clock = Clock()
    clock.turn("start")

    def progress(stage: str, done: int, total: int | None) -> None:
        if stage in ("append", "build", "link"):
            _in_build(clock, stage, done, total)
        clock.count = done

    def audited(*given: Any, **more: Any) -> Iterator[Any]:
        clock.turn(AUDIT)
        yield from audit_release(*given, **more)
        clock.turn(SWAP)

    audit_release, pipeline.audit.audit_release = pipeline.audit.audit_release, audited
    for name in ("pull", "judge", "build", "push"):
        setattr(pipeline, name, timed(name, getattr(pipeline, name), clock))
    with opened(load(file), day, Watcher(progress=progress)) as portal:
        done = pipeline.run(portal)
    clock.turn("end")
    tell(summary=done.summary, errors=done.endpoint_errors)
    if done.source_error is not None:
        raise done.source_error


def _in_build(clock: Clock, stage: str, done: int, total: int | None) -> None:
    """Find out from what a build tells of its progress in which part it is; subjects come first in it."""
    if stage == "link" and clock.part == BEGIN:
        return  # the other tree catches up before it is built on; that is part of the way to the release
    if stage == "build":
        clock.count = done
        part = INDEX if done == total else SUBJECTS if done < clock.subjects else OTHERS
    else:
        part = LINKS if stage == "link" else LOG if done < (total or 0) else SUBJECTS
    if part != clock.part:
        clock.turn(part, done if stage == "build" else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]))
