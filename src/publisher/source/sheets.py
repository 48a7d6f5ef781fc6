"""Rows of cells out of CSV and XLSX files, with the row numbers a person sees."""

import csv
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from publisher.source.cells import Cell
from publisher.source.survey import survey
from publisher.source.text import Fault, table_encoding

Row = tuple[int, list[Cell] | Fault]

LONGEST_CELL = 131_072  # characters of a CSV cell
LARGEST_CSV = 256 << 20


class Sheet(NamedTuple):
    """One sheet: its name where a file has several, its rows, and where merged headings end."""

    name: str | None
    rows: Iterable[Row]
    heading_ends: Mapping[int, int]  # row a merged cell begins in -> last row of it


class Book(NamedTuple):
    """The sheets of a file that hold cells, and how many cells show an error (``#REF!``) and read as empty."""

    sheets: list[Sheet]
    error_cells: int


def book_of(path: Path) -> Book | Fault:
    """Return the sheets of a ``.csv`` or ``.xlsx`` file, or why it cannot be read."""
    if path.suffix.lower() == ".csv":
        if path.stat().st_size > LARGEST_CSV:
            return Fault("too_large", f"A CSV file may have {LARGEST_CSV} bytes; split it.")
        encoding = table_encoding(path)
        if isinstance(encoding, Fault):
            return encoding
        return Book([Sheet(None, _csv_rows(path, encoding), {})], 0)
    try:
        error_cells = survey(path)
        return error_cells if isinstance(error_cells, Fault) else Book(_xlsx_sheets(path), error_cells)
    except (
        CalamineError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        ValueError,
        RuntimeError,  # of an encrypted member, or of compression that zipfile does not know
        EOFError,
    ):
        return Fault("unreadable", "The file is not a readable XLSX workbook.")
    except BaseException as failure:
        if type(failure).__name__ != "PanicException":  # the reader's own abort is no subclass of Exception
            raise
        return Fault("unreadable", "The file is not a readable XLSX workbook.")


def _csv_rows(path: Path, encoding: str) -> Iterator[Row]:
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        csv.field_size_limit(LONGEST_CELL)  # one setting for all of Python; others raise it
        reader = csv.reader(file, strict=True)
        while True:
            number = reader.line_num + 1
            try:
                yield number, list(next(reader))
            except StopIteration:
                return
            except csv.Error:
                yield number, Fault("bad_csv", "The row is not valid CSV (quotation marks, or a cell too long).")


def _xlsx_sheets(path: Path) -> list[Sheet]:
    with CalamineWorkbook.from_path(path) as book:
        visible = [
            book.get_sheet_by_name(about.name)
            for about in book.sheets_metadata
            if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible
        ]
    filled = [sheet for sheet in visible if sheet.end is not None]
    return [_xlsx_sheet(sheet, sheet.name if len(filled) > 1 else None) for sheet in filled]


def _xlsx_sheet(sheet: CalamineSheet, name: str | None) -> Sheet:
    ends: dict[int, int] = {}
    merged: dict[int, list[tuple[int, int]]] = {}
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        if bottom > top:
            ends[top + 1] = max(bottom + 1, ends.get(top + 1, 0))
            merged.setdefault(top, []).append((left, bottom))
    return Sheet(name, _xlsx_rows(sheet, merged), ends)


def _xlsx_rows(sheet: CalamineSheet, merged: Mapping[int, list[tuple[int, int]]]) -> Iterator[Row]:
    """Yield the rows with merged cells filled down; sideways they are not, a title over columns is none of them."""
    first_column = sheet.start[1] if sheet.start else 0
    below: dict[int, tuple[int, Cell]] = {}  # column -> last row it reaches, value
    for index, values in enumerate(sheet.iter_rows()):
        cells: list[Cell] = [None] * first_column + list(values)
        for column, (last, value) in below.items():
            if index <= last and column < len(cells):
                cells[column] = value
        for column, bottom in merged.get(index, ()):
            if column < len(cells):
                below[column] = (bottom, cells[column])
        yield index + 1, cells
