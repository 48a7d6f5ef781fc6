"""The audit in equal shares, each in a process of its own: what one finds out for all, it tells the others."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection

from publisher import paths
from publisher.audit import plans, results, tree
from publisher.audit.difference import Difference
from publisher.audit.expected import every_chunk, excuse, forbidden
from publisher.audit.sieve import Sieve
from publisher.audit.subjects import SubjectPages
from publisher.errors import PublisherError, SiteError
from publisher.ledger import Ledger
from publisher.ledger.store import READERS_KIB
from publisher.second import end_with_parent, rarely_collecting

Step = Callable[[int], None]
Meet = Callable[[Any], list[Any]]  # give one's own part of something, get the parts of all


class Share(NamedTuple):
    """One of ``of`` equal shares of the work, counted from 0."""

    number: int
    of: int


WHOLE = Share(0, 1)


def audit_share(
    connection: Connection,
    output: Path,
    labels: Mapping[str, str],
    step: Step,
    share: Share = WHOLE,
    meet: Meet = lambda own: [own],
) -> Iterator[Difference]:
    """Yield the differences that a share of the work finds; ``step`` is told of files and subjects as they are done."""
    sieve = Sieve(chain.from_iterable(meet(list(forbidden(connection, every_chunk(connection, *share))))))
    excuse(sieve, every_chunk(connection, *share))
    for others in meet(sieve.excuses):
        sieve.excuse_too(others)
    sieve.settle()
    pages = SubjectPages(connection, output, labels, sieve)
    yield from pages.compared(step, *share)
    pages.see(meet(pages.seen))
    yield from tree.walk(connection, output, sieve, step, pages.has_read, *share)
    yield from results.of_months(connection, output, *share)
    if share.number == 0:
        yield from pages.unread
        for _ in range(pages.left):
            yield Difference("leak", paths.SEARCH_MANIFEST, "a subject of whom nothing is shown")
        yield from results.of_wholes(connection, output)
        yield from tree.gone(connection, output)
        yield from plans.of_plans(connection, output)
        yield from plans.of_item_lists(connection, output)


def audit_in_processes(
    ledger_url: str, output: Path, labels: Mapping[str, str], step: Step, processes: int
) -> Iterator[Difference]:
    """Yield what :func:`audit_share` finds in all shares together, one process for each."""
    context = multiprocessing.get_context("spawn")
    workers: dict[Pipe, Any] = {}
    try:
        for number in range(processes):
            pipe, theirs = context.Pipe()
            worker = context.Process(
                target=_work, args=(theirs, ledger_url, output, dict(labels), Share(number, processes)), daemon=True
            )
            worker.start()
            theirs.close()
            workers[pipe] = worker
        yield from _gathered(workers, step)
    finally:
        for pipe, worker in workers.items():
            worker.terminate()
            worker.join()
            pipe.close()


def _gathered(workers: Mapping[Pipe, Any], step: Step) -> Iterator[Difference]:
    working = set(workers)
    met: dict[Pipe, Any] = {}
    while working:
        for pipe in wait(working):
            assert isinstance(pipe, Pipe)
            try:
                kind, value = pipe.recv()
            except EOFError:
                raise SiteError("a process of the audit ended before its work was done") from None
            match kind:
                case "found":
                    yield value
                case "step":
                    step(value)
                case "meet":
                    met[pipe] = value
                    if len(met) == len(workers):
                        for one in workers:
                            one.send([met[other] for other in workers])
                        met.clear()  # they may be very many; this process needs none of them
                case "error":
                    raise value
                case _:
                    working.discard(pipe)


def _work(pipe: Pipe, ledger_url: str, output: Path, labels: Mapping[str, str], share: Share) -> None:
    def step(more: int) -> None:
        pipe.send(("step", more))

    def meet(own: Any) -> list[Any]:
        pipe.send(("meet", own))
        parts: list[Any] = pipe.recv()
        return parts

    end_with_parent()
    try:
        with rarely_collecting(), Ledger(ledger_url, cache_kib=READERS_KIB) as ledger, ledger.reading() as connection:
            for one in audit_share(connection, output, labels, step, share, meet):
                pipe.send(("found", one))
        pipe.send(("done", None))
    except PublisherError as error:
        pipe.send(("error", error))
