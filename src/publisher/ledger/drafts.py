"""A verdict ready to be written: all that recording it takes, as plain values that another process can hand over.

Days are text here, as the database keeps them.
"""

from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Row

from publisher.ledger.dockets import Body, Docket, version_of
from publisher.ledger.intake import DUE_NOW
from publisher.ledger.many import iso
from publisher.model import Verdict


class Judged(NamedTuple):
    """A docket with its verdict, and what lists and indicators need to know of the version it is about."""

    docket: Docket
    verdict: Verdict
    outcomes: tuple[str, ...]
    negative: bool
    settled: bool
    public: Body | None  # the redacted form, where the verdict is to show it
    beside: Body  # what the site says beside it: the firm's reply, when an objection was filed
    gap: str | None = None  # why it is older than the rules or the calendar


class InForce(NamedTuple):
    """The verdict in force on a record, in the order of the ledger's columns."""

    state: str | None = None
    cause: str | None = None
    marks: str = ""
    rule: str | None = None
    basis: str | None = None
    since: str | None = None
    due_on: str | None = None
    record_due_on: str | None = None
    published_on: str | None = None
    may_apply_on: str | None = None
    ends_on: str | None = None
    shown_version: int | None = None
    provisional: bool = False


class Facets(NamedTuple):
    """What the lists sort a record by."""

    plan_id: str | None
    task_id: str | None
    year: int | None
    month: int | None
    ended_on: str | None
    authority: str | None
    region_code: str | None
    outcomes: str | None
    negative: bool | None
    settled: bool | None


class Draft(NamedTuple):
    """A verdict on a record, beside what the ledger says of it so far."""

    record_no: int
    kind: str
    record_id: str
    version: int  # ours, so far
    is_new: bool  # its content or its cases are new
    ref: str | None
    places: str
    first_shown_on: str | None
    subject_no: int | None
    before: InForce
    now: InForce
    next_change_on: str | None
    sorted_by: Facets  # so far
    facets: Facets
    subject: Body | None  # whom a result names
    body: str  # the public form, as JSON; "null" when nothing is shown
    beside: str
    gap: str | None


def draft_of(one: Judged) -> Draft:
    """Return a verdict ready to be written."""
    row, verdict = one.docket.row, one.verdict
    body = version_of(one.docket, verdict.version)
    is_first = row.state is None
    return Draft(
        row.record_no,
        row.kind,
        row.record_id,
        row.version,
        row.judge_on == DUE_NOW,
        row.ref,
        row.places,
        iso(row.first_shown_on),
        row.subject_no,
        _FIRST if is_first else InForce(*_written(row, InForce._fields)),
        _in_force(verdict),
        iso(verdict.next_change_on),
        _UNSORTED if is_first else Facets(*_written(row, Facets._fields)),
        _facets(one, body),
        body.get("subject"),
        orjson.dumps(one.public).decode(),
        orjson.dumps(one.beside).decode(),
        one.gap,
    )


_FIRST = InForce()
_UNSORTED = Facets(*[None] * len(Facets._fields))


def _written(row: Row[Any], names: tuple[str, ...]) -> list[Any]:
    values = [getattr(row, name) for name in names]
    return [iso(value) if isinstance(value, date) else value for value in values]


@lru_cache(16_384)  # one verdict serves many results; what is the same object is handed to another process once
def _in_force(verdict: Verdict) -> InForce:
    return InForce(
        verdict.state,
        verdict.cause,
        ",".join(verdict.marks),
        verdict.rule,
        verdict.basis,
        iso(verdict.since),
        iso(verdict.due_on),
        iso(verdict.record_due_on),
        iso(verdict.published_on),
        iso(verdict.may_apply_on),
        iso(verdict.ends_on),
        verdict.version,
        verdict.provisional,
    )


def _facets(one: Judged, body: Body) -> Facets:
    """Return what the lists sort by, from the version that the verdict is about (the newest if none counts yet)."""
    row = one.docket.row
    if row.kind != "result":
        is_plan = row.kind == "plan"
        return _UNSORTED._replace(
            plan_id=row.record_id if is_plan else None,
            year=body["year"] if is_plan else None,
            authority=body["authority"],
            region_code=body["region_code"],
        )
    ended_on = body["ended_on"]
    return Facets(
        body["plan_id"],
        body["task_id"],
        int(ended_on[:4]),
        int(ended_on[5:7]),
        ended_on,
        body["authority"],
        body["subject"]["region_code"],
        ",".join(one.outcomes),
        one.negative,
        one.settled,
    )
