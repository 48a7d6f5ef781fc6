"""Processes of a run's own: that make ready what the first one writes, do a part of its work meanwhile, or take the
memory that a stage needed with them when they end.

What comes, and its order, do not depend on where it was made: the work is the same. One that writes must have committed
before it tells of it. They are forks where that is safe: a fork starts at once, and shares what was read before.
"""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, TypeVar

from publisher.errors import LedgerError, PublisherError

Tell = Callable[[Any], None]
_Item = TypeVar("_Item")
_PR_SET_PDEATHSIG = 1


class _Ended(NamedTuple):
    """The last that comes: why it ended early, if it did."""

    error: PublisherError | None


class _Result(NamedTuple):
    """What a work returned."""

    value: Any


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
def unlooked() -> Iterator[None]:
    """Have Python look for no cycles among what there is, here and in forks: what nobody looks at stays shared."""
    is_first = not gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if is_first:
            gc.unfreeze()


def may_fork() -> bool:
    """Tell whether a fork of this process is safe: it has one thread, so that nothing is copied half done, and the
    system's libraries allow it."""
    return sys.platform == "linux" and threading.active_count() == 1


def done_elsewhere(
    work: Callable[..., _Item],
    *args: Any,
    on_told: Callable[..., None],
    is_fork: bool | None = None,
    fails: type[PublisherError] = LedgerError,
) -> _Item:
    """Return what ``work(tell, *args)`` returns, which a process of its own does; ``on_told`` is called with what it
    tells. It may begin processes of its own. For the rest see :func:`told_elsewhere`."""
    result: Any = None
    with told_elsewhere(_returned, work, *args, is_fork=is_fork, begins_others=True, fails=fails) as coming:
        for one in coming:
            if isinstance(one, _Result):
                result = one.value
            else:
                on_told(*one)
    found: _Item = result
    return found


def _returned(tell: Tell, work: Callable[..., Any], *args: Any) -> None:
    tell(_Result(work(lambda *said: tell(said), *args)))


@contextmanager
def made_elsewhere(
    make: Callable[..., Iterator[_Item]], *args: Any, is_fork: bool | None = None, begins_others: bool = False
) -> Iterator[Iterator[_Item]]:
    """Run a generator in a process of its own, one item ahead; give what it yields. See :func:`told_elsewhere`."""
    with told_elsewhere(_each, make, *args, is_fork=is_fork, begins_others=begins_others) as items:
        yield items


def _each(tell: Tell, make: Callable[..., Iterator[Any]], *args: Any) -> None:
    for item in make(*args):
        tell(item)


@contextmanager
def told_elsewhere(
    work: Callable[..., None],
    *args: Any,
    shares: Sequence[tuple[Any, ...]] = ((),),
    is_fork: bool | None = None,
    begins_others: bool = False,
    fails: type[PublisherError] = LedgerError,
) -> Iterator[Iterator[Any]]:
    """Have ``work(tell, *share, *args)`` done by a process of its own for each share; give what they tell, as it comes.

    What is told is pickled, and without a fork (None: where :func:`may_fork`) ``work`` and its arguments too. A fork
    shares open files and locks: no connection to the ledger may be open. ``begins_others``: it begins processes of its
    own. Our own errors arrive as they were raised; raises ``fails`` when a process fails otherwise, or is ended. All
    end with the block.
    """
    forks = may_fork() if is_fork is None else is_fork
    fork, spawn = multiprocessing.get_context("fork"), multiprocessing.get_context("spawn")
    context: ForkContext | SpawnContext = fork if forks else spawn
    begun: dict[Connection, BaseProcess] = {}
    with unlooked():
        try:
            for share in shares:
                receiving, sending = context.Pipe(duplex=False)
                copied = [receiving, *begun] if forks else []
                asked = (sending, copied, fails, work, (*share, *args))
                process = context.Process(target=_serve, args=asked, daemon=not begins_others)
                process.start()
                sending.close()
                begun[receiving] = process
            yield _arriving(begun, fails)
        finally:
            for pipe, one in begun.items():
                pipe.close()
                one.terminate()
                one.join()


def _arriving(begun: Mapping[Connection, BaseProcess], fails: type[PublisherError]) -> Iterator[Any]:
    left = dict(begun)
    while left:
        for receiving in wait(left):
            assert isinstance(receiving, Connection)
            try:
                item = receiving.recv()
            except (EOFError, OSError) as error:
                left[receiving].join()
                status = left[receiving].exitcode
                why = f"a process of this run ended with status {status} before its work was done; run again to go on"
                raise fails(why) from error
            if not isinstance(item, _Ended):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                del left[receiving]


def _serve(
    sending: Connection,
    copied: Iterable[Connection],
    fails: type[PublisherError],
    work: Callable[..., None],
    args: tuple[Any, ...],
) -> None:
    """Send what a work tells, and how it ended. ``copied``: the ends of pipes that are another's."""
    end_with_parent()
    for one in copied:
        one.close()
    with rarely_collecting(), suppress(BrokenPipeError):  # the first process is gone or has enough
        try:
            work(sending.send, *args)
        except PublisherError as error:
            sending.send(_Ended(error))
        except BrokenPipeError:
            raise
        except Exception as error:
            sending.send(_Ended(fails(f"a process of this run failed: {type(error).__name__}: {error}")))
            raise
        else:
            sending.send(_Ended(None))
