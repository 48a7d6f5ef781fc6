"""One run at a time: a lock file that says who holds it and since when."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from publisher.errors import LedgerError
from publisher.model import SHANGHAI

PATIENCE = 1.0  # seconds; a builder whose run was killed ends with its next chunk


@contextmanager
def only_run(var: Path) -> Iterator[None]:
    """Hold the run lock of a portal. The system lets go of it when the process ends, however it ends.

    Forks hold it too: one that outlives a killed run must end before another run may begin, or it would write what is
    stale by then. Waits :data:`PATIENCE` seconds for that. (Linux ends them at once, and those that are no forks.)
    Raises :class:`LedgerError` naming the process that holds it and since when.
    """
    try:
        var.mkdir(parents=True, exist_ok=True)
        handle = os.open(var / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LedgerError(f"{var} cannot be written: {error.strerror}") from error
    try:
        try:
            _take(handle)
        except BlockingIOError:
            holder = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
            raise LedgerError(f"another run is under way ({holder}); wait for it to end, then run again") from None
        held = f"process {os.getpid()}, since {datetime.now(SHANGHAI):%Y-%m-%d %H:%M:%S}\n"
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, held.encode(), 0)
        except OSError as error:
            raise LedgerError(f"{var / 'run.lock'} cannot be written: {error.strerror}") from error
        yield
    finally:
        os.close(handle)


def _take(handle: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
