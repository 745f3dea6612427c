"""Merkle hashing against the RFC's own recursive definition."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.tlog.merkle import MerkleError, Tree, leaf_hash, root, root_from_path

LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def mth(data):
    """MTH of RFC 6962 §2.1, word for word."""
    if len(data) == 1:
        return sha256(b"\0" + data[0]).digest()
    k = 1 << (len(data) - 1).bit_length() - 1
    return sha256(b"\1" + mth(data[:k]) + mth(data[k:])).digest()


def rfc_path(m, data):
    """PATH of RFC 6962 §2.1.1, word for word."""
    if len(data) == 1:
        return []
    k = 1 << (len(data) - 1).bit_length() - 1
    if m < k:
        return [*rfc_path(m, data[:k]), mth(data[k:])]
    return [*rfc_path(m - k, data[k:]), mth(data[:k])]


@given(LEAVES)
def test_root_and_paths_equal_the_definition(data):
    """Roots and audit paths of every size equal those of the RFC's recursive definition."""
    tree = Tree([leaf_hash(item) for item in data])
    assert tree.root == root([leaf_hash(item) for item in data]) == mth(data)
    assert [tree.path(m) for m in range(len(data))] == [rfc_path(m, data) for m in range(len(data))]


@given(LEAVES, st.data())
def test_a_path_leads_to_the_root_from_its_own_place_alone(data, draw):
    """A path leads to the root from its leaf and place; from another place, with another leaf or cut short it does not."""
    tree = Tree([leaf_hash(item) for item in data])
    index = draw.draw(st.integers(0, len(data) - 1))
    leaf, path = leaf_hash(data[index]), tree.path(index)
    assert root_from_path(leaf, index, len(data), path) == tree.root
    other = draw.draw(st.integers(0, len(data) - 1).filter(lambda place: place != index)) if len(data) > 1 else None
    wrong = [(leaf_hash(data[index] + b"!"), index, path)]
    if other is not None:
        wrong += [(leaf, other, path), (leaf, index, path[:-1])]
    for bad_leaf, place, bad_path in wrong:
        with suppress(MerkleError):
            # the same content twice is the same tree seen from either place
            assert root_from_path(bad_leaf, place, len(data), bad_path) != tree.root or data[place] == data[index]


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [(0, 0, []), (1, 1, []), (0, 2, []), (0, 1, [b"x" * 32]), (0, 2, [b"x" * 31]), (0, 2, [b"x" * 32] * 40)],
)
def test_a_path_that_fits_no_tree_is_refused(index, size, path):
    """A path of the wrong length, an index outside the tree or a hash that is not 32 bytes raises."""
    with pytest.raises(MerkleError):
        root_from_path(b"l" * 32, index, size, path)


def test_a_tree_needs_a_leaf():
    """There is no root over nothing, and no path of a leaf that is not there."""
    with pytest.raises(MerkleError):
        root([])
    with pytest.raises(MerkleError):
        Tree([b"l" * 32]).path(1)
