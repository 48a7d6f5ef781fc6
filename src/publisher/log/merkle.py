"""The tree of hashes (RFC 6962, section 2.1), read and grown by tiles of 256 hashes (c2sp.org/tlog-tiles)."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

HASH = 32  # bytes
WIDTH = 256  # hashes in a full tile
EMPTY = hashlib.sha256().digest()

ReadTile = Callable[[int, int, int], bytes]
"""Return the hashes of a tile by its level, number and width, or more of them, end to end."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two hashes beside each other."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def width_of(level: int, number: int, size: int) -> int:
    """Return how many hashes a tile has in a tree of ``size`` entries: 0 to 256."""
    return max(0, min(WIDTH, (size >> 8 * level) - number * WIDTH))


def tiles_of(size: int, since: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield level, number and width of every tile of a tree that is not as it was at the size ``since``."""
    level = 0
    while size >> 8 * level:
        for number in range((since >> 8 * level) // WIDTH, -(-(size >> 8 * level) // WIDTH)):
            if width_of(level, number, size) != width_of(level, number, since):
                yield level, number, width_of(level, number, size)
        level += 1


def pairs_up(hashes: bytes) -> bytes:
    """Return the hash over 1, 2, 4, … 256 hashes end to end."""
    sha256 = hashlib.sha256
    while len(hashes) > HASH:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[start : start + 64]).digest() for start in range(0, len(hashes), 64)]
        )
    return hashes


class Tree:
    """A tree of ``size`` entries, as its tiles say."""

    def __init__(self, size: int, read: ReadTile) -> None:
        self.size = size
        self._read = read
        self._last: tuple[tuple[int, int], bytes] | None = None

    def root(self) -> bytes:
        """Return the hash of the whole tree."""
        return self.range(0, self.size) if self.size else EMPTY

    def range(self, first: int, count: int) -> bytes:
        """Return the hash over ``count`` entries from ``first``, a multiple of the next power of two."""
        if count & (count - 1):
            half = _half(count)
            return node_hash(self.range(first, half), self.range(first + half, count - half))
        height = count.bit_length() - 1
        level, within = divmod(height, 8)
        number, place = divmod(first >> 8 * level, WIDTH)
        hashes = self._tile(level, number)[place * HASH : (place + (1 << within)) * HASH]
        return pairs_up(hashes)

    def grown_from(self, size: int) -> tuple[bytes, bytes]:
        """Return what the root was at a smaller size, and the root now, both over the same hashes: a tree whose earlier
        entries were rewritten cannot give both (RFC 6962, 2.1.2)."""
        return self._grown(0, self.size, size) if size else (EMPTY, self.root())

    def _grown(self, first: int, count: int, earlier: int) -> tuple[bytes, bytes]:
        if count == earlier:
            same = self.range(first, count)
            return same, same
        half = _half(count)
        if earlier <= half:
            before, now = self._grown(first, half, earlier)
            return before, node_hash(now, self.range(first + half, count - half))
        left = self.range(first, half)
        before, now = self._grown(first + half, count - half, earlier - half)
        return node_hash(left, before), node_hash(left, now)

    def root_with(self, index: int, leaf: bytes) -> bytes:
        """Return the root as it is if a hash is that of the entry ``index`` (RFC 6962, 2.1.1)."""
        return self._with(0, self.size, index, leaf)

    def _with(self, first: int, count: int, index: int, leaf: bytes) -> bytes:
        if count == 1:
            return leaf
        half = _half(count)
        if index < first + half:
            return node_hash(self._with(first, half, index, leaf), self.range(first + half, count - half))
        return node_hash(self.range(first, half), self._with(first + half, count - half, index, leaf))

    def _tile(self, level: int, number: int) -> bytes:
        if self._last is None or self._last[0] != (level, number):
            self._last = (level, number), self._read(level, number, width_of(level, number, self.size))
        return self._last[1]


def _half(count: int) -> int:
    """Return the largest power of two smaller than ``count``."""
    return 1 << (count - 1).bit_length() - 1


class Grown(NamedTuple):
    """A tile that grew: its level and number, and all of its hashes."""

    level: int
    number: int
    hashes: bytes


def grow(size: int, leaves: Sequence[bytes], read: ReadTile) -> Iterator[Grown]:
    """Yield every tile that changes when hashes of entries are added to a tree of ``size`` entries, lowest first."""
    level, added = 0, b"".join(leaves)
    while added:
        before = size >> 8 * level
        number, width = divmod(before, WIDTH)
        hashes = (read(level, number, width)[: width * HASH] if width else b"") + added
        full = []
        for start in range(0, len(hashes), WIDTH * HASH):
            tile = hashes[start : start + WIDTH * HASH]
            yield Grown(level, number, tile)
            number += 1
            if len(tile) == WIDTH * HASH:
                full.append(pairs_up(tile))
        level, added = level + 1, b"".join(full)
