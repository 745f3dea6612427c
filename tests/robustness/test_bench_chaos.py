"""`warifu bench --chaos` on a real network."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_nothing_is_lost_while_parties_are_killed_under_load(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Kills of any party, the requester's process too, lose nothing of what was answered, and the command says so."""
    disk = tmp_path_factory.mktemp("b")  # short: sockets lie below it
    words = [sys.executable, "-m", "warifu.cli", "bench", "--chaos", "--kills", "8", "--json", "--disk", str(disk)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 0, told
    assert told["losses"] == 0
    assert sum(told["kills"].values()) >= 8
    assert told["answers"] >= 8
