"""Which strings the index has keys for.

A pair of characters that stands up to ``limit`` times in names is a key that lists them all; others are common. Where
a name has several common pairs in a row, the strings in that run are looked at: common ones again, in more than
``limit`` names, and the shortest that are not, which are keys. So every string of two characters or
more that occurs in a name either is common itself or holds a key, and the page can tell from the common strings alone
which.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, compress, islice
from operator import add, eq
from typing import NamedTuple

from publisher.site.search.gather import TOGETHER, Lists

FORMER = 1000  # added to the place of a string in a former name: after every place in the name itself
PLACES = 16  # of names looked at together
FIRST_ROWS = 30  # rows kept of a common key: the first page, with some to spare for what is withdrawn

Text = tuple[int, str, int]  # number of the subject, folded name, what is added to places in it


class Common(NamedTuple):
    """A common string: the subjects that have it, and the first of them in the order of a result page."""

    docs: Sequence[int]
    first: Sequence[int]


def limit_for(counts: Collection[int], size: int) -> int:
    """Return how many names a key may list: as few as leave the table of common strings small.

    ``counts``: how often each pair of characters occurs; ``size``: how many names there are.
    """
    limit = 256
    while sum(count > limit for count in counts) > 900 and limit < size:
        limit *= 2
    return limit


class Strings:
    """The keys and the common strings of a set of names, newest subject first.

    ``pairs`` has the subjects of every pair of characters, in any order.
    """

    def __init__(self, texts: Sequence[Text]) -> None:
        self.keys: dict[str, array[int]] = {}
        self.common: dict[str, None] = {}
        self.characters: dict[str, Common] = {}
        self.pairs = Lists()
        self._runs: defaultdict[tuple[str, int], array[int]] = defaultdict(lambda: array("I"))
        self._where: defaultdict[str, list[tuple[int, array[int]]]] = defaultdict(list)
        self.pairs.add_rows(((doc, text) for doc, text, _ in texts), 2)
        self.limit = limit_for(list(map(len, self.pairs.values())), len(texts))
        self._split(texts)
        self._spell()
        self._single(texts)

    def _split(self, texts: Iterable[Text]) -> None:
        """List the subjects of rare pairs, and of runs of common ones with the place they begin at."""
        common = {pair for pair, docs in self.pairs.items() if len(docs) > self.limit}
        for pair in self.pairs.keys() - common:
            self.keys[pair] = self.pairs[pair] = array("I", merged([self.pairs[pair]]))
        for doc, text, shift in texts:
            for run in _spans(bytes(map(common.__contains__, map(add, text, text[1:])))):
                self._runs[text[run], run.start + shift].append(doc)
        self.common = dict.fromkeys(sorted(common))

    def _spell(self) -> None:
        """Find the common strings of three characters and more, and the keys at their edge."""
        weights: Counter[str] = Counter()
        for (run, _), docs in self._runs.items():
            weights[run] += len(docs)
        level, length = set(self.common), 2
        edge: set[str] = set()
        while level:
            length += 1
            counts: Counter[str] = Counter()
            for run, weight in weights.items():
                for at in range(len(run) - length + 1):
                    string = run[at : at + length]
                    if string[:-1] in level and string[1:] in level:
                        counts[string] += weight
            level = {string for string, count in counts.items() if count > self.limit}
            edge |= counts.keys() - level
            self.common |= dict.fromkeys(level)
        self.common = dict.fromkeys(sorted(self.common))
        for (run, begin), docs in self._runs.items():
            for at in range(len(run) - 1):
                for end in range(at + 2, len(run) + 1):
                    string = run[at:end]
                    if string in self.common:
                        self._where[string].append((begin + at, docs))
                    elif string in edge:
                        self._where[string].append((begin + at, docs))
                        break
                    else:
                        break
        self._runs.clear()
        for string in sorted(edge):
            self.keys[string] = array("I", merged(docs for _, docs in self._where.pop(string)))

    def each_common(self) -> Iterator[tuple[Sequence[int], dict[str, Sequence[int]]]]:
        """Yield every list of subjects that common strings have, with the first subjects of each of these strings.

        Strings of the same runs are in the same names (who has 有限公 has 有限公司): half of the work is so done once.
        """
        same: defaultdict[frozenset[int], list[str]] = defaultdict(list)
        for string in self.common:
            same[frozenset(id(docs) for _, docs in self._where[string])].append(string)
        for strings in same.values():
            docs = merged(docs for _, docs in self._where[strings[0]])
            yield docs, {string: _first(self._where.pop(string)) for string in strings}

    def _single(self, texts: Sequence[Text]) -> None:
        """Count the names of every single character and keep the first of them."""
        counts = Counter(chain.from_iterable(set(text) for _, text, _ in texts))
        first: dict[str, dict[int, None]] = {character: {} for character in counts}
        for shift in sorted({shift for *_, shift in texts}):
            wanting = {character for character, found in first.items() if len(found) < FIRST_ROWS}
            for docs, here in by_place([(doc, text) for doc, text, this in texts if this == shift]):
                for doc, character in compress(zip(docs, here, strict=True), map(wanting.__contains__, here)):
                    first[character][doc] = None
                    if len(first[character]) == FIRST_ROWS:
                        wanting.discard(character)
        self.characters = {
            character: Common(range(count), tuple(first[character])) for character, count in counts.items()
        }
        self._doubled(texts)

    def _doubled(self, texts: Sequence[Text]) -> None:
        """Take back what was counted twice: a character in a name and in a former one of the same subject."""
        named: dict[int, set[str]] = {}
        for doc, _, shift in texts:
            if shift:
                named.setdefault(doc, set())
        for doc, text, _ in texts:
            if doc in named:
                for character in set(text):
                    if character in named[doc]:
                        docs, first = self.characters[character]
                        self.characters[character] = Common(range(len(docs) - 1), first)
                    named[doc].add(character)


@lru_cache(1 << 16)
def _spans(marks: bytes) -> tuple[slice, ...]:
    """Return where the runs of common pairs stand in a name; ``marks``: for each pair whether it is common."""
    return tuple(slice(found.start(), found.end() + 1) for found in re.finditer(b"\1+", marks))


def by_place(names: Sequence[tuple[int, str]]) -> Iterator[tuple[Sequence[int], str]]:
    """Yield subjects and the first characters of their names, then the second ones, and so on.

    A name that has ended has a NUL for a while, then is left out.
    """
    begin = 0
    while names:
        parts: list[list[str]] = [[] for _ in range(PLACES)]
        for start in range(0, len(names), TOGETHER):
            some = names[start : start + TOGETHER]
            joined = "".join([text[begin : begin + PLACES].ljust(PLACES, "\0") for _, text in some])
            for place, part in enumerate(parts):
                part.append(joined[place::PLACES])
        docs = [doc for doc, _ in names]
        for part in parts:
            yield docs, "".join(part)
        begin += PLACES
        names = [one for one in names if len(one[1]) > begin]


def merged(arrays: Iterable["array[int]"]) -> list[int]:
    """Return the numbers of several arrays, ascending and once each."""
    merged = sorted(chain.from_iterable(arrays))
    return list(dict.fromkeys(merged)) if any(map(eq, merged, islice(merged, 1, None))) else merged


def _first(places: Sequence[tuple[int, "array[int]"]]) -> tuple[int, ...]:
    """Return the first subjects of a common string: by the place it stands at, then newest first."""
    by_place: defaultdict[int, list[int]] = defaultdict(list)
    for place, docs in places:
        by_place[place].extend(docs[:FIRST_ROWS])
    found: dict[int, None] = {}
    for place in sorted(by_place):
        found |= dict.fromkeys(sorted(by_place[place])[:FIRST_ROWS])
        if len(found) >= FIRST_ROWS:
            break
    return tuple(islice(found, FIRST_ROWS))
