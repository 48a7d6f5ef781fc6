"""The public form of a record: what remains when everything that may not be public is left out or hidden.

It is made before anything is written to the site, the search index or the outbox; they never see another form.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from publisher.model import Verdict
from publisher.rules.facts import Facts
from publisher.rules.profile import Profile
from publisher.rules.redact import may_be_personal, redact, redact_names
from publisher.rules.timeline import severity_of
from publisher.rules.workdays import Workdays

Body = Mapping[str, Any]

_LEFT_OUT = {"inspectors", "openness", "openness_basis", "recorded_at", "finalized_at"}
_NOT_TEXT = {
    "kind", "result_id", "plan_id", "task_id", "list_id", "item_code", "item_codes", "uscc", "reg_no", "region_code",
    "severity", "scope", "plan_type", "status", "level", "outcome_code",
}  # fmt: skip


class PublicForm(NamedTuple):
    """A record as the public may see it (``body``), and what the site says beside it."""

    body: Body
    beside: Body


def public_form(
    facts: Facts,
    versions: Sequence[Body],
    cases: Sequence[Body],
    verdict: Verdict,
    profile: Profile,
    workdays: Workdays,
    day: date,
) -> PublicForm:
    """Return the public form of the version that ``verdict`` publishes.

    Inspectors, openness and internal instants are left out; numbers, addresses and inspectors' names in free text are
    hidden. Beside it: outcomes by finding, severity, working days late, the firm's reply and objection for a result;
    earlier revisions for a plan.
    """
    number = "version" if facts.kind == "result" else "revision"
    body = next(one for one in versions if one[number] == verdict.version)
    hiding = _hiding(versions, body)
    public = _public(body, hiding.names, lambda: hiding)
    if facts.kind == "result":
        return PublicForm(public, _beside_result(facts, cases, verdict, profile, workdays, day, hiding))
    final = {one.number for one in facts.versions if one.is_public and one.finalized_on and one.finalized_on <= day}
    shown = [one for one in versions if one[number] <= body[number] and one[number] in final]
    history = [_public(one, hiding.names, lambda: hiding) for one in shown]
    return PublicForm(
        public,
        {
            "finalized_on": _final_day(facts, body[number]),
            "revisions": [_revision(facts, one, before) for before, one in zip([None, *history], history, strict=False)]
            if facts.kind == "plan" and len(history) > 1
            else [],
        },
    )


def public_body(versions: Sequence[Body], body: Body) -> Body:
    """Return the public form of one of a record's versions, without what stands beside it."""
    return _public(body, _inspectors(versions), lambda: _hiding(versions, body))


class _Hiding(NamedTuple):
    """What is hidden in a record's free text beyond what anybody can tell, and what stays."""

    names: tuple[str, ...]  # the inspectors of every version
    numbers: tuple[str, ...]  # that stay: the record's own, its plan's and tasks', the subject's codes
    named: tuple[str, ...]  # the subject's own name stays though an inspector's be part of it


def _hiding(versions: Sequence[Body], body: Body) -> _Hiding:
    subject = body.get("subject") or {}
    numbers = [body.get(key) for key in ("result_id", "plan_id", "task_id", "list_id", "penalty_no", "document_no")]
    numbers += [subject.get("uscc"), subject.get("reg_no")]
    if "tasks" in body:
        numbers += [one["task_id"] for one in body["tasks"]]
    return _Hiding(
        _inspectors(versions),
        tuple([one for one in numbers if one]),
        (subject["name"],) if subject else (),
    )


def _inspectors(versions: Sequence[Body]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([name for one in versions for name in one.get("inspectors", ())]))


def _public(body: Body, names: tuple[str, ...], hiding: Callable[[], _Hiding]) -> Body:
    kept = {key: value for key, value in body.items() if key not in _LEFT_OUT}
    if not may_be_personal("\n".join(_texts(kept)), names):  # most records: one look at all their words
        return kept
    hidden = hiding()
    return {key: _hidden(key, value, hidden) for key, value in kept.items()}


def _texts(node: Body) -> list[str]:
    """Return the free texts of a body: those that :func:`_hidden` looks at."""
    found: list[str] = []
    for key, value in node.items():
        if not value or not _is_text(key):
            continue
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found += _texts(value)
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, str):
                    found.append(one)
                else:
                    found += _texts(one if isinstance(one, dict) else {key: one})
    return found


@cache
def _is_text(key: str) -> bool:
    """Tell whether a key of a record holds words of people, not a code, an id or a day."""
    return key not in _NOT_TEXT and not key.endswith(("_on", "_at"))


def _hidden(key: str, value: Any, hiding: _Hiding) -> Any:
    if not _is_text(key):
        return value
    if isinstance(value, str):
        words, _ = redact(value, hiding.numbers)
        return redact_names(words, hiding.names, (*hiding.numbers, *hiding.named))[0] if hiding.names else words
    if isinstance(value, dict):
        return {name: _hidden(name, one, hiding) for name, one in value.items()}
    if isinstance(value, list):
        return [_hidden(key, one, hiding) for one in value]
    return value


def _beside_result(
    facts: Facts,
    cases: Sequence[Body],
    verdict: Verdict,
    profile: Profile,
    workdays: Workdays,
    day: date,
    hiding: _Hiding,
) -> Body:
    version = next(one for one in facts.versions if one.number == verdict.version)
    late = verdict.published_on and verdict.due_on and verdict.published_on > verdict.due_on
    beside: dict[str, Any] = {
        "outcomes": version.outcomes,
        "severity": severity_of(version, profile.on(day)),
        "late_days": workdays.count_between(verdict.due_on, verdict.published_on)
        if late and verdict.due_on and verdict.published_on
        else None,
        "reply": None,
        "objection_filed_on": None,
    }
    if not cases:
        return beside
    today = day.isoformat()
    replies = [one for one in cases if one["case_type"] == "reply" and one["decision"] != "refused" and one["reason"]]
    replies = [one for one in replies if (one["decided_on"] or one["filed_on"]) <= today]
    newest = max(replies, key=lambda one: (one["filed_on"], one["case_id"]), default=None)
    if newest and "reply" in verdict.marks:
        beside["reply"] = _hidden("reason", newest["reason"], hiding)
    objections = [
        one["filed_on"]
        for one in cases
        if one["case_type"] == "objection"
        and one["filed_on"] <= today
        and not (one["decision"] and one["decided_on"] <= today)
    ]
    if "objection_pending" in verdict.marks:
        beside["objection_filed_on"] = min(objections, default=None)
    return beside


def _final_day(facts: Facts, number: int) -> str | None:
    found = next(one.finalized_on for one in facts.versions if one.number == number)
    return found.isoformat() if found else None


def _revision(facts: Facts, body: Body, before: Body | None) -> Body:
    """One revision of a plan as its history tells it: why, by whom, and what changed task by task (R1-09, R4-03).

    Both bodies are public forms.
    """
    adjustment = body["adjustment"] or {}
    return {
        "revision": body["revision"],
        "kind": adjustment.get("kind"),
        "reason": adjustment.get("reason"),
        "approved_by": adjustment.get("approved_by"),
        "approved_on": adjustment.get("approved_on"),
        "finalized_on": _final_day(facts, body["revision"]),
        "changes": _changes(before, body) if before else [],
    }


def _changes(before: Body, after: Body) -> list[Body]:
    found: list[Body] = []
    old, new = ({task["task_id"]: task for task in one["tasks"]} for one in (before, after))
    for task_id in dict.fromkeys([*old, *new]):
        was, now = old.get(task_id), new.get(task_id)
        where = f"任务 {(now or was or {})['seq']} {(now or was or {})['name']}"
        if was is None or now is None:
            found.append({"where": where, "before": was and was["name"], "after": now and now["name"]})
            continue
        found += [
            {"where": f"{where}：{_TASK_LABELS.get(key, key)}", "before": _words(was[key]), "after": _words(now[key])}
            for key in now
            if was[key] != now[key]
        ]
    found += [
        {"where": _PLAN_LABELS[key], "before": _words(before[key]), "after": _words(after[key])}
        for key in _PLAN_LABELS
        if before[key] != after[key]
    ]
    return found


_TASK_LABELS = {
    "seq": "序号", "name": "任务名称", "field": "抽查领域", "lead_department": "牵头部门",
    "departments": "联合检查部门", "subjects": "检查对象", "methods": "检查方式", "ratio": "抽取比例",
    "quantity": "抽取数量", "frequency": "检查频次", "levels": "检查层级", "inspection_type": "抽查类型",
    "starts_on": "开始日期", "ends_on": "结束日期", "drawn": "已抽取", "status": "状态", "item_codes": "抽查事项",
}  # fmt: skip
_PLAN_LABELS = {"title": "计划名称", "complete_by": "完成期限", "declared_task_count": "任务数"}


def _words(value: Any) -> str | None:
    if isinstance(value, list):
        return "、".join(value)
    return None if value is None else str(value)
