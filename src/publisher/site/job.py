"""What the builder's process is told: plain data."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from publisher.log import Key


class OutcomeWords(BaseModel):
    """How the site words one kind of outcome: as the taxonomy has it, and plainly."""

    model_config = ConfigDict(frozen=True)

    id: str
    label: str
    tone: Literal["clear", "neutral", "attention", "serious"]
    explanation: str


class RuleValue(BaseModel):
    """A value of the profile as ``/about/`` lists it, with what it rests on and how certain it is."""

    model_config = ConfigDict(frozen=True)

    key: str
    value: str
    basis: str
    certainty: str
    effective_on: str


class Job(BaseModel):
    """One build: where things are, what the portal is called, and the words of its profile."""

    model_config = ConfigDict(frozen=True)

    ledger_url: str
    output: Path
    theme: Path
    content: Path
    name: str
    base_url: str
    region_code: str
    demo: bool
    day: str  # for what falls due; pages never print it
    profile_title: str
    outcomes: tuple[OutcomeWords, ...]
    rule_labels: dict[str, str]
    rule_bases: dict[str, str]  # the article, never a decision's own words
    values: tuple[RuleValue, ...]
    compiled: Path | None = None  # where compiled templates are kept
    log_key: Key  # where it is, never the key itself
    vkey: str  # its public part, for everybody
    precompress: tuple[str, ...] = ()  # gz, br: siblings of pages and shards
    look: str = ""  # fingerprint of theme, content and all of the above but the day
    served: Path | None = None  # the tree that is served while ``output``, the other, is built
    behind: str | None = None  # its name

    @cached_property
    def words(self) -> dict[str, dict[str, Any]]:
        """The words of every outcome by its id, as templates take them."""
        return {one.id: one.model_dump() for one in self.outcomes}

    @cached_property
    def root(self) -> str:
        """The path part of the site's address, without a slash at its end; empty for a site of its own host."""
        return urlsplit(self.base_url).path.rstrip("/")
