"""The base of the search index: a generation of files made from all subjects at once, newest inspection first.

A file is named by its unit: ``g/12`` a shard of the names, ``k/1`` of common strings, ``r/3`` records, ``c/5`` codes,
``p/0`` a page of the code directory, ``l/7.0`` the first part of a list, ``s/2`` a shard of the sounds;
docs/search-format.md says what they hold.
"""

import gc
import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from publisher.folding import fold
from publisher.searchfile import FORMAT, NO_MORE, PART, ROW
from publisher.site.search import coding, numbering, pinyin
from publisher.site.search.coding import Dictionary, File
from publisher.site.search.entry import Entry
from publisher.site.search.parts import Parts
from publisher.site.search.strings import FIRST_ROWS, FORMER, Strings, Text

SCAN_LIMIT = 20_000  # up to so many subjects the page reads all records; there is no index beside them
RECORDS, SCAN_RECORDS = 128, 1024  # lines in a file of records
CODES = 128  # lines in a file of codes
PAGE = 128  # files that a page of the code directory names
SHARD = 480  # lines a shard of the names has on average
VALUES_KEPT = 60  # values of facets told with a common key, the commonest first

NAME, CODE, REGION, PAIRS, AUTHORITIES, MORE = range(6)


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
        rows: list[tuple[str, ...]] = []
        days, subjects, prints = array("I"), array("I"), array("I")
        for entry in entries:
            codes = (entry.uscc or "", entry.reg_no or "")
            rows.append((*coding.values(entry, self.dictionary), *codes))
            days.append(entry.latest)
            subjects.append(entry.subject_no)
            prints.append(fingerprint(entry))
        keys = [-day << 32 | number for day, number in zip(days, subjects, strict=True)]  # newest, then by number
        order = sorted(range(len(rows)), key=keys.__getitem__)
        del keys
        self.columns, (self._whole_codes, self._reg_nos) = _columns(rows, order)
        rows.clear()
        self.days = array("I", (days[at] for at in order))
        self.size = len(order)
        self.scans = self.size <= scan_limit
        seen = hashlib.sha256(f"{FORMAT} {self.scans}".encode())
        for column in self.columns:
            seen.update(ROW.join(column).encode())
        self.base = Base(
            seen.hexdigest()[:10], self.size, 0, 0, 0, 0, SCAN_RECORDS if self.scans else RECORDS, [], [], [], [],
            array("I", (subjects[at] for at in order)), array("I", (prints[at] for at in order)),
        )  # fmt: skip

    def files(self) -> Iterator[File]:
        """Yield every file of the generation by its unit."""
        per_file = self.base.per_file
        for number in range(0, self.size, per_file):
            yield f"r/{number // per_file}", self._table(range(number, min(number + per_file, self.size)))
        facets = Facets(self.columns, self.dictionary)
        texts = list(self._texts())
        yield "t/0", pinyin.table_file(text for _, text, _ in texts)
        if not self.scans:
            yield from self._codes()
            yield from self._names(texts, facets)
            sounds = pinyin.shard_files(((doc, text) for doc, text, _ in texts), self.size)
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
            return coding.table(docs, [self.days[docs[0]]], ((column[docs[0]],) for column in self.columns))
        if not docs:
            return []
        chosen = itemgetter(*docs)
        return coding.table(docs, chosen(self.days), (chosen(column) for column in self.columns))

    def _codes(self) -> Iterator[File]:
        codes, numbers = (list(map(fold, column)) for column in (self._whole_codes, self._reg_nos))
        self._whole_codes, self._reg_nos = [], []
        self.base = self.base._replace(parts=(yield from _counted("q/", Parts((codes, numbers)).files())))
        keys = [(code, "c", doc) for doc, code in enumerate(codes) if code]
        keys += [(number, "r", doc) for doc, number in enumerate(numbers) if number]
        keys.sort()
        named: list[tuple[str, int]] = []
        for start in range(0, len(keys), CODES):
            part = keys[start : start + CODES]
            marks = "".join(mark for _, mark, _ in part)
            yield f"c/{start // CODES}", self._table([doc for *_, doc in part], more=[marks])
            named.append((part[0][0], len(part)))
        for start in range(0, len(named), PAGE):
            page = named[start : start + PAGE]
            yield f"p/{start // PAGE}", directory_page(page)
            self.base.pages.append((page[0][0], sum(count for _, count in page)))

    def _names(self, texts: Sequence[Text], facets: "Facets") -> Iterator[File]:
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
            ordered = sorted({doc for found in lists.values() for doc in found})
            row = {doc: at for at, doc in enumerate(ordered)}
            keys = [coding.whole_key(key, [row[doc] for doc in found]) for key, found in lists.items()]
            yield f"g/{number}", self._table(ordered, more=[ROW.join(keys)])
        yield from self._common(strings, facets)

    def _common(self, strings: Strings, facets: "Facets") -> Iterator[File]:
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
        for doc, (name, more) in enumerate(zip(self.columns[NAME], self.columns[MORE], strict=True)):
            yield doc, fold(name), 0
            if more:
                for former in more.split(PART)[len(NO_MORE) :]:
                    yield doc, fold(former), FORMER

    def _lists(self, kind: str, lists: Iterable[Sequence[int]]) -> Iterator[File]:
        for number, docs in enumerate(lists):
            yield from self._list(f"{kind}/{number}", docs)

    def _list(self, unit: str, docs: Sequence[int]) -> Iterator[File]:
        yield from numbering.list_files(unit, docs, self.size)


class Facets:
    """Which subjects have which value: of region (r), year (y), outcome (o), both of one result (p), authority."""

    def __init__(self, columns: Sequence[Sequence[str]], dictionary: Dictionary) -> None:
        lists: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
        self.authority_lists = [array("I") for _ in dictionary.authorities]
        values: dict[str, list[str]] = {}
        offices: dict[str, list[int]] = {}
        # Regions, sets of years and sets of outcomes by small numbers, to be counted fast.
        self._kinds: tuple[dict[tuple[str, ...], int], ...] = ({}, {}, {})
        sets: dict[str, tuple[int, int]] = {}
        numbers: tuple[list[int], list[int], list[int]] = ([], [], [])
        for doc, (region, pairs, authorities) in enumerate(
            zip(columns[REGION], columns[PAIRS], columns[AUTHORITIES], strict=True)
        ):
            lists["r" + region].append(doc)
            if pairs not in values:
                found = values[pairs] = facet_values(pairs)
                years, outcomes = (tuple(one for one in found if one[0] == kind) for kind in "yo")
                sets[pairs] = (_number(self._kinds[1], years), _number(self._kinds[2], outcomes))
            for value in values[pairs]:
                lists[value].append(doc)
            if authorities not in offices:
                offices[authorities] = [int(number) for number in authorities.split(",")] if authorities else []
            for number in offices[authorities]:
                self.authority_lists[number].append(doc)
            numbers[0].append(_number(self._kinds[0], ("r" + region,)))
            numbers[1].append(sets[pairs][0])
            numbers[2].append(sets[pairs][1])
        self._numbers = numbers
        self.lists = sorted(lists.items())

    def counts(self, docs: Sequence[int]) -> Counter[str]:
        """Return how many of some subjects have each value, the commonest only."""
        found: Counter[str] = Counter()
        chosen = itemgetter(*docs)
        for kind, numbers in zip(self._kinds, self._numbers, strict=True):
            named = list(kind)
            for number, count in Counter(chosen(numbers)).items():
                for value in named[number]:
                    found[value] += count
        return Counter(dict(found.most_common(VALUES_KEPT)))


def _columns(rows: Sequence[tuple[str, ...]], order: Sequence[int]) -> tuple[list[list[str]], list[list[str]]]:
    """Return the columns of rows in an order: those of a table, and the ones behind them."""
    columns: list[list[str]] = [[] for _ in (*range(MORE + 1), "code", "reg_no")]
    for start in range(0, len(order), 1000):  # a thousand rows at a time stay in the processor's cache
        some = map(rows.__getitem__, order[start : start + 1000])
        for column, values in zip(columns, zip(*some, strict=True), strict=True):
            column.extend(values)
    return columns[: MORE + 1], columns[MORE + 1 :]


def _counted(kind: str, files: Iterable[File]) -> Generator[File, None, int]:
    """Yield files; return how many are of a kind."""
    count = 0
    for unit, content in files:
        count += unit.startswith(kind)
        yield unit, content
    return count


def _number(known: dict[tuple[str, ...], int], values: tuple[str, ...]) -> int:
    return known.setdefault(values, len(known))


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
