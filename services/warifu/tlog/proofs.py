"""Proofs made from tiles, and their checks (RFC 9162 §2.1.3 and §2.1.4; c2sp.org/tlog-tiles).

`TiledTree` reads what a log serves and believes none of it: the tiles at the right edge must give the root that is trusted, every other
tile must give the hash that the tile above has in its place. So a proof that comes out always fits, and whoever serves a wrong tile is
told by its path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Final

from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    LARGEST_SIZE,
    MerkleError,
    leaf_hash,
    node_hash,
    parents,
    root_from_path,
    roots_from_consistency,
)
from warifu.tlog.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Bundle,
    Tile,
    TileError,
    bundle_at,
    decode_entries,
    decode_tile,
    hashes_at,
    tile_at,
)

Reader = Callable[[str], Awaitable[bytes]]
"""Gives the content at a path of the log, such as "tile/0/000"; raises `TileMissingError` when there is none."""
TILES_KEPT: Final = 256
"""Tiles that a `TiledTree` remembers: 2 MiB."""


class ProofError(ValueError):
    """A proof that proves nothing, or tiles that are not those of the tree."""


class WrongTileError(ProofError):
    """What the log serves is no tile, or not one of the tree.

    Attributes:
        path: of the tile or bundle, such as "tile/0/000"; empty when the tiles at the edge together are those of another tree.
        readable: it is a tile, but another tree's.
    """

    def __init__(self, problem: str, path: str, *, readable: bool) -> None:
        super().__init__(problem)
        self.path, self.readable = path, readable


class TileMissingError(LookupError):
    """The log serves nothing at a path."""


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """See that the leaf with this hash is at `index` of the tree with this size and root.

    Raises:
        ProofError: the path does not lead there.
    """
    try:
        reached = root_from_path(leaf, index, size, path)
    except MerkleError as error:
        raise ProofError(f"no proof of inclusion: {error}") from error
    if reached != root:
        raise ProofError(f"the path from leaf {index} leads to another tree of {size} leaves")


def check_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """See that the newer tree begins with the older one. The path is empty when the older is empty or both are the same.

    Raises:
        ProofError: it does not, or is smaller, or the path does not show it.
    """
    if not 0 <= old_size <= new_size <= LARGEST_SIZE:
        raise ProofError(f"a tree of {new_size} leaves does not continue one of {old_size}")
    if old_size in (0, new_size):
        expected = EMPTY_ROOT if old_size == 0 else new_root
        if path or old_root != expected:
            raise ProofError(f"two trees of {old_size} leaves differ, or a path where none is needed")
        return
    try:
        reached = roots_from_consistency(old_size, old_root, new_size, path)
    except MerkleError as error:
        raise ProofError(f"no proof of consistency: {error}") from error
    if reached != (old_root, new_root):
        raise ProofError(f"the tree of {new_size} leaves does not begin with that of {old_size}")


class TiledTree:
    """A tree of known size and root, read from the tiles that its log serves. Everything that it returns is checked."""

    __slots__ = ("_edge", "_kept", "_read", "root", "size")

    def __init__(self, read: Reader, size: int, root: bytes) -> None:
        """The tree of a checkpoint that is trusted. Nothing is read yet.

        Raises:
            ProofError: no tree has this size or root.
        """
        if not 0 <= size <= LARGEST_SIZE or len(root) != HASH_SIZE or (size == 0 and root != EMPTY_ROOT):
            raise ProofError(f"no tree has {size} leaves and this root")
        self.size = size
        """Leaves."""
        self.root = root
        """32 bytes."""
        self._read = read
        self._edge: dict[int, list[bytes]] | None = None
        self._kept: dict[Tile, list[bytes]] = {}

    async def inclusion(self, index: int) -> list[bytes]:
        """The audit path of a leaf, lowest level first.

        Raises:
            ProofError: no such leaf, or the log serves tiles of another tree.
            TileMissingError: the log does not serve a tile that it must have.
        """
        if not 0 <= index < self.size:
            raise ProofError(f"leaf {index} of {self.size}")
        path: list[bytes] = []
        start, end = 0, self.size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(await self._hash(middle, end))
                end = middle
            else:
                path.append(await self._hash(start, middle))
                start = middle
        return path[::-1]

    async def consistency(self, old_size: int) -> list[bytes]:
        """The proof that this tree begins with its first `old_size` leaves; empty for none and for all (RFC 9162 §2.1.4.1).

        Raises:
            ProofError, TileMissingError: as for `inclusion`.
        """
        if not 0 <= old_size <= self.size:
            raise ProofError(f"a tree of {self.size} leaves does not continue one of {old_size}")
        path: list[bytes] = []
        start, end = 0, self.size
        while 0 < old_size < end:
            middle = start + _split(end - start)
            if old_size <= middle:
                path.append(await self._hash(middle, end))
                end = middle
            else:
                path.append(await self._hash(start, middle))
                start = middle
        if start > 0:
            path.append(await self._hash(start, end))
        return path[::-1]

    async def root_at(self, size: int) -> bytes:
        """The root of the tree that the first `size` leaves make.

        Raises:
            ProofError, TileMissingError: as for `inclusion`.
        """
        if not 0 <= size <= self.size:
            raise ProofError(f"a tree of {self.size} leaves holds none of {size}")
        return await self._hash(0, size) if size else EMPTY_ROOT

    async def leaf(self, index: int) -> bytes:
        """The hash of one leaf. Many leaves of one tile cost one check, where each audit path would be computed anew.

        Raises:
            ProofError, TileMissingError: as for `inclusion`.
        """
        if not 0 <= index < self.size:
            raise ProofError(f"leaf {index} of {self.size}")
        return (await self._tile(tile_at(0, index // TILE_WIDTH, self.size)))[index % TILE_WIDTH]

    async def leaf_hashes(self, start: int, end: int) -> AsyncIterator[list[bytes]]:
        """The hashes of leaves from `start` up to `end`, at most 256 at a time.

        Raises:
            ProofError, TileMissingError: as for `inclusion`.
        """
        for tile, since, until in self._spans(start, end):
            yield (await self._tile(tile_at(0, tile, self.size)))[since:until]

    async def entries(self, start: int, end: int) -> AsyncIterator[list[bytes]]:
        """The entries from `start` up to `end`, at most 256 at a time.

        Raises:
            ProofError, TileMissingError: as for `inclusion`.
        """
        for index, since, until in self._spans(start, end):
            yield (await self._bundle(bundle_at(index, self.size)))[since:until]

    def _spans(self, start: int, end: int) -> list[tuple[int, int, int]]:
        if not 0 <= start <= end <= self.size:
            raise ProofError(f"leaves {start} to {end} of {self.size}")
        cuts = [start, *range((start // TILE_WIDTH + 1) * TILE_WIDTH, end, TILE_WIDTH), end]
        return [
            (since // TILE_WIDTH, since % TILE_WIDTH, until - since // TILE_WIDTH * TILE_WIDTH)
            for since, until in pairwise(cuts)
            if since < until
        ]

    async def _hash(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]) of RFC 9162 §2.1.1, for a range that its splits lead to: `start` is a multiple of 2**k >= end - start."""
        node: bytes | None = None
        while length := end - start:
            height = (length & -length).bit_length() - 1
            left = await self._complete(height, (end >> height) - 1)
            node = left if node is None else node_hash(left, node)
            end -= 1 << height
        if node is None:
            raise ProofError("no leaves, no hash")
        return node

    async def _complete(self, height: int, index: int) -> bytes:
        """The root of a complete subtree of 2**height leaves, the `index`th of its height."""
        level, above = divmod(height, TILE_HEIGHT)
        first = index << above
        hashes = await self._tile(tile_at(level, first // TILE_WIDTH, self.size))
        at = first % TILE_WIDTH
        return _fold(hashes[at : at + (1 << above)])

    async def _tile(self, tile: Tile) -> list[bytes]:
        """The hashes of a tile of this tree, checked: at the edge against the root, elsewhere against the tile above."""
        if not tile.full:
            return (await self._right_edge())[tile.level]
        if tile in self._kept:
            return self._kept[tile]
        hashes = await self._fetch(tile)
        if _fold(hashes) != await self._above(tile.level, tile.index):
            raise self._foreign(tile.path)
        self._keep(tile, hashes)
        return hashes

    async def _bundle(self, bundle: Bundle) -> list[bytes]:
        content, path = await self._content(bundle)
        try:
            entries = decode_entries(content, bundle.width if path == bundle.path else TILE_WIDTH)[: bundle.width]
        except TileError as error:
            raise WrongTileError(f"{path}: {error}", path, readable=False) from error
        hashes = [leaf_hash(entry) for entry in entries]
        if bundle.full:
            fits = _fold(hashes) == await self._above(0, bundle.index)
        else:
            fits = hashes == await self._tile(tile_at(0, bundle.index, self.size))
        if not fits:
            raise self._foreign(path)
        return entries

    async def _above(self, level: int, index: int) -> bytes:
        """The hash that stands for a full tile in the tile above it."""
        row = await self._tile(tile_at(level + 1, index // TILE_WIDTH, self.size))
        return row[index % TILE_WIDTH]

    async def _right_edge(self) -> dict[int, list[bytes]]:
        if self._edge is None:
            edge: dict[int, list[bytes]] = {}
            level = 0
            while wide := hashes_at(level, self.size):
                if wide % TILE_WIDTH:
                    edge[level] = await self._fetch(tile_at(level, wide // TILE_WIDTH, self.size))
                level += 1
            joined = {level: b"".join(hashes) for level, hashes in edge.items()}
            if Frontier.from_tiles(self.size, joined).root != self.root:
                problem = f"the tiles at the edge are not of the tree with {self.size} leaves and this root"
                raise WrongTileError(problem, "", readable=True)
            self._edge = edge
        return self._edge

    async def _fetch(self, tile: Tile) -> list[bytes]:
        content, path = await self._content(tile)
        try:
            return decode_tile(content, tile.width if path == tile.path else TILE_WIDTH)[: tile.width]
        except TileError as error:
            raise WrongTileError(f"{path}: {error}", path, readable=False) from error

    async def _content(self, place: Tile | Bundle) -> tuple[bytes, str]:
        """What the log serves there and at which path. A log may drop a partial tile when it has the full one."""
        try:
            return await self._read(place.path), place.path
        except TileMissingError:
            if place.full:
                raise
        full = Bundle(place.index) if isinstance(place, Bundle) else Tile(place.level, place.index)
        return await self._read(full.path), full.path

    def _foreign(self, path: str) -> WrongTileError:
        return WrongTileError(f"{path} is not of the tree with {self.size} leaves", path, readable=True)

    def _keep(self, tile: Tile, hashes: list[bytes]) -> None:
        if len(self._kept) >= TILES_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[tile] = hashes


def _split(leaves: int) -> int:
    """The largest power of two that is smaller (RFC 9162 §2.1.1)."""
    return 1 << (leaves - 1).bit_length() - 1


def _fold(hashes: list[bytes]) -> bytes:
    """The root over 2**k hashes."""
    while len(hashes) > 1:
        hashes = parents(hashes)
    return hashes[0]
