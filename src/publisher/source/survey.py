"""A look over a workbook before the reader loads it whole: how much there is, and whether it is what it says it is.

The reader unpacks, fills the rectangle of cells of every sheet and writes each shared text out once a cell; a few
kilobytes can ask for more memory than any machine has. What no office program writes is refused here (ECMA-376).
"""

import re
import zipfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from publisher.source.text import Fault

LARGEST_XLSX = 64 << 20
LARGEST_UNPACKED = 512 << 20
MOST_CELLS = 5_000_000  # of all sheets; the reader holds the whole rectangle up to the last cell, filled or not
_LONGEST_TAG = 1 << 16
_PIECE = 1 << 20
_ATTRIBUTES = rb"""[^<>"']*+(?:"[^"]*"[^<>"']*+|'[^']*'[^<>"']*+)*+"""
_TAG = re.compile(  # a whole opening tag, or only its beginning, or what belongs into no workbook
    rb"""<(?:[^\s<>:/"'=!?]+:)?(?:(c|row|si|sheet|Relationship)(?=[\s/>])(?:(%s)>)?|(!DOCTYPE|!ENTITY))""" % _ATTRIBUTES
)
_PLACE = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]{0,4})(\d{1,10})""")
_KIND = re.compile(rb"""\st\s*=\s*["'](\w+)""")
_ID = re.compile(rb""":id\s*=\s*["']([^"']*)""")
_TARGET = re.compile(rb"""\sTarget\s*=\s*["']([^"']*)""")
_SHARED = re.compile(
    rb"""<(?:[^\s<>:/"'=!?]+:)?c(?=[^<>]*\st\s*=\s*["']s["'])[^<>]*>\s*<(?:[^\s<>:/"'=!?]+:)?v>(\d{1,9})<"""
)
_RELATIONS = "workbook.xml.rels"
_MEDIA = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".wdp", ".bin")  # not XML
_TOO_MANY_BYTES = Fault("too_large", f"An XLSX file may unpack to {LARGEST_UNPACKED} bytes; split it.")
_TOO_MANY_CELLS = Fault("too_large", f"The sheets reach over {MOST_CELLS} cells; delete the empty rows and columns.")
_NOT_ONE = Fault("unreadable", "The file is not a readable XLSX workbook.")


class _Refused(Exception):  # it never leaves this file
    """Why a workbook is not read."""


class _Tag(NamedTuple):
    name: bytes
    attributes: bytes
    at: int  # its place in the part


@dataclass
class _Seen:
    """What was met so far in all parts."""

    cells: int = 0
    errors: int = 0
    shared: int = 0  # cells whose text stands in the list of shared texts
    targets: set[str] = field(default_factory=set)  # names of the parts that the workbook is made of
    lengths: "array[int]" = field(default_factory=lambda: array("L"))  # of the shared texts, markup included


def survey(path: Path) -> Fault | int:
    """Return the number of cells that show an error, or why the reader may not load the workbook.

    Raises what ``zipfile`` raises for a file that is no archive.
    """
    if path.stat().st_size > LARGEST_XLSX:
        return Fault("too_large", f"An XLSX file may have {LARGEST_XLSX} bytes; split it.")
    seen = _Seen()
    try:
        with zipfile.ZipFile(path) as package:
            if sum(part.file_size for part in package.infolist()) > LARGEST_UNPACKED:
                return _TOO_MANY_BYTES
            for part in sorted(package.infolist(), key=lambda one: _name(one) != _RELATIONS):
                if _name(part) in seen.targets or not _name(part).endswith(_MEDIA):
                    _survey_part(package, part, seen)
            longest = max(seen.lengths, default=0)
            if longest * seen.shared > LARGEST_UNPACKED and _written_out(package, seen, longest) > LARGEST_UNPACKED:
                return _TOO_MANY_BYTES
    except _Refused as refused:
        return Fault(*refused.args)
    return seen.errors


def _survey_part(package: zipfile.ZipFile, part: zipfile.ZipInfo, seen: _Seen) -> None:
    width = height = row = column = 0
    begun: int | None = None
    ids: set[bytes] = set()
    for tag in _tags(package, part):
        match tag.name:
            case b"c":
                place, kind = _PLACE.search(tag.attributes), _KIND.search(tag.attributes)
                column = _column(place[1]) if place and place[1] else column + 1
                row = int(place[2]) if place and place[1] else row
                width, height = max(width, column), max(height, row)
                seen.errors += kind is not None and kind[1] == b"e"
                seen.shared += kind is not None and kind[1] == b"s"
            case b"row":
                place = _PLACE.search(tag.attributes)
                row, column = int(place[2]) if place else row + 1, 0
            case b"si":
                if begun is not None:
                    seen.lengths.append(tag.at - begun)
                begun = tag.at
                if len(seen.lengths) > MOST_CELLS:
                    raise _Refused(*_TOO_MANY_CELLS)
            case b"sheet":
                _once(ids, _ID.search(tag.attributes))
            case b"Relationship" if _name(part) == _RELATIONS:
                if (target := _TARGET.search(tag.attributes)) and b"&" in target[1]:
                    raise _Refused(*_NOT_ONE)
                name = PurePosixPath(target[1].decode("utf-8", "replace").lower()).name if target else ""
                if name in seen.targets:  # one sheet listed many times is loaded many times
                    raise _Refused(*_NOT_ONE)
                seen.targets.add(name)
            case _:
                pass
    if begun is not None:
        seen.lengths.append(part.file_size - begun)
    seen.cells += width * height
    if seen.cells > MOST_CELLS:
        raise _Refused(*_TOO_MANY_CELLS)


def _name(part: zipfile.ZipInfo) -> str:
    return PurePosixPath(part.filename.lower()).name


def _once(known: set[bytes], found: re.Match[bytes] | None) -> None:
    if found is not None:
        if found[1] in known:
            raise _Refused(*_NOT_ONE)
        known.add(found[1])


@lru_cache
def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _tags(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[_Tag]:
    """Yield the opening tags that matter, streaming; document types and tags without an end are refused."""
    rest, before = b"", 0
    for piece in _pieces(package, part):
        text = rest + piece
        read = 0
        for found in _TAG.finditer(text):
            read = found.start()
            if found[3] or (found[2] is None and len(text) - read > _LONGEST_TAG):
                raise _Refused(*_NOT_ONE)
            if found[2] is None:  # it goes on in the next piece
                break
            yield _Tag(found[1], found[2], before + read)
            read = found.end()
        else:
            read = max(read, text.rfind(b"<"))  # its name may go on there
        rest = text[read:]
        if len(rest) > _LONGEST_TAG:
            if rest.startswith(b"<") and b">" not in rest:
                raise _Refused(*_NOT_ONE)
            rest, read = b"", len(text)
        before += read


def _pieces(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the bytes of a part, as many as there are; more than it is said to have, or wide ones, are refused."""
    said, part.file_size = part.file_size, LARGEST_UNPACKED + 1  # so that all there is comes out, whatever was said
    read = 0
    try:
        with package.open(part) as file:
            while piece := file.read(_PIECE):
                read += len(piece)
                if read > said or (read == len(piece) and _is_wide(piece)):
                    raise _Refused(*_NOT_ONE)
                yield piece
    finally:
        part.file_size = said


def _is_wide(start: bytes) -> bool:
    """Tell XML in two bytes a character, in which no tag would be found."""
    return start[:2] in (b"\xff\xfe", b"\xfe\xff") or start[:4] in (b"<\0?\0", b"\0<\0?", b"<\0w\0", b"\0<\0w")


def _written_out(package: zipfile.ZipFile, seen: _Seen, longest: int) -> int:
    """Return how many bytes the shared texts come to, each counted once a cell that shows it."""
    total = found = 0
    for part in package.infolist():
        rest = b""
        for piece in _pieces(package, part):
            text, last = rest + piece, 0
            for cell in _SHARED.finditer(text):
                number, last = int(cell[1]), cell.end()
                total += seen.lengths[number] if number < len(seen.lengths) else longest
                found += 1
            rest = text[max(last, len(text) - 1024) :]
    return total + max(0, seen.shared - found) * longest
