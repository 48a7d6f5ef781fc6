"""Stage 4: make the site say what the ledger says, rendering only what is owed."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, delete

from publisher import __version__
from publisher.errors import LedgerError, RenderFailed, SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages, owed_page_count, page_count
from publisher.ledger.schema import page
from publisher.ledger.store import get_meta, set_meta
from publisher.site.job import Job
from publisher.site.units import everything

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
    """Tell whether the folder lacks the site that the ledger believes it holds; forget or clear what is not so.

    A site of another ledger may show what this one knows nothing of, so it goes. Any other folder is left alone.
    """
    if page_count(connection) and not (output / "index.html").exists():
        connection.execute(delete(page))
        return True
    if not page_count(connection) and output.is_dir() and any(output.iterdir()):
        if not (output / "search" / "index.json").exists():
            raise SiteError(f"{output} is not empty and holds no site of ours; empty it or set another [paths] output")
        for left in output.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    return False


def _in_child(job: Job, on_progress: OnProgress) -> tuple[int, int]:
    child = subprocess.Popen(
        [sys.executable, "-m", "publisher.site.render"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    with child:
        try:
            child.stdin.write(job.model_dump_json())
            child.stdin.close()
            result = None
            for line in child.stdout:
                said = orjson.loads(line)
                if "total" in said:
                    on_progress(said["done"], said["total"])
                else:
                    result = said
            noise = child.stderr.read()
        except BaseException:
            child.terminate()
            raise
    if result is None:
        last = noise.strip().splitlines()[-1:] or ["no word"]
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
