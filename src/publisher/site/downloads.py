"""Files to take away: CSV as RFC 4180 has it, CSV for Excel, and JSON."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson


def table_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, for_excel: bool = False) -> bytes:
    """Return a table as UTF-8 CSV.

    For Excel it begins with a byte order mark, and a cell that Excel would take for a formula or a number (a code of
    eighteen digits loses its last three there) is marked as text by a leading apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        cells = [str(cell) for cell in row]
        writer.writerow([_as_text(cell) for cell in cells] if for_excel else cells)
    return out.getvalue().encode("utf-8-sig" if for_excel else "utf-8")


def _as_text(cell: str) -> str:
    risky = cell[:1] in ("=", "+", "-", "@", "\t", "\r") or (len(cell) > 11 and cell.isascii() and cell.isdigit())
    return "'" + cell if risky else cell


def records_json(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Return records as a JSON array, one a line."""
    lines = b",\n".join(orjson.dumps(one) for one in records)
    return b"[\n" + lines + b"\n]\n"
