"""Lists of the search index: ascending numbers as binary files, and shards of keys with their numbers."""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import sub
from zlib import crc32

from publisher.searchfile import PART, ROW, inflate, running
from publisher.site.search.coding import Unit, chunk_bits, deflate, text_file


def list_file(numbers: Sequence[int]) -> bytes:
    """Return a list of ascending numbers."""
    if not numbers:
        return deflate([b""])
    gaps = array("I", [numbers[0]])
    gaps.extend(map(sub, numbers[1:], numbers))
    if sys.byteorder == "big":
        gaps.byteswap()
    data = gaps.tobytes()
    return deflate(data[plane::4] for plane in range(4))


def list_without(content: bytes, gone: Iterable[int]) -> bytes:
    """Return a list without some of its numbers."""
    data = inflate(content)
    size = len(data) // 4
    planes = [bytearray(data[plane * size : (plane + 1) * size]) for plane in range(4)]
    numbers = list(running(data))
    for number in gone:
        at = bisect_left(numbers, number)
        if at == len(numbers) or numbers[at] != number:
            continue
        if at + 1 < len(numbers):  # the gap behind it grows
            gap = numbers[at + 1] - (numbers[at - 1] if at else 0)
            for plane, byte in zip(planes, gap.to_bytes(4, "little"), strict=True):
                plane[at + 1] = byte
        del numbers[at]
        for plane in planes:
            del plane[at]
    return deflate(map(bytes, planes))


def number_shards(kind: str, rows: Iterable[tuple[str, int, str]], size: int) -> Iterator[Unit]:
    """Yield shards, of ``size`` characters on average, of keys with their total and their numbers as gaps.

    What stands behind the numbers of a key, a tab between, is kept.
    """
    ready = [(key, f"{key}{PART}{total}{PART}{numbers}") for key, total, numbers in rows]
    written, shards = sum(len(row) for _, row in ready), 1
    while shards * size < written:
        shards *= 2
    shard: list[list[str]] = [[] for _ in range(shards)]
    for key, row in ready:
        shard[crc32(key.encode()) & (shards - 1)].append(row)
    for number, here in enumerate(shard):
        yield f"{kind}/{number}", text_file(([ROW.join(sorted(here))],))


def rows_of(section: str, keys: Iterable[str]) -> dict[int, str]:
    """Return the rows of some keys of a shard by the places they begin at, in their order."""
    text, found = f"{ROW}{section}{ROW}", {}
    for key in keys:
        at = text.find(f"{ROW}{key}{PART}")
        if at >= 0:
            found[at] = text[at + 1 : text.index(ROW, at + 1)]
    return dict(sorted(found.items()))


def numbers_without(section: str, rows: Mapping[int, str], leaving: Mapping[str, Collection[int]]) -> bytes:
    """Return a shard of keys and numbers again, without the subjects that some of its rows (:func:`rows_of`) lose."""
    kept, end = [], 0
    for at, row in rows.items():
        kept.append(section[end:at])
        if changed := _number_row_without(row, leaving[row.partition(PART)[0]]):
            kept.append(changed + ROW)
        end = at + len(row) + 1
    return text_file((["".join((*kept, section[end:])).removesuffix(ROW)],))


def _number_row_without(row: str, leaving: Collection[int]) -> str | None:
    key, total, listed, *more = row.split(PART)
    if int(total) <= len(leaving):
        return None
    gaps = listed.split(",") if listed else []
    docs = list(accumulate(map(int, gaps)))
    for doc in leaving:
        at = bisect_left(docs, doc)
        if at < len(docs) and docs[at] == doc:  # only the newest may be listed
            gaps[at : at + 2] = [str(int(gaps[at]) + int(gaps[at + 1]))] if at + 1 < len(docs) else []
            del docs[at]
    return PART.join((key, str(int(total) - len(leaving)), ",".join(gaps), *more))


def span(size: int) -> int:
    """Return the power of two that covers numbers below ``size``."""
    return 1 << max(1, (size - 1).bit_length()) if size > 1 else 2


def list_files(unit: str, docs: Sequence[int], size: int) -> Iterator[Unit]:
    """Yield the parts of a list; each covers an equal range of numbers."""
    bits = chunk_bits(len(docs))
    width = span(size) >> bits
    begin = 0
    for part in range(1 << bits):
        end = bisect_left(docs, (part + 1) * width, begin)
        yield f"{unit}.{part}", list_file(docs[begin:end])
        begin = end
