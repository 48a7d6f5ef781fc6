"""Why a verdict is what it is, in plain words: each date as it was counted, what comes next, what the party may do."""

from datetime import date
from typing import NamedTuple

from publisher.errors import CalendarGap
from publisher.model import Verdict
from publisher.rules.facts import Facts
from publisher.rules.judge import ground_on, judge
from publisher.rules.periods import Period, Unit
from publisher.rules.profile import Profile
from publisher.rules.terms import Certainty, Rules
from publisher.rules.timeline import Timeline, severity_of
from publisher.rules.workdays import Workdays

_UNITS: dict[Unit, str] = {"months": "个月", "years": "年", "working_days": "个工作日", "days": "天"}
_SEVERITY = {"minor": "轻微", "moderate": "一般", "serious": "严重"}
_MOST_STEPS = 12


class Counted(NamedTuple):
    """A date and how it was reached. ``skipped`` are the days off in between; None for months and years."""

    name: str
    key: str  # of the profile
    start_on: date
    length: str
    on: date
    skipped: tuple[tuple[date, str], ...]
    basis: str
    certainty: Certainty
    provisional: bool
    note: str


class Explanation(NamedTuple):
    """A verdict with its reasons. ``ahead`` are the verdicts that follow by time alone, as far as is known."""

    verdict: Verdict
    sentence: str
    actor: str | None  # who decided; None: the rule by itself
    certainty: Certainty
    law_on: date  # since when the rules of the day are in force
    counted: tuple[Counted, ...]
    ahead: tuple[tuple[date, Verdict], ...]
    options: tuple[str, ...]


def explain(facts: Facts, profile: Profile, workdays: Workdays, day: date) -> Explanation:
    """The verdict of ``day`` and everything it rests on; raises what :func:`judge` raises."""
    verdict = judge(facts, profile, workdays, day)
    timeline = _timeline(facts, profile, workdays)
    rules = profile.on(day)
    ahead: list[tuple[date, Verdict]] = []
    following = verdict.next_change_on
    while following is not None and len(ahead) < _MOST_STEPS:
        ahead.append((following, judge(facts, profile, workdays, following)))
        following = ahead[-1][1].next_change_on
    rule = rules.rules[verdict.rule]
    return Explanation(
        verdict=verdict,
        sentence=rule.sentence,
        actor=ground_on(timeline, day).actor if timeline else None,
        certainty=rule.certainty,
        law_on=rules.effective_on,
        counted=(*_deadlines(timeline), *_periods(timeline, verdict, day)) if timeline else (),
        ahead=tuple(ahead),
        options=tuple(_options(timeline, verdict, day)) if timeline else (),
    )


def _timeline(facts: Facts, profile: Profile, workdays: Workdays) -> Timeline | None:
    """The record's dates; None for a record older than the rules, of which nothing can be counted."""
    try:
        return Timeline(facts, profile, workdays)
    except CalendarGap:
        return None


def _deadlines(timeline: Timeline) -> list[Counted]:
    facts, profile = timeline.facts, timeline.profile
    if facts.plan_year is not None and (by := profile.plan_due_by(facts.plan_year)) is not None:
        year_begins = date(facts.plan_year, 1, 1)
        return [_counted(timeline, profile.on(by), "公示期限", "deadline.publish.plan_by", year_begins, None, by)]
    start = timeline.begins_on
    if start is None or timeline.due_on is None:
        return []
    rules = profile.on(start)
    within = rules.publish_within[facts.kind]
    found = [_counted(timeline, rules, "公示期限", f"deadline.publish.{facts.kind}", start, within, timeline.due_on)]
    if timeline.record_due_on is not None:
        found.append(
            _counted(
                *(timeline, rules, "录入期限", "deadline.record.result"),
                *(start, rules.record_within, timeline.record_due_on),
            )
        )
    return found


def _periods(timeline: Timeline, verdict: Verdict, day: date) -> list[Counted]:
    version = timeline.effective(day)
    found: list[Counted] = []
    for name, bound, on, law_on in (
        ("可以申请修复", "minimum", verdict.may_apply_on, day),
        ("自动停止公示", "maximum", verdict.ends_on, verdict.ends_on),
    ):
        if version is None or on is None or law_on is None:
            continue
        rules = timeline.profile.on(law_on)
        severity = severity_of(version, rules)
        clock = timeline.clock(version, rules)
        if severity is None or clock is None:
            continue
        key = f"period.{severity}.{bound}"
        length = rules.bands[severity].minimum if bound == "minimum" else rules.bands[severity].maximum
        found.append(_counted(timeline, rules, name, key, clock, length, on))
    return found


def _counted(
    timeline: Timeline, rules: Rules, name: str, key: str, start: date, length: Period | None, on: date
) -> Counted:
    value = rules.values[key]
    end = length.after(start, timeline.workdays, rules.count_start_day) if length else None
    in_working_days = length is not None and length.unit == "working_days"
    note = ""
    if key.startswith("period."):
        note = f"{_SEVERITY[key.split('.')[1]]}；自{'公示' if rules.clock == 'published_on' else '认定'}之日起计算"
        if end is not None and end.on < on:
            note += f"；期限已满，自新规定施行的{on}起停止"
    elif in_working_days:
        note = "开始当日计入" if rules.count_start_day else "开始当日不计入"
    return Counted(
        name=name,
        key=key,
        start_on=start,
        length=f"{length.number}{_UNITS[length.unit]}" if length else "",
        on=on,
        skipped=tuple(timeline.workdays.skipped(start, on)) if in_working_days and on < date.max else (),
        basis=value.basis,
        certainty=value.certainty,
        provisional=end is not None and end.provisional,
        note=note,
    )


def _options(timeline: Timeline, verdict: Verdict, day: date) -> list[str]:
    """What the party may do, and what happens without it."""
    version, rules = timeline.effective(day), timeline.profile.on(day)
    if version is None or verdict.state not in ("published", "shielded"):
        return []
    severity = severity_of(version, rules)
    if severity is None:
        return ["没有负面信息，不需要修复。", "认为信息有误的，可以向检查机关提出异议。"]
    found = ["认为信息有误的，可以向检查机关提出异议。"]
    if verdict.may_apply_on is not None:
        when = "现在可以" if verdict.may_apply_on <= day else f"自{verdict.may_apply_on}起可以"
        conditions = f"（条件：{'；'.join(rules.repair_conditions)}）" if rules.repair_conditions else ""
        found.append(f"{when}申请信用修复{conditions}。")
    elif not rules.repair_available:
        found.append("当日施行的规定没有抽查检查结果的信用修复。")
    elif not rules.bands[severity].on_application:
        found.append("不需要申请信用修复。")
    elif timeline.clock(version, rules) is not None:
        found.append("这类结果不能依申请修复。")
    if verdict.ends_on is not None:
        found.append(f"到{verdict.ends_on}自动停止公示。")
    found.append("同一事实的行政处罚、经营异常名录或者严重违法失信名单信息停止公示的，检查结果同时停止公示。")
    return found
