"""An endpoint as the exchange sees it, and what a push to it came to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from publisher.transport import RetryPolicy

MIB = 1 << 20


@dataclass(frozen=True)
class OAuth:
    """How to get a token by client credentials (RFC 6749, 4.4); the secret came from ``client_secret_env``."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    client_secret_env: str = ""
    scope: str | None = None


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 key in PEM and the name the endpoint knows it by (RFC 9421)."""

    pem: bytes = field(repr=False)
    key_id: str = "publisher"


@dataclass(frozen=True)
class Endpoint:
    """A credit publicity system to be told.

    ``mapping`` is a shipped mapping's name or the path of one. ``batch_bytes`` bounds the body of a batch; a record
    larger than that goes alone. ``client_cert`` is a certificate and its key in PEM files, for mutual TLS.

    ``retry_seconds`` may be lost to failures and waits in one push, and ``failures_in_a_row`` may follow each other,
    before the endpoint is left for the next run. ``answer_seconds`` and ``answer_bytes`` bound one answer.
    ``keys_kept_hours``: how long it surely knows an Idempotency-Key; what is in doubt for longer is looked up in what
    it lists instead of being sent again.
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
    client_cert: tuple[Path, Path] | None = None
    oauth: OAuth | None = None
    signing: SigningKey | None = None
    records_per_second: float | None = None
    batches_per_minute: float | None = None
    retry_seconds: float = 300.0
    failures_in_a_row: int = 8
    answer_seconds: float = 60.0
    answer_bytes: int = 16 * MIB
    keys_kept_hours: float = 24.0

    @property
    def retry(self) -> RetryPolicy:
        """The patience this endpoint is given in one push."""
        return RetryPolicy(budget=self.retry_seconds, total=self.retry_seconds, in_a_row=self.failures_in_a_row)


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
