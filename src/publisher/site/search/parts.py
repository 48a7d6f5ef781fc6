"""Parts of codes and registration numbers: any two or more characters in a row, wherever they stand behind the first.

What a code begins with is found by the code directory. From every other place on, the shortest string that at most
``LIMIT`` subjects have is a key, which lists all of them; the shorter ones, from two characters on, are common and list
their newest. Registration authority, category and region make the first characters of many codes alike: these are
looked at by group, not code by code.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, compress, islice, repeat
from operator import add, itemgetter

from publisher.site.search import coding, numbering
from publisher.site.search.coding import Unit
from publisher.site.search.gather import Lists

LIMIT = 1024  # subjects that a key lists
FIRST = 100  # that a common string lists, the newest
HEAD = 8  # characters that many codes have alike
LONG = HEAD + 3  # characters of a code that is looked at in two
SHARD = 40_000  # characters in a shard, on average

Docs = Sequence[int]


def keys(code: str, common: Container[str]) -> Iterator[str]:
    """Yield the keys of a folded code and the common strings in it, some more than once."""
    for begin in range(1, len(code) - 1):
        for end in range(begin + 2, len(code) + 1):
            yield code[begin:end]
            if end > begin + 2 and code[begin:end] not in common:
                break


class Parts:
    """The keys and the common strings of all codes. ``columns``: the folded codes of a kind by subject; "" is none."""

    def __init__(self, columns: Sequence[Sequence[str]]) -> None:
        self.keys: list[tuple[str, int, str]] = []  # each with how many subjects it has and their numbers as gaps
        self.common: dict[str, tuple[int, Docs]] = {}  # how many subjects have it (of two characters: at least)
        self._columns = columns
        self._lists = Lists()
        self._groups: dict[str, list[int]] = {}
        self._pairs: defaultdict[str, list[tuple[int, Docs]]] = defaultdict(list)
        within = self._heads()
        self._bodies()
        self._sift(within)
        self._two()

    def files(self) -> Iterator[Unit]:
        """Yield the table of the common strings of three characters and more, and the shards."""
        table = coding.front_coded((string, "-") for string in sorted(self.common) if len(string) > 2)
        yield "u/0", coding.text_file(([table],))
        common = ((string, total, coding.gaps_text(coding.gaps(docs))) for string, (total, docs) in self.common.items())
        yield from numbering.number_shards("q", chain(self.keys, common), SHARD)

    def _codes(self) -> Iterator[tuple[int, str]]:
        return ((doc, code) for column in self._columns for doc, code in enumerate(column) if code)

    def _heads(self) -> dict[str, int]:
        """List what begins in a head; return the common strings within heads with the number of their codes."""
        following: defaultdict[str, Lists] = defaultdict(Lists)
        for doc, code in self._codes():
            if len(code) >= LONG:
                following[code[:HEAD]][code[HEAD]].append(doc)
        counts: Counter[str] = Counter()
        for head, after in following.items():
            self._groups[head] = sorted(chain.from_iterable(after.values()))
            for string in _within(head):
                counts[string] += len(self._groups[head])
        common = {string: count for string, count in counts.items() if count > LIMIT}
        for head, after in following.items():
            for begin in range(1, HEAD - 1):
                strings = (head[begin:end] for end in range(begin + 3, HEAD + 1))
                key = next((string for string in strings if string not in common), None)
                if key is not None:
                    self._lists[key].extend(self._groups[head])
                    continue
                for character, docs in after.items():
                    self._lists[head[begin:] + character].extend(docs)
        return common

    def _bodies(self) -> None:
        """List three characters in a row from each place behind the heads; of short codes from every place."""
        by_length: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        for doc, code in self._codes():
            by_length[len(code)].append((doc, code))
        for length, these in by_length.items():
            docs, codes = [doc for doc, _ in these], [code for _, code in these]
            for begin in range(HEAD - 1 if length >= LONG else 1, length - 2):
                self._lists.add(map(itemgetter(slice(begin, begin + 3)), codes), docs)
            if length > 2:
                ends = Lists()
                for doc, code in these:
                    ends[code[-2:]].append(doc)
                for string, found in ends.items():
                    self._pairs[string].append((len(found), found[:FIRST]))

    def _sift(self, within: Mapping[str, int]) -> None:
        """Make short lists keys; follow the strings of the long ones by one more character."""
        beside: dict[str, Docs] = {}
        length = 3
        while self._lists:
            for string in [string for string in self._lists if len(string) == length]:
                docs = sorted(self._lists.pop(string))
                gaps = coding.gaps(docs)
                if 0 in islice(gaps, 1, None):
                    docs = list(dict.fromkeys(docs))
                    gaps = coding.gaps(docs)
                if string in within:
                    beside[string] = [doc for doc in docs if not self._has_in_head(doc, string)]
                    self._follow(string, docs)
                elif len(docs) > LIMIT:
                    self.common[string] = len(docs), docs[:FIRST]
                    self._follow(string, docs)
                else:
                    self.keys.append((string, len(docs), coding.gaps_text(gaps)))
                if length == 3:
                    self._pairs[string[:2]].append((len(docs), docs[:FIRST]))
            length += 1
        self._add_within(within, beside)

    def _follow(self, string: str, docs: Docs) -> None:
        """Add the subjects to what the string is with the character behind it, wherever it stands in their codes."""
        end = len(string) + 1
        for column in self._columns:
            here, codes, places = list(docs), list(map(column.__getitem__, docs)), [0] * len(docs)
            while codes:
                places = list(map(str.find, codes, repeat(string), map(add, places, repeat(1))))
                there = [place > 0 for place in places]
                here, codes = list(compress(here, there)), list(compress(codes, there))
                places = list(compress(places, there))
                longer = list(map(str.__getitem__, codes, map(slice, places, map(add, places, repeat(end)))))
                whole = [len(one) == end for one in longer]  # nothing stands behind it at the end of a code
                self._lists.add(compress(longer, whole), compress(here, whole))

    def _add_within(self, within: Mapping[str, int], beside: Mapping[str, Docs]) -> None:
        """Count the subjects of common strings within heads; ``beside``: those that have them elsewhere only."""
        groups: defaultdict[str, list[Docs]] = defaultdict(list)
        for head, group in self._groups.items():
            for string in _within(head) & within.keys():
                groups[string].append(group)
        twice: Counter[str] = Counter()
        for codes in zip(*self._columns, strict=True):
            if all(len(code) >= LONG for code in codes):
                twice.update(frozenset.intersection(*(_within(code[:HEAD]) for code in codes)))
        for string, count in within.items():
            more = beside.get(string, ())
            newest = sorted({*more[:FIRST], *(doc for group in groups[string] for doc in group[:FIRST])})
            self.common[string] = count - (len(self._columns) - 1) * twice[string] + len(more), newest[:FIRST]
            if len(string) == 3:
                self._pairs[string[:2]].append(self.common[string])

    def _has_in_head(self, doc: int, string: str) -> bool:
        return any(string in code[1:HEAD] for code in self._of(doc) if len(code) >= LONG)

    def _of(self, doc: int) -> list[str]:
        return [column[doc] for column in self._columns]

    def _two(self) -> None:
        """Tell the newest subjects of every two characters, and how many there are at least."""
        for string, found in self._pairs.items():
            newest = sorted({doc for _, docs in found for doc in docs})[:FIRST]
            self.common[string] = max(len(newest), *(total for total, _ in found)), newest


@cache
def _within(head: str) -> frozenset[str]:
    """Return the strings of three characters and more behind the first of a head."""
    return frozenset(head[begin:end] for begin in range(1, HEAD - 2) for end in range(begin + 3, HEAD + 1))
