"""Stage 1, pull: take what the inspection platform has finalized, as checked records and Problems.

One verb, :func:`pull`. :func:`recheck` is the same check for one record that was set aside earlier, for the day
its profile learns a new label.
"""

import time
from collections.abc import Callable, Iterator, Mapping

from publisher.model import Intake
from publisher.source.api import pull_api
from publisher.source.events import (
    ApiSource,
    Checked,
    CountsRow,
    Event,
    FileGone,
    FileSeen,
    FolderSource,
    Watermark,
)
from publisher.source.folder import pull_folder, unread
from publisher.source.records import Checker

__all__ = [
    "ApiSource",
    "Checked",
    "CountsRow",
    "Event",
    "FileGone",
    "FileSeen",
    "FolderSource",
    "Watermark",
    "pull",
    "recheck",
    "unread",
]


def pull(
    source: FolderSource | ApiSource,
    intake: Intake,
    seen: Mapping[str, str],
    *,
    say: Callable[[str], None] = lambda line: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """Yield what is new in ``source``, streaming: records, records set aside, Problems, and what to remember.

    ``seen`` maps a file's path or an api kind to the text of the last ``FileSeen`` or ``Watermark`` for it. Those
    two come after everything they cover: kept together with it, a pull killed half-way repeats that file or page.
    Raises ``SourceUnavailable`` (nothing there, no answer) and ``SourceContractBroken`` (not the agreed shape).
    """
    checker = Checker(intake)
    if isinstance(source, FolderSource):
        return pull_folder(source, checker, seen)
    return pull_api(source, checker, seen, say=say, sleep=sleep)


def recheck(raw: str, file: str, line: int | None, intake: Intake) -> tuple[Checked, ...]:
    """Check the kept words of a ``SetAside`` again: one ``Received`` (with Problems beside it) or ``SetAside``."""
    return Checker(intake).check_line(raw.encode("utf-8", "surrogatepass"), file, line)
