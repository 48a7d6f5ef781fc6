"""Writing the files of the search index, laid down in docs/search-format.md; publisher.searchfile reads them."""

import base64
import zlib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice
from operator import sub
from typing import NamedTuple, Self

from publisher import regions
from publisher.folding import fold, simplified
from publisher.searchfile import COLUMN, NO_MORE, PART, ROW, SECTION, Line, packed_code
from publisher.searchfile import table as lines
from publisher.site.search.entry import Entry

LEVEL = 1  # of DEFLATE; 4 saves five bytes in a hundred for as much of a build's time
SMALLEST = 9  # where so little is written that its time does not count

CHUNK = 1 << 14  # a list of more numbers is cut by halving its range
YEARS = 100  # a year is written in two digits
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class _Numerals(dict[int, str]):
    """Numbers as they are written. Most are small, and ready: made one by one, they would lie scattered in memory."""

    def __missing__(self, number: int) -> str:
        return str(number)


_numeral = _Numerals((number, str(number)) for number in range(1 << 16)).__getitem__
_CONTROL = dict.fromkeys((*range(32), 127), " ")


def clean(text: str) -> str:
    """Return text that cannot be taken for the marks between values."""
    return text.translate(_CONTROL) if not text.isprintable() else text


def deflate(parts: Iterable[bytes], level: int = LEVEL) -> bytes:
    """Return the parts as one raw DEFLATE stream; each part has Huffman tables of its own."""
    machine = zlib.compressobj(level, zlib.DEFLATED, -15, 9)
    out = []
    for part in parts:
        out.append(machine.compress(part))
        if len(part) > 256:
            out.append(machine.flush(zlib.Z_PARTIAL_FLUSH))
    out.append(machine.flush())
    return b"".join(out)


def text_file(sections: Iterable[Sequence[str]], level: int = LEVEL) -> bytes:
    """Return a text file; a section is one text, or the columns of a table."""
    parts: list[bytes] = []
    for section in sections:
        for place, column in enumerate(section):
            parts.append(((COLUMN if place else SECTION if parts else "") + column).encode())
        if not section:
            parts.append(SECTION.encode() if parts else b"")
    return deflate(parts, level)


class Dictionary:
    """The numbers of names that lines refer to: outcomes by letter, authorities by number. Only ever added to."""

    def __init__(self, outcomes: Sequence[str], authorities: Iterable[str] = ()) -> None:
        self.letters = dict(zip(outcomes, LETTERS, strict=False))
        self.authorities = {name: number for number, name in enumerate(authorities)}
        # Most subjects have what many have: written once.
        self._numbers: dict[tuple[str, ...], str] = {}
        self._pairs: dict[tuple[tuple[int, str], ...], str] = {}

    def authority(self, name: str) -> int:
        return self.authorities.setdefault(name, len(self.authorities))

    def numbers(self, authorities: tuple[str, ...]) -> str:
        """Return the numbers of authorities, commas between."""
        if authorities not in self._numbers:
            self._numbers[authorities] = ",".join(str(self.authority(name)) for name in authorities)
        return self._numbers[authorities]

    def pairs(self, pairs: tuple[tuple[int, str], ...]) -> str:
        """Return the years and outcomes of a subject's results, ``21ac23a``."""
        if pairs not in self._pairs:
            text, before = "", None
            for year, outcome in sorted(pairs):
                text += (f"{year % YEARS:02}" if year != before else "") + self.letters[outcome]
                before = year
            self._pairs[pairs] = text
        return self._pairs[pairs]


Unit = tuple[str, bytes]  # a file of the base by its name there, and its content
Values = tuple[str, str, str, str, str, str]


def values(entry: Entry, dictionary: Dictionary) -> Values:
    """Return what a line holds of an entry behind number and day, column by column."""
    name = clean(entry.name)
    folded = "" if simplified().keys().isdisjoint(name) else fold(name)
    expected = f"/subjects/{entry.uscc[2:8]}/{entry.uscc}.html" if entry.uscc else None
    more = (
        clean(entry.reg_no or ""),
        "" if entry.results == len(entry.pairs) else str(entry.results),
        "" if entry.path == expected else entry.path,
        folded,
        *map(clean, entry.former_names),
    )
    return (
        name,
        packed_code(entry.uscc, entry.region_code),
        entry.region_code,
        dictionary.pairs(entry.pairs),
        dictionary.numbers(entry.authorities),
        "" if more == NO_MORE else PART.join(more),
    )


def table(docs: Sequence[int], days: Sequence[int], columns: Iterable[Iterable[str]]) -> list[str]:
    """Return the columns of a table of lines, numbers and days as gaps."""
    if not docs:
        return []
    later, earlier = map(sub, islice(docs, 1, None), docs), map(sub, days, islice(days, 1, None))
    return [
        ROW.join(map(_numeral, chain(docs[:1], later))),
        ROW.join(map(_numeral, chain(days[:1], earlier))),
        *map(ROW.join, columns),
    ]


class Rows(NamedTuple):
    """A table as it is written, to be written again without some of its lines."""

    docs: Sequence[int]
    days: Sequence[int]
    columns: Sequence[Sequence[str]]

    @classmethod
    def read(cls, section: str) -> Self:
        """Return the rows of a table."""
        if not section:
            return cls([], [], [])
        columns = [column.split(ROW) for column in section.split(COLUMN)]
        days = accumulate(map(int, columns[1]), sub)
        return cls(list(accumulate(map(int, columns[0]))), list(days), columns[2:])

    def line(self, row: int) -> Line:
        """Return a row as a line."""
        return lines(COLUMN.join(self.only([row])))[0]

    def only(self, rows: Sequence[int]) -> list[str]:
        """Return the columns of the table of these rows."""
        chosen = ([column[row] for row in rows] for column in self.columns)
        return table([self.docs[row] for row in rows], [self.days[row] for row in rows], chosen)

    def without(self, gone: Container[int]) -> list[str]:
        """Return the columns of the table of all rows but those of some subjects."""
        return self.only([row for row, doc in enumerate(self.docs) if doc not in gone])


def vacated(section: str, gone: Container[int]) -> tuple[list[str], set[int]]:
    """Return the columns of a table with the rows of some subjects left empty, and which rows these are.

    All others keep their places. An empty row has number and day of the row before it (or of the first that is left).
    """
    columns = [column.split(ROW) for column in section.split(COLUMN)]
    docs = list(accumulate(map(int, columns[0])))
    days = list(accumulate(map(int, columns[1]), sub))
    rows = [row for row, doc in enumerate(docs) if doc in gone]
    here = next(((doc, day) for doc, day in zip(docs, days, strict=True) if doc not in gone), (0, 0))
    for row in rows:
        docs[row], days[row] = (docs[row - 1], days[row - 1]) if row else here
        for column in columns[2:]:
            column[row] = ""
    return table(docs, days, columns[2:]), set(rows)


def whole_key(key: str, rows: Sequence[int]) -> str:
    """Return the text of a key that lists all its rows."""
    return f"{key}{PART}{PART}{gaps_text(gaps(rows))}"


def common_key(key: str, total: int, rows: Iterable[int], counts: Mapping[str, int]) -> str:
    """Return the text of a key that lists its first rows only."""
    told = ",".join(f"{value}={number}" for value, number in counts.items())
    return f"{key}{PART}{total}{PART}{','.join(map(str, rows))}{PART}{told}"


def gaps(numbers: Sequence[int]) -> list[int]:
    """Return ascending numbers as the first and the gap of each other to the one before."""
    return [numbers[0], *map(sub, numbers[1:], numbers)] if numbers else []


def gaps_text(gaps: Sequence[int]) -> str:
    """Return gaps as text."""
    return ",".join(map(_numeral, gaps))


def chunk_bits(total: int) -> int:
    """Return into how many parts (a power of two) a list of ``total`` numbers is cut."""
    bits = 0
    while total >> bits > CHUNK:
        bits += 1
    return bits


def front_coded(words: Iterable[tuple[str, str]]) -> str:
    """Return sorted words, each as what it shares with the one before (base 36), a mark, and the rest."""
    lines, before = [], ""
    for word, mark in words:
        shared = 0
        while shared < min(len(word), len(before), 35) and word[shared] == before[shared]:
            shared += 1
        lines.append("0123456789abcdefghijklmnopqrstuvwxyz"[shared] + mark + word[shared:])
        before = word
    return ROW.join(lines)


def head(
    common: Sequence[tuple[str, int]],
    pages: Sequence[tuple[str, int]],
    facets: Sequence[tuple[str, int, str]],
) -> str:
    """Return the packed part of the manifest."""
    listing = front_coded((word, str(chunk_bits(total))) for word, total in common)
    return base64.b64encode(
        text_file(
            (
                [listing],
                [ROW.join(f"{key}{PART}{count}" for key, count in pages)],
                [ROW.join(f"{value}{PART}{count}{PART}{words}" for value, count, words in facets)],
            ),
            SMALLEST,
        )
    ).decode()


def revisions_file(revisions: Mapping[str, int]) -> bytes:
    """Return the list of the units that were written again."""
    return text_file(([ROW.join(_revision_rows(revisions))],))


def _revision_rows(revisions: Mapping[str, int]) -> Iterator[str]:
    """Yield, by revision and kind of unit, the units that were written again: whole places as gaps, parts behind."""
    grouped: defaultdict[tuple[int, str], list[tuple[int, str]]] = defaultdict(list)
    for unit, revision in revisions.items():
        kind, place = unit.split("/")
        number, _, part = place.partition(".")
        grouped[revision, kind].append((int(number), part))
    for (revision, kind), places in sorted(grouped.items()):
        before, listed = 0, []
        for whole, part in sorted(places):
            listed.append(f"{whole - before}{'.' if part else ''}{part}")
            before = whole
        yield f"{revision}{PART}{kind}{PART}{','.join(listed)}"


def region_words(code: str) -> str:
    """Return the name of a region as result lines show it, or its code."""
    names = regions.path(code)
    return "".join(names[1:] if len(names) > 1 else names) or code
