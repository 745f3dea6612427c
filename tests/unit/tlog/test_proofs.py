"""Proofs from tiles: what comes out is the RFC's proof, whatever is wrong with a tile is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tlog.reference import ENTRIES, LEAVES, MOST, Log, flipped, gathered, mth, path, proof, run, tiles

from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import EMPTY_ROOT, leaf_hash
from warifu.tlog.proofs import ProofError, TiledTree, TileMissingError, check_consistency, check_inclusion
from warifu.tlog.tiles import encode_tile, tiles_of

SIZES = st.integers(1, MOST)


def tree_of(size, log=None):
    """The tree under test over a log that serves it right."""
    return TiledTree(log or Log(tiles(size)), size, mth(0, size))


@given(SIZES, st.data())
def test_inclusion_from_tiles_is_the_rfc_s(size, draw):
    """The audit path that tiles give is the RFC's, and passes; with any bit of it, of the leaf or of the root changed it does not."""
    index = draw.draw(st.integers(0, size - 1))
    found = run(tree_of(size).inclusion(index))
    assert found == path(index, 0, size)
    check_inclusion(LEAVES[index], index, size, found, mth(0, size))
    whole = b"".join([LEAVES[index], mth(0, size), *found])
    bad = flipped(whole, draw.draw(st.integers(0, len(whole) - 1)), draw.draw(st.integers(0, 7)))
    leaf, root, *steps = (bad[at : at + 32] for at in range(0, len(bad), 32))
    with pytest.raises(ProofError):
        check_inclusion(leaf, index, size, steps, root)


@given(SIZES, st.data())
def test_consistency_from_tiles_is_the_rfc_s(size, draw):
    """The consistency proof that tiles give is the RFC's, and passes; with any bit of it or of a root changed it does not."""
    old = draw.draw(st.integers(1, size))
    found = run(tree_of(size).consistency(old))
    assert found == proof(old, size)
    check_consistency(old, mth(0, old), size, mth(0, size), found)
    whole = b"".join([mth(0, old), mth(0, size), *found])
    bad = flipped(whole, draw.draw(st.integers(0, len(whole) - 1)), draw.draw(st.integers(0, 7)))
    old_root, root, *steps = (bad[at : at + 32] for at in range(0, len(bad), 32))
    with pytest.raises(ProofError):
        check_consistency(old, old_root, size, root, steps)


@given(SIZES, st.data())
def test_any_altered_byte_of_a_tile_that_is_read_is_found(size, draw):
    """Each bit of each tile that a proof, a root or the entries are made from counts: changed, nothing comes out but an error."""
    since = draw.draw(st.integers(0, size - 1))
    asks = {
        "inclusion": lambda tree: tree.inclusion(since),
        "consistency": lambda tree: tree.consistency(since + 1),
        "root": lambda tree: tree.root_at(since + 1),
        "leaves": lambda tree: gathered(tree.leaf_hashes(since, size)),
        "entries": lambda tree: gathered(tree.entries(since, size)),
    }
    ask = asks[draw.draw(st.sampled_from(sorted(asks)))]
    good = Log(tiles(size))
    run(ask(tree_of(size, good)))
    if not good.asked:
        return  # the proof of a tree with itself reads nothing
    spoilt = draw.draw(st.sampled_from(sorted(set(good.asked))))
    bad = Log(tiles(size))
    content = bad.served[spoilt]
    bad.served[spoilt] = flipped(content, draw.draw(st.integers(0, len(content) - 1)), draw.draw(st.integers(0, 7)))
    with pytest.raises(ProofError):
        run(ask(tree_of(size, bad)))
    bad.served[spoilt] = content[:-1]
    with pytest.raises(ProofError):
        run(ask(tree_of(size, bad)))
    del bad.served[spoilt]
    with pytest.raises(TileMissingError):
        run(ask(tree_of(size, bad)))


@given(SIZES, st.data())
def test_two_leaves_swapped_are_found(size, draw):
    """Leaves that changed places in a tile are found, though each hash is one of the tree's own."""
    a, b = draw.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)) if size > 1 else (0, 0)
    log = Log(tiles(size))
    path_of = {
        index: next(p for p in log.served if p.split(".p")[0] == f"tile/0/{index // 256:03d}") for index in (a, b)
    }
    for index, leaf in ((a, LEAVES[b]), (b, LEAVES[a])):
        content, at = log.served[path_of[index]], index % 256 * 32
        log.served[path_of[index]] = content[:at] + leaf + content[at + 32 :]
    if a != b:
        with pytest.raises(ProofError):
            run(tree_of(size, log).inclusion(a))


@given(SIZES, st.data())
def test_what_is_read_is_the_log(size, draw):
    """Entries, leaf hashes and earlier roots come out as they are in the log, for any part of it."""
    start = draw.draw(st.integers(0, size))
    end = draw.draw(st.integers(start, size))
    tree = tree_of(size)
    assert run(gathered(tree.entries(start, end))) == ENTRIES[start:end]
    assert run(gathered(tree.leaf_hashes(start, end))) == LEAVES[start:end]
    assert run(tree.root_at(end)) == mth(0, end)


@given(SIZES, st.integers(0, MOST))
def test_a_dropped_partial_tile_is_read_from_the_full_one(size, later):
    """When the log has grown and dropped its partial tiles, proofs for the older tree come from the full ones."""
    grown = max(size, later)
    log = Log(tiles(grown))
    partial = {
        place: data for place, data in tiles(size).items() if ".p/" in place and place.split(".p/")[0] not in log.served
    }
    log.served |= partial
    tree = tree_of(size, log)
    assert run(tree.inclusion(size - 1)) == path(size - 1, 0, size)
    assert run(gathered(tree.entries(0, size))) == ENTRIES[:size]


def test_another_root_is_refused_before_anything_comes_out():
    """Tiles of a tree that was never signed give nothing, even if they are sound among themselves."""
    tree = TiledTree(Log(tiles(700)), 700, mth(0, 699))
    for ask in (tree.inclusion(0), tree.consistency(5), tree.root_at(700), gathered(tree.entries(0, 1))):
        with pytest.raises(ProofError, match="edge"):
            run(ask)


def test_the_path_of_the_wrong_tile_is_named():
    """Who served a wrong tile reads its path in the error."""
    log = Log(tiles(700))
    log.served["tile/0/001"] = flipped(log.served["tile/0/001"], 5)
    with pytest.raises(ProofError, match=r"^tile/0/001 is not of the tree"):
        run(tree_of(700, log).inclusion(300))


def test_tiles_are_read_once():
    """Proofs from one tree read no tile twice, so that a page of entries costs few reads."""
    log = Log(tiles(MOST))
    tree = tree_of(MOST, log)
    for index in range(0, MOST, 40):
        run(tree.inclusion(index))
    assert sorted(log.asked) == sorted(place for place in tiles(MOST) if not place.startswith("tile/entries"))


def test_the_empty_tree_is_a_tree():
    """Of an empty tree there is nothing to read, and everything is consistent with it."""
    tree = TiledTree(Log({}), 0, EMPTY_ROOT)
    assert run(tree.root_at(0)) == EMPTY_ROOT
    assert run(tree.consistency(0)) == []
    assert run(gathered(tree.entries(0, 0))) == []
    check_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    check_consistency(0, EMPTY_ROOT, 5, mth(0, 5), [])
    with pytest.raises(ProofError):
        TiledTree(Log({}), 0, mth(0, 1))


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "steps"),
    [
        (0, mth(0, 1), 5, mth(0, 5), []),
        (0, EMPTY_ROOT, 5, mth(0, 5), [mth(0, 5)]),
        (5, mth(0, 5), 5, mth(0, 4), []),
        (5, mth(0, 5), 5, mth(0, 5), [mth(0, 5)]),
        (6, mth(0, 6), 5, mth(0, 5), []),
        (-1, EMPTY_ROOT, 5, mth(0, 5), []),
        (5, mth(0, 5), 1 << 63, mth(0, 5), [mth(0, 5)] * 63),
    ],
)
def test_inconsistent_heads_are_refused(old, old_root, new, new_root, steps):
    """A smaller tree, two trees of one size, a path where none is needed and sizes that no tree has raise."""
    with pytest.raises(ProofError):
        check_consistency(old, old_root, new, new_root, steps)


def test_what_is_not_in_the_tree_is_refused():
    """Leaves and sizes outside the tree raise, and nothing is read for them."""
    log = Log(tiles(9))
    tree = tree_of(9, log)
    asks = [tree.inclusion(9), tree.inclusion(-1), tree.consistency(10), tree.consistency(-1), tree.root_at(10)]
    asks += [gathered(tree.entries(0, 10)), gathered(tree.leaf_hashes(3, 2)), gathered(tree.entries(-1, 2))]
    for ask in asks:
        with pytest.raises(ProofError):
            run(ask)
    assert log.asked == []
    with pytest.raises(ProofError):
        TiledTree(log, 1 << 63, b"x" * 32)


def test_a_bundle_of_other_entries_is_refused():
    """A bundle whose entries are cut otherwise, or too many, raises though its tile is right."""
    for content in (b"\0\1x" * 9, b"\0\1x" * 8, b"\0\1", b""):
        log = Log(tiles(9))
        log.served["tile/entries/000.p/9"] = content
        with pytest.raises(ProofError):
            run(gathered(tree_of(9, log).entries(0, 9)))


def test_proofs_of_a_log_with_three_levels():
    """In a tree of 66,000 leaves, which has tiles at level 2, any two tiles that are changed alike are still found."""
    leaves = [leaf_hash(n.to_bytes(4, "big")) for n in range(66_000)]
    edge, finished = Frontier().grow(leaves)
    rows = {0: leaves, 1: [item.hash for item in finished if item.level == 1], 2: [finished[-1].hash]}
    served = {
        tile.path: encode_tile(rows[tile.level][tile.start : tile.start + tile.width]) for tile in tiles_of(edge.size)
    }
    tree = TiledTree(Log(served), edge.size, edge.root)
    for index in (0, 65_535, 65_536, 65_999):
        check_inclusion(leaves[index], index, edge.size, run(tree.inclusion(index)), edge.root)
    for old in (1, 256, 65_535, 65_536, 65_537, 65_999):
        check_consistency(old, Frontier().append(leaves[:old]).root, edge.size, edge.root, run(tree.consistency(old)))
    # a forged tile at level 0 with its hash forged at level 1: level 2 tells
    served["tile/0/007"] = flipped(served["tile/0/007"], 0)
    forged = Frontier().append([served["tile/0/007"][at : at + 32] for at in range(0, 8192, 32)]).root
    served["tile/1/000"] = served["tile/1/000"][: 7 * 32] + forged + served["tile/1/000"][8 * 32 :]
    with pytest.raises(ProofError, match="tile/1/000"):
        run(TiledTree(Log(served), edge.size, edge.root).inclusion(7 * 256))
