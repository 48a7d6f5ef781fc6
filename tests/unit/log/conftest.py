"""A small portal of which every run is kept, and a key that anybody may know."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from publisher.log.merkle import Tree, grow, leaf_hash
from publisher.log.note import Signer, signer_of


@pytest.fixture
def signer() -> Signer:
    return signer_of("gongshi.example.gov.cn/log", SigningKey(bytes(32)))


@pytest.fixture
def plant() -> Callable[[Sequence[bytes], int], Tree]:
    """A tree grown from entries, so many at a time, as its tiles have it."""

    def grown(entries: Sequence[bytes], step: int = 100) -> Tree:
        tiles: dict[tuple[int, int], bytes] = {}

        def read(level: int, number: int, width: int) -> bytes:
            return tiles[level, number]

        for start in range(0, len(entries), step):
            leaves = [leaf_hash(entry) for entry in entries[start : start + step]]
            for one in grow(start, leaves, read):
                tiles[one.level, one.number] = one.hashes
        return Tree(len(entries), read)

    return grown


@pytest.fixture
def theme() -> Path:
    return Path(__file__).resolve().parents[3] / "theme"
