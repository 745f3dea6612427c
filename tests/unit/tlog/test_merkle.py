"""Merkle hashing against the RFC's own recursive definition and published figures."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tlog.reference import LEAVES as FIXED
from unit.tlog.reference import flipped, mth, path, proof

from warifu.tlog.merkle import EMPTY_ROOT, MerkleError, Tree, leaf_hash, root, root_from_path, roots_from_consistency

LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=40)
SIZES = st.integers(1, 300)
# Leaves and roots of the trees of 1 to 8 of them: transparency-dev/merkle, testonly/constants.go (first in Google's certificate-transparency).
PUBLISHED = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def definition(data):
    """MTH of RFC 6962 §2.1, word for word."""
    if len(data) == 1:
        return sha256(b"\0" + data[0]).digest()
    k = 1 << (len(data) - 1).bit_length() - 1
    return sha256(b"\1" + definition(data[:k]) + definition(data[k:])).digest()


def test_published_roots_come_out():
    """The roots over the leaves that other implementations are tested with are the published ones, from the empty tree on."""
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in PUBLISHED]
    assert [root(hashes[:n]).hex() for n in range(1, 9)] == ROOTS
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(LEAVES)
def test_roots_of_any_data_equal_the_definition(data):
    """The root over any leaves, equal ones among them, is that of the RFC's recursive definition."""
    hashes = [leaf_hash(item) for item in data]
    assert Tree(hashes).root == root(hashes) == definition(data)


@given(SIZES)
def test_paths_equal_the_definition(size):
    """Root and audit paths of every leaf equal those of the RFC's recursive definition."""
    tree = Tree(FIXED[:size])
    assert tree.root == mth(0, size)
    assert [tree.path(m) for m in range(size)] == [path(m, 0, size) for m in range(size)]
    assert [list(one) for one in tree.paths()] == [path(m, 0, size) for m in range(size)]


@given(LEAVES, st.data())
def test_a_path_leads_to_the_root_from_its_own_place_alone(data, draw):
    """A path leads to the root from its leaf and place; from another place, with another leaf or cut short it does not."""
    tree = Tree([leaf_hash(item) for item in data])
    index = draw.draw(st.integers(0, len(data) - 1))
    leaf, its_path = leaf_hash(data[index]), tree.path(index)
    assert root_from_path(leaf, index, len(data), its_path) == tree.root
    other = draw.draw(st.integers(0, len(data) - 1).filter(lambda place: place != index)) if len(data) > 1 else None
    wrong = [(leaf_hash(data[index] + b"!"), index, its_path)]
    if other is not None:
        wrong += [(leaf, other, its_path), (leaf, index, its_path[:-1])]
    for bad_leaf, place, bad_path in wrong:
        with suppress(MerkleError):
            # the same content twice is the same tree seen from either place
            assert root_from_path(bad_leaf, place, len(data), bad_path) != tree.root or data[place] == data[index]


@given(st.integers(2, 500), st.data())
def test_a_consistency_proof_leads_to_both_roots(new, draw):
    """The RFC's consistency proof leads to the older and the newer root; altered, cut, lengthened or for other sizes it does not."""
    old = draw.draw(st.integers(1, new - 1))
    steps = proof(old, new)
    roots = (mth(0, old), mth(0, new))
    assert roots_from_consistency(old, roots[0], new, steps) == roots
    at, byte = draw.draw(st.integers(0, len(steps) - 1)), draw.draw(st.integers(0, 31))
    altered = [*steps[:at], flipped(steps[at], byte), *steps[at + 1 :]]
    wrong = [(old, altered, new), (old, steps[:-1], new), (old, [*steps, steps[-1]], new), (old, steps[1:], new)]
    wrong += [(size, steps, new) for size in (old - 1, old + 1)]
    for size, bad, newer in wrong:
        with suppress(MerkleError):
            reached = roots_from_consistency(size, roots[0], newer, bad)
            assert reached != roots


@pytest.mark.parametrize(
    ("index", "size", "steps"),
    [
        (0, 0, []),
        (-1, 1, []),
        (1, 1, []),
        (0, 2, []),
        (0, 1, [b"x" * 32]),
        (0, 2, [b"x" * 31]),
        (0, 2, [b"x" * 32] * 40),
        (0, 1 << 63, [b"x" * 32] * 63),
        (0, 1 << 4000, [b"x" * 32] * 4000),
    ],
)
def test_a_path_that_fits_no_tree_is_refused(index, size, steps):
    """A path of the wrong length, an index outside the tree, a tree beyond 63 bits or a hash that is not 32 bytes raises."""
    with pytest.raises(MerkleError):
        root_from_path(b"l" * 32, index, size, steps)


@pytest.mark.parametrize(
    ("old", "new", "old_root", "steps"),
    [
        (0, 1, EMPTY_ROOT, []),
        (1, 1, b"r" * 32, []),
        (2, 1, b"r" * 32, [b"x" * 32]),
        (-1, 1, b"r" * 32, []),
        (1, 2, b"r" * 32, []),
        (3, 4, b"r" * 32, []),
        (3, 4, b"r" * 32, [b"x" * 32]),
        (1, 2, b"r" * 32, [b"x" * 31]),
        (1, 2, b"r" * 31, [b"x" * 32]),
        (1, 2, b"r" * 32, [b"x" * 32] * 2),
        (1, 1 << 63, b"r" * 32, [b"x" * 32] * 63),
        (1, 1 << 4000, b"r" * 32, [b"x" * 32] * 4000),
    ],
)
def test_a_consistency_proof_that_fits_no_trees_is_refused(old, new, old_root, steps):
    """A proof between sizes that need or have none, of a wrong length, or with a hash that is not 32 bytes raises."""
    with pytest.raises(MerkleError):
        roots_from_consistency(old, old_root, new, steps)


def test_the_largest_tree_has_paths():
    """A path of 63 hashes, the longest that there is, is read."""
    assert len(root_from_path(b"l" * 32, 0, (1 << 63) - 1, [b"x" * 32] * 63)) == 32


def test_a_tree_needs_a_leaf():
    """There is no root over nothing, and no path of a leaf that is not there."""
    with pytest.raises(MerkleError):
        root([])
    with pytest.raises(MerkleError):
        Tree([b"l" * 32]).path(1)
