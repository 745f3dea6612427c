"""Tiles and entry bundles (C2SP tlog-tiles), read from the entries and subtrees as a tree of the head's size has them."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from warifu.gateway.log import entries
from warifu.gateway.schema import SUBTREE
from warifu.tlog.frontier import Frontier, TileHash
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.tiles import (
    TILE_WIDTH,
    Bundle,
    TileError,
    encode_entries,
    encode_tile,
    hashes_at,
    parse_path,
)


class TileMissingError(TileError):
    """No tile there yet."""


_ADD = insert(SUBTREE)
_REMOVE = delete(SUBTREE)
_HASHES = (
    select(SUBTREE.c.hash)
    .where(
        SUBTREE.c.level == bindparam("level"),
        SUBTREE.c.place >= bindparam("first"),
        SUBTREE.c.place < bindparam("end"),
    )
    .order_by(SUBTREE.c.place)
)


def content(connection: Connection, path: str, size: int) -> tuple[bytes, bool]:
    """The content at a path of a log of `size` leaves, and whether it is full, so that it never changes.

    Raises:
        TileError: no tile has this path.
        TileMissingError: the log is not that large yet.
    """
    where = parse_path(path)
    if where.start + where.width > hashes_at(where.level, size):
        raise TileMissingError("the log is not that large yet")
    if isinstance(where, Bundle):
        return encode_entries(entries.leaves(connection, where.start, where.start + where.width)), where.full
    return encode_tile(_hashes(connection, where.level, where.start, where.width)), where.full


def frontier(connection: Connection, size: int) -> Frontier:
    """The right edge of the stored tree."""
    tiles = {}
    level = 0
    while wide := hashes_at(level, size):
        width = wide % TILE_WIDTH
        tiles[level] = b"".join(_hashes(connection, level, wide - width, width))
        level += 1
    return Frontier.from_tiles(size, tiles)


def add(connection: Connection, finished: list[TileHash]) -> None:
    """Keep the hashes that an appending completed."""
    if finished:
        values = [{"level": one.level, "place": one.index, "hash": one.hash} for one in finished]
        connection.execute(_ADD, values)


def clear(connection: Connection) -> None:
    """Forget all subtrees: for a new log alone."""
    connection.execute(_REMOVE)


def _hashes(connection: Connection, level: int, first: int, width: int) -> list[bytes]:
    if level == 0:
        return [leaf_hash(one) for one in entries.leaves(connection, first, first + width)]
    return list(connection.execute(_HASHES, {"level": level, "first": first, "end": first + width}).scalars())
