"""The audit in equal shares, each in a process of its own, step by step.

What a step finds out for the next one is brought together in the first process. The others are forks of it, made anew
for each step: what all need is read once and lies in memory once, however many they are.
"""

import multiprocessing
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from publisher import paths
from publisher.audit import plans, results, tree
from publisher.audit.difference import Difference
from publisher.audit.expected import every_chunk, excuse, forbidden
from publisher.audit.forbidden import Packed
from publisher.audit.sieve import Excuses, Sieve
from publisher.audit.subjects import Seen, SubjectPages
from publisher.errors import PublisherError, SiteError
from publisher.ledger import Ledger
from publisher.ledger.store import READERS_KIB
from publisher.second import end_with_parent, give_back, made_elsewhere, rarely_collecting, unlooked

Step = Callable[[int], None]  # told how many more files and subjects are done


class Share(NamedTuple):
    """One of ``of`` equal shares of the work, counted from 0, with what it works with."""

    number: int
    of: int
    connection: Connection
    step: Step


Found = Generator[Difference, None, Any]  # differences, and at the end what the next step needs


class Each(Protocol):
    """Has a step done for every share: yields what they find, and returns what each ended with, in their order."""

    def __call__(self, work: Callable[..., Found], *given: Any) -> Generator[Difference, None, list[Any]]: ...


def audit_shares(each: Each, output: Path, labels: Mapping[str, str]) -> Iterator[Difference]:
    """Yield the differences that all shares of the work find."""
    sieve = Sieve(chain.from_iterable((yield from each(_forbidden))))
    for others in (yield from each(_excused, sieve)):
        sieve.excuse_too(others)
    sieve.settle()
    pages = SubjectPages(output, labels, sieve)
    pages.see((yield from each(_compared, pages)))
    yield from each(_walked, output, sieve, pages)


def _forbidden(share: Share) -> Generator[Difference, None, Packed]:
    told: set[tuple[str, bool]] = set()  # many records say the same
    found = Packed()
    for one in forbidden(share.connection, every_chunk(share.connection, share.number, share.of)):
        if (one.text, one.whole) not in told:
            told.add((one.text, one.whole))
            found.add(one)
    yield from ()
    return found


def _excused(share: Share, sieve: Sieve) -> Generator[Difference, None, Excuses]:
    excuse(sieve, every_chunk(share.connection, share.number, share.of))
    yield from ()
    return sieve.excuses


def _compared(share: Share, pages: SubjectPages) -> Generator[Difference, None, Seen]:
    yield from pages.compared(share.connection, share.step, share.number, share.of)
    return pages.seen


def _walked(share: Share, output: Path, sieve: Sieve, pages: SubjectPages) -> Found:
    connection = share.connection
    yield from tree.walk(connection, output, sieve, share.step, pages.has_read, share.number, share.of)
    yield from results.of_months(connection, output, share.number, share.of)
    if share.number == 0:
        yield from pages.unread
        for _ in range(pages.left):
            yield Difference("leak", paths.SEARCH_MANIFEST, "a subject of whom nothing is shown")
        yield from results.of_wholes(connection, output)
        yield from tree.gone(connection, output)
        yield from plans.of_plans(connection, output)
        yield from plans.of_item_lists(connection, output)


def alone(connection: Connection, step: Step) -> Each:
    """Return what does each step here, as one share."""

    def each(work: Callable[..., Found], *given: Any) -> Generator[Difference, None, list[Any]]:
        return [(yield from work(Share(0, 1, connection, step), *given))]

    return each


def audit_in_processes(
    ledger_url: str, output: Path, labels: Mapping[str, str], step: Step, processes: int
) -> Iterator[Difference]:
    """Yield what :func:`audit_shares` finds in so many processes, which a process of its own begins: this one may have
    threads, which no fork survives."""
    with made_elsewhere(_audited, ledger_url, output, dict(labels), processes, begins_others=True) as found:
        for one in found:
            if isinstance(one, Difference):
                yield one
            else:
                step(one)


def _audited(ledger_url: str, output: Path, labels: Mapping[str, str], processes: int) -> Iterator[Difference | int]:
    def each(work: Callable[..., Found], *given: Any) -> Generator[Any, None, list[Any]]:
        give_back()
        with unlooked(), _begun(ledger_url, processes, work, given) as pipes:
            return (yield from _gathered(pipes))

    yield from audit_shares(each, output, labels)


@contextmanager
def _begun(ledger_url: str, processes: int, work: Callable[..., Found], given: tuple[Any, ...]) -> Iterator[list[Pipe]]:
    """Give the pipes of forks that do their shares of a step; they end with the block."""
    context = multiprocessing.get_context("fork")
    workers: list[tuple[Pipe, Any]] = []
    try:
        for number in range(processes):
            pipe, theirs = context.Pipe(duplex=False)
            copied = [pipe, *(one for one, _ in workers)]
            asked = (theirs, copied, ledger_url, (number, processes), work, given)
            worker = context.Process(target=_work, args=asked, daemon=True)
            worker.start()
            theirs.close()
            workers.append((pipe, worker))
        yield [pipe for pipe, _ in workers]
    finally:
        for pipe, worker in workers:
            worker.terminate()
            worker.join()
            pipe.close()


def _gathered(pipes: list[Pipe]) -> Generator[Difference | int, None, list[Any]]:
    """Yield what processes find and how far they come; return what each ended with."""
    ended: dict[Pipe, Any] = {}
    while len(ended) < len(pipes):
        for pipe in wait([one for one in pipes if one not in ended]):
            assert isinstance(pipe, Pipe)
            try:
                kind, value = pipe.recv()
            except EOFError:
                raise SiteError("a process of the audit ended before its work was done") from None
            match kind:
                case "found":
                    yield value
                case "error":
                    raise value
                case _:
                    ended[pipe] = value
    return [ended[pipe] for pipe in pipes]


def _work(
    pipe: Pipe,
    copied: list[Pipe],
    ledger_url: str,
    share: tuple[int, int],
    work: Callable[..., Found],
    given: tuple[Any, ...],
) -> None:
    """Do a share of a step and tell what comes of it. ``copied``: the ends of pipes that are another's."""
    end_with_parent()
    for one in copied:
        one.close()

    def told(connection: Connection) -> Found:
        value = yield from work(Share(*share, connection, lambda more: pipe.send(("found", more))), *given)
        pipe.send(("ended", value))

    try:
        with rarely_collecting(), Ledger(ledger_url, cache_kib=READERS_KIB) as ledger, ledger.reading() as connection:
            for difference in told(connection):
                pipe.send(("found", difference))
    except PublisherError as error:
        pipe.send(("error", error))
    except BrokenPipeError:  # the first process is gone or has enough
        return
