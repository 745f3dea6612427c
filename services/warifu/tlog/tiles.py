"""Tiles of a log: where each is, what a tree of a given size has of them, and what is in them (c2sp.org/tlog-tiles).

A full tile at level L holds 256 hashes; each is the root of 256**L leaves. A partial one is the right end of its level. Entry bundles
lie beside level 0 and hold the entries themselves. Paths are relative to the log's URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from warifu.tlog.merkle import HASH_SIZE, LARGEST_SIZE

TILE_HEIGHT: Final = 8
"""Tree levels in a tile."""
TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile, entries in a full bundle."""
CHECKPOINT_PATH: Final = "checkpoint"
"""Where the newest signed tree head is."""
LARGEST_ENTRY: Final = 0xFFFF
"""Bytes of the longest entry that a bundle can hold."""
_HIGHEST_LEVEL: Final = 63
_PATH: Final = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


class TileError(ValueError):
    """A path that no tile has, or bytes that are no tile or bundle."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile is: hashes `index * 256` to `index * 256 + width` of a level."""

    level: int
    """0 holds leaf hashes."""
    index: int
    width: int = TILE_WIDTH
    """Hashes: 256, or fewer in a partial tile."""

    def __post_init__(self) -> None:
        """Refuse what no tree has.

        Raises:
            TileError: a level, index or width that no tile has.
        """
        if not 0 <= self.level <= _HIGHEST_LEVEL:
            raise TileError(f"no tile has level {self.level}")
        _check_place(self.index, self.width)

    @property
    def full(self) -> bool:
        """Has it all of its hashes."""
        return self.width == TILE_WIDTH

    @property
    def start(self) -> int:
        """The place of its first hash within the level."""
        return self.index * TILE_WIDTH

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`."""
        return f"tile/{self.level}/{_numbered(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where an entry bundle is: entries `index * 256` to `index * 256 + width`."""

    index: int
    width: int = TILE_WIDTH
    """Entries: 256, or fewer in a partial bundle."""
    level: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Refuse what no tree has.

        Raises:
            TileError: an index or width that no bundle has.
        """
        _check_place(self.index, self.width)

    @property
    def full(self) -> bool:
        """Has it all of its entries."""
        return self.width == TILE_WIDTH

    @property
    def start(self) -> int:
        """The index of its first entry."""
        return self.index * TILE_WIDTH

    @property
    def path(self) -> str:
        """`tile/entries/<N>[.p/<W>]`."""
        return f"tile/entries/{_numbered(self.index, self.width)}"


def parse_path(path: str) -> Tile | Bundle:
    """The tile or bundle that has this path.

    Raises:
        TileError: none has, or it is not written as the specification wants it.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileError("not the path of a tile")
    level, number, width = match.groups()
    index = int(number.replace("x", "").replace("/", ""))
    wide = TILE_WIDTH if width is None else int(width)
    found = Bundle(index, wide) if level == "entries" else Tile(int(level), index, wide)
    if found.path != path:
        raise TileError("not the path of a tile: leading zeros, or a full width")
    return found


def hashes_at(level: int, size: int) -> int:
    """How many hashes a tree of `size` leaves has in tiles of a level."""
    return size >> TILE_HEIGHT * level


def tile_at(level: int, index: int, size: int) -> Tile:
    """A tile as a tree of `size` leaves has it, full or partial.

    Raises:
        TileError: that tree has none there.
    """
    return Tile(level, index, _width(level, index, size))


def bundle_at(index: int, size: int) -> Bundle:
    """An entry bundle as a tree of `size` leaves has it, full or partial.

    Raises:
        TileError: that tree has none there.
    """
    return Bundle(index, _width(0, index, size))


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """The tiles of a tree of `size` leaves that a tree of `since` leaves has not, or narrower; lowest level first."""
    level = 0
    while wide := hashes_at(level, size):
        for index in range(hashes_at(level, since) // TILE_WIDTH, -(-wide // TILE_WIDTH)):
            tile = tile_at(level, index, size)
            if tile.start + tile.width > hashes_at(level, since):
                yield tile
        level += 1


def bundles_of(size: int, since: int = 0) -> Iterator[Bundle]:
    """The entry bundles of a tree of `size` leaves that a tree of `since` leaves has not, or narrower."""
    for index in range(since // TILE_WIDTH, -(-size // TILE_WIDTH)):
        bundle = bundle_at(index, size)
        if bundle.start + bundle.width > since:
            yield bundle


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """The content of a tile.

    Raises:
        TileError: not 1 to 256 hashes of 32 bytes.
    """
    if not 1 <= len(hashes) <= TILE_WIDTH or set(map(len, hashes)) != {HASH_SIZE}:
        raise TileError(f"a tile has 1 to {TILE_WIDTH} hashes of {HASH_SIZE} bytes")
    return b"".join(hashes)


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """The `width` hashes of a tile.

    Raises:
        TileError: the content has another length.
    """
    if len(data) != width * HASH_SIZE:
        raise TileError(f"a tile of {width} hashes has {width * HASH_SIZE} bytes, not {len(data)}")
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """The content of an entry bundle: each entry after its length in two bytes.

    Raises:
        TileError: not 1 to 256 entries, or one is too long.
    """
    if not 1 <= len(entries) <= TILE_WIDTH or any(len(entry) > LARGEST_ENTRY for entry in entries):
        raise TileError(f"a bundle has 1 to {TILE_WIDTH} entries of at most {LARGEST_ENTRY} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_entries(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle.

    Raises:
        TileError: the content ends early, or holds another number of entries.
    """
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or len(data) - at < 2:  # noqa: PLR2004 - the length's own two bytes
            raise TileError("a bundle ends in the middle of an entry")
        entries.append(data[at + 2 : end])
        at = end
    if len(entries) != width:
        raise TileError(f"a bundle has {len(entries)} entries, not {width}")
    return entries


def _check_place(index: int, width: int) -> None:
    if not 0 <= index <= LARGEST_SIZE // TILE_WIDTH:
        raise TileError(f"no tile has index {index}")
    if not 1 <= width <= TILE_WIDTH:
        raise TileError(f"no tile has width {width}")


def _width(level: int, index: int, size: int) -> int:
    if not (0 <= level <= _HIGHEST_LEVEL and index >= 0 and 0 <= size <= LARGEST_SIZE):
        raise TileError(f"no tree has a tile at level {level}, index {index}, size {size}")
    width = min(TILE_WIDTH, hashes_at(level, size) - index * TILE_WIDTH)
    if width < 1:
        raise TileError(f"a tree of {size} leaves has no tile {index} at level {level}")
    return width


def _numbered(index: int, width: int) -> str:
    last = f"{index % 1000:03d}"
    while index := index // 1000:
        last = f"x{index % 1000:03d}/{last}"
    return last if width == TILE_WIDTH else f"{last}.p/{width}"
