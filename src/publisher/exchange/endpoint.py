"""An endpoint as the exchange sees it, and what a push to it came to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

MIB = 1 << 20


@dataclass(frozen=True)
class Endpoint:
    """A credit publicity system to be told.

    ``mapping`` is a shipped mapping's name or the path of one. ``batch_bytes`` bounds the body of a batch; a record
    larger than that goes alone.
    """

    name: str
    kind: Literal["api", "filedrop"]
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    token_env: str | None = None
    path: Path | None = None
    mapping: str = "plain"
    ca_file: Path | None = None
    batch_records: int = 500
    batch_bytes: int = 4 * MIB


class Pushed(NamedTuple):
    """What one push to an endpoint came to, in records.

    ``unprocessed`` had no receipt and stay owed. ``owed`` are all that are still to be told; ``refused`` those set
    aside because the endpoint refused them as they are, now or earlier. ``unsendable`` cannot be put into its form.
    ``error`` says why the push stopped early; ``None``: it did not.
    """

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    unprocessed: int = 0
    owed: int = 0
    refused: int = 0
    unsendable: int = 0
    error: str | None = None


@dataclass
class Tally:
    """The counts of a push while it runs."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    unprocessed: int = 0
    unsendable: int = 0

    def add(self, status: str, count: int = 1) -> None:
        """Count records with a receipt status."""
        setattr(self, status, getattr(self, status) + count)
