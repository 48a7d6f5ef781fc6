"""A value for each of very many addresses, in little memory: both as marks, numbers that stand for them."""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

_SHELVES = 1 << 10  # each is sorted by itself: a list of all marks would take several times their memory


def mark(*told: Any) -> int:
    """Return a number of 56 bits that stands for some values."""
    return int.from_bytes(hashlib.blake2b(repr(told).encode(), digest_size=7).digest())


class Marks:
    """Values by mark, 16 bytes for both. Each has a place, the same for whoever was told the same."""

    def __init__(self, told: Iterable[tuple[int, int]] = ()) -> None:
        """``told``: marks and their values; of one that is told twice, the last holds."""
        shelves = [(array("Q"), array("Q")) for _ in range(_SHELVES)]
        for number, value in told:
            marks, values = shelves[number % _SHELVES]
            marks.append(number)
            values.append(value)
        self._shelves = [_sorted(dict(zip(*shelf, strict=True))) for shelf in shelves]
        self._starts = [0, *accumulate(len(marks) for marks, _ in self._shelves)]

    def __len__(self) -> int:
        return self._starts[-1]

    def find(self, number: int) -> tuple[int, int] | None:
        """Return place and value of a mark, or None."""
        shelf = number % _SHELVES
        marks, values = self._shelves[shelf]
        at = bisect_left(marks, number)
        if at == len(marks) or marks[at] != number:
            return None
        return self._starts[shelf] + at, values[at]


def _sorted(told: dict[int, int]) -> "tuple[array[int], array[int]]":
    marks = sorted(told)
    return array("Q", marks), array("Q", map(told.__getitem__, marks))
