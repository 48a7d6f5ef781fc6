"""Writes one example folder: compact JSON, JSON lines, CSV, TOML text and XLSX, the same bytes each time."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from .workbook import Merge, workbook

Record = dict[str, object]


class Tree:
    """A folder to write into; every path is relative to it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def bytes(self, path: str, content: bytes) -> None:
        """Write a file, making its folders."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def text(self, path: str, content: str) -> None:
        """Write text as UTF-8 with plain line ends."""
        self.bytes(path, content.encode("utf-8"))

    def json(self, path: str, content: Record | Sequence[Record]) -> None:
        """Write one JSON object or array, indented for people."""
        self.text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def jsonl(self, path: str, records: Iterable[Record]) -> None:
        """Write one compact JSON object a line."""
        lines = (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
        self.text(path, "".join(lines))

    def csv(self, path: str, rows: Iterable[Sequence[str]]) -> None:
        """Write a table, its header first."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        self.text(path, out.getvalue())

    def xlsx(self, path: str, rows: Sequence[Sequence[str]], merges: Sequence[Merge] = ()) -> None:
        """Write a table as one sheet; ``merges`` are cells (row, column, height) joined downwards."""
        self.bytes(path, workbook(rows, merges))
