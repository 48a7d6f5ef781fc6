"""What the whole of it costs at a size, beside what the file system, Hugo and stock Pelican take in the same run.

    python -m tests.bench.scale [--subjects 100000] [--no-push] [--no-peers] [--folder DIR] [--keep]
    python -m tests.bench.scale --sizes 250000,500000,1000000

Makes N subjects with three results each as JSON Lines, and runs the publisher on them as a timer would: the first run,
a run with nothing new, one with 1 and one with 1,000 new results of the last weeks (half of firms that are known), one
with 1,000 of any month there is, and the next day, on
which 500 publications end. Every run is a process of its own. Then the bytes of the site are written to the same paths
once more (the floor, tests/bench/again.py), and the same firms are given to the peers (tests/bench/peers.py).

Prints a table, and keeps every figure as a line of JSON in ``var/bench/figures.jsonl``. Columns: how many, seconds on
the clock, seconds of CPU of all processes, how many a second, and the most memory of all processes together. The
sandbox that push talks to is a process apart: its CPU and memory are not in the figures, but it takes a core.

``--sizes`` doubles instead: the first run and one with 1,000 new results at each size, without push and peers, and how
many times each is that of the size before.

All work is in a fresh folder below ``var/bench`` (or DIR), on one file system, deleted at the end: ext4 makes new files
five to ten times slower for minutes after, so wait five of them before the next run, or pass ``--keep``.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench import onerun, peers, records
from tests.bench.again import write_again
from tests.bench.build import pages_of
from tests.bench.figures import Figure, Figures
from tests.bench.processes import Failed, Spent, watched

from publisher import paths
from publisher.settings import Settings, load

SOME = 1_000  # new results of the larger change
BYTES_EACH = 53_000  # a subject takes on the disk, with its results, the ledger and both trees
SETTLED = 330  # seconds after which a deletion no longer slows ext4 down
ROOT = Path(__file__).resolve().parents[2]
DELETED = peers.KEPT / "deleted"


class Part(NamedTuple):
    """One stage of a run, or a part of one: how many it did, and what that took."""

    count: int
    spent: Spent


class Run(NamedTuple):
    """A run from the start of its process to the end, its parts by name, and what ``run --json`` would have printed."""

    spent: Spent
    parts: dict[str, Part]
    summary: dict[str, Any]

    def part(self, name: str) -> Part:
        """Return a part; one that there was no need for took nothing."""
        return self.parts.get(name, Part(0, Spent(0.0, 0.0, 0.0)))

    @property
    def to_the_swap(self) -> Spent:
        """What it took until the site was served: all but push, and but the filling of the other tree with links."""
        return self.without("push", onerun.LINKS)

    @property
    def apart_from_log_and_audit(self) -> Spent:
        """The same, without appending to the log and without the audit."""
        return self.without("push", onerun.LINKS, onerun.LOG, onerun.AUDIT)

    def without(self, *parts: str) -> Spent:
        """Return what it took but for some parts."""
        apart = [self.part(name).spent for name in parts]
        wall, cpu = (getattr(self.spent, one) - sum(getattr(spent, one) for spent in apart) for one in ("wall", "cpu"))
        return Spent(wall, cpu, max(part.spent.peak for name, part in self.parts.items() if name not in parts))


def run(file: Path, day: date) -> Run:
    """Run the publisher once."""
    told: dict[str, dict[str, Any]] = {}
    summary: dict[str, Any] = {}

    def on_line(line: str) -> str | None:
        said = json.loads(line)
        if "part" in said:
            told[said["part"]] = said
        elif "summary" in said:
            summary.update(said)
        begins: str | None = said.get("begins")
        return begins

    command = [sys.executable, "-m", "tests.bench.onerun", file, day.isoformat()]
    spent, peaks = watched(command, on_line, cwd=ROOT, env=os.environ | {records.TOKEN_ENV: "sandbox"})
    if summary["errors"]:
        raise Failed(f"the push failed: {summary['errors']}")
    peaks["build"] = max((peak for part, peak in peaks.items() if part.startswith("build")), default=0.0)
    parts = {
        name: Part(one["count"], Spent(one["wall"], one["cpu"], peaks.get(name, 0.0))) for name, one in told.items()
    }
    return Run(spent, parts, summary["summary"])


def first(figures: Figures, file: Path, subjects: int) -> Run:
    """Make the first run, and print its stages and the parts of its build."""
    done = run(file, records.DAY)
    figures.say(f"first run: {subjects:,} subjects, {subjects * records.RESULTS_EACH:,} results")
    for name in ("pull", "judge", "build", *onerun.BUILD, "push"):
        part = done.part(name)
        if part.spent.wall:
            label = {"judge": "judge and record"}.get(name, name.replace("build: ", "  "))
            figures.add(Figure(label, part.count or None, part.spent))
    figures.add(Figure("until the site is served", None, done.to_the_swap, "without push and the second tree"))
    figures.add(Figure("  without log and audit", None, done.apart_from_log_and_audit))
    figures.add(Figure("all of it", None, done.spent))
    return done


def later(figures: Figures, file: Path, subjects: int) -> None:
    """Make the runs after the first: nothing new, 1 and 1,000 new results, and a day's expiry."""
    figures.say(f"later runs, at {subjects:,} subjects")
    for name, count, day in (
        ("nothing new", 0, records.DAY),
        ("1 new", 1, records.DAY),
        (f"{SOME:,} new", SOME, records.DAY),
        (f"{SOME:,} new of any month", SOME, records.DAY),
        (f"{min(records.EXPIRING, subjects)} expire", 0, records.NEXT_DAY),
    ):
        if count:
            records.add(file.parent, count, name.replace(" ", "-").replace(",", ""), of_late="any" not in name)
        _later(figures, name, run(file, day))


def _later(figures: Figures, name: str, done: Run) -> None:
    stages = ", ".join(f"{one} {done.part(one).spent.wall:.2f}" for one in ("pull", "judge", "build", "push"))
    pages = done.summary["pages"]
    remark = f"{stages}; files: {pages['written']:,} written, {pages['removed']:,} removed"
    figures.add(Figure(name, None, done.to_the_swap._replace(peak=done.spent.peak), remark))
    for part, (count, spent) in done.parts.items():
        figures.keep(Figure(f"{name}: {part}", count or None, spent))


def floor(figures: Figures, file: Path, site: Run, subjects: int, target: Path) -> None:
    """Write the bytes of the site once more, and compare: pages of subjects with theirs, the whole with the build."""
    figures.say("the floor: the same bytes to the same paths, by one process, nothing synced")
    settings, ours = load(file), of_subjects(site, subjects)
    build, links = site.part("build").spent, site.part(onerun.LINKS).spent
    written = []
    for name, scope in (("files of subjects", "subject"), ("all other files", None)):
        os.sync()
        pages = pages_of(settings, scope)
        room, wanted = (
            shutil.disk_usage(file.parent).free,
            sum((settings.paths.output / one).stat().st_size for one in pages),
        )
        if room < 1.2 * wanted:
            figures.skip(name, f"{wanted / 1e9:,.0f} GB more do not fit on the disk")
            break
        done = write_again(settings.paths.output, pages, target)
        figures.add(Figure(name, done.files, Spent(done.wall, done.cpu, 0.0), f"{done.size / 1e6:,.0f} MB"))
        written.append(done)
    if written:
        figures.ratio("subject pages / floor, wall", ours.wall / written[0].wall)
        figures.ratio("subject pages / floor, CPU", ours.cpu / written[0].cpu)
    if len(written) < 2:
        return
    made = build.wall - links.wall - site.part(onerun.AUDIT).spent.wall
    figures.ratio("build / floor, wall", made / sum(one.wall for one in written), "without audit and second tree")


def of_subjects(site: Run, subjects: int) -> Spent:
    """Return what the pages of subjects took in a first run, the start of the processes with them."""
    part = site.part(onerun.SUBJECTS)
    times = subjects / part.count
    return Spent(part.spent.wall * times, part.spent.cpu * times, part.spent.peak)


def beside(figures: Figures, file: Path, site: Run, subjects: int, folder: Path) -> None:
    """Give the same firms to the peers, and compare pages a second and memory."""
    figures.say("peers, on pages of the same data")
    ours = of_subjects(site, subjects)
    settings = load(file)
    built = (
        (one, settings.paths.output / paths.file_of(one["address"])) for one in peers.subjects(file.parent, subjects)
    )
    one, page = next((one, page) for one, page in built if page.exists())
    frame = peers.frame(page, one["name"], one["address"], one["code"])
    figures.add(Figure("ours: subject pages", subjects, ours, f"{_mean_size(settings):,} bytes a page"))
    own, pages, build = (
        max(site.part(name).spent.peak for name in parts)
        for parts in ((onerun.SUBJECTS,), (onerun.SUBJECTS, onerun.OTHERS), set(onerun.BUILD) - {onerun.AUDIT})
    )
    for name, make, most in (("Hugo", peers.hugo, peers.HUGO_MOST), ("Pelican", peers.pelican, peers.PELICAN_MOST)):
        count = min(subjects, most)
        os.sync()
        try:
            theirs = make(file.parent, count, frame, folder / name)
        except peers.Skipped as reason:
            figures.skip(name, str(reason))
            continue
        figures.add(Figure(name, count, theirs.spent, f"{theirs.mean_size:,} bytes a page"))
        times = (subjects / ours.wall) / (count / theirs.spent.wall)
        figures.ratio(f"pages a second, ours / {name}", times)
        figures.ratio(f"pages a CPU second, ours / {name}", (subjects / ours.cpu) / (count / theirs.spent.cpu))
        for what, peak in (("pages of subjects", own), ("all pages", pages), ("the build without its audit", build)):
            figures.ratio(f"memory, ours / {name}", peak / theirs.spent.peak, f"{what}: {peak:,.0f} MB")


def _mean_size(settings: Settings) -> int:
    pages = [name for name in pages_of(settings, "subject") if name.endswith(".html")]
    some = pages[:: max(1, len(pages) // SOME)]
    return sum((settings.paths.output / name).stat().st_size for name in some) // len(some)


def one_size(figures: Figures, folder: Path, subjects: int, *, is_pushed: bool, with_peers: bool) -> None:
    """Measure everything at one size."""
    with records.sandbox(folder / "sandbox") if is_pushed else nullcontext() as url:
        file = records.make(folder / "portal", subjects, url)
        os.sync()
        site = first(figures, file, subjects)
        later(figures, file, subjects)
    floor(figures, file, site, subjects, folder / "floor")
    if with_peers:
        beside(figures, file, site, subjects, folder)


def doubling(figures: Figures, folder: Path, sizes: list[int]) -> None:
    """Measure the first run and one with 1,000 new results at every size, and how much more each size takes."""
    before: tuple[int, Spent, Spent] | None = None
    for subjects in sizes:
        make_room(folder, subjects)
        file = records.make(folder / str(subjects), subjects, None)
        os.sync()
        full = first(figures, file, subjects).part("build").spent
        figures.say(f"later runs, at {subjects:,} subjects")
        _later(figures, "nothing new", run(file, records.DAY))
        records.add(file.parent, SOME, "new")
        changed = run(file, records.DAY)
        some = changed.to_the_swap
        _later(figures, f"{SOME:,} new", changed)
        if before is not None:
            names = f"{before[0]:,} to {subjects:,} subjects"
            for what, here, there in (("build", full, before[1]), (f"{SOME:,} new", some, before[2])):
                figures.ratio(f"{what}, {names}, wall", here.wall / there.wall)
                figures.ratio(f"{what}, {names}, CPU", here.cpu / there.cpu)
        before = subjects, full, some


def make_room(folder: Path, subjects: int) -> None:
    """Delete the portals of smaller sizes, and wait until that slows nothing down, where the disk is too full."""
    if shutil.disk_usage(folder).free < 1.1 * subjects * BYTES_EACH:
        for portal in folder.iterdir():
            shutil.rmtree(portal)
        time.sleep(SETTLED)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--subjects", type=int, default=100_000)
    asked.add_argument("--sizes", type=lambda text: [int(one) for one in text.split(",")], help="double over these")
    asked.add_argument("--no-push", action="store_true")
    asked.add_argument("--no-peers", action="store_true")
    asked.add_argument("--folder", type=Path, default=peers.KEPT, help="where the work is done (var/bench)")
    asked.add_argument("--keep", action="store_true", help="leave what was made")
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if DELETED.exists() and time.time() - DELETED.stat().st_mtime < SETTLED:
        print("an earlier run was deleted in the last five minutes: ext4 makes new files slowly after that")
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=given.folder)).resolve()
    figures = Figures(peers.KEPT / "figures.jsonl", subjects=given.sizes or given.subjects)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}, in {folder}")
    try:
        if given.sizes:
            doubling(figures, folder, given.sizes)
        else:
            one_size(figures, folder, given.subjects, is_pushed=not given.no_push, with_peers=not given.no_peers)
    finally:
        if not given.keep:
            shutil.rmtree(folder)
            DELETED.touch()


if __name__ == "__main__":
    main()
