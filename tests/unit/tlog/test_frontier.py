"""The right edge of a growing tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tlog.reference import LEAVES, MOST, mth, proof, tiles

from warifu.tlog.frontier import Frontier, TileHash
from warifu.tlog.merkle import EMPTY_ROOT, MerkleError, leaf_hash


@given(st.lists(st.integers(0, MOST), max_size=8))
def test_any_way_of_growing_gives_the_roots_of_the_definition(sizes):
    """However a tree grows, one leaf or many at a time, its root at each size is that of the RFC's definition."""
    edge = Frontier()
    for size in sorted(sizes):
        edge = edge.append(LEAVES[edge.size : size])
        assert (edge.size, edge.root) == (size, mth(0, size))


def test_growing_leaf_by_leaf_gives_every_root():
    """Appended one by one, the roots of all sizes up to 2,000 are those of the definition."""
    edge = Frontier()
    for size, leaf in enumerate(LEAVES, start=1):
        edge = edge.append([leaf])
        assert edge.root == mth(0, size)


@given(st.integers(0, MOST), st.integers(0, MOST))
def test_an_edge_that_was_stored_carries_on(first, second):
    """From the stored hashes alone, or from the stored partial tiles, the tree grows on to the same root."""
    old, new = sorted((first, second))
    stored = Frontier().append(LEAVES[:old])
    partial = {
        int(path.split("/")[1]): data
        for path, data in tiles(old).items()
        if ".p/" in path and not path.startswith("tile/entries")
    }
    for restored in (Frontier(old, stored.hashes), Frontier.from_tiles(old, partial)):
        assert restored == stored
        assert restored.append(LEAVES[old:new]).root == mth(0, new)


@given(st.integers(0, MOST), st.integers(0, MOST))
def test_growing_tells_the_hashes_that_tiles_gain(first, second):
    """Growing tells exactly the hashes above level 0 that full tiles complete, each once, with its place."""
    old, new = sorted((first, second))
    _, finished = Frontier().append(LEAVES[:old]).grow(LEAVES[old:new])
    expected = [TileHash(1, at, mth(at * 256, (at + 1) * 256)) for at in range(old // 256, new // 256)]
    assert finished == expected


@given(st.integers(0, MOST), st.integers(0, MOST))
def test_an_edge_proves_what_grows_from_it(first, second):
    """From an edge and the leaves after it comes the RFC's proof of consistency; from nothing, or to itself, an empty one."""
    old, new = sorted((first, second))
    expected = proof(old, new) if old else []
    assert Frontier().append(LEAVES[:old]).consistency(LEAVES[old:new]) == expected


def test_edges_of_small_trees_prove_every_growth():
    """Between any two sizes up to 70, the edge's proof is the RFC's."""
    for old in range(1, 70):
        edge = Frontier().append(LEAVES[:old])
        for new in range(old, 71):
            assert edge.consistency(LEAVES[old:new]) == proof(old, new), (old, new)


def test_growing_by_a_whole_tile_of_tiles_tells_two_levels():
    """65,536 leaves at once complete 256 hashes at level 1 and one at level 2."""
    leaves = [leaf_hash(n.to_bytes(4, "big")) for n in range(65_537)]
    edge, finished = Frontier().grow(leaves)
    assert [(item.level, item.index) for item in finished] == [*((1, at) for at in range(256)), (2, 0)]
    assert finished[-1].hash == edge.hashes[0]
    assert edge.append(leaves[:1]).size == 65_538


def test_an_edge_is_a_value():
    """Growing leaves the edge that it began from as it was."""
    edge = Frontier().append(LEAVES[:3])
    edge.append(LEAVES[3:9])
    assert (edge.size, edge.root) == (3, mth(0, 3))
    assert Frontier().root == EMPTY_ROOT


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        (-1, ()),
        (0, (b"x" * 32,)),
        (1, ()),
        (3, (b"x" * 32,)),
        (1, (b"x" * 31,)),
        (1 << 63, (b"x" * 32,)),
    ],
)
def test_hashes_that_are_no_edge_are_refused(size, hashes):
    """Stored hashes whose number or length does not fit the size raise."""
    with pytest.raises(MerkleError):
        Frontier(size, hashes)


@pytest.mark.parametrize(
    ("size", "partial"),
    [
        (1, {}),
        (257, {0: b"x" * 32}),
        (256, {0: b"x" * 32, 1: b"x" * 32}),
        (1, {0: b"x" * 31}),
        (1, {0: b"x" * 64}),
        (-1, {}),
        (1 << 64, {8: b"x" * 32}),
    ],
)
def test_tiles_that_are_no_edge_are_refused(size, partial):
    """A partial tile that is missing, too many or of another width raises."""
    with pytest.raises(MerkleError):
        Frontier.from_tiles(size, partial)


def test_a_leaf_hash_of_another_length_is_refused():
    """A leaf hash that is not 32 bytes does not enter the tree, nor does one leaf too many."""
    with pytest.raises(MerkleError):
        Frontier().append([b"short"])
    full = (1 << 63) - 1
    with pytest.raises(MerkleError):
        Frontier(full, (b"x" * 32,) * full.bit_count()).append([b"x" * 32])
