"""The tree, against the vectors of Certificate Transparency, the definition in RFC 6962, and tlog-tiles."""

import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher import paths
from publisher.log.merkle import EMPTY, Tree, grow, leaf_hash, node_hash, tiles_of, width_of

# The eight entries and their roots that the implementations of RFC 6962 share.
ENTRIES = [bytes.fromhex(one) for one in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def defined(hashes):
    """The hash over hashes as RFC 6962, 2.1 defines it."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return hashlib.sha256(b"\x01" + defined(hashes[:half]) + defined(hashes[half:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_the_vectors_of_certificate_transparency(plant, size):
    assert plant(ENTRIES[:size], 3).root().hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_hash_of_nothing():
    assert Tree(0, lambda *_: b"").root() == EMPTY == defined([])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 1500), st.integers(1, 700), st.data())
def test_roots_branches_and_growth_are_those_defined(size, step, data):
    leaves = [leaf_hash(b"%d" % one) for one in range(size)]
    tiles = {}
    for start in range(0, size, step):
        for one in grow(start, leaves[start : start + step], lambda level, number, width: tiles[level, number]):
            tiles[one.level, one.number] = one.hashes
    tree = Tree(size, lambda level, number, width: tiles[level, number][: width * 32])
    assert tree.root() == defined(leaves)
    index, earlier = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    assert tree.root_with(index, leaves[index]) == tree.root()
    assert tree.root_with(index, leaf_hash(b"other")) != tree.root()
    assert tree.grown_from(earlier) == (defined(leaves[:earlier]), tree.root())


def test_growth_tells_a_rewritten_beginning(plant):
    entries = [b"%d" % one for one in range(600)]
    honest, forked = plant(entries, 100), plant([b"x", *entries[1:]], 100)
    before, now = forked.grown_from(300)
    assert now == forked.root()
    assert before != plant(entries[:300], 100).root() == honest.grown_from(300)[0]


def test_the_tiles_are_those_the_specification_counts():
    widths = Counter((level, width) for level, _, width in tiles_of(70_000))
    assert widths == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    assert list(tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tiles_of(0)) == []
    assert width_of(0, 3, 700) == 0


@given(st.integers(0, 200_000), st.integers(0, 200_000))
@settings(deadline=None)
def test_the_tiles_that_changed_are_those_of_another_width(one, other):
    since, size = sorted((one, other))
    everything = {(level, number): width for level, number, width in tiles_of(size)}
    before = {(level, number): width for level, number, width in tiles_of(since)}
    changed = {(level, number): width for level, number, width in tiles_of(size, since)}
    assert changed == {tile: width for tile, width in everything.items() if before.get(tile) != width}


@pytest.mark.parametrize(
    ("number", "width", "address"),
    [(0, 256, "000"), (7, 5, "007.p/5"), (1000, 256, "x001/000"), (1234067, 256, "x001/x234/067"),
     (999_999, 255, "x999/999.p/255")],
)  # fmt: skip
def test_tiles_are_where_the_specification_has_them(number, width, address):
    assert paths.log_tile("0", number, width) == f"/log/tile/0/{address}"
    assert paths.file_of(paths.log_tile("entries", number, width)) == f"log/tile/entries/{address}"


def test_a_leaf_is_never_a_node():
    assert leaf_hash(b"\x01" + bytes(64)) != node_hash(bytes(32), bytes(32))
