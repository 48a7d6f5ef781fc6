"""A process that makes parts of the site for the builder (:mod:`publisher.site.crew`).

It is asked by pipe for ``{"scope", "keys", "in_place"}``, reads what it needs, writes finished files into its own
folder beside the site (``in_place``: into the site, and ``file`` is null), and answers in the order asked with
``{"told"}`` or ``{"error", "kind"}``. What is told lies in a file of that name, so that nobody waits for a reader:
``[[key, [[address, file, sha-256, bytes, rows, as of], …]], …]``. It ends when no more can be asked, and with the
process that started it.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import orjson

from publisher.errors import PublisherError, SiteError
from publisher.second import end_with_parent
from publisher.site.folder import staging, write
from publisher.site.install import File, Made, Tree

TOGETHER = 25  # parts whose files are in memory at once
SMALL = {"subject": 40}  # and of those whose files are small


class Makes(Protocol):
    """What makes files of parts of the site, each by itself."""

    def made(self, scope: str, keys: Sequence[str], together: int) -> Iterator[Made]:
        """Yield the files of parts of one scope, of so many parts at a time. What it raises of ours is told."""


class Bench:
    """A process's own folder, where its finished files wait to be installed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = str(folder)
        self._numbers = count()

    def told(self, file: File, tree: Tree | None) -> tuple[Any, ...]:
        """Return a file as the builder is told of it, its bytes written: into a tree, or else here."""
        if tree is not None:
            tree.lay(file)
            return (file.address, None, file.digest, file.size, file.rows, file.as_of)
        kept = self.kept(file)
        return (kept.address, str(kept.content), kept.digest, kept.size, kept.rows, kept.as_of)

    def kept(self, file: File) -> File:
        """Return a file as a finished one, its bytes written and digested."""
        content = Path(self.written(file.content)) if isinstance(file.content, bytes) else file.content
        return file._replace(content=content, known=(file.digest, file.size))

    def written(self, content: bytes) -> str:
        """Return the name of a new file with these bytes."""
        name = f"{self.folder}/{next(self._numbers)}"
        write(name, content, is_new=False)  # there may be one that a killed build left
        return name


def work(maker: Makes, tree: Tree, name: str, asked: Connection, others: list[Connection]) -> None:
    """Answer what is asked until there is no more. ``others``: pipes of the builder's that were copied with it."""
    end_with_parent()
    for one in others:
        one.close()
    bench = Bench(staging(tree.output) / name)
    while True:
        try:
            wanted = orjson.loads(asked.recv_bytes())
        except EOFError:
            return
        asked.send_bytes(orjson.dumps(_answer(maker, tree, bench, wanted)))


def _answer(maker: Makes, tree: Tree, bench: Bench, wanted: dict[str, Any]) -> dict[str, str]:
    """Make the files of the parts wanted; return where they are told of, or what went wrong."""
    scope, keys, place = wanted["scope"], wanted["keys"], tree if wanted["in_place"] else None
    parts: list[Any] = []
    try:
        for made in maker.made(scope, keys, SMALL.get(scope, TOGETHER)):
            parts += [[key, [bench.told(one, place) for one in files]] for (_, key), files in made.items()]
        return {"told": bench.written(orjson.dumps(parts))}
    except PublisherError as error:
        return {"error": str(error), "kind": type(error).__name__}
    except OSError as error:
        return {"error": f"{bench.folder} cannot be written: {error.strerror}", "kind": SiteError.__name__}
