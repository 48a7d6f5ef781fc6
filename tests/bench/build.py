"""What a whole build costs: N published subjects with three results each, from a filled ledger to the site.

    python -m tests.bench.build [--subjects 20000] [--folder DIR]

Fills a ledger (tests/bench/filled.py), builds the site as a run does, and then writes the same bytes to the same paths
once more, for the floor: what the file system alone takes. Prints, for the pages of subjects and for all of the build,
CPU time of all its processes, wall time, pages a second and the most memory of one process; then a build of 1,000
subjects, and one with nothing to do. Put DIR on the file system that is to be measured, and do not delete an earlier
tree there right before: ext4 makes new files slowly for minutes after. Linux only: it reads ``/proc``.
"""

import argparse
import resource
import tempfile
from pathlib import Path
from time import perf_counter

from sqlalchemy import select
from tests.bench import filled
from tests.bench.again import Written, write_again
from tests.bench.processes import Cost, Spent

from publisher import paths, pipeline
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import page
from publisher.portal import Watcher, opened
from publisher.settings import Settings

SOME = 1_000  # subjects of the small build


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=20_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="build-"))
    folder.mkdir(parents=True, exist_ok=True)
    settings = filled.portal(folder)
    begun = perf_counter()
    filled.fill(settings, asked.subjects)
    print(f"filled             {asked.subjects:>10,} subjects in {perf_counter() - begun:.1f} s, in {folder}")
    seen, files = build(settings, asked.subjects)
    pages, size, written, _ = floor(settings, folder)
    subjects = seen[0]
    print(
        f"pages of subjects  {asked.subjects:>10,} and {pages - asked.subjects:,} calendars, {size / 1e6:,.0f} MB: "
        f"{subjects.wall:.1f} s, CPU {subjects.cpu:.1f} s, {asked.subjects / subjects.wall:,.0f} pages/s, "
        f"{subjects.cpu / asked.subjects * 1000:.3f} ms CPU a page"
    )
    print(
        f"floor              {written:.1f} s for the same bytes to the same paths; ratio {subjects.wall / written:.2f}"
    )
    print(f"whole build        {files:>10,} files: {seen[1].wall:.1f} s, CPU {seen[1].cpu:.1f} s")
    most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"memory             {most // 1024:>10,} MB, the most of one process")
    with Ledger(settings.ledger.url) as ledger, ledger.transaction() as connection:
        owe_pages(connection, [("subject", str(number)) for number in range(1, SOME + 1)])
    print(f"{SOME:,} subjects     {build(settings, SOME)[0][1].wall:>10.2f} s")
    print(f"nothing to do      {build(settings, 1)[0][1].wall:>10.2f} s")


def build(settings: Settings, subjects: int) -> tuple[tuple[Spent, Spent], int]:
    """Build what is owed; return what it took until the pages of subjects were done and in all, and the files there."""
    begun = Cost.now()
    marks: list[Spent] = []

    def progress(stage: str, done: int, total: int | None) -> None:
        if not marks and done >= subjects:
            marks.append(Cost.now().since(begun))

    with opened(settings, filled.DAY, Watcher(progress=progress)) as portal:
        built = pipeline.build(portal)
    whole = Cost.now().since(begun)
    return (marks[0] if marks else whole, whole), built.total


def floor(settings: Settings, folder: Path) -> Written:
    """Write the files of subjects once more beside the site; return what that took."""
    return write_again(settings.paths.output, pages_of(settings, "subject"), folder / "floor")


def pages_of(settings: Settings, scope: str | None = None) -> list[str]:
    """Return the files of the site that the ledger knows of one scope (None: all the others but subjects), in order."""
    which = page.c.scope == scope if scope else page.c.scope != "subject"
    with Ledger(settings.ledger.url) as ledger, ledger.reading() as connection:
        query = select(page.c.path).where(which, page.c.digest != "").order_by(page.c.path)
        return [paths.file_of(path) for path in connection.execute(query).scalars()]


if __name__ == "__main__":
    main()
