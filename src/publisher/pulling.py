"""Reading what the source has: its events, with every record as the ledger keeps it. Writes nothing."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from publisher import source
from publisher.ledger.intake import Arrival, arrival
from publisher.model import Intake, Problem, Received, SetAside
from publisher.source import CountsRow, FileGone, FileSeen, FolderSource, Unchecked, Watermark

LEAVE = 3  # one line in so many is checked by the process that keeps them, which else would wait
_Left = TypeVar("_Left")
Pulled = Arrival | SetAside | Problem | FileSeen | FileGone | Watermark | CountsRow


def ready(events: Iterable[source.Event | _Left]) -> list[Pulled | _Left]:
    """Return events of a source as they are kept; what else is among them stays as it is."""
    return [arrival(one) if isinstance(one, Received) else one for one in events]


def chunks(events: Iterator[source.Event | _Left], chunk: int) -> Iterator[list[Pulled | _Left]]:
    """Yield all events of a pull, ready to be kept, ``chunk`` at a time."""
    while some := ready(islice(events, chunk)):
        yield some


def chunks_of(
    folder: FolderSource, intake: Intake, seen: Mapping[str, str], chunk: int
) -> Iterator[list[Pulled | Unchecked]]:
    """Pull from a folder as :func:`publisher.source.pull` does, in a process that has nothing open yet; some lines are
    left for :func:`checked`."""
    yield from chunks(source.pull_leaving(folder, intake, seen, LEAVE), chunk)


def checked(found: Iterable[list[Pulled | Unchecked]], intake: Intake) -> Iterator[list[Pulled]]:
    """Yield chunks of a pull with what was left among them checked, ready to be kept too."""
    return (ready(source.check(some, intake)) for some in found)
