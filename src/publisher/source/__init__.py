"""Stage 1, pull: take what the inspection platform has finalized, as checked records and Problems.

One verb, :func:`pull`. :func:`recheck` is the same check for one record that was set aside earlier, for the day
its profile learns a new label.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

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
    Unchecked,
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
    "Unchecked",
    "Watermark",
    "check",
    "pull",
    "pull_leaving",
    "recheck",
    "unread",
]

_Other = TypeVar("_Other")


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
    if isinstance(source, FolderSource):
        return check(pull_folder(source, Checker(intake), seen), intake)
    return pull_api(source, Checker(intake), seen, say=say, sleep=sleep)


def pull_leaving(
    source: FolderSource, intake: Intake, seen: Mapping[str, str], leave: int
) -> Iterator[Event | Unchecked]:
    """Yield what :func:`pull` does, with one line in ``leave`` of JSON Lines ``Unchecked``: for :func:`check`."""
    return pull_folder(source, Checker(intake, leave), seen)


def check(events: Iterable[_Other | Unchecked], intake: Intake) -> Iterator[_Other | Checked]:
    """Yield events of a pull with what is ``Unchecked`` among them checked."""
    checker = Checker(intake)
    for one in events:
        if isinstance(one, Unchecked):
            yield from checker.check_line(*one)
        else:
            yield one


def recheck(raw: str, file: str, line: int | None, intake: Intake) -> tuple[Checked, ...]:
    """Check the kept words of a ``SetAside`` again: one ``Received`` (with Problems beside it) or ``SetAside``."""
    return Checker(intake).check_line(raw.encode("utf-8", "surrogatepass"), file, line)
