"""Gathering the subjects of strings, ten million and more: in steps of C, since one of Python costs five of them."""

from array import array
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from itertools import compress
from operator import itemgetter


class Lists(defaultdict[str, "array[int]"]):
    """The subjects of each string, in the order they were added."""

    def __init__(self) -> None:
        super().__init__(lambda: array("I"))

    def add(self, strings: Iterable[str], docs: Iterable[int]) -> None:
        """Add to each string the subject beside it."""
        deque(map(array.append, map(self.__getitem__, strings), docs), 0)

    def add_rows(self, texts: Sequence[str], docs: Sequence[int], length: int) -> None:
        """Add the subject beside each text to every ``length`` characters in a row of it, from place to place."""
        at = 0
        while texts:
            long = [len(text) >= at + length for text in texts]
            if not all(long):
                texts, docs = list(compress(texts, long)), list(compress(docs, long))
            self.add(map(itemgetter(slice(at, at + length)), texts), docs)
            at += 1
