"""Reading the downloads again: which records a file holds, and whether each says what it should.

A month may have a hundred thousand results: of each record only a hash is kept.
"""

import csv
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
from python_calamine import CalamineError, CalamineWorkbook

BROKEN = (OSError, ValueError, KeyError, csv.Error, CalamineError, sqlite3.Error)  # what reading a download may raise
CELL_LIMIT = 32_767  # characters in a cell of a workbook; what is longer is cut there
COLUMNS = (
    "ref", "result_id", "subject_name", "uscc", "reg_no", "plan_id", "task_id", "authority", "ended_on", "item_name",
    "outcome", "note", "measure", "disposition", "penalty_no", "remark",
)  # fmt: skip


def json_records(file: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the records of JSON Lines, or of a JSON array, bare or as ``records`` beside ``meta``; one at a time where
    one is on a line.

    Raises one of :data:`BROKEN` for a file that cannot be read or holds no such array.
    """
    with file.open("rb") as lines:
        if file.suffix == ".jsonl":
            for line in lines:
                yield from _objects([orjson.loads(line)])
            return
        first = lines.readline().strip()
        if not first.endswith(b"["):
            whole = orjson.loads(first + lines.read())
            yield from _objects(whole["records"] if isinstance(whole, dict) else whole)
            return
        for line in lines:
            stripped = line.strip()
            if stripped not in (b"", b"]", b"]}"):
                yield from _objects([orjson.loads(stripped.removesuffix(b","))])


def _objects(found: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError("not an array of records")
    yield from found


def csv_rows(file: Path, columns: Sequence[str], named_in: Path | None = None) -> Iterator[list[str]]:
    """Yield the values of these columns, row by row; the marks that keep Excel from counting, and all
    like them, are taken off.

    A file for Excel may head its columns in Chinese: their names are then those of the file ``named_in``. Raises one
    of :data:`BROKEN` for a file that cannot be read or lacks one of the columns.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield from _chosen(csv.reader(lines), columns, named_in)


def workbook_rows(file: Path, columns: Sequence[str], named_in: Path) -> Iterator[list[str]]:
    """Yield the same of the first sheet of a workbook."""
    with closing(CalamineWorkbook.from_path(str(file))) as workbook:
        rows = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
        yield from _chosen(([str(cell) for cell in row] for row in rows), columns, named_in)


def database_rows(file: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield the same of the findings in a database, with what their results say; those of a result together."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        rows = database.execute(
            f"SELECT {', '.join(columns)} FROM results JOIN findings USING (ref) ORDER BY result_id, seq"  # noqa: S608
        )
        for row in rows:
            yield ["" if value is None else str(value).lstrip("'") for value in row]


def _chosen(rows: Iterator[list[str]], columns: Sequence[str], named_in: Path | None) -> Iterator[list[str]]:
    header = next(rows, [])
    if named_in is not None:
        with named_in.open(encoding="utf-8-sig", newline="") as others:
            names = next(csv.reader(others), [])
        header = names if len(names) == len(header) else []
    if missing := [name for name in columns if name not in header]:
        raise ValueError(f"no column {missing[0]}")
    places = [header.index(name) for name in columns]
    for row in rows:
        yield [row[place].lstrip("'") if place < len(row) else "" for place in places]


def part_of(record: Any, like: Any) -> Any:
    """Return of a record what ``like`` has: downloads may say more beside it (an address, the day of publication)."""
    if isinstance(like, dict) and isinstance(record, dict):
        return {key: part_of(record.get(key), value) for key, value in like.items()}
    if isinstance(like, list) and like and isinstance(record, list):
        return [part_of(one, like[0]) for one in record]
    return record


def digest(record: Mapping[str, Any]) -> bytes:
    """Return a short hash of a record's content, whatever the order of its keys."""
    return hashlib.blake2b(orjson.dumps(record, option=orjson.OPT_SORT_KEYS), digest_size=12).digest()


def rows_digest(rows: Iterable[Sequence[str]]) -> bytes:
    """Return a short hash of rows in their order."""
    return hashlib.blake2b(orjson.dumps([list(row) for row in rows]), digest_size=12).digest()


def record_digests(file: Path, like: Mapping[str, Any]) -> dict[str, bytes]:
    """Return, for each result in a file of JSON, a hash of what ``like`` has of it. Raises as :func:`json_records`."""
    return _once((one["result_id"], digest(part_of(one, like))) for one in json_records(file))


def row_digests(rows: Iterable[Sequence[str]]) -> dict[str, bytes]:
    """Return, for each result, a hash of its rows, which stand together. Raises what reading them raises."""
    of_result = groupby(rows, key=itemgetter(COLUMNS.index("result_id")))
    return _once((result_id, rows_digest(group)) for result_id, group in of_result)


def _once(told: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for result_id, seen in told:
        if result_id in found:
            raise ValueError(f"{result_id} is there twice")
        found[result_id] = seen
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
        rows.append([cell.lstrip("'") for cell in cells])
    return rows
