"""Releases: what each changed in the folder that is served, as a list for whoever copies it elsewhere.

``var/releases/<number>.jsonl`` holds a line for each file, removals first:
``{"op": "remove", "path"}`` or ``{"op": "add" | "change", "path", "sha256", "bytes"}``.
``<number>.gone.txt`` has the addresses of the pages that are gone, one a line, as search engines and caches take them
to forget them. The paths of what was removed name firms: the lists stay in ``var``, and only the latest are kept.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from publisher import paths
from publisher.errors import SiteError
from publisher.ledger.schema import lag, page, site_release
from publisher.site import precompress
from publisher.site.folder import Folder

Op = Literal["remove", "add", "change"]


class Change(NamedTuple):
    """A file that a release removes, adds or changes, named by its path in the site's folder."""

    op: Op
    path: str
    sha256: str | None = None
    bytes: int | None = None


class Releases(NamedTuple):
    """Where the lists are, and how many of them are kept."""

    folder: Path
    keep: int = 30
    base_url: str = ""

    def write(self, number: int, changes: Iterable[Change]) -> Counter[str]:
        """Write the list of a release whole; return how many files it removes, adds and changes.

        Raises :class:`SiteError` when the folder cannot be written.
        """
        counts: Counter[str] = Counter()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            partial, gone = self.folder / f"{number}.partial", self.folder / f"{number}.gone.partial"
            with partial.open("wb") as out, gone.open("wb") as dead:
                for one in changes:
                    counts[one.op] += 1
                    out.write(_line(one))
                    if one.op == "remove" and one.path.endswith(".html"):
                        dead.write(f"{self.base_url}{paths.address_of(one.path)}\n".encode())
                for each in (out, dead):
                    each.flush()
                    os.fsync(each.fileno())
            gone.replace(self.folder / f"{number}.gone.txt")
            partial.replace(self._file(number))
        except OSError as error:
            raise SiteError(f"{self.folder} cannot be written: {error.strerror}") from error
        return counts

    def forget_old(self, latest: int) -> None:
        """Delete the lists that are older than those to be kept."""
        for file in self.folder.glob("*.jsonl"):
            if file.stem.isdecimal() and int(file.stem) <= latest - self.keep:
                file.with_suffix(".gone.txt").unlink(missing_ok=True)
                file.unlink(missing_ok=True)

    def joined(self, since: int, latest: int) -> Iterator[bytes]:
        """Yield the lines of all releases after ``since``: the last one of each path, removals first.

        Raises :class:`SiteError` when one of the lists is no longer kept.
        """
        numbers = range(latest, since, -1)
        for number in numbers:
            if not self._file(number).exists():
                raise SiteError(
                    f"the list of release {number} is no longer kept; compare the whole folder (rsync --delete)"
                )
        for removals in (True, False):
            seen: set[str] = set()
            for number in numbers:
                with self._file(number).open("rb") as lines:
                    for line in lines:
                        told = orjson.loads(line)
                        if told["path"] in seen:
                            continue
                        if number != since + 1:
                            seen.add(told["path"])
                        if (told["op"] == "remove") == removals:
                            yield line

    def _file(self, number: int) -> Path:
        return self.folder / f"{number}.jsonl"


def _line(one: Change) -> bytes:
    told = {name: value for name, value in one._asdict().items() if value is not None}
    return orjson.dumps(told) + b"\n"


def latest(connection: Connection) -> int:
    """Return the number of the latest release; 0 before the first."""
    return connection.execute(select(func.max(site_release.c.release_no))).scalar() or 0


def addresses(connection: Connection, behind: str | None, most: int) -> list[str]:
    """Return the first so many addresses in which the newest site differs from the tree that is behind, if any is."""
    query = select(page.c.path) if behind is None else select(lag.c.path).where(lag.c.tree == behind)
    return list(connection.execute(query.order_by("path").limit(most)).scalars())


def changes(
    connection: Connection, old: Folder | None, new: Folder, behind: str | None, *, comes_back: bool = False
) -> Generator[Change, None, None]:
    """Yield what a reader of the tree ``old`` misses of ``new``, removals first.

    ``behind``: the tree that the ledger knows to be behind: ``old`` before a release, ``new`` when an earlier release
    ``comes_back``; None when everything is new.
    """
    if behind is None:
        with closing(
            connection.execute(select(page.c.path, page.c.digest, page.c.bytes).order_by(page.c.path))
        ) as rows:
            for path, digest, size in rows:
                yield from _with_siblings(Change("add", paths.file_of(path), digest, size), old, new)
        return
    query = (
        select(lag.c.path, lag.c.held, page.c.digest, page.c.bytes)
        .select_from(lag.outerjoin(page, page.c.path == lag.c.path))
        .where(lag.c.tree == behind)
        .order_by(lag.c.path)
    )
    for removals in (True, False):
        with closing(connection.execute(query)) as rows:
            for path, held, digest, size in rows:
                name, is_target = paths.file_of(path), digest is not None
                is_old, is_new = (is_target, held) if comes_back else (held, is_target)
                if removals and is_old and not is_new:
                    yield from _with_siblings(Change("remove", name), old, new)
                elif not removals and is_new:
                    told = _read(new, name) if comes_back else (digest, size)
                    yield from _with_siblings(Change("change" if is_old else "add", name, *told), old, new)


def _with_siblings(one: Change, old: Folder | None, new: Folder) -> Iterator[Change]:
    yield one
    for kind in sorted({*new.kinds, *(old.kinds if old else ())}) if precompress.is_worth(one.path) else ():
        name = f"{one.path}.{kind}"
        is_old, is_new = old is not None and old.has(name), new.has(name)
        if is_new:
            yield Change("change" if is_old else "add", name, *_read(new, name))
        elif is_old:
            yield Change("remove", name)


def _read(folder: Folder, name: str) -> tuple[str, int]:
    with (folder.root / name).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest(), os.fstat(content.fileno()).st_size
