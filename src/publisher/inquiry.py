"""What a person may ask of a portal without changing it: why, what is wrong, where it stands."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import func, select

from publisher import __version__, officer, pipeline, rules
from publisher.errors import SettingsError, SourceUnavailable
from publisher.judging import judged_facts
from publisher.ledger import Ledger
from publisher.ledger.backup import unsound
from publisher.ledger.chain import head
from publisher.ledger.dockets import Docket, every, find
from publisher.ledger.owed import held_counts, owed_page_count, owed_push_counts, page_count
from publisher.ledger.problems import all_problems, problem_count
from publisher.ledger.schema import hold, record
from publisher.ledger.store import latest_day
from publisher.ledger.verdicts import state_counts
from publisher.model import Problem, Verdict
from publisher.portal import Watcher, rehearsed
from publisher.rules.explain import Explanation
from publisher.rules.explain import explain as explained
from publisher.settings import Settings


class Asked(NamedTuple):
    """A portal opened to answer questions."""

    ledger: Ledger
    profile: rules.Profile
    workdays: rules.Workdays


def asked(settings: Settings) -> Asked:
    """Open a portal to answer questions; the caller closes its ledger."""
    return Asked(
        Ledger(settings.ledger.url, rehearsal=True), rules.load_profile(settings.portal.profile), rules.load_workdays()
    )


def explain(portal: Asked, result_id: str, day: date) -> tuple[Verdict, Explanation]:
    """Return the verdict on a result on a day, and why in words.

    Raises :class:`SettingsError` for an id that the ledger does not hold.
    """
    with portal.ledger.reading() as connection:
        docket = find(connection, "result", result_id)
    if docket is None:
        raise SettingsError(f"the ledger holds no result {result_id}; `publisher search` finds results by name")
    facts, verdict = judged_facts(portal.profile, portal.workdays, docket, day)
    return verdict, explained(facts, portal.profile, portal.workdays, day)


def in_words(result_id: str, day: date, found: Explanation) -> Iterator[str]:
    """Yield an explanation line by line, as ``publisher explain`` prints it."""
    verdict = found.verdict
    yield f"{result_id} on {day}: {verdict.state}" + (f" ({verdict.cause})" if verdict.cause else "")
    yield f"  {found.sentence}  [{verdict.rule}; {verdict.basis}; {found.certainty}]"
    yield f"  since {verdict.since or 'the beginning'}; rules in force since {found.law_on}"
    if verdict.marks:
        yield f"  marks: {', '.join(verdict.marks)}"
    for one in found.counted:
        provisional = " (provisional: no calendar published yet)" if one.provisional else ""
        yield f"  {one.name} {one.on}{provisional}: {one.start_on} + {one.length}"
        yield f"    [{one.key}; {one.basis}; {one.certainty}]"
        if one.skipped:
            yield "    not counted: " + "，".join(f"{off} {why}" for off, why in one.skipped)
        if one.note:
            yield f"    {one.note}"
    for change_on, then in found.ahead:
        yield f"  on {change_on}: {then.state}" + (f" ({then.cause})" if then.cause else "") + f"  [{then.rule}]"
    for option in found.options:
        yield f"  {option}"


def explain_all(portal: Asked, day: date) -> Iterator[dict[str, Any]]:
    """Yield the verdict on every result on a day, in the order the results were received."""
    with portal.ledger.reading() as connection:
        for docket in every(connection, ["result"]):
            yield verdict_line(docket, judged_facts(portal.profile, portal.workdays, docket, day)[1])


def verdict_line(docket: Docket, verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as ``explain --json`` prints it."""
    return {"result_id": docket.row.record_id, **verdict_words(verdict)}


def verdict_words(verdict: Verdict) -> dict[str, Any]:
    """Return what a verdict says, with dates as text."""
    return {
        "state": verdict.state,
        "cause": verdict.cause,
        "marks": list(verdict.marks),
        "rule": verdict.rule,
        "basis": verdict.basis,
        "since": _text(verdict.since),
        "due_on": _text(verdict.due_on),
        "next_change_on": _text(verdict.next_change_on),
        "provisional": verdict.provisional,
    }


def check(settings: Settings, day: date, watcher: Watcher) -> Iterator[Problem]:
    """Yield everything that is wrong or unsettled: what a pull now would find, what the rules warn about (neither is
    ever on a public page), and the profile's assumed values.

    Nothing is written. A source that does not answer is told to the watcher; what the ledger knows is yielded still.
    """
    with rehearsed(settings, day, watcher) as portal:
        try:
            pipeline.pull(portal)
            pipeline.judge(portal)
        except SourceUnavailable as error:
            watcher.say(f"{error}; these are the problems of earlier runs")
        with portal.ledger.reading() as connection:
            yield from all_problems(connection)
            yield from officer.warnings(connection, portal.profile, portal.workdays, day, settings.portal.region_code)
        yield from assumed(portal.profile)


def assumed(profile: rules.Profile) -> Iterator[Problem]:
    """Yield the profile's values that no text settles, for the operator to overlay."""
    for one in profile.values():
        if one.certainty == "assumed":
            message = (
                f"{one.key} = {one.value} from {one.effective_on} on is assumed ({one.basis}); settle it in an overlay"
            )
            yield Problem("assumed_value", None, one.key, message, None, None)


def status(settings: Settings, day: date) -> dict[str, Any]:
    """Return where a portal stands: its latest day, states, what is owed and held, and the repairs that on ``day``
    another province is still to be told of (R4-15)."""
    portal = asked(settings)
    with portal.ledger, portal.ledger.reading() as connection:
        kinds = connection.execute(select(record.c.kind, func.count()).group_by(record.c.kind)).all()
        return {
            "version": __version__,
            "profile": portal.profile.title,
            "latest_day": _text(latest_day(connection)),
            "records": {row[0]: row[1] for row in kinds},
            "states": state_counts(connection),
            "holds": connection.execute(
                select(func.count()).select_from(hold).where(hold.c.lifted_on.is_(None))
            ).scalar_one(),
            "problems": problem_count(connection),
            "to_tell_elsewhere": sum(
                1
                for _ in officer.to_tell_elsewhere(
                    connection, portal.profile, portal.workdays, day, settings.portal.region_code
                )
            ),
            "pages": {"total": page_count(connection), "owed": owed_page_count(connection)},
            "owed": owed_push_counts(connection),
            "held": held_counts(connection),
        }


def soundness(settings: Settings) -> dict[str, Any]:
    """Read the whole ledger; return what is wrong with it (``damage``), and number and seal of the last decision
    (``history``), to be compared with what a backup said."""
    with Ledger(settings.ledger.url, rehearsal=True) as ledger:
        damage = list(unsound(ledger))
        with ledger.reading() as connection:
            return {"history": str(head(connection)), "damage": damage}


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
