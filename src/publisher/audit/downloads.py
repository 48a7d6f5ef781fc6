"""Reading the downloads again: which records a JSON or CSV file holds, and whether each says what it should.

A month may have a hundred thousand results: of each record only a hash is kept.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

BROKEN = (OSError, ValueError, KeyError, csv.Error)  # what reading a download may raise
COLUMNS = (
    "ref", "result_id", "subject_name", "uscc", "reg_no", "plan_id", "task_id", "authority", "ended_on", "item_name",
    "outcome", "note", "measure", "disposition", "penalty_no", "remark",
)  # fmt: skip


def json_records(file: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a JSON array, one at a time where it has one a line.

    Raises one of :data:`BROKEN` for a file that cannot be read or is no such array.
    """
    with file.open("rb") as lines:
        first = lines.readline().strip()
        if first != b"[":
            yield from _objects(orjson.loads(first + lines.read()))
            return
        for line in lines:
            stripped = line.strip().rstrip(b",")
            if stripped not in (b"", b"]"):
                yield from _objects([orjson.loads(stripped)])


def _objects(found: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("not an array of records")
    yield from found


def csv_rows(file: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield the values of these columns, row by row; the mark that keeps Excel from counting is taken off.

    Raises one of :data:`BROKEN` for a file that cannot be read or lacks one of the columns.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(lines)
        header = next(rows, [])
        if missing := [name for name in columns if name not in header]:
            raise ValueError(f"no column {missing[0]}")
        places = [header.index(name) for name in columns]
        for row in rows:
            yield [row[place].removeprefix("'") if place < len(row) else "" for place in places]


def digest(record: Mapping[str, Any]) -> bytes:
    """Return a short hash of a record's content, whatever the order of its keys."""
    return hashlib.blake2b(orjson.dumps(record, option=orjson.OPT_SORT_KEYS), digest_size=12).digest()


def rows_digest(rows: Iterable[Sequence[str]]) -> bytes:
    """Return a short hash of rows in their order."""
    return hashlib.blake2b(orjson.dumps([list(row) for row in rows]), digest_size=12).digest()


def month_rows(file: Path) -> dict[str, bytes]:
    """Return, for each result of a month's CSV, a hash of its rows. Raises as :func:`csv_rows` does."""
    found: dict[str, bytes] = {}
    group: list[list[str]] = []
    place = COLUMNS.index("result_id")
    for row in csv_rows(file, COLUMNS):
        if group and group[0][place] != row[place]:
            found[group[0][place]] = rows_digest(group)
            group = []
        group.append(row)
    if group:
        found[group[0][place]] = rows_digest(group)
    return found


def expected_rows(ref: str, body: Mapping[str, Any]) -> list[list[str]]:
    """Return the rows, a finding each, that a month's CSV should have for a result."""
    subject = body["subject"]
    rows = []
    for finding in body["findings"]:
        own = {name: finding[name] for name in ("item_name", "outcome", "note")}
        values = {**body, **own, "ref": ref, "subject_name": subject["name"]}
        values |= {"uscc": subject["uscc"], "reg_no": subject["reg_no"]}
        cells = ["" if values[name] is None else str(values[name]) for name in COLUMNS]
        rows.append([cell.removeprefix("'") for cell in cells])
    return rows
