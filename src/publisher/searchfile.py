"""Reading the files of the search index, as docs/search-format.md lays them down.

Every file under ``/search/`` but the manifest is raw DEFLATE (RFC 1951). Most are then UTF-8 text: sections between
U+001D, columns of a table between U+001E, values between line feeds, parts of a value between tabs. A list is binary:
the gaps of ascending numbers, four planes of bytes. This module only reads, so that whoever re-reads a built site needs
none of the builder's code.
"""

import base64
import sys
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import mul
from typing import NamedTuple

import orjson

from publisher import uscc

FORMAT = 3
SECTION, COLUMN, ROW, PART = "\x1d", "\x1e", "\n", "\t"
COLUMNS = 8

# As publisher.uscc has them; here by table, because a million codes are read at a time.
_VALUE = {character: value for value, character in enumerate(uscc.ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_WHOLE = 1 << 16  # the sum over the whole code is counted in units of this, above that over the organisation's


def _pairs(place: int) -> dict[str, int]:
    """Return what two characters at a place from the ninth on add to both sums."""
    weights = [_WEIGHTS[at] * _WHOLE for at in (place, place + 1)]
    own = [_ORGANISATION_WEIGHTS[at - 8] for at in (place, place + 1)]
    return {
        one + other: _VALUE[one] * weights[0]
        + _VALUE[other] * weights[1]
        + int(one, 36) * own[0]
        + int(other, 36) * own[1]
        for one in uscc.ALPHABET
        for other in uscc.ALPHABET
    }


_NINTH, _ELEVENTH, _THIRTEENTH, _FIFTEENTH = (_pairs(place) for place in range(8, 16, 2))

NO_MORE = ("", "", "", "")  # what the last column of a table holds apart from former names, where it is empty


class Line(NamedTuple):
    """A subject as the index holds it. ``latest`` is a day number (1 is 0001-01-01); ``pairs`` are written ``21ac23a``:
    two digits of the year, then a letter for each outcome of that year. A line without a name is vacant: its
    subject was withdrawn."""

    doc: int
    latest: int
    name: str
    former_names: tuple[str, ...]
    uscc: str | None
    reg_no: str | None
    path: str
    region_code: str
    results: int
    pairs: str
    authorities: tuple[int, ...]
    folded: str  # the name's folded form, where more than width, case and brackets is folded; else empty


class Key(NamedTuple):
    """A key of a shard. A whole one lists every row that has it; a common one the first rows and how many there are."""

    key: str
    rows: tuple[int, ...]
    total: int | None  # of a common key; None of a whole one
    counts: Mapping[str, int]  # of a common key: how many subjects each value of a facet has


def inflate(content: bytes) -> bytes:
    """Return what a file holds. Raises ``ValueError`` for a file that is not whole."""
    machine = zlib.decompressobj(-15)
    try:
        data = machine.decompress(content) + machine.flush()
    except zlib.error as error:
        raise ValueError(f"no search file: {error}") from error
    if not machine.eof or machine.unused_data:
        raise ValueError("no search file: it is cut short or has something behind its end")
    return data


def sections(content: bytes) -> list[str]:
    """Return the sections of a text file."""
    return inflate(content).decode().split(SECTION)


def packed_code(code: str | None, region_code: str) -> str:
    """Return a code without what follows from the rest: true check characters, digits equal to the region's."""
    if code is None:
        return ""
    try:
        true = len(code) == 18 and _checks(code[:16]) == code[16:]
    except (KeyError, ValueError):
        true = False
    if not true:
        return code
    return code[:2] + code[8:16] if code[2:8] == region_code else code[:16]


def full_code(packed: str, region_code: str) -> str | None:
    """Return the code that :func:`packed_code` packed."""
    if len(packed) == 10:
        packed = packed[:2] + region_code + packed[2:]
    if len(packed) == 16:
        packed += _checks(packed)
    return packed or None


def _checks(first16: str) -> str:
    """Return the last two characters of a code: of the organisation code in it, and of the whole."""
    whole, own = divmod(
        _head(first16[:8])
        + _NINTH[first16[8:10]]
        + _ELEVENTH[first16[10:12]]
        + _THIRTEENTH[first16[12:14]]
        + _FIFTEENTH[first16[14:]],
        _WHOLE,
    )
    seventeenth = "0123456789X0"[11 - own % 11]
    whole += _VALUE[seventeenth] * _WEIGHTS[16]
    return seventeenth + uscc.ALPHABET[(31 - whole % 31) % 31]


@lru_cache(1 << 14)
def _head(first8: str) -> int:
    """Return what the first eight characters add, which many codes have alike."""
    total: int = sum(map(mul, map(_VALUE.__getitem__, first8), _WEIGHTS))
    return total * _WHOLE


def table(section: str) -> list[Line]:
    """Return the lines of a table."""
    if not section:
        return []
    columns = [column.split(ROW) for column in section.split(COLUMN)]
    if len(columns) != COLUMNS or len({len(column) for column in columns}) != 1:
        raise ValueError("no search file: the columns of its table are not of one length")
    docs = accumulate(map(int, columns[0]))
    days = accumulate(map(int, columns[1]), lambda before, gap: before - gap)
    lines = []
    for doc, latest, name, packed, region, pairs, authorities, more in zip(docs, days, *columns[2:], strict=True):
        reg_no, results, path, folded, *former = more.split(PART) if more else NO_MORE
        code = full_code(packed, region)
        lines.append(
            Line(
                doc,
                latest,
                name,
                tuple(former),
                code,
                reg_no or None,
                path or (f"/subjects/{code[2:8]}/{code}.html" if code else ""),
                region,
                int(results) if results else sum(letter.isalpha() for letter in pairs),
                pairs,
                tuple(map(int, authorities.split(","))) if authorities else (),
                folded,
            )
        )
    return lines


def shard(content: bytes) -> tuple[list[Line], list[Key]]:
    """Return the lines and the keys of a shard of the names."""
    lines, listing = sections(content)
    return table(lines), keys(listing)


def keys(listing: str) -> list[Key]:
    """Return the keys that the second section of a shard lists."""
    return [_key(line) for line in listing.split(ROW) if line]


def _key(line: str) -> Key:
    key, total, rows, *counts = line.split(PART)
    if not total:
        return Key(key, tuple(accumulate(map(int, rows.split(",")))), None, {})
    pairs = (pair.rsplit("=", 1) for pair in counts[0].split(",") if pair) if counts else ()
    return Key(key, tuple(map(int, rows.split(","))) if rows else (), int(total), {k: int(n) for k, n in pairs})


def records(content: bytes) -> list[Line]:
    """Return the lines of a file of records (or of the overlay)."""
    return table(sections(content)[0])


def codes(content: bytes) -> tuple[list[Line], str]:
    """Return the lines of a file of codes, and for each whether it stands there by its code (c) or reg_no (r)."""
    lines, marks = sections(content)
    return table(lines), marks


def numbers(content: bytes) -> Sequence[int]:
    """Return the ascending numbers of a list."""
    return array("I", running(inflate(content)))


def running(data: bytes) -> Iterator[int]:
    """Yield the numbers whose gaps stand in four planes of bytes."""
    size = len(data) // 4
    gaps = bytearray(len(data))
    for plane in range(4):
        gaps[plane::4] = data[plane * size : (plane + 1) * size]
    values = array("I")
    values.frombytes(bytes(gaps))
    if sys.byteorder == "big":
        values.byteswap()
    return accumulate(values)


class Manifest(NamedTuple):
    """What ``/search/index.json`` says: the numbers and names beside it, and the sections of its packed head."""

    said: Mapping[str, object]
    common: list[str]  # the common strings, in order; the place of one is the number of its list
    pages: list[tuple[str, int]]  # first code and number of codes of each page of the code directory
    facets: list[list[str]]  # value (a letter for the facet, then the value), number of subjects, words


def manifest(content: bytes) -> Manifest:
    """Return the manifest. Raises ``ValueError`` for one of another format."""
    said = orjson.loads(content)
    if said["format"] != FORMAT:
        raise ValueError(f"search format {said['format']} is not known")
    common, pages, facets = sections(base64.b64decode(said["head"]))
    return Manifest(
        said,
        front_coded(common),
        [(key, int(count)) for key, count in (line.split(PART) for line in pages.split(ROW) if line)],
        [line.split(PART) for line in facets.split(ROW) if line],
    )


def revisions(content: bytes) -> dict[str, int]:
    """Return the units of the base that were written again, from the file that lists them, with their revisions."""
    return dict(_revisions(sections(content)[0]))


def _revisions(text: str) -> Iterator[tuple[str, int]]:
    for line in filter(None, text.split(ROW)):
        revision, kind, places = line.split(PART)
        whole = 0
        for place in places.split(","):
            gap, dot, part = place.partition(".")
            whole += int(gap)
            yield f"{kind}/{whole}{dot}{part}", int(revision)


def front_coded(text: str) -> list[str]:
    """Return sorted strings, of which each says how much it shares with the one before; a mark stands behind that."""
    found = [""]
    for line in filter(None, text.split(ROW)):
        found.append(found[-1][: int(line[0], 36)] + line[2:])
    return found[1:]


def address(told: Manifest, unit: str, revised: Mapping[str, int]) -> str:
    """Return where a unit of the base lies, below ``/search/``."""
    kind, place = unit.split("/")
    revision = revised.get(unit)
    folder = int(place.partition(".")[0]) >> 8
    return f"{told.said['generation']}/{kind}{folder}/{place}{f'-{revision}' if revision else ''}.bin"


def every_line(told: Manifest, read: Callable[[str], bytes]) -> Iterator[Line]:
    """Yield the line of every subject in the index: of the base where it was not changed since, else of the overlay.

    ``read`` gives the content of a file by its address below ``/search/``; what it raises goes through.
    """
    overlay, listing = told.said["overlay"], told.said["revised"]
    changed = records(read(str(overlay))) if overlay else []
    revised = revisions(read(str(listing))) if listing else {}
    replaced = {line.doc for line in changed}
    size, per_file = (int(str(told.said[name])) for name in ("base", "perFile"))
    for number in range(-(-size // per_file)):
        yield from (line for line in records(read(address(told, f"r/{number}", revised))) if line.doc not in replaced)
    yield from changed
