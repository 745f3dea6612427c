"""Month keys are kept apart from backups, and their copies follow what the network erases."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from unit.simulator.test_state import made

from warifu.kernel.limits import RETENTION
from warifu.kernel.vault import ErasedError, Vault
from warifu.simulator.launcher import keycopies
from warifu.simulator.launcher.backup import backup, forget, restore
from warifu.simulator.state import NetworkFile, StateError

JUNE = 2026 * 12 + 5
PLACES = ("gateway/secrets/gateway.months.json", "tax/secrets/tax-480011.months.json")
STOOD = "2026-07-01T09:00:00+09:00"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A network that does not run, with the month keys of two parties."""
    folder = made(tmp_path / "state", clock=STOOD)
    for place in PLACES:
        Vault.open(folder / place, JUNE - RETENTION)
    return folder


@pytest.fixture
def archive(state: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    path = tmp_path / "net.tar.gz"
    backup(state, path)
    return path


def vault(folder: Path) -> Vault:
    """The gateway's month keys in a state folder."""
    return Vault.open(folder / PLACES[0], 0)


def keys_of(archive: Path) -> Path:
    """The copy of the keys."""
    return archive.with_name("net.tar.gz.keys")


def erase_before(state: Path, month: int) -> None:
    """What the parties do when a month's term is over."""
    for place in PLACES:
        Vault.open(state / place, 0).forget_before(month)


def follow(state: Path) -> None:
    """What the launcher does whenever it runs."""
    keycopies.follow(state, NetworkFile.load(state))


def test_an_archive_holds_no_month_keys(state: Path, archive: Path, tmp_path: Path) -> None:
    """They lie in a file of their own, readable by the owner alone; with both the network comes back with its keys."""
    with tarfile.open(archive) as tar:
        assert not [name for name in tar.getnames() if "months" in name]
    assert keys_of(archive).stat().st_mode & 0o777 == 0o600
    restore(archive, tmp_path / "again")
    for place in PLACES:
        assert (tmp_path / "again" / place).read_bytes() == (state / place).read_bytes()
        assert (tmp_path / "again" / place).stat().st_mode & 0o777 == 0o600


def test_keys_that_lie_elsewhere_are_named(archive: Path, tmp_path: Path) -> None:
    """Without the file beside it a restore says what is missing and leaves nothing; with --keys it finds the file."""
    elsewhere = tmp_path / "safe.keys"
    keys_of(archive).rename(elsewhere)
    with pytest.raises(StateError, match="is missing"):
        restore(archive, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    file = restore(archive, tmp_path / "again", elsewhere)
    assert str(elsewhere) in file.key_copies


def test_keys_of_another_network_are_refused(archive: Path, tmp_path: Path) -> None:
    """A copy says which network it belongs to."""
    values = json.loads(keys_of(archive).read_text()) | {"network": "0" * 64}
    keys_of(archive).write_text(json.dumps(values))
    with pytest.raises(StateError, match="another network"):
        restore(archive, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("place", ["../outside.months.json", "/etc/secrets/x.months.json", "gateway/party.toml"])
def test_a_copy_lays_nothing_elsewhere(place: str, archive: Path, tmp_path: Path) -> None:
    """A file that names another place than one of month keys is refused whole."""
    values = json.loads(keys_of(archive).read_text())
    values["keys"][place] = values["keys"][PLACES[0]]
    keys_of(archive).write_text(json.dumps(values))
    with pytest.raises(StateError, match="cannot be read"):
        restore(archive, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_copies_follow_an_erasure(state: Path, archive: Path, tmp_path: Path) -> None:
    """After the living network destroyed a month's key, archive and copy open it no more; the next month they do."""
    sealed = {month: vault(state).seal(month, b"content", b"") for month in (JUNE, JUNE + 1)}
    restore(archive, tmp_path / "before")
    assert vault(tmp_path / "before").unseal(JUNE, sealed[JUNE], b"") == b"content"
    erase_before(state, JUNE + 1)
    follow(state)
    file = restore(archive, tmp_path / "after")
    with pytest.raises(ErasedError):
        vault(tmp_path / "after").unseal(JUNE, sealed[JUNE], b"")
    assert vault(tmp_path / "after").unseal(JUNE + 1, sealed[JUNE + 1], b"") == b"content"
    assert file.clock == "2033-07-01T09:00:00+09:00", "no exchange can be kept in a month whose key is gone"
    assert keys_of(archive).stat().st_mode & 0o777 == 0o600


def test_a_copy_follows_each_network_that_it_restored(state: Path, archive: Path, tmp_path: Path) -> None:
    """What was restored remembers the copy it came from, and moves it on when it erases."""
    restore(archive, tmp_path / "again")
    erase_before(tmp_path / "again", JUNE)
    follow(tmp_path / "again")
    assert keycopies.Copy.load(keys_of(archive)).first == JUNE
    assert vault(state).first == JUNE - RETENTION, "the other network is another one by now"


def test_a_clock_that_is_late_enough_stays(archive: Path, tmp_path: Path) -> None:
    """A restored network goes on where it stood when nothing was erased since."""
    assert restore(archive, tmp_path / "again").clock == STOOD


def test_a_copy_out_of_reach_is_named_until_it_is_back_or_struck_off(state: Path, archive: Path) -> None:
    """It is named when something was erased that it opens, with the month; back in place it follows; struck off it is forgotten."""
    away = keys_of(archive).with_name("away")
    keys_of(archive).rename(away)

    def named() -> list[tuple[str, int]]:
        return list(keycopies.behind(state, NetworkFile.load(state)))

    follow(state)
    assert named() == [], "nothing was erased since"
    erase_before(state, JUNE)
    follow(state)
    assert named() == [(str(keys_of(archive)), JUNE - RETENTION)]
    away.rename(keys_of(archive))
    follow(state)
    assert named() == []
    keys_of(archive).unlink()
    erase_before(state, JUNE + 1)
    assert named() == [(str(keys_of(archive)), JUNE)]
    with pytest.raises(StateError, match="no copy is known as"):
        forget(state, away)
    forget(state, keys_of(archive))
    assert named() == []


def test_a_file_in_the_place_of_a_copy_is_left_alone(state: Path, archive: Path) -> None:
    """What is no copy of this network's keys is neither read as one nor overwritten."""
    keys_of(archive).write_text("something else")
    erase_before(state, JUNE)
    follow(state)
    assert keys_of(archive).read_text() == "something else"
    assert keycopies.behind(state, NetworkFile.load(state))


def test_no_copy_is_made_that_the_network_does_not_know(state: Path, archive: Path, tmp_path: Path) -> None:
    """Where the archive, or the copy, cannot be written, neither a copy is left nor an entry of one."""
    known = NetworkFile.load(state).key_copies
    (tmp_path / "taken.tar.gz").write_bytes(b"")
    (tmp_path / "other.tar.gz.keys").write_bytes(b"")
    for name in ("taken.tar.gz", "other.tar.gz"):
        with pytest.raises(StateError, match="cannot write"):
            backup(state, tmp_path / name)
    assert NetworkFile.load(state).key_copies == known == {str(keys_of(archive)): JUNE - RETENTION}
    assert not (tmp_path / "taken.tar.gz.keys").exists()
    assert not (tmp_path / "other.tar.gz").exists()
