"""What the rules ask of plans, lists, entries and cases beyond what may be shown: warnings, which stop nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from publisher.model import Problem, civil_day, fold_label
from publisher.rules.facts import CaseFacts, Facts
from publisher.rules.judge import corrected_on, may_apply_on
from publisher.rules.periods import Period
from publisher.rules.profile import Profile
from publisher.rules.terms import Rules
from publisher.rules.timeline import Timeline, severity_of
from publisher.rules.workdays import Workdays

_LINKED = ("penalty_stopped", "abnormal_list_removed", "serious_list_removed")


class Visit(NamedTuple):
    """One inspection of one subject, for counting: items of one day are one visit (R0-20)."""

    subject: str
    ended_on: date
    record_id: str
    reasons: tuple[str, ...]  # why this subject may be inspected more often, in the words of the platform


def check_plan(plan: Mapping[str, Any], rules: Rules) -> Iterator[Problem]:
    """Warnings about one revision of a plan, its body as it arrived (R0-10, R1-09, R1-11, R1-12, R3-10)."""

    def warn(code: str, field: str, message: str) -> Problem:
        return Problem(code, plan["plan_id"], field, message, None, None)

    tasks = [task for task in plan["tasks"] if task["status"] != "cancelled"]
    declared = plan.get("declared_task_count")
    if declared is not None and declared != len(plan["tasks"]):
        yield warn(
            *("task_count_differs", "declared_task_count"),
            f"The plan declares {declared} tasks and lists {len(plan['tasks'])} (R0-10).",
        )
    adjustment, finalized_at = plan.get("adjustment"), plan["finalized_at"]
    if adjustment and not adjustment["reason"].strip():
        yield warn("adjustment_without_reason", "adjustment", "The adjustment gives no reason (R1-09).")
    if adjustment and finalized_at and date.fromisoformat(adjustment["approved_on"]) > _civil(finalized_at):
        yield warn(
            *("adjustment_approved_late", "adjustment"),
            f"The adjustment was approved on {adjustment['approved_on']}, after it was finalized (R1-09).",
        )
    for task in tasks if plan["scope"] == "cross_department" and rules.joint_departments else ():
        departments = {fold_label(each) for each in (*task["departments"], task.get("lead_department")) if each}
        if rules.joint_departments and len(departments) < rules.joint_departments:
            yield warn(
                *("few_departments", "tasks"),
                f"Task {task['task_id']} joins {len(departments)} departments of {rules.joint_departments} (R1-11).",
            )
    alike: dict[tuple[str, str], str] = {}
    for task in tasks:
        key = (fold_label(task["subjects"]), fold_label(task["methods"] or ""))
        first = alike.setdefault(key, task["task_id"])
        if first != task["task_id"] and key[0]:
            yield warn(
                *("tasks_to_merge", "tasks"),
                f"Tasks {first} and {task['task_id']} have the same subjects and methods; merge them (R1-12, R3-10).",
            )


def check_list(item_list: Mapping[str, Any], rules: Rules) -> Iterator[Problem]:
    """Warnings about the items of one revision of a list, its body as it arrived (R1-02, R2-04)."""
    for item in item_list["items"]:
        name = f"items.{item['item_code']}"
        if not item["basis"].strip():
            message = f"Item {item['item_code']} names no legal basis (R2-04)."
            yield Problem("item_without_basis", item_list["list_id"], name, message, None, None)
        is_general = fold_label(item.get("class") or "").startswith("一般")
        if rules.general_items_need_cap and is_general and not re.search(r"\d", item.get("ratio") or ""):
            message = f"Item {item['item_code']} is a general one and has no cap on its ratio (R1-02)."
            yield Problem("ratio_without_cap", item_list["list_id"], name, message, None, None)


def check_result(facts: Facts, profile: Profile, workdays: Workdays, day: date, home_region: str) -> Iterator[Problem]:
    """Warnings about one result and its cases on ``day``, for the portal of ``home_region`` (six digits).

    Raises :class:`CalendarGap` for a result older than the profile or the calendar.
    """
    timeline = Timeline(facts, profile, workdays)
    due_on = timeline.record_due_on
    if due_on is not None and (facts.recorded_on or day) > due_on and day > due_on:
        yield _warn(facts, "recorded_late", "recorded_at", f"It was to be recorded by {due_on} (R0-13, R3-14, R3-16).")
    for case in facts.cases:
        if case.filed_on <= day and case.filed_on >= profile.versions[0]:
            yield from _check_case(timeline, case, day, home_region)


def check_visits(visits: Iterable[Visit], profile: Profile) -> Iterator[Problem]:
    """A warning for each visit beyond what the rules allow a subject in a calendar year (R2-09, R3-12, R4-06).

    ``visits`` come ordered by subject and day. One with a reason that the profile excepts is neither counted nor
    told, nor is one older than the profile.
    """
    visits = (visit for visit in visits if visit.ended_on >= profile.versions[0])
    for (subject, _), group in groupby(visits, key=lambda each: (each.subject, each.ended_on.year)):
        days: set[date] = set()
        for visit in group:
            rules = profile.on(visit.ended_on)
            allowed = rules.inspections_per_year
            if any(word in reason for word in rules.inspection_exceptions for reason in visit.reasons):
                continue
            days.add(visit.ended_on)
            if allowed is not None and len(days) > allowed:
                message = (
                    f"Inspection {len(days)} of {subject} in {visit.ended_on.year}; "
                    f"{allowed} a year (R2-09, R3-12, R4-06)."
                )
                yield Problem("inspected_too_often", visit.record_id, "subject", message, None, None)


def _check_case(timeline: Timeline, case: CaseFacts, day: date, home_region: str) -> Iterator[Problem]:
    facts = timeline.facts
    rules = timeline.profile.on(case.filed_on)
    decided_on = case.decided_on if case.decided_on is not None and case.decided_on <= day else None
    is_granted = case.granted and decided_on is not None

    def limit(start: date, period: Period) -> date:
        return period.after(start, timeline.workdays, rules.count_start_day).on

    def warn(code: str, message: str) -> Problem:
        return _warn(facts, code, f"cases.{case.case_id}", message)

    match case.case_type:
        case "objection":
            due = limit(case.accepted_on or case.filed_on, rules.objection_within)
            if (decided_on or day) > due:
                yield warn("objection_overdue", f"The objection was to be decided by {due} (川渝方案).")
        case "error" if is_granted and decided_on is not None:
            due = limit(decided_on, rules.error_within)
            if (corrected_on(timeline, decided_on, day) or day) > due:
                yield warn("error_overdue", f"The verified error was to be corrected by {due} (川渝方案).")
        case "repair":
            due = limit(case.accepted_on or case.filed_on, rules.repair_within)
            if (decided_on or day) > due:
                yield warn("repair_overdue", f"The repair was to be decided by {due} (总局令第107号).")
            if is_granted and decided_on is not None:
                yield from _check_repair(timeline, case, decided_on)
                due = limit(decided_on, rules.cross_province_within)
                if facts.region_code and facts.region_code[:2] != home_region[:2] and day <= due:
                    yield warn(
                        "repair_to_tell_elsewhere",
                        f"The firm is registered in {facts.region_code}; that side is to be told by {due} (R4-15).",
                    )
        case linked if linked in _LINKED and is_granted and decided_on is not None:
            due = limit(case.filed_on, rules.stop_within)
            if decided_on > due:
                yield warn("stop_overdue", f"The linked stop was to take effect by {due} (总局令第45号).")
            version = timeline.effective(decided_on)
            if version is not None and severity_of(version, timeline.profile.on(decided_on)) is None:
                yield warn(
                    "linked_stop_not_negative",
                    "A linked stop concerns a result without negative finding (总局令第107号).",
                )


def _check_repair(timeline: Timeline, case: CaseFacts, decided_on: date) -> Iterator[Problem]:
    """What a granted repair lacks under the rules of its decision; it has effect all the same."""
    rules, version = timeline.profile.on(decided_on), timeline.effective(decided_on)
    if version is None or not rules.repair_available:
        return
    field = f"cases.{case.case_id}"
    earliest = may_apply_on(timeline, version, decided_on)
    if earliest is None:
        yield _warn(
            timeline.facts, "repair_not_open", field, "This result cannot be repaired on application (川渝方案)."
        )
    elif case.filed_on < earliest:
        message = f"The repair was applied for on {case.filed_on}; it is open from {earliest} (R4-12)."
        yield _warn(timeline.facts, "repair_early", field, message)
    if rules.repair_needs_correction and case.corrected_on is None:
        yield _warn(
            timeline.facts, "repair_without_correction", field, "The repair names no day of correction (第36号令)."
        )
    if rules.repair_needs_commitment and not case.commitment:
        yield _warn(timeline.facts, "repair_without_commitment", field, "The repair holds no commitment (第36号令).")


def _warn(facts: Facts, code: str, field: str, message: str) -> Problem:
    return Problem(code, facts.record_id, field, message, None, None)


def _civil(instant: str) -> date:
    return civil_day(datetime.fromisoformat(instant))
