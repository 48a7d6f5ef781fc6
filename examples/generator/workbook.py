"""An XLSX file whose bytes depend on its cells alone (no clock, no compression)."""

import io
import re
import zipfile
from collections.abc import Sequence

from openpyxl import Workbook

Merge = tuple[int, int, int]


def workbook(rows: Sequence[Sequence[str]], merges: Sequence[Merge] = ()) -> bytes:
    """Return a one-sheet workbook of text cells; each merge joins (row, column, height), counted from 0."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append([cell or None for cell in row])
    for row_at, column_at, height in merges:
        corner = {"start_row": row_at + 1, "start_column": column_at + 1}
        sheet.merge_cells(**corner, end_row=row_at + height, end_column=column_at + 1)
    saved = io.BytesIO()
    book.save(saved)
    fixed = io.BytesIO()
    with zipfile.ZipFile(saved) as before, zipfile.ZipFile(fixed, "w", zipfile.ZIP_STORED) as after:
        for name in sorted(before.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            content = before.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(?<=>)\d{4}-\d\d-\d\dT[0-9:.]+Z(?=<)", b"2026-01-01T00:00:00Z", content)
            after.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return fixed.getvalue()
