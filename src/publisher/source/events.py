"""What a pull is asked for and what it yields."""

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from publisher.model import Problem, Received, SetAside


@dataclass(frozen=True)
class FolderSource:
    """A folder with ``plans/ item_lists/ results/ cases/`` and perhaps ``counts.csv``."""

    path: Path


@dataclass(frozen=True)
class ApiSource:
    """The supervision platform: its base URL and the token, with the name of the variable that held it."""

    url: str
    token: str = field(repr=False)
    token_env: str
    ca_file: Path | None = None


class FileSeen(NamedTuple):
    """A file was read to its end; ``fingerprint`` is to be remembered so that it is skipped while unchanged."""

    path: str
    fingerprint: str


class FileGone(NamedTuple):
    """A file read earlier is not there any more. Its records stay: only a tombstone takes a record back."""

    path: str


class Watermark(NamedTuple):
    """A page of ``kind`` was read; ``mark`` is to be remembered, and the next pull goes on from it."""

    kind: str
    mark: str


class CountsRow(NamedTuple):
    """One line of ``counts.csv``: the denominators of the indicators (R4-16); ``None`` = not stated."""

    authority: str
    period: str
    all_inspections: int | None
    library_subjects: int | None


class Unchecked(NamedTuple):
    """The JSON text of a record that is left for another process to check (:func:`publisher.source.check`)."""

    data: bytes
    file: str
    line: int


Checked = Received | SetAside | Problem
Event = Checked | FileSeen | FileGone | Watermark | CountsRow
Reading = Generator[Event | Unchecked, None, bool]  # returns whether the file was complete
