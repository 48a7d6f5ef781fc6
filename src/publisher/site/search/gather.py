"""Gathering the subjects of strings, ten million and more: in steps of C, since one of Python costs five of them."""

from array import array
from collections import defaultdict, deque
from collections.abc import Iterable
from itertools import islice
from operator import itemgetter

TOGETHER = 20_000  # rows looked at together


class Lists(defaultdict[str, "array[int]"]):
    """The subjects of each string, in the order they were added."""

    def __init__(self) -> None:
        super().__init__(lambda: array("I"))

    def add(self, strings: Iterable[str], docs: Iterable[int]) -> None:
        """Add to each string the subject beside it."""
        deque(map(array.append, map(self.__getitem__, strings), docs), 0)

    def add_rows(self, rows: Iterable[tuple[int, str]], length: int) -> None:
        """Add each subject to every ``length`` characters in a row of the text beside it, in any order."""
        coming = iter(rows)
        while some := list(islice(coming, TOGETHER)):
            alike: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
            for row in some:
                alike[len(row[1])].append(row)
            for size, same in alike.items():
                docs, texts = zip(*same, strict=True)
                for at in range(size - length + 1):
                    self.add(map(itemgetter(slice(at, at + length)), texts), docs)
