"""The judgement: of a record on a day, by one order of precedence (see ``docs/rules.md``)."""

from datetime import date, timedelta
from typing import NamedTuple

from publisher.errors import CalendarGap
from publisher.model import State, Verdict
from publisher.rules.facts import Facts, VersionFacts
from publisher.rules.profile import Profile
from publisher.rules.timeline import Timeline, due_dates, severity_of
from publisher.rules.workdays import Workdays

CAUSES = (
    "error",
    "repair",
    "penalty_stopped",
    "abnormal_list_removed",
    "serious_list_removed",
    "retracted",
    "period_end",
)
MARKS = ("late", "objection_pending", "corrected", "reply")

_ONE_DAY = timedelta(1)


class Ground(NamedTuple):
    """Why a state holds: its rule, the basis its own decision states (else the rule's), the event and who decided."""

    state: State
    cause: str | None
    rule: str
    basis: str | None
    event_on: date | None
    version: VersionFacts | None
    actor: str | None = None  # None: the rule by itself


def judge(facts: Facts, profile: Profile, workdays: Workdays, day: date) -> Verdict:
    """What may be shown of the record on ``day`` by the law then in force, from all that is known of it.

    A record older than the profile or the calendar is never shown (``pending.before_rules``). Raises
    :class:`CalendarGap` for a ``day`` before the profile begins.
    """
    profile.on(day)
    try:
        if (verdict := _plain(facts, profile, workdays, day)) is not None:
            return verdict
        timeline = Timeline(facts, profile, workdays)
    except CalendarGap:
        return _before_rules(facts, profile, day)
    return _full(timeline, day)


def why_before_rules(facts: Facts, profile: Profile, workdays: Workdays) -> str | None:
    """What the profile or calendar lacks for a record older than either; None for any other record."""
    try:
        Timeline(facts, profile, workdays)
    except CalendarGap as gap:
        return str(gap)
    return None


def ground_on(timeline: Timeline, day: date) -> Ground:
    """The state on ``day`` and why: the first that holds, in the order of ``docs/rules.md``."""
    facts, rules = timeline.facts, timeline.profile.on(day)
    version = timeline.effective(day)
    latest = version or facts.versions[-1]
    if not timeline.is_nameable(latest, rules):
        return Ground("withheld", None, "withhold.person", None, timeline.begins_on, version)
    if not latest.is_public:
        return Ground("withheld", None, "withhold.openness", latest.openness_basis, timeline.begins_on, version)
    if version is None:
        return Ground("pending", None, "pending.not_final", None, timeline.begins_on, None)
    if None in version.outcomes:
        return Ground("pending", None, "pending.unknown_outcome", None, timeline.begins_on, version)
    if (withheld := timeline.withheld_by(day)) is not None:
        rule, basis, event_on, actor = withheld
        return Ground("withheld", None, rule, basis, event_on, version, actor)
    if (first := _withdrawn(timeline, version, day)) is not None:
        event_on, order, basis, actor = first
        return Ground("withdrawn", CAUSES[order], f"withdraw.{CAUSES[order]}", basis, event_on, version, actor)
    for decided_on, case in timeline.lasting("reorganisation", day):
        rule = "shield.reorganisation"
        return Ground("shielded", None, rule, case.basis, decided_on, version, case.decided_by)
    return _published(timeline, version, day)


def _withdrawn(timeline: Timeline, version: VersionFacts, day: date) -> tuple[date, int, str | None, str | None] | None:
    """The cause that took effect first (so that a cause never flips later): day, order, own basis, who decided."""
    facts = timeline.facts
    causes: list[tuple[date, int, str | None, str | None]] = []
    for case in facts.cases:
        if not case.granted or case.decided_on is None or case.decided_on > day or case.case_type not in CAUSES:
            continue
        if case.case_type == "error" and corrected_on(timeline, case.decided_on, day) is not None:
            continue
        if case.case_type == "repair" and _revoked_on(timeline, case.decided_on, day) is not None:
            continue
        causes.append((case.decided_on, CAUSES.index(case.case_type), case.basis, case.decided_by))
    if facts.retracted_on is not None and facts.retracted_on <= day:
        causes.append((facts.retracted_on, CAUSES.index("retracted"), facts.retracted_basis, None))
    ends_on = timeline.ends_on
    if ends_on is not None and ends_on <= day and severity_of(version, timeline.profile.on(ends_on)) is not None:
        causes.append((ends_on, CAUSES.index("period_end"), None, None))
    return min(causes, key=lambda each: each[:2]) if causes else None


def corrected_on(timeline: Timeline, error_on: date, day: date) -> date | None:
    """The day, up to ``day``, on which a version later than the erroneous one was finalized; None while none is."""
    wrong = timeline.effective_before(error_on)
    number = wrong.number if wrong is not None else 0
    return min((on for on, each in timeline.finals if each.number > number and error_on <= on <= day), default=None)


def _revoked_on(timeline: Timeline, granted_on: date, day: date) -> date | None:
    """The day, up to ``day``, on which a repair granted on ``granted_on`` was revoked."""
    days = (case.decided_on for case in timeline.decided("repair_revoked", day))
    return min((on for on in days if on is not None and on >= granted_on), default=None)


def _published(timeline: Timeline, version: VersionFacts, day: date) -> Ground:
    corrected = _correction_on(timeline, version, day)
    restored = max(
        (
            revoked
            for case in timeline.decided("repair", day)
            if case.decided_on and (revoked := _revoked_on(timeline, case.decided_on, day))
        ),
        default=None,
    )
    if restored is not None and (corrected is None or restored >= corrected):
        return Ground("published", None, "publish.restored", None, restored, version)
    if corrected is not None:
        return Ground("published", None, "publish.corrected", None, corrected, version)
    return Ground("published", None, "publish.final", None, timeline.first_public_on, version)


def _correction_on(timeline: Timeline, version: VersionFacts, day: date) -> date | None:
    """Since when the version shown is a correction: it displaced an earlier one, or mended a verified error."""
    if (displaced := timeline.displaced_on(version)) is not None:
        return displaced
    mended = (
        corrected_on(timeline, case.decided_on, day) for case in timeline.decided("error", day) if case.decided_on
    )
    return max((on for on in mended if on is not None), default=None)


def _marks(timeline: Timeline, ground: Ground, day: date) -> tuple[str, ...]:
    if ground.state == "withheld":
        return ()
    marks = []
    first = timeline.first_public_on
    shown_by = first if first is not None and first <= day else day
    if timeline.due_on is not None and shown_by > timeline.due_on:
        marks.append("late")
    if ground.state == "withdrawn":
        return tuple(marks)
    cases = timeline.facts.cases
    if any(
        case.case_type == "objection" and case.filed_on <= day and (case.decided_on is None or case.decided_on > day)
        for case in cases
    ):
        marks.append("objection_pending")
    if ground.version is not None and _correction_on(timeline, ground.version, day) is not None:
        marks.append("corrected")
    if any(
        case.case_type == "reply"
        and (case.granted or case.decided_on is None)
        and (case.decided_on or case.filed_on) <= day
        for case in cases
    ):
        marks.append("reply")
    return tuple(marks)


def may_apply_on(timeline: Timeline, version: VersionFacts, day: date) -> date | None:
    """From when the party may apply for repair under the rules of ``day``; None: not at all."""
    rules = timeline.profile.on(day)
    severity = severity_of(version, rules)
    if severity is None or not rules.repair_available or not rules.bands[severity].on_application:
        return None
    outcomes = [each for name, each in rules.outcomes.items() if name in version.outcomes]
    if not all(each.repairable for each in outcomes if each.negative):
        return None
    clock, minimum = timeline.clock(version, rules), rules.bands[severity].minimum
    if clock is None or minimum is None:
        return clock
    return timeline.after(minimum, clock)


def verdict_on(timeline: Timeline, day: date, ground: Ground | None = None) -> Verdict:
    """The verdict of ``day`` without ``since`` and ``next_change_on``."""
    ground = ground or ground_on(timeline, day)
    state, cause, rule, basis, event_on, version, _ = ground
    profile = timeline.profile
    shown = state in ("published", "shielded") and version is not None
    law_on = max(min(event_on or day, day), profile.versions[0])
    published_on, ends_on = timeline.published_on, timeline.ends_on
    if ends_on is not None and (
        version is None
        or not (shown or cause == "period_end")
        or severity_of(version, profile.on(min(ends_on, day))) is None
    ):
        ends_on = None
    return Verdict(
        state=state,
        cause=cause,
        marks=_marks(timeline, ground, day),
        rule=rule,
        basis=basis or profile.on(law_on).rules[rule].basis,
        since=None,
        due_on=timeline.due_on,
        record_due_on=timeline.record_due_on,
        published_on=published_on if published_on is not None and published_on <= day else None,
        may_apply_on=may_apply_on(timeline, version, day) if shown and version is not None else None,
        ends_on=ends_on,
        version=version.number if version is not None else None,
        provisional=timeline.provisional,
    )


def _before_rules(facts: Facts, profile: Profile, day: date) -> Verdict:
    """The verdict on a record whose dates cannot be counted: what withholds it by itself, else pending for good."""
    verdict = _before_rules_on(facts, profile, day)
    days = sorted({*profile.versions[1:]} | {each.finalized_on for each in facts.versions if each.finalized_on})
    since = None
    for each in days:
        if profile.versions[0] < each <= day:
            before = _before_rules_on(facts, profile, each - _ONE_DAY)
            if before.state != _before_rules_on(facts, profile, each).state:
                since = each
    following = (each for each in days if each > day and _before_rules_on(facts, profile, each) != verdict)
    return verdict._replace(since=since, next_change_on=next(following, None))


def _before_rules_on(facts: Facts, profile: Profile, day: date) -> Verdict:
    finals = [each for each in facts.versions if each.finalized_on is not None and each.finalized_on <= day]
    latest, rules = (finals or facts.versions)[-1], profile.on(day)
    state: State = "withheld"
    if latest.subject_kind is not None and latest.subject_kind not in rules.named_kinds:
        rule, basis = "withhold.person", None
    elif not latest.is_public:
        rule, basis = "withhold.openness", latest.openness_basis
    else:
        state, rule, basis = "pending", "pending.before_rules", None
    basis = basis or profile.on(profile.versions[0]).rules[rule].basis
    number = finals[-1].number if finals else None
    return Verdict(state, None, (), rule, basis, None, None, None, None, None, None, number, False)


def _full(timeline: Timeline, day: date) -> Verdict:
    ground = ground_on(timeline, day)
    verdict = verdict_on(timeline, day, ground)
    days = timeline.days_of_change()
    return verdict._replace(
        since=_since(timeline, ground, days, day),
        next_change_on=next((each for each in days if each > day and verdict_on(timeline, each) != verdict), None),
    )


def _since(timeline: Timeline, ground: Ground, days: list[date], day: date) -> date | None:
    begins = timeline.profile.versions[0]
    for each in reversed(days):
        if begins < each <= day and ground_on(timeline, each - _ONE_DAY)[:2] != ground[:2]:
            return each
    return None


def _plain(facts: Facts, profile: Profile, workdays: Workdays, day: date) -> Verdict | None:
    """The same verdict for the common record, quickly: one version, nothing negative, no case. Else None."""
    if len(facts.versions) != 1 or facts.cases or facts.holds or facts.retracted_on is not None:
        return None
    number, finalized_on, is_public, _, kind, _, outcomes = facts.versions[0]
    begins_on = facts.ended_on or facts.approved_on or finalized_on
    if (
        not is_public
        or not profile.never_negative.issuperset(outcomes)
        or (kind is not None and kind not in profile.always_named)
        or begins_on is None
    ):
        return None
    due_on, record_due_on, provisional = due_dates(facts, profile, workdays)
    if finalized_on is not None and finalized_on <= day:
        late = due_on is not None and finalized_on > due_on
        basis = profile.on(finalized_on).rules["publish.final"].basis
        marks = ("late",) if late else ()
        # fmt: off
        return Verdict(
            "published", None, marks, "publish.final", basis, finalized_on,
            due_on, record_due_on, finalized_on, None, None, number, provisional, None,
        )
        # fmt: on
    is_late = due_on is not None and day > due_on
    basis = profile.on(min(begins_on, day)).rules["pending.not_final"].basis
    next_change_on = finalized_on
    if due_on is not None and day <= due_on < date.max and (finalized_on is None or due_on + _ONE_DAY < finalized_on):
        next_change_on = due_on + _ONE_DAY
    marks = ("late",) if is_late else ()
    # fmt: off
    return Verdict(
        "pending", None, marks, "pending.not_final", basis, None,
        due_on, record_due_on, None, None, None, None, provisional, next_change_on,
    )
    # fmt: on
