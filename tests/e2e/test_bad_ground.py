"""A ground that carries no network: taken ports, folders that cannot be written, full disks, a state that is in use."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from e2e.conftest import Running


def demo(*words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`warifu demo` where it cannot run, to its end."""
    command = [*before, sys.executable, "-m", "warifu.cli", "demo", "--people", "50", "--no-browser", *words]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LC_")} | {"LANG": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environment)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a verb that failed told, in one line; it is an error in words, never a traceback, and nothing is on stdout."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def on_a_disk(options: str, place: Path) -> tuple[str, ...]:
    """Words before a command that give it a small or read-only disk at `place`, where the system lets users have one."""
    own = "-m" if os.geteuid() == 0 else "-Urm"
    words = (
        "unshare",
        own,
        "--propagation",
        "private",
        "sh",
        "-c",
        f'mount -t tmpfs -o {options} none {place} && exec "$@"',
        "sh",
    )
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        assert not os.environ.get("CI"), "CI must run where a process can have a file system of its own"
        pytest.skip("this system gives users no file system of their own")
    return words


def test_an_occupied_port_is_named(tmp_path: Path) -> None:
    """A port that another program holds is named with the option that chooses another, and no state is left behind."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        told = refusal(demo("--port", str(port), "--state", str(tmp_path / "state")))
    assert f"port {port} is in use" in told
    assert "--port" in told
    assert not (tmp_path / "state" / "network.json").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A state folder on a read-only disk is named with the option that chooses another."""
    place = tmp_path / "disk"
    place.mkdir()
    told = refusal(demo("--state", str(place / "state"), before=on_a_disk("ro", place)))
    assert "cannot write" in told
    assert str(place / "state") in told.replace(" ", "")
    assert "--state" in told


def test_a_folder_that_lies_too_deep_is_named(tmp_path: Path) -> None:
    """A state folder whose path has no room for the parties' sockets is refused at once, rather than by each party at every start."""
    deep = tmp_path / ("d" * 80)
    told = refusal(demo("--state", str(deep)))
    assert "too long for the path of a socket" in told
    assert "--state" in told
    assert not (deep / "network.json").exists()


@pytest.mark.parametrize("size", ["100k", "1m"])
def test_a_full_disk_is_told_as_such(tmp_path: Path, size: str) -> None:
    """A disk that fills up while the network is made is told with the file and what to do, whichever step meets it."""
    place = tmp_path / "disk"
    place.mkdir()
    told = refusal(demo("--state", str(place / "state"), before=on_a_disk(f"size={size}", place)))
    assert re.search("No space left on device|disk is full", told)
    assert str(place / "state") in told.replace(" ", "")
    assert "--state" in told


def test_traces_that_no_party_could_send_are_refused(tmp_path: Path) -> None:
    """Without the extra nothing is made and nothing started: the refusal says what to install."""
    (tmp_path / "opentelemetry.py").write_text("", encoding="utf-8")  # in front of the real one, if it is there
    hidden = ("env", f"PYTHONPATH={tmp_path}")
    state = tmp_path / "state"
    done = demo("--state", str(state), "--otlp", "http://127.0.0.1:4317", before=hidden)
    assert "pip install 'warifu[otlp]'" in refusal(done)
    assert not (state / "network.json").exists()


def test_a_second_network_never_shares_a_state(network: Running) -> None:
    """Starting again on the state of a running network is refused, and the network goes on."""
    assert "already runs" in refusal(demo("--state", str(network.state)))
    assert all(party["healthy"] for party in network.json("status")["parties"])
