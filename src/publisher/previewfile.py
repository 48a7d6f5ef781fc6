"""A preview as text for a terminal, and as one workbook for the office."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time
from itertools import groupby
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from publisher.errors import SettingsError
from publisher.preview import Count, Preview

_ACTIONS = {"add": "新增", "change": "变更", "stop": "停止公示"}
_KINDS = {"plan": "抽查计划", "item_list": "抽查事项清单", "result": "检查结果"}
_FACETS = {"kind": "种类", "outcome": "结果类别", "authority": "检查机关"}
_CODES = {
    "problem_rate": "问题率变化大",
    "far_more_than_usual": "数量远超平时",
    "silent": "长期没有检查结果",
    "new_authority": "第一次出现的机关",
    "many_stops": "一次停止公示很多",
}
_HIDDEN = {
    "identity": "身份证号", "phone": "电话", "email": "邮箱", "bank_card": "银行卡号", "plate": "车牌号",
    "address": "住址", "name": "姓名",
}  # fmt: skip
_ROWS = 1_048_000  # what a sheet holds; more are counted, not listed

_TOLD = 20  # outliers of one code that a terminal is told

Cell = str | int


def lines(found: Preview) -> Iterator[str]:
    """Yield a preview as text: every record, then the counts that would change, then what stands out."""
    for one in found.planned:
        yield f"{one.action:6} {one.kind} {one.record_id}  {one.state} ({one.rule})  {one.name}"
    if found.planned:
        yield f"{'':12}{'before':>8}{'add':>8}{'change':>8}{'stop':>8}{'after':>8}"
    for each in found.counts:
        if each.add or each.change or each.stop or each.before != each.after:
            numbers = "".join(f"{number:8}" for number in _numbers(each))
            yield f"{each.facet:12}{numbers}  {found.labels.get(each.value, each.value)}"
    for kind, number in sorted(found.hidden.items()):
        yield f"{'hidden':12}{number:8}  texts with personal data ({kind.replace('_', ' ')})"
    for code, group in groupby(
        sorted(found.outliers, key=lambda one: list(_CODES).index(one.code)), lambda one: one.code
    ):
        outliers = list(group)
        for outlier in outliers[:_TOLD]:
            yield f"{'look at':12}{outlier.authority or 'the whole portal'}: {outlier.message} [{code}]"
        if len(outliers) > _TOLD:
            yield f"{'':12}and {len(outliers) - _TOLD} more [{code}]; --json and --xlsx have them all"


def _numbers(one: Count) -> tuple[int, int, int, int, int]:
    return one.before, one.add, one.change, one.stop, one.after


def write_workbook(found: Preview, file: Path, output: Path) -> None:
    """Write a preview as a workbook of texts and numbers, never formulas.

    Raises :class:`SettingsError` for a file that cannot be written, or that would lie in ``output``, the public site.
    """
    if file.resolve().is_relative_to(output.resolve()):
        raise SettingsError(f"{file} lies in the public site; a preview is for the office only")
    try:
        # Opened here, so that a file which cannot be written leaves no rows behind in the folder of temporary files.
        with (
            file.open("wb") as out,
            xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_urls": False}) as book,
        ):
            book.set_properties({"created": datetime.combine(found.day, time())})
            head = book.add_format({"bold": True, "text_wrap": True})
            for name, widths, rows in _sheets(found):
                sheet = book.add_worksheet(name)
                sheet.freeze_panes(1, 0)
                for column, width in enumerate(widths):
                    sheet.set_column(column, column, width)
                for place, row in enumerate(rows):
                    for column, cell in enumerate(row):
                        if isinstance(cell, int):
                            sheet.write_number(place, column, cell)
                        else:
                            sheet.write_string(place, column, cell, head if place == 0 else None)
    except (OSError, XlsxWriterException) as error:
        raise SettingsError(f"{file} cannot be written: {error}") from error


def _sheets(found: Preview) -> Iterator[tuple[str, Sequence[int], Iterator[Sequence[Cell]]]]:
    yield "概况", (24, 60), _overview(found)
    yield "异常", (20, 36, 80), _outliers(found)
    yield "计数", (14, 44, 12, 10, 10, 10, 12), _counts(found)
    yield "记录", (10, 14, 28, 44, 36, 44, 14, 28, 24), _records(found)


def _overview(found: Preview) -> Iterator[Sequence[Cell]]:
    yield "公示前预览", "仅供内部使用，不得公开"
    yield "截至", found.day.isoformat()
    for action, label in _ACTIONS.items():
        yield label, sum(one.action == action for one in found.planned)
    yield "异常", len(found.outliers)
    yield "问题数据", int(found.summary["problems"])
    for kind, number in sorted(found.hidden.items()):
        yield f"隐去{_HIDDEN[kind]}的文字", number


def _outliers(found: Preview) -> Iterator[Sequence[Cell]]:
    yield "异常", "检查机关", "说明"
    for one in found.outliers:
        yield _CODES[one.code], one.authority or "全部", one.message


def _counts(found: Preview) -> Iterator[Sequence[Cell]]:
    yield "分类", "值", "上次公示后", *_ACTIONS.values(), "这次公示后"
    for one in found.counts:
        value = _KINDS.get(one.value, one.value) if one.facet == "kind" else found.labels.get(one.value, one.value)
        yield _FACETS[one.facet], value, *_numbers(one)


def _records(found: Preview) -> Iterator[Sequence[Cell]]:
    yield "动作", "种类", "编号", "名称", "机关", "结果类别", "状态", "规则", "隐去"
    for one in found.planned[:_ROWS]:
        outcomes = "、".join(found.labels.get(name, name) for name in one.outcomes)
        hidden = "、".join(_HIDDEN[kind] for kind in one.hidden)
        action, kind = _ACTIONS[one.action], _KINDS[one.kind]
        yield action, kind, one.record_id, one.name, one.authority, outcomes, one.state, one.rule, hidden
    if len(found.planned) > _ROWS:
        yield (f"另有 {len(found.planned) - _ROWS} 条没有列出",)
