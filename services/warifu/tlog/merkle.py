"""Merkle trees as in RFC 6962 §2.1 (RFC 9162 §2.1): hashing, roots, audit paths and consistency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

HASH_SIZE: Final = 32
"""Bytes of a hash."""
LARGEST_SIZE: Final = (1 << 63) - 1
"""Leaves of the largest tree: c2sp.org/tlog-witness allows no longer proof than 63 hashes."""
LONGEST_PATH: Final = 63
"""Hashes in the longest path of an inclusion or a consistency proof that is read."""
EMPTY_ROOT: Final = sha256().digest()
"""The root of a tree without leaves: the hash of nothing."""


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
            self._levels.append(parents(self._levels[-1]))

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

    def paths(self) -> list[tuple[bytes, ...]]:
        """The audit paths of all leaves, each as `path` gives it; those of neighbours share what is above them, and so the work."""
        known: list[tuple[bytes, ...]] = [()]
        for level in reversed(self._levels[:-1]):
            above, known = known, []
            for left, right, upper in zip(level[::2], level[1::2], above, strict=False):
                known += ((right, *upper), (left, *upper))
            known += above[len(level) // 2 :]  # a last node without a sibling rises unchanged
        return known


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes.

    Raises:
        MerkleError: there are none.
    """
    return leaf_hashes[0] if len(leaf_hashes) == 1 else Tree(leaf_hashes).root


def root_from_path(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], parent: Callable[[bytes, bytes], bytes] = node_hash
) -> bytes:
    """The root that a leaf hash and its audit path lead to (RFC 9162 §2.1.3.2).

    `parent` gives what `node_hash` gives; whoever follows many paths of one tree may remember it.

    Raises:
        MerkleError: the path does not fit a tree of `size` leaves, or a hash is not 32 bytes.
    """
    if not 0 <= index < size <= LARGEST_SIZE:
        raise MerkleError(f"leaf {index} of {size}")
    _check_hashes((leaf, *path))
    node, position, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            raise MerkleError("path is too long")
        if position & 1 or position == last:
            node = parent(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = parent(node, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise MerkleError("path is too short")
    return node


def roots_from_consistency(old_size: int, old_root: bytes, new_size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of the older and the newer tree that a consistency proof leads to (RFC 9162 §2.1.4.2).

    The proof holds when both are the expected ones; `old_root` is needed because the RFC leaves it out of the path
    when the older tree is complete. For 0 < old_size < new_size: everything is consistent with an empty tree, and a tree with itself.

    Raises:
        MerkleError: the path does not fit trees of these sizes, or a hash is not 32 bytes.
    """
    if not 0 < old_size < new_size <= LARGEST_SIZE:
        raise MerkleError(f"no proof leads from {old_size} to {new_size}")
    _check_hashes((old_root, *path))
    complete = old_size & (old_size - 1) == 0
    steps = [old_root, *path] if complete else list(path)
    if not steps:
        raise MerkleError("path is too short")
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise MerkleError("path is too long")
        if position & 1 or position == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, step)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise MerkleError("path is too short")
    return old, new


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > LONGEST_PATH + 1 or {HASH_SIZE}.union(map(len, hashes)) != {HASH_SIZE}:
        raise MerkleError("path with a hash that is not 32 bytes, or too long")


def parents(level: Sequence[bytes]) -> list[bytes]:
    """The level above: the node over each two neighbours, and a last one without a sibling as it is."""
    above = [
        sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)
    ]  # `node_hash`, without a call for each
    if len(level) & 1:
        above.append(level[-1])
    return above
