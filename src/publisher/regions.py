"""Names of administrative areas by their codes (GB/T 2260), for the areas the shipped profiles serve.

A code keeps to the area it was issued in, and areas change; development zones use codes outside the standard.
So a code without a name here is no error: the reader sees the code.
"""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


def name(code: str) -> str | None:
    """Return the area's name, or ``None`` for a code that the table does not have.

    Where a code has had several names, the one in force counts, else the last one.
    """
    return _names().get(code)


def path(code: str) -> tuple[str, ...]:
    """Return the known names from the province down to the area itself; empty when none is known."""
    steps = dict.fromkeys((province(code), city(code), code))
    return tuple(known for step in steps if (known := name(step)) is not None)


def city(code: str) -> str:
    """Return the code of the area's city: its first four digits and 00. A province is its own."""
    return code[:4] + "00"


def province(code: str) -> str:
    """Return the code of the area's province: its first two digits and 0000."""
    return code[:2] + "0000"


@cache
def _names() -> Mapping[str, str]:
    table = (files("publisher") / "regions.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    in_force_last = sorted(rows, key=lambda row: row["valid_to"] or "9999")
    return {row["code"]: row["name"] for row in in_force_last}
