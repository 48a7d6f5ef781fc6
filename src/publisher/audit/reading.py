"""Decoding what a file holds to the texts a reader of it would see.

Every encoding the site uses, and those a file might be wrapped in, are undone: HTML entities, percent-encoding
(RFC 3986), JSON escapes (RFC 8259), CSV quoting (RFC 4180), folded calendar lines (RFC 5545), gzip and brotli, zip and
the workbooks made of it, SQLite. Nothing here knows how the builder writes.
"""

import csv
import gzip
import html
import io
import os
import re
import sqlite3
import unicodedata
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from publisher import searchfile
from publisher.errors import SiteError

UNREADABLE = (
    SiteError, OSError, EOFError, RuntimeError,  # a zip with a password is a RuntimeError
    zlib.error, zipfile.BadZipFile, sqlite3.Error, csv.Error, CalamineError,
)  # fmt: skip
JSON = (".json", ".jsonl", ".geojson", ".webmanifest", ".map")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")

_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\u\{([0-9a-fA-F]{1,6})\}|\\x([0-9a-fA-F]{2})|\\([\"'/\\nrtbf])")
_PERCENT = re.compile("(?:%[0-9a-fA-F]{2})+")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BYTES = 1 << 16  # of a small file read at once
_PIECE, _OVERLAP = 1_000_000, 10_000  # characters
_FOLDED = re.compile(rb"\n[ \t]")
GROUP = 1000  # rows or values of a file looked at together
_ROUNDS = 3  # an address in JSON in an attribute is encoded three times over
_HASHES = re.compile(r"log/tile/\d+/(x\d{3}/)*\d{3}(\.p/\d+)?")  # tiles (C2SP tlog-tiles) begin with a hash
_SQLITE = b"SQLite format 3\x00"


def texts(name: str, content: bytes) -> Iterator[Iterable[str]]:
    """Yield the texts of a file, in groups: a text file as a whole, the cells and values of others.

    Raises one of :data:`UNREADABLE` for a file that is not what its name or its first bytes say.
    """
    if _is_packed(name, content):
        yield from texts(name.removesuffix(".gz").removesuffix(".br"), unpacked(name, content))
    elif content[:4] == b"PK\x03\x04":
        yield from _of_zip(content)
        if name.endswith(WORKBOOKS):
            yield from _of_workbook(content)
    elif content.startswith(_SQLITE):
        yield from _pieces(_decoded(content))  # what was deleted may still lie in free pages
        yield from _of_database(content)
    elif name.startswith("search/") and not name.endswith(JSON) and (inside := _inflated(content)) is not None:
        yield from _of_search_file(inside)
    else:
        for piece in _pieces(_decoded(content)):
            yield _of_text(name, *piece)


def _is_packed(name: str, head: bytes) -> bool:
    """Tell whether a file is compressed by gzip or brotli: by its name or first bytes, which in a hash are chance."""
    return name.endswith(".br") or (head[:2] == b"\x1f\x8b" and not _HASHES.fullmatch(name))


def is_text(name: str, head: bytes) -> bool:
    """Tell by its name and first bytes whether a file is text in UTF-8, and nothing that has to be unpacked first."""
    return not (
        head[:2] in (b"\xff\xfe", b"\xfe\xff")
        or _is_packed(name, head)
        or head[:4] == b"PK\x03\x04"
        or head.startswith(_SQLITE)
        or (name.startswith("search/") and not name.endswith(JSON))
    )


def is_split(name: str, piece: bytes) -> bool:
    """Tell whether marks of its form may stand within a word of a text: doubled quotes, folded lines."""
    if name.endswith((".csv", ".tsv")):
        return b'""' in piece
    return name.endswith((".ics", ".vcf")) and _FOLDED.search(piece) is not None


def pieces(file: Path, size: int) -> Generator[tuple[bytes, bytes], None, None]:
    """Yield a file in pieces of about ``size`` bytes, and what of each is new.

    They overlap by more than anything that is looked for is long, and are cut where a line ends, or between characters.
    """
    rest = b""
    with file.open("rb", buffering=0) as raw:
        left = os.fstat(raw.fileno()).st_size
        while fresh := raw.read(min(size, left)):
            whole = rest + fresh
            left -= len(fresh)
            if left <= 0:
                yield whole, fresh
                return
            yield whole[: _cut(whole, len(whole) - 4)], fresh
            rest = whole[_cut(whole, len(whole) - 8 * _OVERLAP) :]


def contents(folder: Path, files: Sequence[str]) -> Iterator[bytes | None]:
    """Yield what is in each of some small files, None for one that cannot be read.

    All are opened, and the system is told to fetch them, before the first is read: at a few hundred together this takes
    a third of the time where they are not in memory.
    """
    opened = [_opened(f"{folder}/{file}") for file in files]
    try:
        for number, one in enumerate(opened):
            opened[number] = None
            yield None if one is None else _read(one)
    finally:
        for one in opened:
            if one is not None:
                os.close(one)


def _opened(file: str) -> int | None:
    try:
        opened = os.open(file, os.O_RDONLY)
    except OSError:
        return None
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_WILLNEED)
    return opened


def _read(opened: int) -> bytes | None:
    try:
        parts = [os.read(opened, _BYTES)]
        while len(parts[-1]) == _BYTES:
            parts.append(os.read(opened, _BYTES))
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(opened)


def _cut(content: bytes, end: int) -> int:
    """Return where to cut content: behind the last line that ends shortly before ``end``, else before a character."""
    if line := content.rfind(b"\n", max(0, end - 4 * _OVERLAP), end) + 1:
        return line
    while 0 < end < len(content) and content[end] & 0xC0 == 0x80:
        end -= 1
    return end


def piece_texts(name: str, piece: bytes) -> Iterable[str]:
    """Return the texts of a piece of a file of text."""
    return _of_text(name, _decoded(piece))


def raw_texts(name: str, content: bytes) -> Iterator[Iterable[str]]:
    """Yield the texts of a large file quickly, as they stand: what is packed is unpacked, nothing is decoded.

    Raises one of :data:`UNREADABLE`.
    """
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                yield from _pieces(_decoded(archive.read(member)))
    elif _is_packed(name, content):
        yield from _pieces(_decoded(unpacked(name, content)))
    else:
        yield from _pieces(_decoded(content))


def _pieces(text: str) -> Iterator[tuple[str]]:
    """Yield a text in pieces that overlap by more than anything that is looked for is long."""
    if len(text) <= _PIECE:
        yield (text,)
        return
    for start in range(0, len(text), _PIECE - _OVERLAP):
        yield (text[start : start + _PIECE],)


def unpacked(name: str, content: bytes) -> bytes:
    """Return what a file holds that was compressed by gzip or brotli. Raises one of :data:`UNREADABLE`."""
    return _unbrotlied(content) if name.endswith(".br") else gzip.decompress(content)


def forms(text: str) -> Iterator[str]:
    """Yield a text as it stands and as every round of decoding leaves it."""
    yield text
    for _ in range(_ROUNDS):
        plain = text
        if "&" in plain:
            plain = html.unescape(plain)
        if "%" in plain:
            plain = _PERCENT.sub(_unquoted, plain)
        if "\\" in plain:
            plain = _SURROGATES.sub(_joined, _ESCAPE.sub(_unescaped, plain))
        if plain == text:
            return
        text = plain
        yield text


def normal(text: str) -> str:
    """Return a text as texts are compared: NFC, each run of blanks one space, none at the ends."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _decoded(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    return content.decode("utf-8-sig", errors="replace")


def _of_text(name: str, text: str) -> Iterable[str]:
    """Return a text as it stands, and without the marks of its form that may stand within a word."""
    if name.endswith((".csv", ".tsv")) and '""' in text:
        return (text, text.replace('""', '"'))
    if name.endswith((".ics", ".vcf")):
        return (text, re.sub(r"\r?\n[ \t]", "", text))
    return (text,)


def _of_zip(content: bytes) -> Iterator[Iterable[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        yield archive.namelist()
        for member in archive.infolist():
            yield from texts(member.filename, archive.read(member))


def _of_workbook(content: bytes) -> Iterator[Iterable[str]]:
    with closing(CalamineWorkbook.from_filelike(io.BytesIO(content))) as workbook:
        yield workbook.sheet_names
        for sheet in workbook.sheet_names:
            for row in workbook.get_sheet_by_name(sheet).to_python():
                yield [_cell(value) for value in row]


def _inflated(content: bytes) -> str | None:
    try:
        return _decoded(searchfile.inflate(content))
    except ValueError:
        return None


def _of_search_file(inside: str) -> Iterator[Iterable[str]]:
    """Yield the texts of a file of the search index, with the codes and addresses that it tells in a shorter form."""
    yield [inside]
    for section in inside.split(searchfile.SECTION):
        if section.count(searchfile.COLUMN) == searchfile.COLUMNS - 1:
            with suppress(ValueError):
                yield [text for line in searchfile.table(section) for text in (line.uscc or "", line.path)]


def _cell(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _of_database(content: bytes) -> Iterator[Iterable[str]]:
    readable = bytearray(content)
    readable[18:20] = b"\x01\x01"  # a database left in WAL mode cannot be read from memory
    with closing(sqlite3.connect(":memory:")) as database:
        database.text_factory = lambda raw: raw.decode(errors="replace")
        database.deserialize(bytes(readable))
        tables = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for table, sql in tables:
            yield [sql or ""]
            rows = database.execute(f'SELECT * FROM "{table.replace(chr(34), chr(34) * 2)}"')  # noqa: S608
            while values := list(chain.from_iterable(rows.fetchmany(GROUP))):
                yield [str(value) for value in values if value is not None and not isinstance(value, bytes)]
                for value in values:
                    if isinstance(value, bytes):
                        yield from texts("", value)


def _unbrotlied(content: bytes) -> bytes:
    if find_spec("brotli") is None:
        raise SiteError("the package brotli is not installed")
    brotli = import_module("brotli")
    try:
        return bytes(brotli.decompress(content))
    except brotli.error as error:
        raise SiteError("it is not what brotli writes") from error


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return " " if match[4] in "nrtbf" else match[4]
    return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else match[0]


def _unquoted(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("%", "")).decode(errors="replace")


def _joined(match: re.Match[str]) -> str:
    return match[0].encode("utf-16", "surrogatepass").decode("utf-16")
