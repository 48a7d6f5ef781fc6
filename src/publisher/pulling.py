"""Reading what the source has: its events, with every record as the ledger keeps it. Writes nothing."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from publisher import source
from publisher.ledger.intake import Arrival, arrival
from publisher.model import Intake, Problem, Received, SetAside
from publisher.source import CountsRow, FileGone, FileSeen, FolderSource, Watermark

Pulled = Arrival | SetAside | Problem | FileSeen | FileGone | Watermark | CountsRow


def ready(events: Iterable[source.Event]) -> list[Pulled]:
    """Return events of a source as they are kept."""
    return [arrival(one) if isinstance(one, Received) else one for one in events]


def chunks(events: Iterator[source.Event], chunk: int) -> Iterator[list[Pulled]]:
    """Yield all events of a pull, ready to be kept, ``chunk`` at a time."""
    while some := ready(islice(events, chunk)):
        yield some


def chunks_of(folder: FolderSource, intake: Intake, seen: Mapping[str, str], chunk: int) -> Iterator[list[Pulled]]:
    """Pull from a folder as :func:`publisher.source.pull` does, in a process that has nothing open yet."""
    yield from chunks(source.pull(folder, intake, seen), chunk)
