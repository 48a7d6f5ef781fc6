"""The formats of files to take away. Each is written row by row, so that a file may be larger than memory."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

import orjson
import xlsxwriter
from xlsxwriter.exceptions import XlsxFileError

from publisher.errors import SiteError
from publisher.site.data.columns import Columns

TOGETHER = 256 * 1024  # bytes written at once
_ROWS_TOGETHER = 500
_END = "\r\n"

AddRow = Callable[[Sequence[str]], None]
AddRecord = Callable[[bytes], None]  # as JSON

CELL_LIMIT = 32_767  # characters in a cell of a workbook
CUT = "……（超过单元格上限，全文见 CSV）"

_IGNORED = "\ufeff\u200b\u00a0\u3000 \"'"  # what a spreadsheet may drop before it looks at a cell
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_SUSPECT = frozenset((*_IGNORED, *_FORMULA, *"0123456789"))  # first characters of all that may be misread
_MISREAD = re.compile(  # a text that Excel takes for another number, or for a date, than it says
    r"0\d+|\d{12,}|\d+(\.\d+)?[eE]\d+|\d{1,4}[-/]\d{1,4}|\d{1,2}[-/][A-Za-z]{3}", re.ASCII
)


_SHORT = 40  # characters of a date or a code, which stand in many rows


def excel_safe(text: str, *, code: bool = False) -> str:
    """Return a cell as a spreadsheet may have it: marked as text by a leading apostrophe where it would be taken for a
    formula, for another number or for a date; a ``code`` of digits is always marked."""
    if text[:1] not in _SUSPECT:
        return text
    risky = _is_misread(text) if len(text) <= _SHORT else _is_misread.__wrapped__(text)
    return "'" + text if risky or (code and text.isdigit()) else text


@lru_cache(10_000)
def _is_misread(text: str) -> bool:
    seen = text.lstrip(_IGNORED)
    return text.startswith(_FORMULA) or seen.startswith(_FORMULA) or bool(_MISREAD.fullmatch(seen))


@contextmanager
def csv_file(path: Path, columns: Columns) -> Iterator[AddRow]:
    """Write a table as RFC 4180 has it, in UTF-8, every value as it is."""
    with path.open("w", TOGETHER, encoding="utf-8", newline="") as out:
        yield from _table(out, columns, lambda rows: rows)


@contextmanager
def excel_csv_file(path: Path, columns: Columns) -> Iterator[AddRow]:
    """Write a table as CSV for Excel: a byte order mark, and cells that stay the text they are."""
    codes = [one.code for one in columns]

    def safe(rows: Sequence[Sequence[str]]) -> Iterable[Sequence[str]]:
        by_column = zip(zip(*rows, strict=True), codes, strict=True)
        return zip(*(_safe_column(texts, code) for texts, code in by_column), strict=True)

    with path.open("w", TOGETHER, encoding="utf-8-sig", newline="") as out:
        yield from _table(out, columns, safe)


def _safe_column(texts: Sequence[str], code: bool) -> Iterable[str]:
    """Return the cells of a column as Excel may have them; most columns say few things, so each is looked at once."""
    changed = {text: excel_safe(text, code=code) for text in set(texts) if text[:1] in _SUSPECT}
    return map(changed.get, texts, texts) if changed else texts


def _table(
    out: TextIO, columns: Columns, changed: Callable[[Sequence[Sequence[str]]], Iterable[Sequence[str]]]
) -> Iterator[AddRow]:
    """Write a table of CSV, many rows at a time, as ``changed`` gives them."""
    writer = csv.writer(out, lineterminator=_END)
    writer.writerow([one.name for one in columns])
    waiting: list[Sequence[str]] = []

    def write() -> None:
        for row in changed(waiting):
            line = ",".join(row)
            if line.count(",") >= len(row) or '"' in line or "\r" in line or "\n" in line:
                writer.writerow(row)  # knows how to quote; it looks at every character, five times as long
            else:
                out.write(line + _END)
        waiting.clear()

    def add(row: Sequence[str]) -> None:
        waiting.append(row)
        if len(waiting) == _ROWS_TOGETHER:
            write()

    yield add
    if waiting:
        write()


@contextmanager
def json_lines_file(path: Path) -> Iterator[AddRecord]:
    """Write records as JSON, one a line."""
    with path.open("wb", TOGETHER) as out:

        def add(record: bytes) -> None:
            out.write(record + b"\n")

        yield add


@contextmanager
def json_file(path: Path, about: Mapping[str, Any]) -> Iterator[AddRecord]:
    """Write ``{"meta": {…}, "records": […]}`` with a record a line."""
    with path.open("wb", TOGETHER) as out:
        out.write(b'{"meta":' + orjson.dumps(about) + b',"records":[')
        before = b"\n"

        def add(record: bytes) -> None:
            nonlocal before
            out.write(before + record)
            before = b",\n"

        yield add
        out.write(b"\n]}\n")


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Tell a file that could not be written as such; the library has an error of its own for it."""
    try:
        yield
    except XlsxFileError as error:
        raise SiteError(f"{path} could not be written: {error}; the run can be repeated") from error


@contextmanager
def workbook_file(path: Path, columns: Columns, about: Sequence[tuple[str, str]], as_of: date) -> Iterator[AddRow]:
    """Write a table as a workbook of texts only, never formulas, with a second sheet that says what it is.

    The bytes follow from the rows and ``as_of``: no clock is read.
    """
    given = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_urls": False}
    with _written(path), xlsxwriter.Workbook(str(path), given) as book:
        book.set_properties({"created": datetime.combine(as_of, time())})
        head = book.add_format({"bold": True})
        sheet = book.add_worksheet("数据")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(columns) - 1, 18)
        for place, one in enumerate(columns):
            sheet.write_string(0, place, one.title, head)
        rows = 0

        def add(row: Sequence[str]) -> None:
            nonlocal rows
            rows += 1
            for place, text in enumerate(row):
                if text:
                    sheet.write_string(rows, place, _fit(text))

        yield add
        notes = book.add_worksheet("说明")
        notes.set_column(0, 0, 18)
        notes.set_column(1, 1, 80)
        names = [(one.name, one.title) for one in columns]
        for place, (label, text) in enumerate([*about, ("行数", str(rows)), ("", ""), ("字段", "含义"), *names]):
            notes.write_string(place, 0, label)
            notes.write_string(place, 1, text)


def _fit(text: str) -> str:
    return text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - len(CUT)] + CUT
