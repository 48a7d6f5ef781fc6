"""Taking subjects out of the base: every file of the generation that holds anything of them is written again.

Which files those are follows from the subject's own line in the records, by the rules that put it there.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from publisher import searchfile
from publisher.folding import fold
from publisher.searchfile import PART, ROW, Key, Line
from publisher.site.install import Made
from publisher.site.search import coding, numbering, parts, pinyin
from publisher.site.search.coding import Unit
from publisher.site.search.index import PAGE, Base, directory_page, facet_values, shard_of, unit_files

Read = Callable[[str], bytes]  # the content of a unit as it is installed


class Withdrawal:
    """Subjects that leave a base: which of its units hold anything of them, and what each is without them.

    A unit is made again by itself, in whatever process.
    """

    def __init__(self, base: Base, docs: Iterable[int], read: Read, revision: int) -> None:
        """``revision``: what the files are named with that are written again.

        Raises ``OSError`` or ``ValueError`` when the records of the subjects are not there or not whole.
        """
        self._base, self._gone, self._read, self._revision = base, frozenset(docs), read, revision
        self._lines: list[Line] = []
        self._rows: defaultdict[str, defaultdict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
        self._numbers: defaultdict[str, set[int]] = defaultdict(set)
        self._keys: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self.units = [f"r/{number}" for number in sorted({doc // base.per_file for doc in self._gone})]
        for unit in self.units:
            rows = coding.Rows.read(self._sections(unit)[0])
            self._lines += [rows.line(row) for row, doc in enumerate(rows.docs) if doc in self._gone]
        if base.shards:
            self._find()
            self.units += [*sorted(self._rows), *sorted(self._numbers), *sorted(self._keys)]

    def made(self, scope: str, units: Sequence[str], together: int) -> Iterator[Made]:
        """Yield the files of units, of so many at a time, and of the parts of lists that go with them, without the
        subjects.

        A unit that is not there or not whole is left out.
        """
        for start in range(0, len(units), together):
            found: Made = {}
            for unit in units[start : start + together]:
                with suppress(OSError, ValueError):
                    found |= self._files(scope, self._without(unit))
            yield found

    def codes(self, scope: str) -> tuple[Base, Made]:
        """Return the base as it is once everything is written, and the files of the code directory that change.

        Raises ``OSError`` or ``ValueError`` when one of these is not there or not whole.
        """
        base, made = self._base, Made()
        if base.shards:
            pages, units = self._directory()
            base, made = base._replace(pages=pages), self._files(scope, units)
        for doc in self._gone:
            base.subjects[doc] = base.prints[doc] = 0
        return base, made

    def _files(self, scope: str, units: Iterable[Unit]) -> Made:
        return unit_files(scope, self._base.generation, units, self._revision)

    def _sections(self, unit: str) -> list[str]:
        return searchfile.sections(self._read(unit))

    def _find(self) -> None:
        """Find what holds anything of the lines."""
        base = self._base
        common = {string: (number, count) for number, (string, count) in enumerate(base.common)}
        facets = {value: (number, count) for number, (value, count) in enumerate(base.facets)}
        in_codes = set(searchfile.front_coded(self._sections("u/0")[0]))
        width = numbering.span(base.size)
        for line in self._lines:
            texts = texts_of(line)
            lists = [("f", *facets[value]) for value in ("r" + line.region_code, *facet_values(line.pairs))]
            lists += [("a", number, base.authorities[number][1]) for number in line.authorities]
            for key in {key for text in texts for key in _keys(text, common)}:
                is_common = len(key) == 1 or key in common
                unit = f"k/{shard_of(key, base.common_shards)}" if is_common else f"g/{shard_of(key, base.shards)}"
                self._rows[unit][key].append(line)
                if key in common:
                    lists.append(("l", *common[key]))
            for kind, number, count in lists:
                self._numbers[f"{kind}/{number}.{line.doc // (width >> coding.chunk_bits(count))}"].add(line.doc)
            for key in set().union(*map(pinyin.keys, texts)):
                self._keys[f"s/{shard_of(key, base.sounds)}"][key].append(line.doc)
            codes = (fold(code) for code in (line.uscc, line.reg_no) if code)
            for key in {key for code in codes for key in parts.keys(code, in_codes)}:
                self._keys[f"q/{shard_of(key, base.parts)}"][key].append(line.doc)

    def _without(self, unit: str) -> Iterator[Unit]:
        if unit in self._rows:
            section, listing = self._sections(unit)
            yield unit, _shard_without(section, listing, self._gone, self._rows[unit])
        elif unit in self._numbers:
            yield unit, numbering.list_without(self._read(unit), self._numbers[unit])
        elif unit in self._keys:
            section, leaving = self._sections(unit)[0], self._keys[unit]
            rows = numbering.rows_of(section, leaving)
            yield unit, numbering.numbers_without(section, rows, leaving)
            for part, docs in sorted(self._lists_beside(rows.values(), leaving).items()):
                yield part, numbering.list_without(self._read(part), docs)
        else:
            rows_here = coding.Rows.read(self._sections(unit)[0])
            yield unit, coding.text_file((rows_here.without(self._gone),))

    def _lists_beside(self, rows: Iterable[str], leaving: Mapping[str, Iterable[int]]) -> dict[str, set[int]]:
        """Return the parts of lists, of all who have a sound that many have, that lose subjects."""
        width = numbering.span(self._base.size)
        touched: defaultdict[str, set[int]] = defaultdict(set)
        for row in rows:
            if row.count(PART) > 2:
                number, bits = row.rpartition(PART)[2].split(".")
                for doc in leaving[row.partition(PART)[0]]:
                    touched[f"y/{number}.{doc // (width >> int(bits))}"].add(doc)
        return touched

    def _directory(self) -> tuple[list[tuple[str, int]], list[Unit]]:
        """Return what the manifest tells of the code directory, and its units that change."""
        told, firsts = list(self._base.pages), [key for key, _ in self._base.pages]
        pages: dict[int, list[tuple[str, int]]] = {}
        touched: set[int] = set()
        for line in self._lines:
            for code in filter(None, (line.uscc, line.reg_no)):
                number = max(0, bisect_right(firsts, fold(code)) - 1)
                if number not in pages:
                    listed = self._sections(f"p/{number}")[0].split(ROW)
                    pages[number] = [(key, int(count)) for key, count in (one.split(PART) for one in listed)]
                page = pages[number]
                touched.add(number * PAGE + max(0, bisect_right([key for key, _ in page], fold(code)) - 1))
        units: list[Unit] = []
        for number in sorted(touched):
            section, marks = self._sections(f"c/{number}")
            rows = coding.Rows.read(section)
            kept = [row for row, doc in enumerate(rows.docs) if doc not in self._gone]
            left = "".join(marks[row] for row in kept)
            units.append((f"c/{number}", coding.text_file((rows.only(kept), [left]))))
            page = pages[number // PAGE]
            following = page[number % PAGE + 1][0] if number % PAGE + 1 < len(page) else "\uffff"
            page[number % PAGE] = (_code(rows.line(kept[0]), left[0]) if kept else following, len(kept))
        for number, page in pages.items():
            told[number] = (page[0][0], sum(count for _, count in page))
            units.append((f"p/{number}", directory_page(page)))
        return told, units


def texts_of(line: Line) -> list[str]:
    """Return the folded names that a subject is found by."""
    return [line.folded or fold(line.name), *map(fold, line.former_names)]


def _keys(text: str, common: Container[str]) -> Iterator[str]:
    yield from text
    for at in range(len(text) - 1):
        for end in range(at + 2, len(text) + 1):
            string = text[at:end]
            if string in common:
                yield string
                continue
            if end == at + 2 or string[1:] in common:
                yield string
            break


def _shard_without(section: str, listing: str, gone: Container[int], leaving: Mapping[str, Sequence[Line]]) -> bytes:
    columns, vacant = coding.vacated(section, gone)
    kept = []
    for text in listing.split(ROW):
        left = leaving.get(text.partition(PART)[0])
        if left is None:
            kept.append(text)
        elif changed := _key_without(next(iter(searchfile.keys(text))), vacant, left):
            kept.append(changed)
    return coding.text_file((columns, [ROW.join(kept)]))


def _key_without(key: Key, vacant: set[int], leaving: Sequence[Line]) -> str | None:
    rows = [row for row in key.rows if row not in vacant]
    if key.total is None:
        return coding.whole_key(key.key, rows) if rows else None
    counts = Counter(key.counts)
    for line in leaving:
        counts.subtract(value for value in ("r" + line.region_code, *facet_values(line.pairs)) if value in counts)
    total = key.total - len(leaving)
    return coding.common_key(key.key, total, rows, {value: n for value, n in counts.items() if n}) if total else None


def _code(line: Line, mark: str) -> str:
    """Return the code by which a line stands in the directory; none of a withdrawn subject may stay as a boundary."""
    return fold((line.uscc if mark == "c" else line.reg_no) or "")
