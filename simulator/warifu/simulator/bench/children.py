"""Processes of a measured network, each one party: `python -m warifu.simulator.bench.children FOLDER KIND`.

A process imports the one party that it is: six of them start at once on a few cores.
"""

from __future__ import annotations

import ctypes
import importlib
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from warifu.kernel.party import Build
from warifu.kernel.server import run

ENDS_WITHIN: Final = 20.0
"""Seconds for draining."""
KINDS: Final[Mapping[str, str]] = {
    "gateway": "warifu.gateway.party",
    "unlogged": "warifu.simulator.bench.unlogged",
    "watchdog": "warifu.watchdog.party",
    "numbering": "warifu.numbering.party",
    "portal": "warifu.portal.party",
    "tax": "warifu.agencies.party",
}
"""Modules whose `build` makes the party."""


def build_of(kind: str) -> Build:
    """What makes a party of this kind."""
    build: Build = importlib.import_module(KINDS[kind]).build
    return build


class Child:
    """A party in a process of its own, which ends with ours."""

    def __init__(self, folder: Path, kind: str) -> None:
        words = [sys.executable, "-m", "warifu.simulator.bench.children", str(folder), kind]
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words

    def ended(self) -> bool:
        """It is gone."""
        return self._process.poll() is not None

    def cpu(self) -> float:
        """CPU seconds that the process has spent so far, all its threads together, user and system (clock_getcpuclockid(3))."""
        clock = ctypes.c_int()
        if ctypes.CDLL(None).clock_getcpuclockid(self._process.pid, ctypes.byref(clock)) != 0:
            raise ProcessLookupError(f"process {self._process.pid} is gone")
        return time.clock_gettime(clock.value)

    def end(self) -> None:
        """Let it drain; it is not waited for longer than `ENDS_WITHIN`."""
        self._process.terminate()
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


if __name__ == "__main__":
    run(Path(sys.argv[1]), build_of(sys.argv[2]), die_with_parent=True)
