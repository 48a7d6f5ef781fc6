"""What the three small sources share: head and row shapes, a few results on invented firms, cases on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from . import days, names, outcomes
from .codes import Codes
from .places import County

Record = dict[str, object]

# The tables' Chinese labels (contracts of the folder source: one label → one field)
PLAN_LABELS = {
    "任务编号": "task_id", "序号": "seq", "任务名称": "name", "抽查领域": "field", "联合检查部门": "departments",
    "检查对象": "subjects", "检查方式": "methods", "抽取比例": "ratio", "抽取数量": "quantity",
    "检查频次": "frequency", "检查层级": "levels", "事项编码": "item_codes", "status": "status",
}  # fmt: skip
ITEM_LABELS = {
    "事项编码": "item_code", "抽查类别": "category", "抽查事项": "name", "事项类别": "class", "检查对象": "subjects",
    "检查方式": "methods", "检查主体": "authority", "检查依据": "basis", "抽查比例": "ratio", "抽查频次": "frequency",
}  # fmt: skip
RESULT_LABELS = {
    "结果编号": "result_id", "版本": "version", "抽查计划编号": "plan_id", "抽查任务编号": "task_id",
    "subject.kind": "subject.kind", "检查对象名称": "subject.name", "统一社会信用代码": "subject.uscc",
    "注册号": "subject.reg_no", "subject.region_code": "subject.region_code", "检查机关": "authority",
    "联合检查部门": "departments", "抽查类型": "inspection_type", "检查方式": "methods", "检查完成日期": "ended_on",
    "录入时间": "recorded_at", "审定时间": "finalized_at", "序号": "seq", "事项编码": "item_code",
    "检查事项": "item_name", "检查结果": "outcome", "note": "note", "inspectors": "inspectors", "openness": "openness",
}  # fmt: skip
CASE_FIELDS = (
    "case_id", "case_type", "result_id", "filed_on", "accepted_on", "decided_on", "decision", "decided_by",
    "corrected_on", "commitment", "basis", "reason", "lifted_on",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One task of a small plan: what is checked (item codes) on which trade."""

    task_id: str
    departments: Sequence[str]
    methods: str
    trade: str
    items: Sequence[str]


@dataclass(frozen=True)
class Round:
    """One year's inspections of one small source."""

    prefix: str
    plan_id: str
    first: str
    last: str
    counties: Sequence[County]
    tasks: Sequence[Task]
    item_names: dict[str, str]
    every_outcome: bool = False


def results(rng: Random, round_: Round, count: int) -> list[Record]:
    """Return ``count`` results; with ``every_outcome`` the nine kinds come first, each once."""
    codes = Codes(rng)
    forced = list(outcomes.EVERY) if round_.every_outcome else []
    records = []
    for number in range(1, count + 1):
        overall = forced.pop(0) if forced else outcomes.draw(rng)
        task = round_.tasks[number % len(round_.tasks)]
        county = round_.counties[number % len(round_.counties)]
        kind, shape = rng.choice(names.TRADES[task.trade])
        ended_on = days.between(rng, round_.first, round_.last)
        recorded = days.working(days.plus(ended_on, rng.randint(1, 5)))
        finalized = days.working(days.plus(recorded, rng.randint(1, 4) if number % 13 else 45))
        findings = []
        for seq, code in enumerate(task.items[: rng.randint(1, len(task.items))], 1):
            outcome = overall if seq == 1 else outcomes.of_item(rng, outcomes.NONE, code)
            finding: Record = {"seq": seq, "item_code": code, "item_name": round_.item_names[code], "outcome": outcome}
            if outcome == outcomes.OTHER:
                finding["note"] = outcomes.NOTES[outcome][0]
            findings.append(finding)
        records.append({
            "kind": "result",
            "result_id": f"{round_.prefix}-{number:04d}",
            "version": 1,
            "plan_id": round_.plan_id,
            "task_id": task.task_id,
            "subject": {
                "kind": kind,
                "name": names.firm(rng, shape.replace("江苏", "中国"), county, in_full=True),
                "uscc": codes.uscc(kind, county.code),
                "reg_no": codes.reg_no(county.code) if number % 9 == 0 else None,
                "region_code": county.code,
            },
            "authority": county.office("市监"),
            "departments": list(task.departments),
            "inspection_type": "不定向",
            "methods": task.methods,
            "ended_on": ended_on,
            "recorded_at": days.at(rng, recorded),
            "finalized_at": days.at(rng, finalized),
            "findings": findings,
            "inspectors": [names.person(rng), names.person(rng)],
            "openness": "public",
        })  # fmt: skip
    return records


def cases(prefix: str, records: Sequence[Record]) -> list[Record]:
    """Return one repair granted, one refused, an objection refused, a reply and an error, on problem results."""
    bad = [record for record in records if _outcomes(record) & set(outcomes.NEGATIVE)]
    shapes: tuple[tuple[str, int, str | None, str], ...] = (
        ("repair", 100, "granted", "已改正，申请信用修复"),
        ("repair", 120, "refused", "整改材料不全"),
        ("objection", 6, "refused", "经复核，原结果无误"),
        ("reply", 4, None, "已完成整改。"),
        ("error", 8, "granted", "检查结果录入有误"),
    )
    made = []
    for number, (record, (case_type, after, decision, reason)) in enumerate(zip(bad, shapes, strict=False), 1):
        filed = days.working(days.plus(str(record["finalized_at"])[:10], after))
        case: Record = {"kind": "case", "case_id": f"{prefix}-C{number:02d}", "case_type": case_type}
        case |= {"result_id": record["result_id"], "filed_on": filed, "reason": reason}
        if decision:
            case |= {"decided_on": days.working(days.plus(filed, 5)), "decision": decision}
            case["decided_by"] = record["authority"]
        if case_type == "repair":
            case |= {"corrected_on": filed, "commitment": "承诺今后依法经营"}
        made.append(case)
    return made


def _outcomes(record: Record) -> set[str]:
    findings = record["findings"]
    assert isinstance(findings, list)
    return {finding["outcome"] for finding in findings}


def finding_rows(records: Sequence[Record]) -> list[list[str]]:
    """Return the table of results: a header of labels, then one row a finding."""
    rows = [list(RESULT_LABELS)]
    for record in records:
        findings, subject = record["findings"], record["subject"]
        assert isinstance(findings, list)
        assert isinstance(subject, dict)
        flat = {**record, **{f"subject.{key}": value for key, value in subject.items()}}
        rows += [[cell({**flat, **finding}.get(field)) for field in RESULT_LABELS.values()] for finding in findings]
    return rows


def case_rows(records: Sequence[Record]) -> list[list[str]]:
    """Return the table of cases with English field names."""
    return [list(CASE_FIELDS), *([cell(record.get(field)) for field in CASE_FIELDS] for record in records)]


def cell(value: object) -> str:
    """Return a table cell: nothing for none, lists joined with 、."""
    if isinstance(value, list):
        return "、".join(str(each) for each in value)
    return "" if value is None else str(value)


def toml(head: Record) -> str:
    """Return a head as TOML: texts, numbers."""
    lines = []
    for key, value in head.items():
        lines.append(f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"')
    return "\n".join(lines) + "\n"
