"""Reports for the office, from the ledger as the last run left it. None of them is ever on a public page."""

import csv
import io
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from publisher import rules
from publisher.errors import SettingsError
from publisher.ledger.dockets import Body, dockets, every, version_of
from publisher.ledger.schema import record
from publisher.model import Problem
from publisher.rules.terms import MonthlyBy, MonthlyForm
from publisher.settings import Portal

NOT_PROVIDED = "未提供"
QUESTIONS = {
    "guidelines": "是否已出台工作细则和工作指引（注明文件名称及文号）",
    "item_list": "是否建立随机抽查事项清单并完成录入",
    "libraries": "是否建立市场主体名录库和执法人员库并完成录入",
}
OF_THE_FORM = ("抽查事项名称", "抽查比例")
OUR_OWN = ("检查对象数", "结果数", "发现问题数", "已公示数")
OUR_MARK = "（本平台统计）"
CHUNK = 500  # records read at a time


class ProblemGroup(NamedTuple):
    """The problems of one code: how many, of how many records, and the first in words."""

    code: str
    number: int
    records: int
    first: str


def problem_groups(problems: Iterable[Problem]) -> list[ProblemGroup]:
    """Return problems counted by code, the most frequent first."""
    counts: dict[str, int] = defaultdict(int)
    records: dict[str, set[str]] = defaultdict(set)
    first: dict[str, str] = {}
    for one in problems:
        counts[one.code] += 1
        first.setdefault(one.code, one.message)
        if one.record is not None:
            records[one.code].add(one.record)
    codes = sorted(counts, key=lambda code: (-counts[code], code))
    return [ProblemGroup(code, counts[code], len(records[code]), first[code]) for code in codes]


class FormRow(NamedTuple):
    """One inspection item in part 二 of the monthly form; the counts are ours."""

    item: str
    ratio: str  # as the plan's tasks say it, else the item list; 未提供 when neither does
    subjects: int  # distinct ones
    results: int
    problems: int
    published: int


class Form(NamedTuple):
    """The monthly form (R1-18…R1-20), as far as its columns are known."""

    month: str  # YYYY-MM
    unit: str
    region_code: str
    filled_on: date
    due_on: date | None  # None: no rule names a day
    summaries: tuple[date, ...]  # this year's summaries are due by (R1-19)
    answers: tuple[tuple[str, str], ...]
    rows: tuple[FormRow, ...]


def monthly(connection: Connection, profile: rules.Profile, portal: Portal, day: date, month: str | None) -> Form:
    """Return the form of a month (``YYYY-MM``; None: that of ``day``), from the results whose inspection ended in it.

    Results taken back do not count; those not yet or not any more shown do. Raises :class:`SettingsError` for a month
    that is none.
    """
    first = _first_of(month) if month else day.replace(day=1)
    asked = profile.on(max(first, profile.versions[0])).monthly_form
    return Form(
        month=first.isoformat()[:7],
        unit=portal.name,
        region_code=portal.region_code,
        filled_on=day,
        due_on=_due_on(asked.monthly_by, first),
        summaries=tuple(date.fromisoformat(f"{first.year}-{each}") for each in asked.summaries_by),
        answers=tuple((words, _answer(asked, key)) for key, words in QUESTIONS.items()),
        rows=tuple(_rows(connection, profile, day, first)),
    )


def _answer(asked: MonthlyForm, key: str) -> str:
    answer: str | None = getattr(asked, key)
    return answer or NOT_PROVIDED


def _first_of(month: str) -> date:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        first = None
    if first is None or first.isoformat()[:7] != month:
        raise SettingsError(f"--month {month} is not a month; write it as 2026-11")
    return first


def _due_on(by: MonthlyBy | None, first: date) -> date | None:
    """When the form is due: 每月末5日前 is read as the profile says."""
    last = first.replace(day=monthrange(first.year, first.month)[1])
    match by:
        case "five_days_before_month_end":
            return last - timedelta(5)
        case "fifth_of_next_month":
            return last + timedelta(5)
        case None:
            return None


class _Tally:
    """What is counted of one item."""

    def __init__(self) -> None:
        self.subjects: set[int] = set()
        self.ratios: dict[str, None] = {}
        self.results = self.problems = self.published = 0


def _rows(connection: Connection, profile: rules.Profile, day: date, first: date) -> Iterator[FormRow]:
    outcomes = profile.on(max(day, profile.versions[0])).outcomes
    items = {item["item_code"]: item for body in _bodies(connection, "item_list") for item in body["items"]}
    tasks = {
        (body["plan_id"], task["task_id"]): task["ratio"]
        for body in _bodies(connection, "plan")
        for task in body["tasks"]
    }
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    listed: dict[str, str | None] = {}
    query = select(record).where(
        record.c.kind == "result",
        record.c.year == first.year,
        record.c.month == first.month,
        func.coalesce(record.c.cause, "") != "retracted",
    )
    for rows in connection.execute(query.order_by(record.c.record_no)).partitions(CHUNK):
        for docket in dockets(connection, rows):
            row, body = docket.row, version_of(docket, docket.row.shown_version)
            found: dict[str, bool] = {}
            for one in body["findings"]:
                item = items.get(one["item_code"])
                name = item["name"] if item else one["item_name"]
                listed[name] = item["ratio"] if item else None
                outcome = outcomes.get(profile.outcome_of(one["outcome"], one["outcome_code"]) or "")
                found[name] = found.get(name, False) or (outcome is not None and outcome.problem)
            for name, is_problem in found.items():
                tally = tallies[name]
                tally.subjects.add(row.subject_no)
                tally.results += 1
                tally.problems += is_problem
                tally.published += row.state == "published"
                if ratio := tasks.get((body["plan_id"], body["task_id"])):
                    tally.ratios[ratio] = None
    for name, tally in sorted(tallies.items()):
        ratio = "、".join(tally.ratios) or listed[name] or NOT_PROVIDED
        yield FormRow(name, ratio, len(tally.subjects), tally.results, tally.problems, tally.published)


def _bodies(connection: Connection, kind: str) -> Iterator[Body]:
    for docket in every(connection, [kind]):
        yield version_of(docket, docket.row.shown_version)


def monthly_words(form: Form) -> dict[str, Any]:
    """Return the form as ``--json`` prints it."""
    return {
        "month": form.month,
        "unit": form.unit,
        "region_code": form.region_code,
        "filled_on": form.filled_on.isoformat(),
        "due_on": form.due_on.isoformat() if form.due_on else None,
        "summaries": [day.isoformat() for day in form.summaries],
        "part_1": [{"question": question, "answer": answer} for question, answer in form.answers],
        "part_2": [row._asdict() for row in form.rows],
        "own_counts": list(FormRow._fields[2:]),
    }


def monthly_table(form: Form) -> Iterator[list[str]]:
    """Yield the form line by line, as cells."""
    yield ["随机抽查工作月报表", form.month]
    yield ["填报单位（地区）", f"{form.unit}（{form.region_code}）"]
    yield ["填报时间", form.filled_on.isoformat()]
    yield ["报送期限", form.due_on.isoformat() if form.due_on else NOT_PROVIDED]
    if form.summaries:
        yield ["总结报送期限", *(day.isoformat() for day in form.summaries)]
    yield ["一"]
    for question, answer in form.answers:
        yield [question, answer]
    yield ["二", "随机抽查工作开展情况（表式其后各栏未见原文）"]
    yield [*OF_THE_FORM, *(name + OUR_MARK for name in OUR_OWN)]
    for row in form.rows:
        yield [str(cell) for cell in row]


def monthly_lines(form: Form) -> Iterator[str]:
    """Yield the form as text for a person."""
    for cells in monthly_table(form):
        yield "  ".join(cells)


def monthly_csv(form: Form) -> bytes:
    """Return the form as CSV with a byte order mark; what a spreadsheet would take for a formula is marked as text."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for cells in monthly_table(form):
        writer.writerow([f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells])
    return out.getvalue().encode("utf-8-sig")
