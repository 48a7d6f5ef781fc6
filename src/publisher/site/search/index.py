"""The base of the search index: a generation of files made from all subjects at once, newest inspection first.

A file is named by its unit: ``g/12`` a shard of the names, ``k/1`` of common strings, ``r/3`` records, ``c/5`` codes,
``p/0`` a page of the code directory, ``l/7.0`` the first part of a list, ``s/2`` a shard of the sounds;
docs/search-format.md says what they hold.
"""

import gc
import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress, count
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from publisher import paths
from publisher.folding import fold
from publisher.searchfile import FORMAT, NO_MORE, PART, ROW
from publisher.site.install import File, Made
from publisher.site.search import coding, numbering, pinyin
from publisher.site.search.coding import Dictionary, Unit, Values
from publisher.site.search.entry import Entry
from publisher.site.search.gather import Lists
from publisher.site.search.parts import Parts
from publisher.site.search.strings import FIRST_ROWS, FORMER, Strings, Text

SCAN_LIMIT = 20_000  # up to so many subjects the page reads all records; there is no index beside them
RECORDS, SCAN_RECORDS = 128, 1024  # lines in a file of records
CODES = 128  # lines in a file of codes
PAGE = 128  # files that a page of the code directory names
SHARD = 480  # lines a shard of the names has on average
VALUES_KEPT = 60  # values of facets told with a common key, the commonest first

REGION, PAIRS, AUTHORITIES = 2, 3, 4  # of a line's values


class Base(NamedTuple):
    """A generation as the manifest and later changes need to know it."""

    generation: str
    size: int  # numbers given out; some may be withdrawn since
    shards: int  # a power of two; 0 where the page reads all records
    common_shards: int  # shards of the common strings and of single characters, likewise
    sounds: int  # shards of the sounds, likewise
    parts: int  # shards of the parts of codes, likewise
    per_file: int
    common: list[tuple[str, int]]
    pages: list[tuple[str, int]]
    facets: list[tuple[str, int]]
    authorities: list[tuple[str, int]]
    subjects: "array[int]"  # the ledger's number of each
    prints: "array[int]"  # of what is searched of each: :func:`fingerprint`


def unit_files(scope: str, generation: str, units: Iterable[Unit], revision: int | None = None) -> Made:
    """Return the files of units of a generation, written for the first time or again."""
    return {
        (scope, f"{generation}/{unit}"): [File(paths.search_unit(generation, unit, revision), content)]
        for unit, content in units
    }


def fingerprint(entry: Entry) -> int:
    """Return a mark of what makes an entry found and where it leads; a change of it takes a subject out of the base."""
    seen = (entry.name, *entry.former_names, "", entry.uscc or "", entry.reg_no or "", entry.path, entry.region_code)
    return crc32("\n".join(seen).encode())


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the collector of cycles from walking through millions of strings over and over; an index makes no cycles."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Builder:
    """Makes a generation. Take the files first; then :attr:`base` describes them."""

    def __init__(self, entries: Iterable[Entry], outcomes: Sequence[str], scan_limit: int = SCAN_LIMIT) -> None:
        self.dictionary = Dictionary(outcomes)
        rows: list[Values] = []
        codes: list[tuple[str, str]] = []
        days, subjects, prints = array("I"), array("I"), array("I")
        for entry in entries:
            rows.append(coding.values(entry, self.dictionary))
            codes.append((entry.uscc or "", entry.reg_no or ""))
            days.append(entry.latest)
            subjects.append(entry.subject_no)
            prints.append(fingerprint(entry))
        keys = [-day << 32 | number for day, number in zip(days, subjects, strict=True)]  # newest, then by number
        order = sorted(range(len(rows)), key=keys.__getitem__)
        del keys
        self.rows = list(map(rows.__getitem__, order))
        self._two_codes = list(map(codes.__getitem__, order))
        del rows, codes
        self.days = array("I", (days[at] for at in order))
        self.size = len(order)
        self.scans = self.size <= scan_limit
        seen = hashlib.sha256(f"{FORMAT} {self.scans}".encode())
        for column in zip(*self.rows, strict=True):
            seen.update(ROW.join(column).encode())
        self.base = Base(
            seen.hexdigest()[:10], self.size, 0, 0, 0, 0, SCAN_RECORDS if self.scans else RECORDS, [], [], [], [],
            array("I", (subjects[at] for at in order)), array("I", (prints[at] for at in order)),
        )  # fmt: skip

    def files(self) -> Iterator[Unit]:
        """Yield every file of the generation by its unit."""
        per_file = self.base.per_file
        for number in range(0, self.size, per_file):
            yield f"r/{number // per_file}", self._table(range(number, min(number + per_file, self.size)))
        facets = Facets(self.rows, self.dictionary)
        texts = list(self._texts())
        yield "t/0", pinyin.table_file(text for _, text, _ in texts)
        if not self.scans:
            yield from self._codes()
            pairs = yield from self._names(texts, facets)
            sounds = pinyin.shard_files(((doc, text) for doc, text, _ in texts), pairs, self.size)
            self.base = self.base._replace(sounds=(yield from _counted("s/", sounds)))
            yield from self._lists("f", [docs for _, docs in facets.lists])
            yield from self._lists("a", facets.authority_lists)
        self.base.facets.extend((value, len(docs)) for value, docs in facets.lists)
        names = self.dictionary.authorities
        self.base.authorities.extend((name, len(facets.authority_lists[number])) for name, number in names.items())

    def _table(self, docs: Sequence[int], *, more: Sequence[str] = ()) -> bytes:
        level = coding.SMALLEST if self.scans else coding.LEVEL  # every reader of a small site fetches all of it
        return coding.text_file((self._columns(docs), *([text] for text in more)), level)

    def _columns(self, docs: Sequence[int]) -> list[str]:
        if len(docs) == 1:
            return coding.table(docs, [self.days[docs[0]]], zip(self.rows[docs[0]], strict=True))
        if not docs:
            return []
        chosen = itemgetter(*docs)
        return coding.table(docs, chosen(self.days), zip(*chosen(self.rows), strict=True))

    def _codes(self) -> Iterator[Unit]:
        codes, numbers = (list(map(fold, column)) for column in zip(*self._two_codes, strict=True))
        self._two_codes = []
        self.base = self.base._replace(parts=(yield from _counted("q/", Parts((codes, numbers)).files())))
        both = codes + numbers
        order = sorted(compress(range(len(both)), both), key=both.__getitem__)
        named: list[tuple[str, int]] = []
        for start in range(0, len(order), CODES):
            part = order[start : start + CODES]
            marks = "".join("c" if at < self.size else "r" for at in part)
            yield f"c/{start // CODES}", self._table([at % self.size for at in part], more=[marks])
            named.append((both[part[0]], len(part)))
        for start in range(0, len(named), PAGE):
            page = named[start : start + PAGE]
            yield f"p/{start // PAGE}", directory_page(page)
            self.base.pages.append((page[0][0], sum(count for _, count in page)))

    def _names(self, texts: Sequence[Text], facets: "Facets") -> Generator[Unit, None, Lists]:
        strings = Strings(texts)
        total = sum(map(len, strings.keys.values()))
        shards = 1
        while shards * SHARD < total:
            shards *= 2
        self.base = self.base._replace(shards=shards)
        whole: defaultdict[int, list[str]] = defaultdict(list)
        for key in strings.keys:
            whole[shard_of(key, shards)].append(key)
        for number in range(shards):
            lists = {key: strings.keys.pop(key) for key in sorted(whole[number])}
            ordered = sorted(set().union(*lists.values()))
            row = dict(zip(ordered, count(), strict=False)).__getitem__
            keys = [coding.whole_key(key, list(map(row, found))) for key, found in lists.items()]
            yield f"g/{number}", self._table(ordered, more=[ROW.join(keys)])
        yield from self._common(strings, facets)
        return strings.pairs

    def _common(self, strings: Strings, facets: "Facets") -> Iterator[Unit]:
        shards = 1
        while shards * SHARD < FIRST_ROWS * (len(strings.common) + len(strings.characters)):
            shards *= 2
        self.base = self.base._replace(common_shards=shards)
        keys: list[list[tuple[str, int, Sequence[int], Counter[str]]]] = [[] for _ in range(shards)]
        for character, found in strings.characters.items():
            keys[shard_of(character, shards)].append((character, len(found.docs), found.first, Counter()))
        number_of = {string: number for number, string in enumerate(strings.common)}
        totals = dict.fromkeys(strings.common, 0)
        for docs, strings_here in strings.each_common():
            counts = facets.counts(docs)
            contents = [content for _, content in numbering.list_files("", docs, self.size)]
            for string, first in strings_here.items():
                yield from ((f"l/{number_of[string]}.{part}", content) for part, content in enumerate(contents))
                totals[string] = len(docs)
                keys[shard_of(string, shards)].append((string, len(docs), first, counts))
        self.base.common.extend(totals.items())
        for number, here in enumerate(keys):
            ordered = sorted({doc for _, _, first, _ in here for doc in first})
            row = {doc: at for at, doc in enumerate(ordered)}
            told = [
                coding.common_key(key, total, [row[doc] for doc in first], counts)
                for key, total, first, counts in sorted(here, key=itemgetter(0))
            ]
            yield f"k/{number}", self._table(ordered, more=[ROW.join(told)])

    def _texts(self) -> Iterator[Text]:
        for doc, (name, *_, more) in enumerate(self.rows):
            yield doc, fold(name), 0
            if more:
                for former in more.split(PART)[len(NO_MORE) :]:
                    yield doc, fold(former), FORMER

    def _lists(self, kind: str, lists: Iterable[Sequence[int]]) -> Iterator[Unit]:
        for number, docs in enumerate(lists):
            yield from numbering.list_files(f"{kind}/{number}", docs, self.size)


class Facets:
    """Which subjects have which value: of region (r), year (y), outcome (o), both of one result (p), authority."""

    def __init__(self, rows: Sequence[Values], dictionary: Dictionary) -> None:
        regions, pairs, offices = (_having(rows, column) for column in (REGION, PAIRS, AUTHORITIES))
        values = {text: facet_values(text) for text in pairs}
        found = Lists()
        for region, docs in regions.items():
            found["r" + region] = docs
        for text, docs in pairs.items():
            for value in values[text]:
                found[value].extend(docs)
        self.lists = [(value, array("I", sorted(docs))) for value, docs in sorted(found.items())]
        of_authority = [array("I") for _ in dictionary.authorities]
        for text, docs in offices.items():
            for number in text.split(",") if text else ():
                of_authority[int(number)].extend(docs)
        self.authority_lists = [array("I", sorted(docs)) for docs in of_authority]
        years, outcomes = (
            {text: tuple(one for one in told if one[0] == kind) for text, told in values.items()} for kind in "yo"
        )
        self._kinds = (
            _numbered(rows, REGION, {region: ("r" + region,) for region in regions}),
            _numbered(rows, PAIRS, years),
            _numbered(rows, PAIRS, outcomes),
        )

    def counts(self, docs: Sequence[int]) -> Counter[str]:
        """Return how many of some subjects have each value, the commonest only."""
        found: Counter[str] = Counter()
        chosen = itemgetter(*docs)
        for values, numbers in self._kinds:
            for number, times in Counter(chosen(numbers)).items():
                for value in values[number]:
                    found[value] += times
        return Counter(dict(found.most_common(VALUES_KEPT)))


def _having(rows: Sequence[Values], column: int) -> Lists:
    """Return the subjects of each text that stands in a column."""
    found = Lists()
    found.add(map(itemgetter(column), rows), count())
    return found


def _numbered(
    rows: Sequence[Values], column: int, values: Mapping[str, tuple[str, ...]]
) -> tuple[list[tuple[str, ...]], list[int]]:
    """Return which values subjects have together, and for each subject the place of its own among these.

    ``values``: those that a text in the column stands for. Small numbers are counted fast.
    """
    places: dict[tuple[str, ...], int] = {}
    place_of = {text: places.setdefault(told, len(places)) for text, told in values.items()}
    return list(places), list(map(place_of.__getitem__, map(itemgetter(column), rows)))


def _counted(kind: str, files: Iterable[Unit]) -> Generator[Unit, None, int]:
    """Yield files; return how many are of a kind."""
    found = 0
    for unit, content in files:
        found += unit.startswith(kind)
        yield unit, content
    return found


def facet_values(pairs: str) -> list[str]:
    """Return year, outcome and both, for every result that ``pairs`` tells of, each once."""
    found: dict[str, None] = {}
    year = ""
    for part in _parts(pairs):
        if part.isdigit():
            year = part
            found["y" + year] = None
        else:
            found |= {"o" + part: None, "p" + year + part: None}
    return list(found)


def _parts(pairs: str) -> Iterator[str]:
    at = 0
    while at < len(pairs):
        width = 2 if pairs[at].isdigit() else 1
        yield pairs[at : at + width]
        at += width


def shard_of(key: str, shards: int) -> int:
    """Return the shard that holds a key."""
    return crc32(key.encode()) & (shards - 1)


def directory_page(page: Iterable[tuple[str, int]]) -> bytes:
    """Return a page of the code directory: the first code and the number of lines of each file."""
    return coding.text_file(([ROW.join(f"{key}{PART}{count}" for key, count in page)],))
