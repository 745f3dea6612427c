"""The right edge of a growing tree: the roots of its complete subtrees, which is all that appending needs (a compact range).

A tree of `size` leaves is a row of complete subtrees, one for each bit set in `size`, largest first (RFC 9162 §2.1.1, left-full trees).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Self

from warifu.tlog.merkle import EMPTY_ROOT, HASH_SIZE, LARGEST_SIZE, MerkleError, node_hash, parents
from warifu.tlog.tiles import TILE_HEIGHT


@dataclass(frozen=True, slots=True)
class TileHash:
    """One hash of a tile at level 1 or above: the root of a full tile a level below. At level 0 the hashes are those of the leaves."""

    level: int
    index: int
    """From 0, among all hashes of the level."""
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """The edge of a tree, as a value: 32 bytes for each bit set in its size. `Frontier()` is the empty tree's."""

    size: int = 0
    """Leaves."""
    hashes: tuple[bytes, ...] = ()
    """Roots of the complete subtrees, largest (leftmost) first: what is to be stored to carry on later."""

    def __post_init__(self) -> None:
        """Refuse what is no edge.

        Raises:
            MerkleError: the hashes are not those of a tree of this size.
        """
        if not 0 <= self.size <= LARGEST_SIZE or len(self.hashes) != self.size.bit_count():
            raise MerkleError(f"{len(self.hashes)} hashes are no edge of a tree of {self.size} leaves")
        if any(len(item) != HASH_SIZE for item in self.hashes):
            raise MerkleError("edge with a hash that is not 32 bytes")

    @classmethod
    def from_tiles(cls, size: int, tiles: Mapping[int, bytes]) -> Self:
        """The edge from stored hashes: `tiles[level]` holds those of the level's partial tile, end to end, for a tree of `size`.

        Raises:
            MerkleError: a tile is missing or has another width.
        """
        hashes: list[bytes] = []
        for level in reversed(range(-(-size.bit_length() // TILE_HEIGHT))):
            width = size >> TILE_HEIGHT * level & (1 << TILE_HEIGHT) - 1
            data = tiles.get(level, b"")
            if len(data) != width * HASH_SIZE:
                raise MerkleError(f"the partial tile at level {level} of a tree of {size} leaves has {width} hashes")
            row = [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
            hashes += cls().append(row).hashes
        return cls(size, tuple(hashes))

    @property
    def root(self) -> bytes:
        """The tree's 32-byte root."""
        if not self.hashes:
            return EMPTY_ROOT
        *larger, node = self.hashes
        for left in reversed(larger):
            node = node_hash(left, node)
        return node

    def append(self, leaf_hashes: Sequence[bytes]) -> Frontier:
        """The edge after these leaves."""
        return self.grow(leaf_hashes)[0]

    def grow(self, leaf_hashes: Sequence[bytes]) -> tuple[Frontier, list[TileHash]]:
        """The edge after these leaves, and the hashes that they complete in tiles above level 0, lowest level first.

        Raises:
            MerkleError: the tree would be too large, or a hash is not 32 bytes.
        """
        if {HASH_SIZE}.union(map(len, leaf_hashes)) != {HASH_SIZE}:
            raise MerkleError("leaf hash that is not 32 bytes")
        size = self.size + len(leaf_hashes)
        smallest_first = list(reversed(self.hashes))
        nodes, kept, finished = list(leaf_hashes), [], []
        for height in count():
            if size >> height == 0:
                break
            before = self.size >> height
            if height and height % TILE_HEIGHT == 0:
                level = height // TILE_HEIGHT
                finished += [TileHash(level, before + at, node) for at, node in enumerate(nodes)]
            if before & 1:
                nodes.insert(0, smallest_first.pop(0))
            if len(nodes) & 1:
                kept.append(nodes.pop())
            nodes = parents(nodes)
        return Frontier(size, tuple(reversed(kept))), finished

    def consistency(self, leaf_hashes: Sequence[bytes]) -> list[bytes]:
        """The proof that the tree after these leaves begins with this one; empty from the empty tree and without leaves (RFC 9162 §2.1.4.1).

        Left of the way from this tree's last complete subtree to the root lie the others of the edge, right of it what the leaves make.
        """
        if not self.size or not leaf_hashes:
            return []
        position, right = self.size - 1, list(leaf_hashes)
        while position & 1:  # up to the last complete subtree's root
            position, right = position >> 1, parents(right)
        last, *larger = reversed(self.hashes)
        path = [last] if position else []
        while position or right:
            if position & 1:
                path.append(larger.pop(0))
            elif right:
                path.append(right.pop(0))
            position, right = position >> 1, parents(right)
        return path
