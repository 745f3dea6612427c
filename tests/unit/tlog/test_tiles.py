"""Coordinates, paths and contents of tiles, against c2sp.org/tlog-tiles and the figures of other implementations' tests."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tlog.reference import MOST, tiles

from warifu.tlog import tiles as under_test
from warifu.tlog.tiles import (
    Bundle,
    Tile,
    TileError,
    bundle_at,
    bundles_of,
    decode_entries,
    decode_tile,
    encode_entries,
    encode_tile,
    hashes_at,
    parse_path,
    tile_at,
    tiles_of,
)

INDEXES = st.integers(0, (1 << 55) - 1)
WIDTHS = st.integers(1, 256)
PLACES = st.builds(Tile, st.integers(0, 63), INDEXES, WIDTHS) | st.builds(Bundle, INDEXES, WIDTHS)
ENTRIES = st.lists(st.binary(max_size=40), min_size=1, max_size=256)


@pytest.mark.parametrize(
    ("place", "path"),
    [
        # c2sp.org/tlog-tiles, and api/layout/paths_test.go of transparency-dev/tessera
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 255), "tile/0/000.p/255"),
        (Tile(1, 0), "tile/1/000"),
        (Tile(15, 455_667), "tile/15/x455/667"),
        (Tile(15, 123_456_789, 41), "tile/15/x123/x456/789.p/41"),
        (Bundle(0, 8), "tile/entries/000.p/8"),
        (Bundle(255, 253), "tile/entries/255.p/253"),
        (Bundle(123_456_789), "tile/entries/x123/x456/789"),
    ],
)
def test_published_paths(place, path):
    """Tiles and bundles have the paths that the specification and other implementations give them."""
    assert place.path == path
    assert parse_path(path) == place


@given(PLACES)
def test_paths_round_trip(place):
    """The path of any tile or bundle is read back as the same."""
    assert parse_path(place.path) == place


@given(PLACES, st.data())
def test_each_place_has_one_path(place, draw):
    """A path with any one character changed, left out or doubled names another place or none."""
    path = place.path
    at = draw.draw(st.integers(0, len(path) - 1))
    other = draw.draw(st.sampled_from("0123456789x/.p-+ e\n٣"))
    for wrong in (path[:at] + other + path[at + 1 :], path[:at] + path[at + 1 :], path[:at] + path[at] + path[at:]):
        if wrong != path:
            with suppress(TileError):
                assert parse_path(wrong) != place


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "/tile/0/000",
        "tile/0/000/",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/8/0/x00",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/X001/002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/" + "x999/" * 500 + "999",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "tile/0/../checkpoint",
        "checkpoint",
    ],
)
def test_what_is_no_path_is_refused(path):
    """Leading zeros, a full width, levels and indexes out of range, other digits and ways out of the folder raise."""
    with pytest.raises(TileError):
        parse_path(path)


def test_the_specification_s_trees():
    """Trees of 70,000 and of 256 leaves have the tiles that the specification counts."""
    counted = {}
    for tile in tiles_of(70_000):
        counted.setdefault((tile.level, tile.width), []).append(tile.index)
    assert {place: len(found) for place, found in counted.items()} == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert [tile.path for tile in tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]


@given(st.integers(0, MOST))
def test_a_tree_has_the_tiles_of_the_formula(size):
    """The tiles and bundles of any tree are those that the specification's formula gives."""
    listed = {tile.path for tile in tiles_of(size)} | {bundle.path for bundle in bundles_of(size)}
    assert listed == set(tiles(size))


@given(st.integers(0, 140_000), st.integers(0, 3_000))
def test_growing_needs_only_the_tiles_that_changed(since, more):
    """Of a tree that grew, the tiles that are new or wider are listed, and no other."""
    before = {tile.path for tile in tiles_of(since)} | {bundle.path for bundle in bundles_of(since)}
    after = {tile.path for tile in tiles_of(since + more)} | {bundle.path for bundle in bundles_of(since + more)}
    listed = [tile.path for tile in tiles_of(since + more, since)]
    listed += [bundle.path for bundle in bundles_of(since + more, since)]
    assert sorted(listed) == sorted(after - before)


@given(st.integers(1, (1 << 63) - 1), st.data())
def test_a_tile_is_as_wide_as_its_tree_makes_it(size, draw):
    """Any place in any tree lies in exactly one tile, which ends where the tree ends or is full."""
    level = draw.draw(st.integers(0, (size.bit_length() - 1) // 8))
    place = draw.draw(st.integers(0, hashes_at(level, size) - 1))
    tile = tile_at(level, place // 256, size)
    assert tile.start <= place < tile.start + tile.width
    assert tile.full or tile.start + tile.width == hashes_at(level, size)


@pytest.mark.parametrize(
    ("level", "index", "size"),
    [(0, 0, 0), (0, 1, 256), (1, 0, 255), (64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 1 << 63)],
)
def test_a_tile_outside_its_tree_is_refused(level, index, size):
    """A tile that a tree has not, of a level that there is not or of a tree beyond 63 bits raises."""
    with pytest.raises(TileError):
        tile_at(level, index, size)
    if level == 0:
        with pytest.raises(TileError):
            bundle_at(index, size)


@pytest.mark.parametrize(
    ("kind", "place"), [(Tile, (0, 0, 0)), (Tile, (0, 0, 257)), (Tile, (64, 0)), (Bundle, (-1,)), (Bundle, (1 << 55,))]
)
def test_places_that_cannot_be_are_refused(kind, place):
    """A level, an index or a width that no tile has raises."""
    with pytest.raises(TileError):
        kind(*place)


@given(ENTRIES)
def test_bundles_round_trip(entries):
    """A bundle is read back as the entries that it was made of, and as no other number of them."""
    data = encode_entries(entries)
    assert decode_entries(data, len(entries)) == entries
    for width in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(TileError):
            decode_entries(data, width)


@given(ENTRIES, st.data())
def test_a_bundle_that_is_cut_or_lengthened_is_refused(entries, draw):
    """A bundle without its last bytes, or with one more, raises."""
    data = encode_entries(entries)
    for wrong in (data[: draw.draw(st.integers(0, len(data) - 1))], data + b"\0"):
        with pytest.raises(TileError):
            decode_entries(wrong, len(entries))


def test_tiles_round_trip():
    """A tile is read back as its hashes; another length, no hash or one too many raises."""
    hashes = [bytes([n]) * 32 for n in range(256)]
    assert decode_tile(encode_tile(hashes), 256) == hashes
    for wrong in ([], [*hashes, b"x" * 32], [b"x" * 31]):
        with pytest.raises(TileError):
            encode_tile(wrong)
    for data, width in ((b"", 1), (b"x" * 31, 1), (b"x" * 64, 1)):
        with pytest.raises(TileError):
            decode_tile(data, width)


def test_bundles_hold_what_fits():
    """No bundle is made of nothing, of 257 entries, or with an entry whose length two bytes cannot tell."""
    for wrong in ([], [b""] * 257, [bytes(under_test.LARGEST_ENTRY + 1)]):
        with pytest.raises(TileError):
            encode_entries(wrong)
    longest = [bytes(under_test.LARGEST_ENTRY)]
    assert decode_entries(encode_entries(longest), 1) == longest
