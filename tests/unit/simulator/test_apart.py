"""Parties that are started one by one wait for what they need, and the set-up's secrets are made once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.metadata import version

import pytest

from warifu.law import packaged
from warifu.simulator.launcher import apart
from warifu.simulator.launcher.plan import plan
from warifu.simulator.state import NETWORK_NAME

PARTIES = [party.name for party in plan(packaged())]


def mark(state, *folders, text=None):
    """Say that these processes are ready."""
    for folder in folders:
        (state / folder).mkdir(parents=True, exist_ok=True)
        (state / folder / apart.MARK).write_text(version("warifu") if text is None else text)


def test_the_owner_s_password_is_made_once_and_for_the_owner_alone(tmp_path):
    """It is random, kept, and readable by nobody else."""
    one, other = tmp_path / "secrets" / "one", tmp_path / "secrets" / "other"
    url = apart.owner_url("127.0.0.1:5432", one)
    assert url == apart.owner_url("127.0.0.1:5432", one)
    assert url == f"postgresql://postgres:{one.read_text()}@127.0.0.1:5432/postgres"
    assert url != apart.owner_url("127.0.0.1:5432", other)
    assert one.stat().st_mode & 0o777 == 0o600


def test_a_network_is_made_when_every_process_is_ready_for_this_version(tmp_path):
    """Not while one is missing, was made ready for another version, or the network's own file is not there."""
    assert not apart.is_made(tmp_path)
    mark(tmp_path, *PARTIES, "gateway/replicas/2")
    assert not apart.is_made(tmp_path)
    (tmp_path / NETWORK_NAME).touch()
    assert apart.is_made(tmp_path)
    mark(tmp_path, "gateway/replicas/2", text="0.0")
    assert not apart.is_made(tmp_path)


def test_who_waits_goes_on_when_it_is_there(monkeypatch, capsys):
    """It looks again and again, and says once what it waits for, in a line like the parties' own; nothing where it need not wait."""
    looks = []
    monkeypatch.setattr(apart.time, "sleep", looks.append)
    apart.wait_for(lambda: len(looks) == 3, "waiting for the set-up")
    assert looks == [apart.LOOK] * 3
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["level"], line["event"]) == ("info", "waiting for the set-up")
    apart.wait_for(lambda: True, "nothing")
    assert capsys.readouterr().err == ""


def test_a_process_that_still_waits_ends_when_it_is_told_to(tmp_path):
    """SIGTERM ends it at once and without a complaint."""
    words = [sys.executable, "-u", "-m", "warifu.simulator.launcher.apart", "--state", str(tmp_path), "run", "tax"]
    waiting = "import runpy, sys, time; s = time.sleep; time.sleep = lambda n: (print('waits', flush=True), s(n))[1]; sys.argv = sys.argv[1:]"
    words[2:4] = ["-c", f"{waiting}; runpy.run_module('warifu.simulator.launcher.apart', run_name='__main__')", "apart"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waits\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        (line,) = map(json.loads, process.stderr)
        assert (line["logger"], line["event"]) == (apart.__name__, "waiting for the set-up")


def test_a_party_that_there_is_not_is_refused(tmp_path, capsys):
    """The message names those there are."""
    with pytest.raises(SystemExit):
        apart.main(["--state", str(tmp_path), "run", "nobody"])
    assert "numbering" in capsys.readouterr().err
