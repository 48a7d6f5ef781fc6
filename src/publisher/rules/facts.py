"""What judging needs of a record: its versions, cases and holds, taken from the JSON bodies as they arrived."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from publisher.model import RecordKind, Severity, civil_day
from publisher.rules.profile import Profile

_NUMBER: Mapping[str, str] = {"plan": "revision", "item_list": "revision", "result": "version"}
_ID: Mapping[str, str] = {"plan": "plan_id", "item_list": "list_id", "result": "result_id"}


class Hold(NamedTuple):
    """An officer's own emergency stop: it holds from ``placed_on`` until the day before ``lifted_on``."""

    placed_on: date
    lifted_on: date | None
    basis: str
    placed_by: str


class VersionFacts(NamedTuple):
    """One version of a record. ``finalized_on`` None: received, never to be shown."""

    number: int
    finalized_on: date | None
    is_public: bool
    openness_basis: str | None
    subject_kind: str | None  # None: a plan or list
    severity: Severity | None
    outcomes: tuple[str | None, ...]  # None: the profile knows neither label nor code


class CaseFacts(NamedTuple):
    """One case about the record. ``decided_on`` stands only with a decision; without one nothing has effect."""

    case_id: str
    case_type: str
    filed_on: date
    accepted_on: date | None
    decided_on: date | None
    granted: bool
    corrected_on: date | None
    lifted_on: date | None
    commitment: str | None
    basis: str | None
    decided_by: str | None


class Facts(NamedTuple):
    """All that a verdict rests on. Versions by number, cases by id, holds by day: the order given never matters."""

    kind: RecordKind
    record_id: str
    ended_on: date | None  # of a result: the end of the inspection, as its highest final version says
    recorded_on: date | None  # of a result: the first version that says so
    approved_on: date | None  # of a plan or list
    plan_year: int | None  # of an annual plan
    region_code: str | None  # where the subject is registered, as that version says
    versions: tuple[VersionFacts, ...]
    cases: tuple[CaseFacts, ...]
    holds: tuple[Hold, ...]
    retracted_on: date | None
    retracted_basis: str | None


def facts_of(
    kind: RecordKind,
    versions: Sequence[Mapping[str, Any]],
    cases: Sequence[Mapping[str, Any]],
    tombstone: Mapping[str, Any] | None,
    holds: Sequence[Hold],
    profile: Profile,
) -> Facts:
    """The facts of one record from its bodies (checked at intake; at least one version).

    Of two bodies with the same number the first stays.
    """
    ordered = versions if len(versions) == 1 else _ordered(versions, _NUMBER[kind])
    first = told = ordered[0]
    if len(ordered) > 1:
        told = next((each for each in reversed(ordered) if each["finalized_at"]), ordered[-1])
    is_result = kind == "result"
    recorded = [day for each in ordered if (day := _civil(each.get("recorded_at")))]
    return Facts(
        kind=kind,
        record_id=first[_ID[kind]],
        ended_on=_day(told["ended_on"]) if is_result else None,
        recorded_on=min(recorded) if recorded else None,
        approved_on=_day(first.get("approved_on")),
        plan_year=first["year"] if kind == "plan" and first.get("plan_type", "annual") == "annual" else None,
        region_code=told["subject"]["region_code"] if is_result else None,
        versions=tuple([_result_version(each, profile) if is_result else _version(each, kind) for each in ordered]),
        cases=tuple(sorted(map(_case, cases), key=lambda each: each.case_id)) if cases else (),
        holds=tuple(sorted(holds, key=lambda each: (each.placed_on, each.basis))) if holds else (),
        retracted_on=_day(tombstone["on"]) if tombstone else None,
        retracted_basis=tombstone.get("reason") if tombstone else None,
    )


def likeness(body: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what the verdict on a result rests on that has one version and no case, hold or tombstone.

    Two such results that are alike in it differ for the rules in nothing but their ids and regions, so that one verdict
    serves both.
    """
    final = body["finalized_at"]
    return (
        body["version"],
        body["ended_on"],
        final[:10] if final and final.endswith("+08:00") else final,
        body["subject"]["kind"],
        body.get("openness", "public"),
        body.get("openness_basis"),
        body.get("severity"),
        *[(each["outcome"], each.get("outcome_code")) for each in body["findings"]],
    )


def _ordered(versions: Sequence[Mapping[str, Any]], key: str) -> Sequence[Mapping[str, Any]]:
    bodies: dict[int, Mapping[str, Any]] = {}
    for body in versions:
        bodies.setdefault(body[key], body)
    return [bodies[number] for number in sorted(bodies)]


def _version(body: Mapping[str, Any], kind: RecordKind) -> VersionFacts:
    is_public, basis = _openness(body)
    return VersionFacts(body[_NUMBER[kind]], _civil(body["finalized_at"]), is_public, basis, None, None, ())


def _result_version(body: Mapping[str, Any], profile: Profile) -> VersionFacts:
    is_public, basis = _openness(body)
    outcomes = tuple([profile.outcome_of(each["outcome"], each.get("outcome_code")) for each in body["findings"]])
    kind, final = body["subject"]["kind"], _civil(body["finalized_at"])
    return VersionFacts(body["version"], final, is_public, basis, kind, body.get("severity"), outcomes)


def _openness(body: Mapping[str, Any]) -> tuple[bool, str | None]:
    return body.get("openness", "public") == "public", body.get("openness_basis")


def _case(body: Mapping[str, Any]) -> CaseFacts:
    decision = body.get("decision")
    return CaseFacts(
        case_id=body["case_id"],
        case_type=body["case_type"],
        filed_on=date.fromisoformat(body["filed_on"]),
        accepted_on=_day(body.get("accepted_on")),
        decided_on=_day(body.get("decided_on")) if decision else None,
        granted=decision == "granted",
        corrected_on=_day(body.get("corrected_on")),
        lifted_on=_day(body.get("lifted_on")),
        commitment=body.get("commitment"),
        basis=body.get("basis"),
        decided_by=body.get("decided_by"),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _civil(text: str | None) -> date | None:
    """The civil day in Asia/Shanghai of an instant's text."""
    if not text:
        return None
    if text.endswith("+08:00"):  # already there: its date is the day
        return date.fromisoformat(text[:10])
    return civil_day(datetime.fromisoformat(text))
