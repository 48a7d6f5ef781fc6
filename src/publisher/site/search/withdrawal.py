"""Taking subjects out of the base: every file of the generation that holds anything of them is written again.

Which files those are follows from the subject's own line in the records, by the rules that put it there.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from publisher import searchfile
from publisher.folding import fold
from publisher.searchfile import PART, ROW, Key, Line
from publisher.site.search import coding
from publisher.site.search.index import File, directory_page, facet_values, shard_of
from publisher.site.search.index import PAGE, Base

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
        found = searchfile.records(read(f"r/{number}"))
        lines += [line for line in found if line.doc in these]
        changed.append((f"r/{number}", _lines_file([line for line in found if line.doc not in these])))
    if base.shards:
        changed += _shards(base, lines, gone, read)
        changed += _lists(base, lines, read)
        pages, files = _codes(base, lines, gone, read)
        changed += files
        base = base._replace(pages=pages)
    for doc in gone:
        base.subjects[doc] = base.prints[doc] = 0
    return base, changed


def _lines_file(lines: Sequence[Line], *more: str) -> bytes:
    return coding.text_file((coding.lines_table(lines), *([text] for text in more)))


def texts_of(line: Line) -> list[str]:
    """Return the folded names that a subject is found by."""
    return [line.folded or fold(line.name), *map(fold, line.former_names)]


def _shards(base: Base, lines: Iterable[Line], gone: set[int], read: Read) -> Iterator[File]:
    common = {string for string, _ in base.common}
    touched: defaultdict[int, set[int]] = defaultdict(set)
    for line in lines:
        for text in texts_of(line):
            for key in _keys(text, common):
                touched[shard_of(key, base.shards)].add(line.doc)
    for number in sorted(touched):
        table, keys = searchfile.shard(read(f"g/{number}"))
        yield f"g/{number}", _shard_without(table, keys, gone, lines)


def _keys(text: str, common: set[str]) -> Iterator[str]:
    yield from text
    for at in range(len(text) - 1):
        for end in range(at + 2, len(text) + 1):
            string = text[at:end]
            yield string
            if string not in common:
                break


def _shard_without(table: Sequence[Line], keys: Iterable[Key], gone: set[int], lines: Iterable[Line]) -> bytes:
    kept: list[tuple[Key, list[int]]] = []
    used: set[int] = set()
    for key in keys:
        rows = [row for row in key.rows if table[row].doc not in gone]
        if key.total is not None:
            leaving = [line for line in lines if any(key.key in text for text in texts_of(line))]
            counts = dict(key.counts)
            for line in leaving:
                for value in ("r" + line.region_code, *facet_values(line.pairs)):
                    if value in counts:
                        counts[value] -= 1
            key = key._replace(total=key.total - len(leaving), counts={k: n for k, n in counts.items() if n})
        if rows or key.total:
            kept.append((key, rows))
            used.update(rows)
    ordered = sorted(used)
    place = {row: at for at, row in enumerate(ordered)}
    listing = [
        coding.whole_key(key.key, [place[row] for row in rows])
        if key.total is None
        else coding.common_key(key.key, key.total, [place[row] for row in rows], key.counts)
        for key, rows in kept
    ]
    return _lines_file([table[row] for row in ordered], ROW.join(listing))


def _lists(base: Base, lines: Iterable[Line], read: Read) -> Iterator[File]:
    touched: defaultdict[str, set[int]] = defaultdict(set)
    width = coding.span(base.size)
    facets = {value: (number, count) for number, (value, count) in enumerate(base.facets)}
    common = {string: (number, count) for number, (string, count) in enumerate(base.common)}
    for line in lines:
        lists = [("f", *facets[value]) for value in ("r" + line.region_code, *facet_values(line.pairs))]
        lists += [("a", number, base.authorities[number][1]) for number in line.authorities]
        for text in texts_of(line):
            lists += [("l", *common[key]) for key in set(_keys(text, common.keys() | set())) if key in common]
        for kind, number, count in lists:
            part = line.doc // (width >> coding.chunk_bits(count))
            touched[f"{kind}/{number}.{part}"].add(line.doc)
    for unit, docs in sorted(touched.items()):
        numbers = [number for number in searchfile.numbers(read(unit)) if number not in docs]
        yield unit, coding.list_file(numbers)


def _codes(
    base: Base, lines: Iterable[Line], gone: set[int], read: Read
) -> tuple[list[tuple[str, int]], list[File]]:
    firsts = [key for key, _ in base.pages]
    pages: dict[int, list[tuple[str, int]]] = {}
    touched: set[int] = set()
    for line in lines:
        for code in filter(None, (line.uscc, line.reg_no)):
            number = max(0, bisect_right(firsts, fold(code)) - 1)
            if number not in pages:
                rows = searchfile.sections(read(f"p/{number}"))[0].split(ROW)
                pages[number] = [(key, int(count)) for key, count in (row.split(PART) for row in rows)]
            page = pages[number]
            touched.add(number * PAGE + max(0, bisect_right([key for key, _ in page], fold(code)) - 1))
    files: list[File] = []
    told = list(base.pages)
    for number in sorted(touched):
        table, marks = searchfile.codes(read(f"c/{number}"))
        kept = [(line, mark) for line, mark in zip(table, marks, strict=True) if line.doc not in gone]
        files.append((f"c/{number}", _lines_file([line for line, _ in kept], "".join(mark for _, mark in kept))))
        page = pages[number // PAGE]
        page[number % PAGE] = (_boundary(page[number % PAGE][0], kept), len(kept))
    for number, page in pages.items():
        told[number] = (page[0][0], sum(count for _, count in page))
        files.append((f"p/{number}", directory_page(page)))
    return told, files


def _boundary(before: str, kept: Sequence[tuple[Line, str]]) -> str:
    """Return where a file of codes begins: no code of a withdrawn subject may stay as a mark between files."""
    if not kept:
        return before[:8]
    line, mark = kept[0]
    return fold((line.uscc if mark == "c" else line.reg_no) or "")
