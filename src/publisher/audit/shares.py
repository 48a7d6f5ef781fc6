"""The audit in equal shares, each in a process of its own, step by step.

What a step finds out for the next one is brought together in the first process. The others are forks of it, made anew
for each step: what all need is read once and lies in memory once, however many they are.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import chain
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
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.store import READERS_KIB
from publisher.second import Tell, give_back, made_elsewhere, told_elsewhere

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


def in_forks(ledger_url: str, processes: int) -> Each:
    """Return what does each step in so many forks of this process, which must have one thread."""

    def each(work: Callable[..., Found], *given: Any) -> Generator[Any, None, list[Any]]:
        ended: dict[int, Any] = {}
        shares = [(number, processes) for number in range(processes)]
        give_back()
        with told_elsewhere(_done, ledger_url, work, given, shares=shares, is_fork=True, fails=SiteError) as coming:
            for one in coming:
                if isinstance(one, _Ended):
                    ended[one.number] = one.value
                else:
                    yield one
        return [ended[number] for number in range(processes)]

    return each


class _Ended(NamedTuple):
    """What the work on a share ended with."""

    number: int
    value: Any


def _done(
    tell: Tell, number: int, of: int, ledger_url: str, work: Callable[..., Found], given: tuple[Any, ...]
) -> None:
    """Do a share of a step, and tell what comes of it."""
    with Ledger(ledger_url, cache_kib=READERS_KIB) as ledger, ledger.reading() as connection:
        found = work(Share(number, of, connection, tell), *given)
        while True:
            try:
                tell(next(found))
            except StopIteration as end:
                tell(_Ended(number, end.value))
                return


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
    return audit_shares(in_forks(ledger_url, processes), output, labels)
