"""Several processes that render at once; their files are installed in the order in which they were asked for.

What is written does not depend on how many there are: each part is made from the ledger alone.
"""

import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import IO, Any, Self

import orjson

from publisher.errors import LedgerError, RenderFailed, SiteError
from publisher.site.install import File, staging
from publisher.site.job import Job
from publisher.site.maker import Made

AHEAD = 2  # chunks a worker is asked for before its first answer is read
_ERRORS = {one.__name__: one for one in (LedgerError, RenderFailed)}


class Crew:
    """Workers that render parts of one build."""

    def __init__(self, job: Job, size: int) -> None:
        told = job.model_dump_json().encode() + b"\n"
        self._workers = [self._worker(staging(job.output) / f"worker-{number}", told) for number in range(size)]

    @staticmethod
    def _worker(folder: Path, told: bytes) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(  # noqa: S603 (its words are ours)
            [sys.executable, "-m", "publisher.site.worker", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            close_fds=False,  # it holds the run lock as long as it lives (ledger/lock.py)
        )
        _pipe(worker.stdin).write(told)
        _pipe(worker.stdin).flush()
        return worker

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.terminate()
            with suppress(BrokenPipeError):
                _pipe(worker.stdin).close()
            _pipe(worker.stdout).close()
            worker.wait()

    def made(self, scope: str, chunks: Iterable[list[str]]) -> Iterator[Made]:
        """Yield the files of each chunk of parts of one scope, in the order given.

        Raises what a worker raised, and :class:`RenderFailed` when one ended.
        """
        waiting: deque[subprocess.Popen[bytes]] = deque()
        for number, keys in enumerate(chunks):
            if len(waiting) == AHEAD * len(self._workers):
                yield self._answer(scope, waiting.popleft())
            worker = self._workers[number % len(self._workers)]
            with suppress(BrokenPipeError):  # its answer says so
                _pipe(worker.stdin).write(orjson.dumps({"scope": scope, "keys": keys}) + b"\n")
                _pipe(worker.stdin).flush()
            waiting.append(worker)
        while waiting:
            yield self._answer(scope, waiting.popleft())

    @staticmethod
    def _answer(scope: str, worker: subprocess.Popen[bytes]) -> Made:
        line = _pipe(worker.stdout).readline()
        if not line:
            raise RenderFailed(f"a rendering process ended with status {worker.wait()}; the run can be repeated")
        said = orjson.loads(line)
        if "error" in said:
            raise _ERRORS.get(said["kind"], SiteError)(said["error"])
        told = Path(said["told"])
        parts = orjson.loads(told.read_bytes())
        told.unlink()
        return {(scope, key): [_file(*one) for one in files] for key, files in parts}


def _file(address: str, name: str, digest: str, size: int, rows: int | None, as_of: str | None) -> File:
    return File(address, Path(name), rows, date.fromisoformat(as_of) if as_of else None, (digest, size))


def _pipe(one: IO[Any] | None) -> IO[Any]:
    assert one is not None
    return one
