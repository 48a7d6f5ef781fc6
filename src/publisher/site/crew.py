"""Several processes that make files at once; these are installed in the order in which they were asked for.

What is written does not depend on how many there are: each part is made by itself. They are forks of the builder, so
that they start at once and share what it has read: modules, templates, plans and items, the base of the search index.
"""

import gc
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple, Self

import orjson

from publisher.errors import LedgerError, RenderFailed, SiteError
from publisher.ledger import Ledger
from publisher.site.install import File, Made, Tree
from publisher.site.worker import Makes, work

AHEAD = 3  # chunks a worker is asked for before its first answer is read: the builder may install much at once
_ERRORS = {one.__name__: one for one in (LedgerError, RenderFailed)}


class Worker(NamedTuple):
    """A process that makes files, and the pipe by which it is asked and answers."""

    process: BaseProcess
    pipe: Connection


class Crew:
    """Workers that make parts of one build, each as ``maker`` would. No connection to the ledger may be in use."""

    def __init__(self, maker: Makes, ledger: Ledger, tree: Tree, size: int) -> None:
        ledger.let_go()  # a database that is open must not be carried over
        gc.freeze()  # what is never looked at again by the collector stays shared
        self.workers: list[Worker] = []
        for number in range(size):
            self.workers.append(self._worker(maker, tree, f"worker-{number}"))

    def _worker(self, maker: Makes, tree: Tree, name: str) -> Worker:
        context = multiprocessing.get_context("fork")
        pipe, theirs = context.Pipe()
        others = [pipe, *(one.pipe for one in self.workers)]
        process = context.Process(target=work, args=(maker, tree, name, theirs, others), daemon=True)
        process.start()
        theirs.close()
        return Worker(process, pipe)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.process.terminate()
            worker.pipe.close()
            worker.process.join()

    def made(self, scope: str, chunks: Iterable[Sequence[str]], *, in_place: bool = False) -> Iterator[Made]:
        """Yield the files of each chunk of parts of one scope, in the order given. ``in_place``: they are laid
        (:meth:`Tree.lay`).

        Raises what a worker raised, and :class:`RenderFailed` when one ended.
        """
        waiting: deque[Worker] = deque()
        for number, keys in enumerate(chunks):
            if len(waiting) == AHEAD * len(self.workers):
                yield self._answer(scope, waiting.popleft())
            worker = self.workers[number % len(self.workers)]
            with suppress(OSError):  # it ended; its answer says so
                worker.pipe.send_bytes(orjson.dumps({"scope": scope, "keys": keys, "in_place": in_place}))
            waiting.append(worker)
        while waiting:
            yield self._answer(scope, waiting.popleft())

    @staticmethod
    def _answer(scope: str, worker: Worker) -> Made:
        try:
            said = orjson.loads(worker.pipe.recv_bytes())
        except (EOFError, OSError) as error:
            worker.process.join()
            status = worker.process.exitcode
            why = f"a process of the builder ended with status {status}; the run can be repeated"
            raise RenderFailed(why) from error
        if "error" in said:
            raise _ERRORS.get(said["kind"], SiteError)(said["error"])
        told = Path(said["told"])
        parts = orjson.loads(told.read_bytes())
        told.unlink()
        return {(scope, key): [_file(*one) for one in files] for key, files in parts}


def _file(address: str, name: str | None, digest: str, size: int, rows: int | None, as_of: str | None) -> File:
    day = date.fromisoformat(as_of) if as_of else None
    return File(address, b"" if name is None else Path(name), rows, day, (digest, size), name is None)
