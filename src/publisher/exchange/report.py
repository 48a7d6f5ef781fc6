"""Receipts for the officer: three lists for each endpoint, and a fourth of what could not be put into its form.

Unprocessed is not refused: the endpoint said nothing of the record, and it is told again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

from publisher.errors import SettingsError
from publisher.ledger.receipts import Timeliness

LISTS = {
    "accepted": "successful",
    "duplicate": "successful",
    "rejected": "refused",
    "unprocessed": "unprocessed",
    "unsendable": "unsendable",
}
SHEETS = {"successful": "成功", "refused": "退回", "unprocessed": "未处理", "unsendable": "无法报送"}
COLUMNS = {
    "endpoint": "报送对象",
    "kind": "记录类型",
    "record_id": "记录编号",
    "version": "版本",
    "action": "动作",
    "status": "回执状态",
    "receipt_no": "回执编号",
    "code": "代码",
    "message": "说明",
    "at": "时间",
}
_WORDS = {
    "plan": "抽查计划", "item_list": "抽查事项清单", "result": "抽查结果", "publish": "公示", "correct": "更正",
    "withdraw": "停止公示", "accepted": "已接收", "duplicate": "此前已接收", "rejected": "退回",
    "unprocessed": "无回执", "unsendable": "无法报送",
}  # fmt: skip
MOST_ROWS = 1_048_575  # of a sheet, less its heading


def lines(receipts: Iterable[Any], counts: Counter[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """Yield each receipt with the ``list`` it stands on, counting them in ``counts`` by endpoint and list."""
    for one in receipts:
        name = LISTS[one.status]
        counts[one.endpoint, name] += 1
        yield {"list": name, **dict(zip(COLUMNS, one, strict=True))}


def in_words(counts: Mapping[tuple[str, str], int], timely: Iterable[Timeliness]) -> list[str]:
    """Return what came of each endpoint's records, and how many results it first accepted in time."""
    names = sorted({endpoint for endpoint, _ in counts})
    told = [f"{name}: " + ", ".join(f"{counts.get((name, one), 0)} {one}" for one in SHEETS) for name in names]
    dates = [
        f"{one.endpoint}: results first accepted: {one.on_time} by the day they were due, {one.late} after it, "
        f"{one.undated} without one"
        for one in timely
    ]
    return told + dates


def write_xlsx(
    file: Path, receipts: Iterable[Mapping[str, Any]], run_no: int, day: date, timely: Sequence[Timeliness]
) -> None:
    """Write a run's receipts as a workbook: a sheet for each list, numbers and codes as text, in flat memory.

    A list longer than a sheet goes on on another one. Raises :class:`SettingsError` when the file cannot be written.
    """
    try:
        options = {"constant_memory": True, "strings_to_urls": False}
        with file.open("wb") as out, xlsxwriter.Workbook(out, options) as book:
            sheets = {name: _Sheet(book, title) for name, title in SHEETS.items()}
            for one in receipts:
                sheets[one["list"]].add([_text(one[key]) for key in COLUMNS])
            about = book.add_worksheet("说明")
            rows = [("批次", str(run_no)), ("日期", day.isoformat())]
            rows += [(title, str(sheets[name].rows)) for name, title in SHEETS.items()]
            for timed in timely:
                rows.append((f"{timed.endpoint} 按期首次接收的结果", str(timed.on_time)))
                rows.append((f"{timed.endpoint} 逾期首次接收的结果", str(timed.late)))
            for number, (label, text) in enumerate(rows):
                about.write_string(number, 0, label)
                about.write_string(number, 1, text)
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error


class _Sheet:
    """One list, over as many sheets as it needs."""

    def __init__(self, book: Any, title: str) -> None:
        self._book, self._title, self._sheets = book, title, 0
        self.rows = 0
        self._head = book.add_format({"bold": True})
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet(f"{self._title} {self._sheets}" if self._sheets > 1 else self._title)
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(COLUMNS) - 1, 18)
        for place, title in enumerate(COLUMNS.values()):
            self._sheet.write_string(0, place, title, self._head)

    def add(self, texts: Sequence[str]) -> None:
        if self.rows and self.rows % MOST_ROWS == 0:
            self._begin()
        line = self.rows % MOST_ROWS + 1
        for place, text in enumerate(texts):
            if text:
                self._sheet.write_string(line, place, text)
        self.rows += 1


def _text(value: Any) -> str:
    return "" if value is None else _WORDS.get(value, str(value))
