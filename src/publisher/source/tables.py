"""Rows of a table to records: tasks of a plan, items of a list, findings of results, cases, counts."""

import tomllib
from collections.abc import Generator, Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from publisher.model import Problem, fold_label
from publisher.source.cells import Cell, value_of
from publisher.source.events import Checked, CountsRow, Event, Reading
from publisher.source.labels import CODE_OR_NUMBER, COUNTS, HEADS, IGNORED, TABLES, Table
from publisher.source.parse import parse
from publisher.source.records import Checker
from publisher.source.sheets import Sheet, book_of
from publisher.source.text import Fault

_DISAGREE = Fault("rows_disagree", "Rows of this result say different things.")
_LABELS_OF_A_HEADING = 3
_ROWS_OF = {"plan": ("tasks", "plan_id", "task_id"), "item_list": ("items", "list_id", "item_code")}


class _Line(NamedTuple):
    """One row below the heading: its number, its values by field, and the first fault among its cells."""

    number: int
    values: dict[str, Any]
    fault: Fault | None


def read_table(path: Path, file: str, folder: str, head: Path | None, checker: Checker) -> Reading:
    """Yield the records of a table in ``folder``; ``head`` is the TOML file with the head fields of a plan or list."""
    book = book_of(path)
    if isinstance(book, Fault):
        yield _told(book, file)
        return False
    if book.error_cells:
        message = f"{book.error_cells} cells of the workbook show an error and count as empty."
        yield _told(Fault("error_cell", message), file)
    table = TABLES[folder]
    fields = _head_fields(head, table.kind) if table.kind in _ROWS_OF else {}
    if isinstance(fields, Fault):
        yield _told(fields, file)
        return True
    if not book.sheets:
        yield _told(Fault("no_heading", "The workbook has no visible sheet with cells."), file)
    gathered: list[_Line] = []
    for sheet in book.sheets:
        named = file if sheet.name is None else f"{file}#{sheet.name}"
        lines = _lines(sheet, table, named)
        if table.kind in _ROWS_OF:
            gathered += yield from _apart(lines)
        elif table.kind == "result":
            yield from _results(lines, table, named, checker)
        else:
            yield from _cases(lines, named, checker)
    if table.kind in _ROWS_OF:
        yield from _whole(fields, gathered, table, file, checker)
    return True


def read_counts(path: Path, file: str) -> Reading:
    """Yield the rows of ``counts.csv``."""
    book = book_of(path)
    if isinstance(book, Fault):
        yield _told(book, file)
        return False
    for sheet in book.sheets:
        for line in _lines(sheet, COUNTS, file):
            if isinstance(line, Problem):
                yield line
                continue
            row = {**COUNTS.empty, **line.values}
            numbers = (row["all_inspections"], row["library_subjects"])
            names = (row["authority"], row["period"])
            text = parse(orjson.dumps(row)) if line.fault is None else line.fault
            if isinstance(text, Fault):
                yield _told(text, file, line.number)
            elif not all(isinstance(name, str) and len(name) <= 300 for name in names):
                yield _told(Fault("missing_key", "authority and period are needed."), file, line.number)
            elif not all(number is None or isinstance(number, int) for number in numbers):
                yield _told(Fault("wrong_value", "The counts are whole numbers."), file, line.number)
            else:
                yield CountsRow(**row)
    return True


def _told(fault: Fault, file: str, line: int | None = None) -> Problem:
    return Problem(fault.code, None, fault.field, fault.message, file, line)


def _apart(lines: Iterator[_Line | Problem]) -> Generator[Problem, None, list[_Line]]:
    """Yield the Problems among ``lines`` and return the rest."""
    kept = []
    for line in lines:
        if isinstance(line, Problem):
            yield line
        else:
            kept.append(line)
    return kept


def _lines(sheet: Sheet, table: Table, file: str) -> Iterator[_Line | Problem]:
    """Find the heading, then yield the rows below it; Problems for unknown columns come once, before any row."""
    columns: dict[int, str] | None = None
    ends_in = 0
    heading: dict[int, str] = {}
    unnamed: set[int] = set()
    for number, cells in sheet.rows:
        if isinstance(cells, Fault):
            yield _told(cells, file, number)
        elif columns is None or number <= ends_in:
            if columns is None and _known(cells, table) < _LABELS_OF_A_HEADING:
                continue
            if columns is None:
                ends_in = sheet.heading_ends.get(number, number)
            heading |= {place: cell for place, cell in enumerate(cells) if isinstance(cell, str) and cell.strip()}
            columns = {}
            if number >= ends_in:
                columns, problems = _columns(heading, table, file, number)
                yield from problems
        elif any(cell is not None and str(cell).strip() for cell in cells):
            for place, cell in enumerate(cells):
                if place not in heading and place not in unnamed and str(cell or "").strip():
                    unnamed.add(place)
                    yield _unknown(f"column {place + 1}, which has no heading", file, number)
            yield _line(number, cells, columns)
    if columns is None:
        yield _told(Fault("no_heading", "No row holds three known headings; nothing was read."), file)


def _known(cells: list[Cell], table: Table) -> int:
    return len({fold_label(cell) for cell in cells if isinstance(cell, str)} & table.fields.keys())


def _columns(heading: dict[int, str], table: Table, file: str, number: int) -> tuple[dict[int, str], list[Problem]]:
    columns: dict[int, str] = {}
    problems = []
    for place, label in heading.items():
        field = table.fields.get(fold_label(label))
        if field is None or (field != IGNORED and field in columns.values()):
            doubled = "a second " if field is not None else ""
            shown = "".join(sign for sign in label if sign.isprintable())[:40]
            problems.append(_unknown(f"{doubled}column {shown!r}", file, number))
        else:
            columns[place] = field
    return columns, problems


def _unknown(column: str, file: str, number: int) -> Problem:
    return _told(Fault("unknown_column", f"Not read: {column}. The rows go on."), file, number)


def _line(number: int, cells: list[Cell], columns: dict[int, str]) -> _Line:
    values: dict[str, Any] = {}
    first: Fault | None = None
    for place, field in columns.items():
        cell = cells[place] if place < len(cells) else None
        if field == IGNORED:
            continue
        value = value_of(field, cell)
        if isinstance(value, Fault):
            first = first or value
            value = _as_it_is(cell)
        if field == CODE_OR_NUMBER:
            is_number = isinstance(value, str) and value.isdigit() and len(value) in (13, 15)
            field = "subject.reg_no" if is_number else "subject.uscc"
        if value is not None:
            values[field] = value
    return _Line(number, values, first)


def _as_it_is(cell: Cell) -> Any:
    """Keep a refused cell so that checking its record again refuses it again: never a text a code could be."""
    return {"cell": str(cell)}


def _head_fields(head: Path | None, kind: str) -> dict[str, Any] | Fault:
    if head is None:
        return Fault("no_head", f"A table of a {kind} needs its head fields in a .toml file of the same name.")
    try:
        fields = _plain(tomllib.loads(head.read_bytes().decode("utf-8-sig")))
        orjson.dumps(fields)  # TOML has wider numbers and deeper tables than JSON here
    except (ValueError, TypeError, RecursionError):
        return Fault("bad_head", f"{head.name} is not valid TOML in UTF-8.")
    except OSError:
        return Fault("unreadable", f"{head.name} cannot be read.")
    if _ROWS_OF[kind][0] in fields:
        return Fault("bad_head", f"{head.name} holds {_ROWS_OF[kind][0]}; these are the rows of the table.")
    return {"kind": kind, **HEADS[kind], **fields}


def _plain(value: Any) -> Any:
    """Return a TOML value as JSON; a time without an offset is that of Asia/Shanghai."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo else f"{value.isoformat()}+08:00"
    return value.isoformat() if isinstance(value, (date, time)) else value


def _whole(fields: dict[str, Any], lines: list[_Line], table: Table, file: str, checker: Checker) -> Iterator[Event]:
    """Yield one plan or list of all the good rows; every other row is set aside by itself."""
    key, head_id, row_id = _ROWS_OF[table.kind]
    rows, ids = [], set()
    for place, line in enumerate(lines, start=1):
        row = {**table.empty, **line.values}
        seq = row.get("seq") or place
        if table.kind == "plan":
            row["seq"] = seq
        else:
            row.pop("seq", None)
        if row.get(row_id) is None:
            row[row_id] = f"{fields.get(head_id)}-{seq}"
        part = line.fault or checker.check_row(table.kind, orjson.dumps(row))
        if not isinstance(part, Fault) and part[row_id] in ids:
            part = Fault("duplicate_id", f"An earlier row has the same {row_id}.", row_id)
        if isinstance(part, Fault):
            yield checker.set_aside(part, row, file, line.number)
        else:
            ids.add(part[row_id])
            rows.append(part)
    if lines and not rows:
        yield checker.set_aside(Fault("no_rows", "None of the rows could be taken."), fields, file, None)
    elif lines:
        yield from checker.check_line(orjson.dumps({**fields, key: rows}), file, None)


def _results(lines: Iterator[_Line | Problem], table: Table, file: str, checker: Checker) -> Iterator[Checked]:
    """Gather the rows of one result and version, wherever in the sheet they stand, and yield the results."""
    groups: dict[tuple[str, str], list[_Line]] = {}
    for line in lines:
        if isinstance(line, Problem):
            yield line
            continue
        result_id = line.values.get("result_id")
        named = result_id if isinstance(result_id, str) else f"row {line.number}"
        groups.setdefault((named, str(line.values.get("version"))), []).append(line)
    for rows in groups.values():
        yield from _result(rows, table, file, checker)


def _result(rows: list[_Line], table: Table, file: str, checker: Checker) -> Iterator[Checked]:
    raw: dict[str, Any] = {"kind": "result", "subject": {}, "findings": []}
    fault = next(((line.fault, line.number) for line in rows if line.fault), None)
    for place, line in enumerate(rows, start=1):
        finding: dict[str, Any] = {"seq": place}
        said = {**table.empty, **line.values} if place == 1 else {**_of_findings(table.empty), **line.values}
        for field, value in said.items():
            holder, _, name = field.rpartition(".")
            target = finding if holder == "findings" else raw["subject"] if holder == "subject" else raw
            if target is not finding and target.get(name) not in (None, [], value):
                fault = fault or (_DISAGREE._replace(field=field), line.number)
            target[name] = value
        raw["findings"].append(finding)
    if fault:
        yield checker.set_aside(fault[0], raw, file, fault[1])
    else:
        yield from checker.check_line(orjson.dumps(raw), file, rows[0].number)


def _of_findings(empty: Any) -> dict[str, Any]:
    return {field: value for field, value in empty.items() if field.startswith("findings.")}


def _cases(lines: Iterator[_Line | Problem], file: str, checker: Checker) -> Iterator[Checked]:
    for line in lines:
        if isinstance(line, Problem):
            yield line
            continue
        raw = {"kind": "case", **line.values}
        if line.fault:
            yield checker.set_aside(line.fault, raw, file, line.number)
        else:
            yield from checker.check_line(orjson.dumps(raw), file, line.number)
