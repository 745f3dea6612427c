"""`warifu bench log` as its user runs it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

CALLERS, FIGURES = (1, 16), ("latency_p50", "throughput", "gateway_cpu")


@pytest.fixture
def disk():
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def bench(disk: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `warifu bench log`."""
    command = [sys.executable, "-m", "warifu.cli", "bench", "log", "--disk", str(disk), *words]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "COLUMNS": "400"}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=environment)


def test_the_cost_of_the_log_is_told_as_ratios_from_one_run(disk):
    """One document on stdout with a ratio for each figure and number of callers; the log took in every exchange; no file stays."""
    ran = bench(disk, "--pairs", "2", "--exchanges", "3", "--json")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert set(told["ratios"]) == {f"{figure}_c{callers}" for figure in FIGURES for callers in CALLERS}
    for ratio in told["ratios"].values():
        assert ratio["pairs"] == 2
        assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
    exchanges = 10 + sum(row["exchanges"] for row in told["medians"])
    assert exchanges == 10 + 2 * (3 + 12)
    assert told["log_entries"] >= 2 * exchanges
    assert list(disk.iterdir()) == []


_AT_A_TERMINAL = (
    "import os, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Who runs tests in the background has Ctrl-C ignored, and what they start inherits that."""


def test_ctrl_c_ends_a_measurement_in_order(disk):
    """Ctrl-C at the terminal, which reaches every process of its group, ends the command with 130 and without a word of its workers; no file stays."""
    words = ["-m", "warifu.cli", "bench", "ledger_c64", "--quick", "--pairs", "1000", "--disk", str(disk)]
    command = [sys.executable, "-c", _AT_A_TERMINAL, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as run:
        try:
            deadline = time.monotonic() + 100
            while not list(disk.glob("warifu-bench-*/l/gateway.db")):  # the worker has begun
                assert run.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            os.killpg(run.pid, signal.SIGINT)
            said, _ = run.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 130, said
    assert b"Traceback" not in said
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere", "long" * 30])
def test_a_disk_that_cannot_be_used_is_named(disk, name):
    """A folder that is not there, and one whose path is too long for a socket, are told by name with exit code 2; no file stays."""
    folder = disk / name
    if name != "nowhere":
        folder.mkdir()
    ran = bench(folder)
    assert ran.returncode == 2
    assert name in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not folder.exists() or list(folder.iterdir()) == []
