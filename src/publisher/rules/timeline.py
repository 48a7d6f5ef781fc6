"""The dates of one record that do not depend on the day it is judged: due, first published, end of the period."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise

from publisher.model import Severity
from publisher.rules.facts import CaseFacts, Facts, VersionFacts
from publisher.rules.periods import Period
from publisher.rules.profile import Profile
from publisher.rules.terms import SEVERITIES, Rules
from publisher.rules.workdays import Workdays

_NEVER = date.max


def due_dates(facts: Facts, profile: Profile, workdays: Workdays) -> tuple[date | None, date | None, bool]:
    """When a record is to be published and recorded, and whether either date is provisional.

    A result counts from the end of the inspection (R0-13, R1-14, R3-14), a plan or list from its approval or else
    from its first finalized version; a plan with a day of its own in the year (R3-09) has that day. The rules in
    force when the count starts decide.
    """
    if facts.plan_year is not None and (by := profile.plan_due_by(facts.plan_year)) is not None:
        return by, None, False
    start = facts.ended_on or facts.approved_on or first_final_on(facts)
    if start is None:
        return None, None, False
    rules = profile.on(start)
    publish = rules.publish_within[facts.kind].after(start, workdays, rules.count_start_day)
    if rules.record_within is None or facts.kind != "result":
        return publish.on, None, publish.provisional
    record = rules.record_within.after(start, workdays, rules.count_start_day)
    return publish.on, record.on, publish.provisional or record.provisional


def first_final_on(facts: Facts) -> date | None:
    """The day on which a version was first finalized."""
    return min((each.finalized_on for each in facts.versions if each.finalized_on), default=None)


def severity_of(version: VersionFacts, rules: Rules) -> Severity | None:
    """The severity of a result's negative finding; None when nothing in it is negative.

    It is the record's own, else the highest default of its negative outcomes.
    """
    severities = {
        outcome.severity
        for each in version.outcomes
        if each is not None and (outcome := rules.outcomes.get(each)) is not None and outcome.severity is not None
    }
    if not severities:
        return None
    return version.severity or max(severities, key=SEVERITIES.index)


class Timeline:
    """A record's own dates under a profile, from all that is known of it.

    ``begins_on`` is the day whose law governs a record that was never shown; ``first_public_on`` the first day with
    a finalized public version, by which lateness is told; ``published_on`` the first such day that is not withheld,
    from which a period counts; ``ends_on`` the day its publicity period ends by itself.
    """

    __slots__ = (
        *("facts", "profile", "workdays", "finals", "due_on", "record_due_on", "provisional", "begins_on"),
        *("first_public_on", "published_on", "ends_on"),
    )

    def __init__(self, facts: Facts, profile: Profile, workdays: Workdays) -> None:
        self.facts, self.profile, self.workdays = facts, profile, workdays
        self.finals = [(each.finalized_on, each) for each in reversed(facts.versions) if each.finalized_on]
        self.due_on, self.record_due_on, self.provisional = due_dates(facts, profile, workdays)
        self.begins_on = facts.ended_on or facts.approved_on or first_final_on(facts)
        self.first_public_on = self._first_public_on()
        self.published_on = self._published_on()
        self.ends_on = self._ends_on()

    def effective(self, day: date) -> VersionFacts | None:
        """The version that holds on ``day``: the highest number finalized by then."""
        for finalized_on, version in self.finals:
            if finalized_on <= day:
                return version
        return None

    def effective_before(self, day: date) -> VersionFacts | None:
        """The version that held on the day before ``day``."""
        return next((version for finalized_on, version in self.finals if finalized_on < day), None)

    def displaced_on(self, version: VersionFacts) -> date | None:
        """The day on which ``version``, which holds, took the place of an earlier finalized one, if it did."""
        mine = version.finalized_on
        return mine if mine and any(day < mine for day, _ in self.finals) else None

    def withheld_by(self, day: date) -> tuple[str, str | None, date, str | None] | None:
        """What withholds on ``day``, the earliest if several do: rule, its own basis, since when, who decided."""
        found = [
            (decided_on, "withhold.decided", case.basis, case.decided_by)
            for decided_on, case in self.lasting("withhold", day)
        ]
        found += [
            (hold.placed_on, "withhold.hold", hold.basis, hold.placed_by)
            for hold in self.facts.holds
            if hold.placed_on <= day and (hold.lifted_on is None or day < hold.lifted_on)
        ]
        if not found:
            return None
        event_on, rule, basis, actor = min(found, key=lambda each: each[:2])
        return rule, basis, event_on, actor

    def lasting(self, case_type: str, day: date) -> list[tuple[date, CaseFacts]]:
        """The granted cases of a type that hold on ``day`` and are not lifted by then, the earliest first."""
        found = [
            (case.decided_on, case)
            for case in self.decided(case_type, day)
            if case.decided_on and (case.lifted_on is None or day < case.lifted_on)
        ]
        return sorted(found, key=lambda each: (each[0], each[1].case_id))

    def decided(self, case_type: str, day: date) -> Iterator[CaseFacts]:
        """The cases of a type granted by ``day``, which have effect whatever the profile."""
        for case in self.facts.cases:
            if case.case_type == case_type and case.granted and case.decided_on and case.decided_on <= day:
                yield case

    def is_nameable(self, version: VersionFacts, rules: Rules) -> bool:
        """Whether the rules let the version's subject be named; plans and lists name none."""
        return version.subject_kind is None or version.subject_kind in rules.named_kinds

    def clock(self, version: VersionFacts, rules: Rules) -> date | None:
        """The day from which the rules count a publicity period; None while there is none."""
        if rules.clock == "published_on":
            start = self.published_on
        elif rules.decision_day == "ended_on":
            return self.facts.ended_on
        else:
            start = first_final_on(self.facts)
        if rules.restart_on_correction and start is not None and version.finalized_on is not None:
            return max(start, version.finalized_on)
        return start

    def after(self, period: Period, start: date) -> date:
        """The last day of a publicity period (never moved off a holiday: that would lengthen it)."""
        return period.after(start, self.workdays).on

    def days_of_change(self) -> list[date]:
        """The days, in order, on which anything about the record may change."""
        facts = self.facts
        days: set[date | None] = {
            *(day for day, _ in self.finals),
            *self.profile.versions[1:],
            self.published_on,
            self.ends_on,
            facts.retracted_on,
        }
        for case in facts.cases:
            days |= {case.filed_on, case.decided_on, case.lifted_on}
        for hold in facts.holds:
            days |= {hold.placed_on, hold.lifted_on}
        if self.due_on is not None and self.due_on < _NEVER:
            days.add(self.due_on + timedelta(1))
        return sorted(day for day in days if day is not None)

    def _is_public(self, version: VersionFacts, day: date) -> bool:
        rules = self.profile.on(day)
        return version.is_public and self.is_nameable(version, rules) and None not in version.outcomes

    def _first_public_on(self) -> date | None:
        days = sorted({day for day, _ in self.finals} | {*self.profile.versions[1:]}) if self.finals else []
        for day in days:
            version = self.effective(day)
            if version is not None and self._is_public(version, day):
                return day
        return None

    def _published_on(self) -> date | None:
        first = self.first_public_on
        if first is None or self.withheld_by(first) is None:
            return first
        lifted = {case.lifted_on for case in self.facts.cases} | {hold.lifted_on for hold in self.facts.holds}
        for day in sorted({day for day in lifted if day is not None and day > first} | {d for d, _ in self.finals}):
            version = self.effective(day)
            if day > first and version and self._is_public(version, day) and self.withheld_by(day) is None:
                return day
        return None

    def _ends_on(self) -> date | None:
        """The first day on which a maximum is reached, over the versions of law and record in date order.

        Under a later version that knows a maximum, a period long over ends on the day that version takes effect;
        what ended once never begins again, whatever later law says.
        """
        if not self.finals or all(
            self.profile.never_negative.issuperset(version.outcomes) for _, version in self.finals
        ):
            return None
        begins = self.profile.versions[0]
        starts = sorted({day for day, _ in self.finals if day >= begins} | {*self.profile.versions})
        for start, until in pairwise([*starts, _NEVER]):
            version, rules = self.effective(start), self.profile.on(start)
            severity = severity_of(version, rules) if version else None
            if version is None or severity is None:
                continue
            band, clock = rules.bands[severity], self.clock(version, rules)
            if band.maximum is None or not band.automatic or clock is None:
                continue
            end = max(self.after(band.maximum, clock), start)
            if end < until:
                return end
        return None
