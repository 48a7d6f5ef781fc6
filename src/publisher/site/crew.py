"""Several processes that make files at once; these are installed in the order in which they were asked for.

What is written does not depend on how many there are: each part is made by itself. They are forks of the builder, so
that they start at once and share what it has read: modules, templates, plans and items, the base of the search index.
"""

import gc
import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple, Self

import orjson

from publisher.errors import LedgerError, RenderFailed, SiteError
from publisher.ledger import Ledger
from publisher.site.install import File, Made, staging
from publisher.site.worker import Makes, work

AHEAD = 2  # chunks a worker is asked for before its first answer is read
_ERRORS = {one.__name__: one for one in (LedgerError, RenderFailed)}


class Worker(NamedTuple):
    """A process that makes files, and the pipe by which it is asked and answers."""

    process: BaseProcess
    pipe: Connection


class Crew:
    """Workers that make parts of one build, each as ``maker`` would. No connection to the ledger may be in use."""

    def __init__(self, maker: Makes, ledger: Ledger, output: Path, size: int) -> None:
        ledger.let_go()  # a database that is open must not be carried over
        gc.freeze()  # what is never looked at again by the collector stays shared
        self.workers: list[Worker] = []
        for number in range(size):
            self.workers.append(self._worker(maker, staging(output) / f"worker-{number}"))

    def _worker(self, maker: Makes, folder: Path) -> Worker:
        context = multiprocessing.get_context("fork")
        pipe, theirs = context.Pipe()
        others = [pipe, *(one.pipe for one in self.workers)]
        process = context.Process(target=work, args=(maker, folder, theirs, others), daemon=True)
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

    def made(self, scope: str, chunks: Iterable[list[str]]) -> Iterator[Made]:
        """Yield the files of each chunk of parts of one scope, in the order given.

        Raises what a worker raised, and :class:`RenderFailed` when one ended.
        """
        waiting: deque[Worker] = deque()
        for number, keys in enumerate(chunks):
            if len(waiting) == AHEAD * len(self.workers):
                yield self._answer(scope, waiting.popleft())
            worker = self.workers[number % len(self.workers)]
            with suppress(OSError):  # it ended; its answer says so
                worker.pipe.send_bytes(orjson.dumps({"scope": scope, "keys": keys}))
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


def _file(address: str, name: str, digest: str, size: int, rows: int | None, as_of: str | None) -> File:
    return File(address, Path(name), rows, date.fromisoformat(as_of) if as_of else None, (digest, size))
