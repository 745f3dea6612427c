"""Merkle trees as in RFC 6962 §2.1 (RFC 9162 §2.1): hashing, roots and audit paths."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

HASH_SIZE = 32
"""Bytes of a hash."""
LONGEST_PATH = 32
"""Hashes in the longest path that is read: a tree of 2**32 leaves."""


class MerkleError(ValueError):
    """A path that leads to no root: wrong length, index outside the tree, or a hash of a wrong size."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's data: SHA-256(0x00 ‖ data)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree over given leaf hashes, with its root and the path of each leaf.

    Levels are built upwards; a last node without a sibling rises unchanged, which gives the RFC's left-full tree.
    """

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        if not leaf_hashes:
            raise MerkleError("a tree needs a leaf")
        self._levels = [list(leaf_hashes)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_parents(self._levels[-1]))

    def __len__(self) -> int:
        return len(self._levels[0])

    @property
    def root(self) -> bytes:
        """The 32-byte root."""
        return self._levels[-1][0]

    def path(self, index: int) -> list[bytes]:
        """The audit path of leaf `index` (from 0), lowest level first.

        Raises:
            MerkleError: there is no such leaf.
        """
        if not 0 <= index < len(self):
            raise MerkleError(f"leaf {index} of {len(self)}")
        path = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes.

    Raises:
        MerkleError: there are none.
    """
    return leaf_hashes[0] if len(leaf_hashes) == 1 else Tree(leaf_hashes).root


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf hash and its audit path lead to (RFC 9162 §2.1.3.2).

    Raises:
        MerkleError: the path does not fit a tree of `size` leaves, or a hash is not 32 bytes.
    """
    if not 0 <= index < size:
        raise MerkleError(f"leaf {index} of {size}")
    if len(path) > LONGEST_PATH or any(len(item) != HASH_SIZE for item in (leaf, *path)):
        raise MerkleError("path with a hash that is not 32 bytes, or too long")
    node, position, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise MerkleError("path is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise MerkleError("path is too short")
    return node


def _parents(level: list[bytes]) -> list[bytes]:
    parents = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    if len(level) & 1:
        parents.append(level[-1])
    return parents
