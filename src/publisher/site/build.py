"""Stage 4: make the site say what the ledger says, rendering only what is owed."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, case, select, update

from publisher import __version__, paths
from publisher.errors import LedgerError, RenderFailed, SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages, owed_page_count, page_count
from publisher.ledger.schema import page
from publisher.ledger.store import get_meta, set_meta
from publisher.site.job import Job
from publisher.site.units import ORDER, closing, everything

OnProgress = Callable[[int, int], None]


class Built(NamedTuple):
    """What a build changed: files written and removed, and how many the site has."""

    written: int
    removed: int
    total: int


def build(ledger: Ledger, job: Job, on_progress: OnProgress = lambda done, total: None) -> Built:
    """Bring the site in step with the ledger; return what changed.

    A new theme, text or profile renders everything again; otherwise only what is owed is touched. Raises
    :class:`SiteError`; what was owed stays owed.
    """
    for folder, name in ((job.theme / "templates", "theme"), (job.content, "content")):
        if not folder.is_dir():
            raise SiteError(f"{folder} is not there; set {name} in [paths] of publisher.toml")
    look = _look(job)
    with ledger.transaction() as connection:
        if _must_start_over(connection, job.output):
            set_meta(connection, "look", "")
        if get_meta(connection, "look") != look:
            owe_pages(connection, everything(connection))
            set_meta(connection, "look", look)
        if get_meta(connection, "built_day") != job.day:
            owe_pages(connection, closing(connection, get_meta(connection, "built_day"), job.day))
            set_meta(connection, "built_day", job.day)
        owed, total = owed_page_count(connection), page_count(connection)
    if not owed:
        return Built(0, 0, total)
    written, removed = _in_child(job.model_copy(update={"look": look}), on_progress)
    with ledger.reading() as connection:
        return Built(written, removed, page_count(connection))


def _look(job: Job) -> str:
    """Return a fingerprint of everything but records that pages are made of."""
    seen = hashlib.sha256(__version__.encode())
    told = job.model_dump_json(exclude={"ledger_url", "output", "theme", "content", "day", "look"})
    seen.update(told.encode())
    for folder in (job.theme, job.content):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            seen.update(file.relative_to(folder).as_posix().encode())
            seen.update(hashlib.sha256(file.read_bytes()).digest())
    return seen.hexdigest()


def _must_start_over(connection: Connection, output: Path) -> bool:
    """Tell whether the folder lacks the site that the ledger believes it holds; clear a site that is not of it.

    Files are never forgotten, only written again or removed, since some may be there still: the list is what tells a
    later build what must go. A site of another ledger may show what this one knows nothing of, so it goes. Any other
    folder is left alone.
    """
    is_other = case((page.c.path == paths.HOME, 0), else_=1)  # a first build that was killed has no home page yet
    witness = connection.execute(
        select(page.c.path).where(page.c.digest != "").order_by(is_other, page.c.path).limit(1)
    ).scalar()
    if witness is not None and not (output / paths.file_of(witness)).exists():
        parts = connection.execute(select(page.c.scope, page.c.key).where(page.c.scope.in_(ORDER)).distinct())
        owe_pages(connection, [(row.scope, row.key) for row in parts])
        connection.execute(update(page).values(digest=""))
        return True
    if not page_count(connection) and output.is_dir() and any(output.iterdir()):
        if not (output / "search" / "index.json").exists():
            raise SiteError(f"{output} is not empty and holds no site of ours; empty it or set another [paths] output")
        for left in output.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    return False


def _in_child(job: Job, on_progress: OnProgress) -> tuple[int, int]:
    # What the child says beside its report goes to a file: nobody reads it before the end, and a full pipe blocks.
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as noise:
        child = subprocess.Popen(
            [sys.executable, "-m", "publisher.site.render"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
            close_fds=False,  # it holds the run lock as long as it lives (ledger/lock.py)
        )
        assert child.stdin is not None
        assert child.stdout is not None
        result = None
        with child:
            try:
                with suppress(BrokenPipeError), child.stdin as told:  # it may have ended at once; its status says so
                    told.write(job.model_dump_json())
                for line in child.stdout:
                    said = orjson.loads(line)
                    if "total" in said:
                        on_progress(said["done"], said["total"])
                    else:
                        result = said
            except BaseException:
                child.terminate()
                raise
        if result is None:
            noise.seek(0)
            last = noise.read().strip().splitlines()[-1:] or ["no word"]
            raise RenderFailed(f"the builder ended with status {child.returncode}: {last[0]}")
    if "error" in result:
        error = (
            LedgerError
            if result["kind"] == "LedgerError"
            else RenderFailed
            if result["kind"] == "RenderFailed"
            else SiteError
        )
        raise error(result["error"])
    return result["written"], result["removed"]
