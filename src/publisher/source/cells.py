"""One cell of a table to the JSON value its field takes, or why it cannot be one.

Spreadsheets change what people type: codes become rounded numbers, dates become day counts, ``1/2`` becomes a
date. Such a cell is refused, not guessed at.
"""

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from publisher.model import fold_label
from publisher.source.labels import LISTS, VALUES
from publisher.source.text import Fault

Cell = str | int | float | bool | date | datetime | time | timedelta | None

_INTEGERS = frozenset({"seq", "version", "drawn", "all_inspections", "library_subjects"})
_CODES = frozenset({"item_code", "item_codes", "uscc", "reg_no", "uscc/reg_no", "penalty_no"})
_SHORT_CODES = frozenset({"region_code", "outcome_code"})  # too short for a spreadsheet to round
_MANGLED = re.compile(r"\d+(\.\d+)?E[+-]?\d+|\d+\.0*", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+?\d+", re.IGNORECASE)
_ERROR = re.compile(r"#(N/A|REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|GETTING_DATA|SPILL!|CALC!)")
_LOCAL_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?")
_EXACT = 10**15  # integers below this survive a spreadsheet's floating point


def value_of(field: str, cell: Cell) -> Any:
    """Return the JSON value of ``cell`` for ``field`` (``None`` for an empty cell), or a ``Fault``."""
    name = field.rpartition(".")[2]
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    if isinstance(cell, str):
        return _of_text(field, name, cell.strip())
    if isinstance(cell, (bool, time, timedelta)):
        return Fault("wrong_value", f"{field}: a truth value or a time of day does not belong here.", field)
    if isinstance(cell, date):
        return _of_date(field, name, cell)
    return _of_number(field, name, cell)


def _of_text(field: str, name: str, text: str) -> Any:
    if _ERROR.fullmatch(text):
        return Fault("error_cell", f"{field}: the spreadsheet shows an error instead of a value.", field)
    if name in _INTEGERS:
        digits = text.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", text) else text
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else text
    if _is_code(name) and (_SCIENTIFIC if name == "item_code" else _MANGLED).fullmatch(text):
        return _number_for_code(field)
    if name.endswith("_on") and text.replace(".", "", 1).isdigit():
        return _serial_date(field)
    if name.endswith("_at"):
        if text.replace(".", "", 1).isdigit():
            return _serial_date(field)
        local = _LOCAL_TIME.fullmatch(text)
        return f"{local[1]}T{local[2] or '00:00:00'}+08:00" if local else text
    if name in LISTS:
        return [part.strip() for part in text.split("、") if part.strip()]
    known = VALUES.get(field)
    return known.get(fold_label(text), text) if known else text


def _of_date(field: str, name: str, day: date) -> Any:
    if name.endswith("_at"):  # spreadsheets keep no offset; the civil day is that of Asia/Shanghai
        instant = day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)  # noqa: DTZ001
        return f"{instant.isoformat(timespec='seconds')}+08:00"
    if not name.endswith("_on"):
        return Fault("wrong_value", f"{field}: the spreadsheet made a date of it; format the column as text.", field)
    if isinstance(day, datetime):
        if day.time() != time():
            return Fault("wrong_value", f"{field}: a date without a time of day belongs here.", field)
        day = day.date()
    return day.isoformat()


def _of_number(field: str, name: str, number: int | float) -> Any:
    if name.endswith(("_on", "_at")):
        return _serial_date(field)
    if _is_code(name):
        return _number_for_code(field)
    whole = abs(number) < _EXACT and number == int(number)
    if name in _INTEGERS:
        return int(number) if whole else Fault("wrong_value", f"{field}: a whole number belongs here.", field)
    if name in _SHORT_CODES and not (whole and number >= 0):
        return _number_for_code(field)
    text = str(int(number)) if whole else repr(number)
    return [text] if name in LISTS else text


def _is_code(name: str) -> bool:
    return name in _CODES or name.endswith("_id")


def _serial_date(field: str) -> Fault:
    return Fault("serial_date", f"{field}: a number is not a date; write YYYY-MM-DD.", field)


def _number_for_code(field: str) -> Fault:
    return Fault("number_for_code", f"{field}: the spreadsheet made a number of it; format it as text.", field)
