"""What a profile can say: every key with its type, and the rules of one day made ready for judging."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args

from publisher.errors import RuleError
from publisher.model import RecordKind, Severity, SubjectKind, fold_label
from publisher.rules.periods import Period

Certainty = Literal["confirmed", "secondary", "assumed"]
Tone = Literal["clear", "neutral", "attention", "serious"]
Clock = Literal["published_on", "decided_on"]
MonthlyBy = Literal["five_days_before_month_end", "fifth_of_next_month"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
KINDS: tuple[RecordKind, ...] = get_args(RecordKind)
RULE_IDS = (
    "pending.before_rules",
    "pending.not_final",
    "pending.unknown_outcome",
    "withhold.person",
    "withhold.openness",
    "withhold.decided",
    "withhold.hold",
    "withdraw.error",
    "withdraw.repair",
    "withdraw.penalty_stopped",
    "withdraw.abnormal_list_removed",
    "withdraw.serious_list_removed",
    "withdraw.retracted",
    "withdraw.period_end",
    "shield.reorganisation",
    "publish.final",
    "publish.corrected",
    "publish.restored",
)


class Value(NamedTuple):
    """One value of a profile with the article it rests on; "assumed" means no text was found that settles it."""

    value: Any
    basis: str
    certainty: Certainty


class Outcome(NamedTuple):
    """One kind of result (R4-08): its words, and what follows from it."""

    label: str
    tone: Tone
    explanation: str
    negative: bool
    problem: bool  # counts in 发现问题处置率
    repairable: bool  # on application
    severity: Severity | None


class Band(NamedTuple):
    """The publicity period of one severity; None means the law sets no such bound."""

    minimum: Period | None
    maximum: Period | None
    on_application: bool  # the party may apply from the minimum on
    automatic: bool  # it stops by itself at the maximum


class Rule(NamedTuple):
    """A transition's rule: what it says, and the article."""

    sentence: str
    basis: str
    certainty: Certainty


class MonthlyForm(NamedTuple):
    """What the monthly form asks of the reporting side itself (R1-18, R1-20); None: not provided, and so told."""

    monthly_by: MonthlyBy | None
    summaries_by: tuple[str, ...]  # month and day of the half-year's and the year's summary (R1-19)
    guidelines: str | None  # 是否已出台工作细则和工作指引（注明文件名称及文号）
    item_list: str | None  # 是否建立随机抽查事项清单并完成录入
    libraries: str | None  # 是否建立市场主体名录库和执法人员库并完成录入


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Everything a profile says for the days from ``effective_on`` until its next version."""

    effective_on: date
    outcomes: Mapping[str, Outcome]
    publish_within: Mapping[RecordKind, Period]
    record_within: Period | None
    plan_by: tuple[int, int] | None  # month and day of the plan's own year
    count_start_day: bool
    objection_within: Period
    error_within: Period
    stop_within: Period
    clock: Clock
    decision_day: Literal["finalized_on", "ended_on"]
    restart_on_correction: bool
    bands: Mapping[Severity, Band]
    repair_available: bool
    repair_conditions: tuple[str, ...]
    repair_needs_correction: bool
    repair_needs_commitment: bool
    repair_within: Period
    cross_province_within: Period
    named_kinds: frozenset[str]
    withhold_grounds: tuple[str, ...]
    inspections_per_year: int | None
    inspection_exceptions: tuple[str, ...]
    joint_departments: int | None
    general_items_need_cap: bool
    bad_check_digit: Literal["quarantine", "accept"]
    closing_dispositions: tuple[str, ...]
    monthly_form: MonthlyForm
    rules: Mapping[str, Rule]
    values: Mapping[str, Value]

    def closes(self, disposition: str | None) -> bool:
        """Whether a disposition settles a problem found (R4-11): it holds one of the profile's closing words."""
        said = fold_label(disposition or "")
        return any(fold_label(words) in said for words in self.closing_dispositions)


def _typed(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind or value == "":
            raise RuleError(f"{value!r} is not a {kind.__name__}")
        return value

    return check


def _one_of(*words: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in words:
            raise RuleError(f"{value!r} is none of {', '.join(words)}")
        return value

    return check


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise RuleError(f"{value!r} is not a list of texts")
    return tuple(value)


def _kinds(value: Any) -> frozenset[str]:
    kinds = frozenset(_texts(value))
    if unknown := kinds - {*get_args(SubjectKind)} | kinds & {"person"}:
        raise RuleError(f"{', '.join(sorted(unknown))} cannot be named (a natural person never is)")
    return kinds


def _period(value: Any) -> Period:
    return Period.parse(_typed(str)(value))


def _count(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise RuleError(f"{value!r} is not a whole number from 1 on")
    return value


def _month_day(value: Any) -> tuple[int, int]:
    try:
        day = date.fromisoformat(f"2001-{value}")
    except ValueError:
        raise RuleError(f"{value!r} is not a month and day such as 05-31") from None
    return day.month, day.day


def _month_days(value: Any) -> tuple[str, ...]:
    for each in _texts(value):
        _month_day(each)
    return tuple(value)


def _or_none(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value == "none" else check(value)


_BAND = {
    "minimum": _or_none(_period),
    "maximum": _or_none(_period),
    "on_application": _typed(bool),
    "automatic": _typed(bool),
}
_OUTCOME: dict[str, Callable[[Any], Any]] = {
    "label": _typed(str),
    "tone": _one_of(*get_args(Tone)),
    "explanation": _typed(str),
    "negative": _typed(bool),
    "problem": _typed(bool),
    "repairable": _typed(bool),
    "severity": _or_none(_one_of(*SEVERITIES)),
}
_KEYS: dict[str, Callable[[Any], Any]] = {
    **{f"deadline.publish.{kind}": _period for kind in KINDS},
    "deadline.publish.plan_by": _or_none(_month_day),
    "deadline.record.result": _or_none(_period),
    "deadline.count_start_day": _typed(bool),
    "deadline.objection": _period,
    "deadline.error": _period,
    "deadline.stop": _period,
    "period.clock": _one_of(*get_args(Clock)),
    "period.decision_day": _one_of("finalized_on", "ended_on"),
    "period.restart_on_correction": _typed(bool),
    **{f"period.{severity}.{key}": check for severity in SEVERITIES for key, check in _BAND.items()},
    "repair.available": _typed(bool),
    "repair.conditions": _texts,
    "repair.needs_correction": _typed(bool),
    "repair.needs_commitment": _typed(bool),
    "repair.decision": _period,
    "repair.cross_province": _period,
    "naming.kinds": _kinds,
    "withhold.grounds": _texts,
    "frequency.per_year": _or_none(_count),
    "frequency.exceptions": _texts,
    "plan.joint_departments": _or_none(_count),
    "item.general_needs_cap": _typed(bool),
    "intake.bad_check_digit": _one_of("quarantine", "accept"),
    "indicator.closing_dispositions": _texts,
    "report.monthly_by": _or_none(_one_of(*get_args(MonthlyBy))),
    "report.summaries_by": _month_days,
    **{f"report.{key}": _or_none(_typed(str)) for key in MonthlyForm._fields[2:]},
    **{f"rule.{rule}": _typed(str) for rule in RULE_IDS},
}
_OUTCOME_KEY = re.compile(r"outcome\.([a-z_]+)\.([a-z_]+)")
_MAP_KEY = re.compile(r"(labels|codes)\.([a-z_]+)")


def checked(key: str, value: Any) -> Any:
    """The value of ``key`` as the rules use it; :class:`RuleError`, naming the nearest key, if it is not one."""
    check = _KEYS.get(key)
    if check is None and (match := _OUTCOME_KEY.fullmatch(key)):
        check = _OUTCOME.get(match[2])
    if check is None and _MAP_KEY.fullmatch(key):
        check = _texts
    if check is None:
        known = [*_KEYS, *(f"outcome.{key.split('.')[1]}.{each}" for each in _OUTCOME if "." in key)]
        nearest = get_close_matches(key, [*known, "labels.OUTCOME", "codes.OUTCOME"], 1, 0)
        raise RuleError(f"there is no key {key}; the nearest is {nearest[0]}")
    try:
        return check(value)
    except RuleError as error:
        raise RuleError(f"{key}: {error}") from None


def rules_of(effective_on: date, values: Mapping[str, Value]) -> Rules:
    """The rules that ``values`` (checked, by key) make; :class:`RuleError` when one is missing or they conflict."""
    if missing := sorted(_KEYS.keys() - values.keys()):
        raise RuleError(f"from {effective_on} on these keys have no value: {', '.join(missing)}")

    def get(key: str) -> Any:
        return values[key].value

    ids = sorted({match[1] for key in values if (match := _OUTCOME_KEY.fullmatch(key))})
    outcomes: dict[str, Outcome] = {}
    for each in ids:
        if missing := sorted(key for key in _OUTCOME if f"outcome.{each}.{key}" not in values):
            raise RuleError(f"outcome.{each} lacks {', '.join(missing)}{_nearest(each, ids)}")
        outcomes[each] = Outcome(**{key: get(f"outcome.{each}.{key}") for key in _OUTCOME})
        if outcomes[each].negative != (outcomes[each].severity is not None):
            raise RuleError(f"outcome.{each}: a negative outcome needs a severity, any other has none")
    for key in values:
        if (match := _MAP_KEY.fullmatch(key)) and match[2] not in outcomes:
            raise RuleError(f"{key} maps to no outcome{_nearest(match[2], ids)}")
    return Rules(
        effective_on=effective_on,
        outcomes=outcomes,
        publish_within={kind: get(f"deadline.publish.{kind}") for kind in KINDS},
        record_within=get("deadline.record.result"),
        plan_by=get("deadline.publish.plan_by"),
        count_start_day=get("deadline.count_start_day"),
        objection_within=get("deadline.objection"),
        error_within=get("deadline.error"),
        stop_within=get("deadline.stop"),
        clock=get("period.clock"),
        decision_day=get("period.decision_day"),
        restart_on_correction=get("period.restart_on_correction"),
        bands={each: Band(**{key: get(f"period.{each}.{key}") for key in _BAND}) for each in SEVERITIES},
        repair_available=get("repair.available"),
        repair_conditions=get("repair.conditions"),
        repair_needs_correction=get("repair.needs_correction"),
        repair_needs_commitment=get("repair.needs_commitment"),
        repair_within=get("repair.decision"),
        cross_province_within=get("repair.cross_province"),
        named_kinds=get("naming.kinds"),
        withhold_grounds=get("withhold.grounds"),
        inspections_per_year=get("frequency.per_year"),
        inspection_exceptions=get("frequency.exceptions"),
        joint_departments=get("plan.joint_departments"),
        general_items_need_cap=get("item.general_needs_cap"),
        bad_check_digit=get("intake.bad_check_digit"),
        closing_dispositions=get("indicator.closing_dispositions"),
        monthly_form=MonthlyForm(**{key: get(f"report.{key}") for key in MonthlyForm._fields}),
        rules={
            each: Rule(get(f"rule.{each}"), values[f"rule.{each}"].basis, values[f"rule.{each}"].certainty)
            for each in RULE_IDS
        },
        values=dict(values),
    )


def _nearest(name: str, ids: list[str]) -> str:
    near = get_close_matches(name, [each for each in ids if each != name], 1, 0)
    return f"; the nearest outcome is {near[0]}" if near else ""
