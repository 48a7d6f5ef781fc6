"""Keeping what a pull yields: records in the ledger, bad ones set aside with a Problem, and how far the pull came."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from publisher import pulling, source
from publisher.ledger import intake as received
from publisher.ledger import problems as open_problems
from publisher.model import Intake, Problem, SetAside
from publisher.portal import Portal
from publisher.pulling import Pulled
from publisher.second import made_elsewhere, rarely_collecting
from publisher.source import ApiSource, CountsRow, FileGone, FileSeen, FolderSource, Watermark

CHUNK = 2_000  # records kept in one transaction
PLURALS = {"plan": "plans", "item_list": "item_lists", "result": "results", "case": "cases", "tombstone": "cases"}


def keep_all(
    portal: Portal, asked: FolderSource | ApiSource, intake: Intake, seen: Mapping[str, str], is_much: bool
) -> Counter[str]:
    """Keep what the source has, a chunk in each transaction; return how many records were new, by kind."""
    new: Counter[str] = Counter()
    done = 0
    with rarely_collecting(), _pulled(portal, asked, intake, seen, is_much) as chunks:
        for events in chunks:
            with portal.ledger.transaction() as connection:
                new += _keep(portal, connection, events)
            done += len(events)
            portal.watcher.progress("pull", done, None)
    return new


@contextmanager
def _pulled(
    portal: Portal, asked: FolderSource | ApiSource, intake: Intake, seen: Mapping[str, str], is_much: bool
) -> Iterator[Iterator[list[Pulled]]]:
    """Give what the source has, a chunk at a time: read and checked by a second process where it is much."""
    if is_much:
        assert isinstance(asked, FolderSource)
        portal.ledger.let_go()
        may = None if portal.ledger.is_shared else False  # a rehearsal keeps its connection open
        with made_elsewhere(pulling.chunks_of, asked, intake, seen, CHUNK, is_fork=may) as chunks:
            yield pulling.checked(chunks, intake)
    else:
        yield pulling.chunks(source.pull(asked, intake, seen, say=portal.watcher.say), CHUNK)


def _keep(portal: Portal, connection: Connection, events: Sequence[Pulled]) -> Counter[str]:
    """Keep what one chunk of a pull yielded; the marks of how far it came last, in the same transaction."""
    arrived = [one for one in events if isinstance(one, received.Arrival)]
    kept = received.keep(connection, portal.run_no, arrived)
    for event in events:
        match event:
            case SetAside():
                open_problems.set_record_aside(connection, portal.run_no, event)
            case Problem():
                open_problems.note(connection, portal.run_no, [event])
            case CountsRow():
                received.keep_counts(connection, *event)
            case FileSeen():
                received.remember(connection, event.path, event.fingerprint)
                open_problems.file_read_again(connection, portal.run_no, event.path)
            case Watermark():
                received.remember(connection, event.kind, event.mark)
            case FileGone():
                received.forget(connection, event.path)
                open_problems.file_read_again(connection, portal.run_no, event.path)
                portal.watcher.say(f"{event.path} is gone; its records stay until the platform takes them back")
    counted: Counter[str] = Counter()
    for kind, number in kept.items():
        counted[PLURALS[kind]] += number
    return counted


def try_again(portal: Portal, connection: Connection) -> Counter[str]:
    """Check the records set aside again under the rules as they are now."""
    new: Counter[str] = Counter()
    for number, raw, file, line in open_problems.take_set_aside(connection):
        checked = source.recheck(raw, file, line, portal.profile.intake())
        if not any(isinstance(one, SetAside) for one in checked):
            open_problems.no_longer_set_aside(connection, number)
            new += _keep(portal, connection, pulling.ready(checked))
    return new
