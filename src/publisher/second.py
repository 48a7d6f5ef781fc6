"""A second process that makes ready what the first one writes, or does a part of its work meanwhile.

What comes, and its order, do not depend on where it was made: the generator is the same one. One that writes must have
committed before it yields.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext, SpawnContext
from typing import Any, Literal, NamedTuple, TypeVar

from publisher.errors import LedgerError, PublisherError

_Item = TypeVar("_Item")
_PR_SET_PDEATHSIG = 1


class _Ended(NamedTuple):
    """The last that comes: why it ended early, if it did."""

    error: PublisherError | None


def pays(items: int, least: int) -> bool:
    """Tell whether so many items are worth the second a process takes to start, and whether there is a core for it."""
    return items >= least and (os.cpu_count() or 1) > 1


def end_with_parent() -> None:
    """Leave the end of this process to the one that started it: it ends with that one, and not of itself by Ctrl-C.

    Where the system cannot end it (on others than Linux), it ends when it next tells or asks.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process is told, and ends this one


def give_back() -> None:
    """Give memory that is free in this process back to the system, where the C library can."""
    gc.collect()
    with suppress(AttributeError, OSError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def rarely_collecting() -> Iterator[None]:
    """Have Python look for cycles seldom: a stage makes very many values and no cycles, and each look costs."""
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextmanager
def made_elsewhere(
    make: Callable[..., Iterator[_Item]],
    *args: Any,
    method: Literal["spawn", "fork"] = "spawn",
    begins_others: bool = False,
) -> Iterator[Iterator[_Item]]:
    """Run a generator in a process of its own, one item ahead; give what it yields.

    ``make``, ``args`` and the items are pickled; a fork, which shares open files and locks, takes the first two as they
    are. ``begins_others``: it begins processes of its own. Our own errors arrive as they were raised; raises
    :class:`LedgerError` when the process fails otherwise, or is ended. It ends with the block.
    """
    fork, spawn = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
    context: ForkContext | SpawnContext = fork if method == "fork" else spawn
    receiving, sending = context.Pipe(duplex=False)
    copied = receiving if method == "fork" else None
    process = context.Process(target=_serve, args=(sending, copied, make, args), daemon=not begins_others)
    process.start()
    sending.close()
    try:
        yield _arriving(receiving)
    finally:
        receiving.close()
        process.terminate()
        process.join()


def _arriving(receiving: Connection) -> Iterator[Any]:
    while True:
        try:
            item = receiving.recv()
        except (EOFError, OSError) as error:
            raise LedgerError("the second process of this run was ended; run again to go on") from error
        if isinstance(item, _Ended):
            if item.error is not None:
                raise item.error
            return
        yield item


def _serve(
    sending: Connection, copied: Connection | None, make: Callable[..., Iterator[Any]], args: tuple[Any, ...]
) -> None:
    """Send what a generator yields, and how it ended. ``copied``: the other end, where this process has it too."""
    end_with_parent()
    if copied is not None:
        copied.close()
    with rarely_collecting(), suppress(BrokenPipeError):  # the first process is gone or has enough
        try:
            for item in make(*args):
                sending.send(item)
        except PublisherError as error:
            sending.send(_Ended(error))
        except BrokenPipeError:
            raise
        except Exception as error:
            sending.send(_Ended(LedgerError(f"the second process of this run failed: {type(error).__name__}: {error}")))
            raise
        else:
            sending.send(_Ended(None))
