"""The state folder, its ports and its backups."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import tarfile
from pathlib import Path

import pytest

from warifu.authority.logkeys import provision_log_keys
from warifu.exchange.logkeys import LOG_SECRET, WITNESS_SECRET, LogKeys, log_signer, witness_signer
from warifu.simulator.launcher.backup import backup, restore
from warifu.simulator.launcher.ports import PortError, Ports, is_free
from warifu.simulator.state import NETWORK_NAME, SCHEMA, NetworkFile, PartyEntry, StateError, locked


def network_file(**changes: object) -> NetworkFile:
    """A network file of one party."""
    values = {
        "schema": SCHEMA, "seed": 1, "people": 100, "simulation": True, "pid": os.getpid(), "ca": "ca.pem",
        "parties": [PartyEntry("gateway", "127.0.0.1:1", "gateway.warifu.internal", "control.sock")],
        "counters": {}, "simulator": {},
    }  # fmt: skip
    return NetworkFile(**(values | changes))


def made(state: Path, **changes: object) -> Path:
    """A state folder with a network that does not run."""
    (state / "ca").mkdir(parents=True)
    (state / "ca" / "root.pem").write_text("root")
    network_file(pid=2**22 + 1, **changes).save(state)
    return state


def test_the_network_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Writing and reading gives the same values, and only the owner may read the file."""
    written = network_file(clock="2026-04-06T09:00:00+09:00")
    written.save(tmp_path)

    assert written == NetworkFile.load(tmp_path)
    assert (tmp_path / NETWORK_NAME).stat().st_mode & 0o777 == 0o600


def test_a_folder_without_a_network_says_how_to_make_one(tmp_path: Path) -> None:
    """The error names the folder and the command."""
    with pytest.raises(StateError, match="warifu demo --state"):
        NetworkFile.load(tmp_path)


def test_a_damaged_network_file_is_told_from_a_missing_one(tmp_path: Path) -> None:
    """The error says damaged and points to restoring."""
    (tmp_path / NETWORK_NAME).write_text("{", encoding="utf-8")

    with pytest.raises(StateError, match="damaged"):
        NetworkFile.load(tmp_path)


def test_state_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    """A higher state version is refused with advice to install that version."""
    network_file(schema=SCHEMA + 1).save(tmp_path)

    with pytest.raises(StateError, match="newer warifu"):
        NetworkFile.load(tmp_path)


def test_two_networks_never_share_a_folder(tmp_path: Path) -> None:
    """While one holds the folder, a second is refused with a hint."""
    with locked(tmp_path), pytest.raises(StateError, match="already runs"), locked(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_a_clear_error() -> None:
    """The error says that the folder cannot be written and what to do; /proc refuses even root."""
    with pytest.raises(StateError, match="Choose another folder"), locked(Path("/proc/warifu")):
        pass


def test_an_occupied_port_is_named() -> None:
    """A port that was asked for and is taken is named, with the option that chooses another."""
    with socket.socket() as taken, contextlib.closing(Ports()) as ports:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]

        with pytest.raises(PortError, match=f"port {number} .* --port"):
            ports.web(1, number)


def test_without_a_wish_free_neighbouring_ports_are_found() -> None:
    """Web faces get adjacent ports that are free now."""
    with contextlib.closing(Ports()) as ports:
        first, second = ports.web(2, None)

    assert first + 1 == second
    assert is_free(first)


def test_networks_that_start_at_once_never_get_the_same_ports() -> None:
    """What one network claimed, no other gets, though nobody listens there yet; given back, it is free again."""
    with contextlib.closing(Ports()) as one, contextlib.closing(Ports()) as other:
        mine, theirs = one.grpc(7), other.grpc(7)
        webs = one.web(2, None)

        assert not set(mine) & set(theirs)
        with pytest.raises(PortError):
            other.web(2, webs[0])
        one.close()
        assert webs == other.web(2, webs[0])


def test_a_backup_comes_back_whole(tmp_path: Path) -> None:
    """Every file of the state returns with its content, readable by the owner alone."""
    state = made(tmp_path / "state")
    (state / "gateway").mkdir()
    (state / "gateway" / "gateway.db").write_bytes(b"rows")

    backup(state, tmp_path / "net.tar.gz")
    restore(tmp_path / "net.tar.gz", tmp_path / "again")

    before, after = (json.loads((folder / NETWORK_NAME).read_text()) for folder in (state, tmp_path / "again"))
    assert (tmp_path / "again" / "gateway" / "gateway.db").read_bytes() == b"rows"
    assert before | {"log": None} == after | {"log": None}
    assert (tmp_path / "net.tar.gz").stat().st_mode & 0o777 == 0o600


def test_a_restored_network_begins_a_new_log(tmp_path: Path) -> None:
    """The archive holds no secret of log or witness; what is restored has new keys, pinned by every party and told in the network file."""
    state, again = tmp_path / "state", tmp_path / "again"
    old = provision_log_keys(state, ["gateway"])
    made(state, log={"url": "http://log.localhost:1", "key": old.log.vkey})

    backup(state, tmp_path / "net.tar.gz")
    restored = restore(tmp_path / "net.tar.gz", again)

    with tarfile.open(tmp_path / "net.tar.gz") as tar:
        assert not [name for name in tar.getnames() if name.endswith((LOG_SECRET, WITNESS_SECRET))]
    new = LogKeys.load(again / "gateway")
    assert new.log != old.log
    assert new.witness != old.witness
    assert (new.log, new.witness) == (log_signer(again / "gateway").key, witness_signer(again / "watchdog").key)
    told = {"url": "http://log.localhost:1", "key": new.log.vkey, "witness": new.witness.vkey}
    assert told == restored.log == NetworkFile.load(again).log
    assert LogKeys.load(state / "gateway") == old


def test_a_backup_never_overwrites(tmp_path: Path) -> None:
    """An existing archive, and a folder with something in it, are refused."""
    state = made(tmp_path / "state")
    backup(state, tmp_path / "net.tar.gz")

    with pytest.raises(StateError, match="cannot write"):
        backup(state, tmp_path / "net.tar.gz")
    with pytest.raises(StateError, match="not empty"):
        restore(tmp_path / "net.tar.gz", state)


def test_a_torn_backup_restores_nothing(tmp_path: Path) -> None:
    """A file that is no whole backup is refused, and no folder is left behind."""
    (tmp_path / "net.tar.gz").write_bytes(b"\x1f\x8bnot much")

    with pytest.raises(StateError, match="not a whole backup"):
        restore(tmp_path / "net.tar.gz", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/outside"])
def test_a_backup_writes_nothing_outside_its_folder(name: str, tmp_path: Path) -> None:
    """An archive with a member that would lie outside the folder is refused whole."""
    with tarfile.open(tmp_path / "net.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO(b""))

    with pytest.raises(StateError, match="not a whole backup"):
        restore(tmp_path / "net.tar.gz", tmp_path / "again")
    assert not (tmp_path / "outside").exists()
