"""Taking subjects out of the base: every file of the generation that holds anything of them is written again.

Which files those are follows from the subject's own line in the records, by the rules that put it there.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

from publisher import searchfile
from publisher.folding import fold
from publisher.searchfile import PART, ROW, Key, Line
from publisher.site.search import coding, numbering, parts, pinyin
from publisher.site.search.coding import File
from publisher.site.search.index import PAGE, Base, directory_page, facet_values, shard_of

Read = Callable[[str], bytes]  # the content of a unit as it is installed


def without(base: Base, docs: Iterable[int], read: Read) -> tuple[Base, list[File]]:
    """Return the base without some of its subjects, and the files that change.

    Raises ``OSError`` or ``ValueError`` when a file is not there or not whole.
    """
    gone = set(docs)
    records = defaultdict(set)
    for doc in gone:
        records[doc // base.per_file].add(doc)
    changed: list[File] = []
    lines: list[Line] = []
    for number, these in sorted(records.items()):
        rows = coding.Rows.read(searchfile.sections(read(f"r/{number}"))[0])
        lines += [rows.line(row) for row, doc in enumerate(rows.docs) if doc in these]
        changed.append((f"r/{number}", coding.text_file((rows.without(these),))))
    if base.shards:
        changed += _shards(base, lines, gone, read)
        changed += _lists(base, lines, read)
        changed += _sounds(base, lines, read)
        changed += _parts(base, lines, read)
        pages, files = _codes(base, lines, gone, read)
        changed += files
        base = base._replace(pages=pages)
    for doc in gone:
        base.subjects[doc] = base.prints[doc] = 0
    return base, changed


def texts_of(line: Line) -> list[str]:
    """Return the folded names that a subject is found by."""
    return [line.folded or fold(line.name), *map(fold, line.former_names)]


def _shards(base: Base, lines: Iterable[Line], gone: set[int], read: Read) -> Iterator[File]:
    common = {string for string, _ in base.common}
    touched: defaultdict[str, defaultdict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        for key in {key for text in texts_of(line) for key in _keys(text, common)}:
            is_common = len(key) == 1 or key in common
            unit = f"k/{shard_of(key, base.common_shards)}" if is_common else f"g/{shard_of(key, base.shards)}"
            touched[unit][key].append(line)
    for unit, leaving in sorted(touched.items()):
        section, listing = searchfile.sections(read(unit))
        yield unit, _shard_without(section, listing, gone, leaving)


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


def _shard_without(section: str, listing: str, gone: set[int], leaving: Mapping[str, Sequence[Line]]) -> bytes:
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


def _lists(base: Base, lines: Iterable[Line], read: Read) -> Iterator[File]:
    touched: defaultdict[str, set[int]] = defaultdict(set)
    width = numbering.span(base.size)
    facets = {value: (number, count) for number, (value, count) in enumerate(base.facets)}
    common = {string: (number, count) for number, (string, count) in enumerate(base.common)}
    for line in lines:
        lists = [("f", *facets[value]) for value in ("r" + line.region_code, *facet_values(line.pairs))]
        lists += [("a", number, base.authorities[number][1]) for number in line.authorities]
        for text in texts_of(line):
            lists += [("l", *common[key]) for key in set(_keys(text, common)) if key in common]
        for kind, number, count in lists:
            part = line.doc // (width >> coding.chunk_bits(count))
            touched[f"{kind}/{number}.{part}"].add(line.doc)
    for unit, docs in sorted(touched.items()):
        yield unit, numbering.list_without(read(unit), docs)


def _sounds(base: Base, lines: Iterable[Line], read: Read) -> Iterator[File]:
    leaving: defaultdict[str, list[int]] = defaultdict(list)
    for line in lines:
        for key in set().union(*map(pinyin.keys, texts_of(line))):
            leaving[key].append(line.doc)
    width = numbering.span(base.size)
    touched: defaultdict[str, set[int]] = defaultdict(set)
    for unit, section, rows in _touched_shards("s", base.sounds, leaving, read):
        yield unit, numbering.numbers_without(section, rows, leaving)
        for row in rows.values():
            if row.count(PART) > 2:  # a list of all its subjects is beside
                number, bits = row.rpartition(PART)[2].split(".")
                for doc in leaving[row.partition(PART)[0]]:
                    touched[f"y/{number}.{doc // (width >> int(bits))}"].add(doc)
    for unit, docs in sorted(touched.items()):
        yield unit, numbering.list_without(read(unit), docs)


def _parts(base: Base, lines: Iterable[Line], read: Read) -> Iterator[File]:
    common = set(searchfile.front_coded(searchfile.sections(read("u/0"))[0]))
    leaving: defaultdict[str, list[int]] = defaultdict(list)
    for line in lines:
        codes = (fold(code) for code in (line.uscc, line.reg_no) if code)
        for key in {key for code in codes for key in parts.keys(code, common)}:
            leaving[key].append(line.doc)
    for unit, section, rows in _touched_shards("q", base.parts, leaving, read):
        yield unit, numbering.numbers_without(section, rows, leaving)


def _touched_shards(
    kind: str, shards: int, keys: Iterable[str], read: Read
) -> Iterator[tuple[str, str, dict[int, str]]]:
    """Yield the shards of keys: the unit, its content, the rows of these keys."""
    touched: defaultdict[str, list[str]] = defaultdict(list)
    for key in keys:
        touched[f"{kind}/{shard_of(key, shards)}"].append(key)
    for unit, here in sorted(touched.items()):
        section = searchfile.sections(read(unit))[0]
        yield unit, section, numbering.rows_of(section, here)


def _codes(base: Base, lines: Iterable[Line], gone: set[int], read: Read) -> tuple[list[tuple[str, int]], list[File]]:
    firsts = [key for key, _ in base.pages]
    pages: dict[int, list[tuple[str, int]]] = {}
    touched: set[int] = set()
    for line in lines:
        for code in filter(None, (line.uscc, line.reg_no)):
            number = max(0, bisect_right(firsts, fold(code)) - 1)
            if number not in pages:
                listed = searchfile.sections(read(f"p/{number}"))[0].split(ROW)
                pages[number] = [(key, int(count)) for key, count in (one.split(PART) for one in listed)]
            page = pages[number]
            touched.add(number * PAGE + max(0, bisect_right([key for key, _ in page], fold(code)) - 1))
    files: list[File] = []
    told = list(base.pages)
    for number in sorted(touched):
        section, marks = searchfile.sections(read(f"c/{number}"))
        rows = coding.Rows.read(section)
        kept = [row for row, doc in enumerate(rows.docs) if doc not in gone]
        left = "".join(marks[row] for row in kept)
        files.append((f"c/{number}", coding.text_file((rows.only(kept), [left]))))
        page = pages[number // PAGE]
        following = page[number % PAGE + 1][0] if number % PAGE + 1 < len(page) else "\uffff"
        page[number % PAGE] = (_code(rows.line(kept[0]), left[0]) if kept else following, len(kept))
    for number, page in pages.items():
        told[number] = (page[0][0], sum(count for _, count in page))
        files.append((f"p/{number}", directory_page(page)))
    return told, files


def _code(line: Line, mark: str) -> str:
    """Return the code by which a line stands in the directory; none of a withdrawn subject may stay as a boundary."""
    return fold((line.uscc if mark == "c" else line.reg_no) or "")
