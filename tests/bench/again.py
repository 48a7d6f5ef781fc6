"""The floor of a build: the same bytes written to the same paths once more, by one process that does nothing else.

Files are read some at a time, which is not counted, and then written with ``open``, ``write`` and ``close`` into a
fresh folder on the same file system; making the folders is counted. Nothing is synced: neither is a page of the build
(which asks the system once, at its end, to keep all of it).
"""

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

TOGETHER = 2_000  # files held in memory at a time


class Written(NamedTuple):
    """What was written, and the seconds of wall and CPU time it took."""

    files: int
    size: int
    wall: float
    cpu: float


def write_again(source: Path, names: Iterable[str], target: Path) -> Written:
    """Write files of one folder to the same names below another."""
    files, size, wall, cpu, made = 0, 0, 0.0, 0.0, set()
    for some in _groups(names):
        contents = [(target / name, (source / name).read_bytes()) for name in some]
        files += len(contents)
        size += sum(len(content) for _, content in contents)
        begun, used = perf_counter(), process_time()
        for file, content in contents:
            if file.parent not in made:
                file.parent.mkdir(parents=True, exist_ok=True)
                made.add(file.parent)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.write(handle, content)
            os.close(handle)
        wall, cpu = wall + perf_counter() - begun, cpu + process_time() - used
    return Written(files, size, wall, cpu)


def _groups(names: Iterable[str]) -> Iterator[list[str]]:
    coming = iter(names)
    while some := list(islice(coming, TOGETHER)):
        yield some
