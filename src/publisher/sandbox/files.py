"""The JSON texts in the files of a folder: where each begins and ends, and nothing about what it says."""

import json
import os
import re
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, NamedTuple

import orjson

_SPACE = re.compile(r"[ \t\n\r]*")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # how Python writes the bytes of such a file name
_BOM = b"\xef\xbb\xbf"


class Span(NamedTuple):
    """One JSON text: the bytes ``start`` to ``end`` of its file, and their digest."""

    start: int
    end: int
    digest: bytes


def digest_of(text: bytes) -> bytes:
    """What tells one text from another."""
    return blake2b(text, digest_size=16).digest()


def find_files(folder: Path) -> dict[str, tuple[int, ...]]:
    """Every ``.json`` and ``.jsonl`` file under a folder, in order of its path, with what changes when the
    file does (time, size, inode). Dot files are left out: editors and writers keep half-done ones there; so
    are names that are not UTF-8, which no record of them could hold."""
    found: dict[str, tuple[int, ...]] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith((".json", ".jsonl")) and not name.startswith("."):
                path = os.path.join(parent, name)  # noqa: PTH118  # called for every file of every request
                try:
                    stat = os.stat(path)  # noqa: PTH116
                except OSError:
                    continue  # gone since the folder was listed
                inside = os.path.relpath(path, folder)
                if not _NOT_UTF8.search(inside):
                    found[inside] = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    return dict(sorted(found.items()))


def spans_of(path: Path) -> tuple[list[Span], int]:
    """The JSON texts of a file, in order, and how many it holds that are not JSON: lines of a ``.jsonl``
    file, or the whole of a ``.json`` file, whose array is taken apart into its elements."""
    try:
        data = path.read_bytes()
    except OSError:
        return [], 1
    base = len(_BOM) if data.startswith(_BOM) else 0
    spans: list[Span] = []
    skipped = 0
    for start, end in _lines(data, base) if path.suffix == ".jsonl" else _elements(data, base):
        text = data[start:end]
        try:
            orjson.loads(text)
        except ValueError:
            skipped += 1
        else:
            spans.append(Span(start, end, digest_of(text)))
    return spans, skipped


def read_spans(folder: Path | None, places: list[tuple[str, Span]]) -> tuple[str | None, list[bytes]]:
    """The texts at these places. When one is no longer what it was: the path of the file that changed."""
    texts: list[bytes] = []
    files: dict[str, BinaryIO] = {}
    try:
        for path, span in places:
            assert folder is not None
            if path not in files:
                files[path] = (folder / path).open("rb")
            files[path].seek(span.start)
            text = files[path].read(span.end - span.start)
            if digest_of(text) != span.digest:
                return path, []
            texts.append(text)
    except OSError:
        return path, []
    finally:
        for file in files.values():
            file.close()
    return None, texts


def _lines(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    while start < len(data):
        end = data.find(b"\n", start)
        if end < 0:
            end = len(data)
        line = data[start:end]
        if text := line.strip(b" \t\r"):
            begin = start + line.index(text)
            yield begin, begin + len(text)
        start = end + 1


def _elements(data: bytes, base: int) -> Iterator[tuple[int, int]]:
    """The elements of an array, or the one text there is. A file that is not JSON comes as one text."""
    try:
        whole = orjson.loads(data[base:])
    except ValueError:
        whole = None
    if not isinstance(whole, list):
        yield base, len(data)
        return
    text = data[base:].decode()
    decoder = json.JSONDecoder()
    at = _skip(text, _skip(text, 0) + 1)
    here = base + len(text[:at].encode())
    while text[at] != "]":
        end = decoder.raw_decode(text, at)[1]
        size = len(text[at:end].encode())
        yield here, here + size
        then = _skip(text, end)
        if text[then] == ",":
            then = _skip(text, then + 1)
        here += size + (then - end)  # between elements stand only ASCII signs
        at = then


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()
