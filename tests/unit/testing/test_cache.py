"""Where filled networks are kept."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from warifu.simulator.state import StateError
from warifu.simulator.testing import cache


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network that does not run."""
    folder = tmp_path / "filled"
    (folder / "tax").mkdir(parents=True)
    (folder / "tax" / "party.json").write_text("{}")
    (folder / "tax" / "party.log").write_text("of the one that ran")
    return folder


def kept(network: Path, name: str = "200-1-abc") -> Path:
    """Where a copy of it is kept now."""
    place = cache.home() / name
    cache.keep(network, place)
    return place


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_what_is_kept_is_found_whole(network: Path, tmp_path: Path) -> None:
    """A copy lies for this user alone, without logs, and is laid into a new folder without the cache's own listing."""
    place = kept(network)

    assert cache.find(place)
    assert place.stat().st_mode & 0o777 == 0o700
    cache.lay(place, tmp_path / "state")
    assert [str(path.relative_to(tmp_path / "state")) for path in (tmp_path / "state").rglob("*.*")] == [
        "tax/party.json"
    ]
    assert not cache.find(place.with_name("200-2-abc"))


@pytest.mark.parametrize("harm", ["shorter", "gone", "more", "unlisted"])
def test_what_is_not_whole_is_not_found(network: Path, harm: str) -> None:
    """A network of which a file was changed, removed or added goes, and can be kept anew."""
    place = kept(network)
    file = place / "tax" / "party.json"
    match harm:
        case "shorter":
            file.write_text("")
        case "gone":
            file.unlink()
        case "more":
            (place / "tax" / "other").write_text("x")
        case _:
            (place / cache.LISTING).unlink()

    assert not cache.find(place)
    assert not place.exists()
    assert cache.find(kept(network))


def test_the_one_used_longest_ago_goes(network: Path) -> None:
    """No more are kept than are said, and what a process left unfinished a day ago goes too."""
    for number in range(cache.KEPT + 2):
        os.utime(kept(network, f"200-{number}-abc"), (number, number))
    left = cache.home() / "making-left"
    left.mkdir()
    os.utime(left, (1, 1))
    kept(network, "200-99-abc")

    newest = [*range(3, cache.KEPT + 2), 99]
    assert {one.name for one in cache.home().iterdir()} == {f"200-{number}-abc" for number in newest}


def test_where_the_cache_cannot_be_written_it_lies_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be made is no reason not to start; one of another user's is never used."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache.home() == tmp_path / f"warifu-{os.getuid()}" / "templates"

    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    with pytest.raises(StateError, match="XDG_CACHE_HOME"):
        cache.home()
