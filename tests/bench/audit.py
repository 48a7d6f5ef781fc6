"""What reading a built site again costs: by kind of file, as a whole, and for what the latest releases changed.

    python -m tests.bench.audit [FOLDER] [--split-only]

FOLDER holds a portal, as ``tests.bench.scale --keep`` leaves one (default: the newest below ``var/bench``). Nothing in
it is changed. Prints, with seconds on the clock and of CPU:

- **by kind**, in one process: what may not be shown and what is shown all the same, as the ledger tells them; then the
  files of each kind, read for what may stand nowhere; then pages, downloads and search index, held against the ledger.
  "subject pages whole" is what both parts take for them; "compressed and XLSX" is a figure of its own.
- **whole**: the audit as ``publisher audit`` makes it, in two processes, and of it the pages of subjects.
- **changed**: what the latest releases changed, as it is read before each is served. The latest decisions are taken
  as those of the latest release, the ones before as the release before's, and so on; the files are those of today.

A difference that is found is told, and ends in status 1: the figures then are not those of a clean site.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import orjson
from sqlalchemy import func, select
from tests.bench import peers
from tests.bench.figures import Figure, Figures
from tests.bench.processes import Cost, Spent

from publisher import paths
from publisher.audit import audit, audit_changed, plans, results, shares, subjects, tree
from publisher.briefing import outcome_labels
from publisher.ledger import Ledger
from publisher.ledger.schema import entry
from publisher.ledger.shown import published_counts
from publisher.rules import load_profile
from publisher.settings import Settings, load

PACKED = (".gz", ".br", ".xlsx")
SUBJECTS, COMPARED, APART = "files: subject pages", "compared: subject pages", "files: compressed and XLSX"
FOLDERS = {
    "subjects": "files: lists, calendars of subjects", "results": "files: lists of results", "plans": "files: plans",
    "data": "files: downloads", "search": "files: search index", "log": "files: publication log",
    "feeds": "files: feeds",
}  # fmt: skip


class Clock:
    """How often each part was done, and what it took."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = defaultdict(int)
        self.spent: dict[str, Spent] = defaultdict(lambda: Spent(0.0, 0.0, 0.0))

    def timed(self, name: str | Callable[..., str], work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the same work, a function or a generator, which is timed; ``name`` may depend on what it is given."""

        def run(*given: Any, **more: Any) -> Any:
            part = name if isinstance(name, str) else name(*given)
            self.counts[part] += 1
            done = self._step(part, lambda: work(*given, **more))
            return self._each(part, done) if isinstance(done, Iterator) else done

        return run

    def _each(self, part: str, found: Iterator[Any]) -> Iterator[Any]:
        ended = object()
        while (one := self._step(part, lambda: next(found, ended))) is not ended:
            yield one

    def _step(self, part: str, work: Callable[[], Any]) -> Any:
        wall, cpu = perf_counter(), process_time()
        done = work()
        before = self.spent[part]
        self.spent[part] = Spent(before.wall + perf_counter() - wall, before.cpu + process_time() - cpu, 0.0)
        return done


def kind(output: Path, found: tree.Found, *rest: Any) -> str:
    """Return of which kind a file is."""
    first, below, name = found.file.partition("/")
    if found.file.endswith(PACKED):
        return APART
    if first == "subjects" and (name.endswith(".ics") or name.count("/") != 1):
        return FOLDERS[first]
    if first == "subjects":
        return FOLDERS[first] if Path(name).stem.startswith(("page-", "index")) else SUBJECTS
    return FOLDERS.get(first if below else "", "files: all others")


def by_kind(figures: Figures, settings: Settings, labels: dict[str, str]) -> int:
    """Print what each part of the whole audit takes in one process; return how many differences there are."""
    clock = Clock()
    for module, name, part in (
        (shares, "forbidden", "ledger: what may not be shown"), (shares, "excuse", "ledger: what is shown"),
        (shares, "Sieve", "ledger: the machine that looks"), (tree, "check_file", kind), (subjects, "check_file", kind),
        (subjects, "_subject_page", COMPARED), (subjects, "_search_rows", "search index, read for comparing"),
        (results, "of_months", "compared: months"), (plans, "of_plans", "compared: plans"),
        (tree, "gone", "files that are gone"),
    ):  # fmt: skip
        setattr(module, name, clock.timed(part, getattr(module, name)))
    begun, used = perf_counter(), process_time()
    with Ledger(settings.ledger.url) as ledger:
        found = list(audit(ledger, settings.paths.output, labels=labels, processes=1))
    wall, cpu = perf_counter() - begun, process_time() - used
    figures.say("by kind, in one process")
    for part in sorted(clock.spent):
        figures.add(Figure(part, clock.counts[part], clock.spent[part]))
    rest = [sum(getattr(one, what) for one in clock.spent.values()) for what in ("wall", "cpu")]
    figures.add(Figure("walking, reading the ledger", None, Spent(wall - rest[0], cpu - rest[1], 0.0)))
    pages = [sum(getattr(clock.spent[part], what) for part in (SUBJECTS, COMPARED)) for what in ("wall", "cpu")]
    figures.add(Figure("subject pages whole", clock.counts[SUBJECTS], Spent(pages[0], pages[1], 0.0)))
    apart = clock.spent[APART]
    figures.add(Figure("all of it but compressed, XLSX", None, Spent(wall - apart.wall, cpu - apart.cpu, 0.0)))
    return told(found)


def told(found: Iterable[Any]) -> int:
    """Print the first differences; return how many there are."""
    differences = list(found)
    for one in differences[:5]:
        print(f"  {one.kind} {one.where}: {one.what}")
    return len(differences)


def whole(figures: Figures, settings: Settings, labels: dict[str, str]) -> int:
    """Print what the whole audit takes in the processes it works in; return how many differences there are.

    How far it has come tells what the pages of subjects take: what is forbidden is gathered first, for all; then each
    page of a shown subject is read; then the folders are walked, and what is left in them is read.
    """
    marks: dict[str, Cost] = {}
    with Ledger(settings.ledger.url) as ledger:
        with ledger.reading() as connection:
            shown = published_counts(connection)["subject"]

        def on_progress(done: int, total: int) -> None:
            for part, is_over in (("gathered", done > 0), ("subjects", done >= shown)):
                if is_over and part not in marks:
                    marks[part] = Cost.now()

        begun = Cost.now()
        found = list(audit(ledger, settings.paths.output, labels=labels, on_progress=on_progress))
    ended = Cost.now()
    figures.say("publisher audit")
    figures.add(Figure("whole", None, ended.since(begun)))
    figures.add(Figure("what may not be shown", None, marks["gathered"].since(begun)))
    figures.add(Figure("subject pages", shown, marks["subjects"].since(marks["gathered"]), "digest, leaks, content"))
    figures.add(Figure("subject pages whole", shown, marks["subjects"].since(begun), "the two above"))
    figures.add(Figure("all else", None, ended.since(marks["subjects"])))
    return told(found)


def changed(figures: Figures, settings: Settings, labels: dict[str, str]) -> int:
    """Print what reading the changes of the latest releases takes; return how many differences there are."""
    lists = sorted((settings.paths.var / "releases").glob("*.jsonl"), key=lambda one: int(one.stem), reverse=True)
    figures.say("what a release changed, before it is served")
    differences = 0
    with Ledger(settings.ledger.url) as ledger:
        with ledger.reading() as connection:
            last = select(func.max(entry.c.entry_no)).group_by(entry.c.run_no).order_by(entry.c.run_no.desc())
            ends = connection.execute(last).scalars().all()
        for file, since in zip(lists, ends[1:], strict=False):
            addresses = [
                paths.address_of(orjson.loads(line)["path"]) for line in file.read_bytes().splitlines() if line
            ]
            begun, used = perf_counter(), process_time()
            found = list(audit_changed(ledger, settings.paths.output, addresses, since_entry=since, labels=labels))
            spent = Spent(perf_counter() - begun, process_time() - used, 0.0)
            figures.add(Figure(f"release {file.stem}", len(addresses), spent, f"decisions: {ends[0] - since:,}"))
            differences += told(found)
    return differences


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path, nargs="?", help="a portal")
    asked.add_argument("--split-only", action="store_true", help="only by kind")
    given = asked.parse_args()
    kept = sorted(peers.KEPT.glob("scale-*/portal"), key=lambda one: one.stat().st_mtime)
    if given.folder is None and not kept:
        asked.error("there is no portal; make one: python -m tests.bench.scale --subjects 20000 --no-peers --keep")
    file = (given.folder or kept[-1]).resolve() / "publisher.toml"
    settings = load(file)
    labels = outcome_labels(load_profile(settings.portal.profile))
    figures = Figures(peers.KEPT / "audit.jsonl", portal=str(file.parent))
    differences = 0
    if not given.split_only:
        differences += changed(figures, settings, labels)
        differences += whole(figures, settings, labels)
    differences += by_kind(figures, settings, labels)
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
