"""Reading what the source holds: records checked and made ready to be kept, with what else is told. Writes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from publisher import source
from publisher.ledger.intake import Arrival, arrival_of
from publisher.model import Intake, Problem, Received, SetAside
from publisher.source import ApiSource, CountsRow, FileGone, FileSeen, FolderSource, Watermark

Coming = Arrival | SetAside | Problem | FileSeen | FileGone | Watermark | CountsRow


def coming(
    asked: FolderSource | ApiSource,
    intake: Intake,
    seen: Mapping[str, str],
    chunk: int,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[list[Coming]]:
    """Yield what :func:`publisher.source.pull` does, ``chunk`` at a time, its records ready to be kept."""
    events = source.pull(asked, intake, seen, say=say)
    while some := list(islice(events, chunk)):
        yield ready(some)


def ready(events: Iterable[source.Event]) -> list[Coming]:
    """Return what a pull yielded, its records ready to be kept."""
    return [arrival_of(one) if isinstance(one, Received) else one for one in events]
