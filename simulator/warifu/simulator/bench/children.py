"""Processes of a measured network, each one party: `python -m warifu.simulator.bench.children FOLDER KIND`.

The gateway without a log exists here alone, put together from the gateway's own parts. No setting, argument or variable of the served
gateway leads to it.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from warifu.agencies.party import build as build_agency
from warifu.gateway.log.log import Log
from warifu.gateway.party import build as build_gateway
from warifu.kernel.party import Build, Context, Party
from warifu.kernel.server import run
from warifu.numbering.party import build as build_numbering
from warifu.portal.party import build as build_portal
from warifu.watchdog.party import build as build_watchdog

T = TypeVar("T")
ENDS_WITHIN: Final = 20.0
"""Seconds for draining."""


class UnintegratedLog(Log):
    """Entries are committed as ever; nothing integrates them, no witness is asked, and no exchange asks whether the log moves."""

    @property
    def jobs(self) -> dict[str, Callable[[], Awaitable[int]]]:
        """Without the log's own."""
        return {"rules": self.enter_rules}

    async def begin(self) -> None:
        """Enter the start and the rules; there is no head."""
        await self.write(self.events.started(simulation=True, program=version("warifu")))
        await self.enter_rules()

    async def admit(self) -> None:
        """The gate is open."""
        await self.enter_rules()

    def check(self) -> None:
        """Nothing can stop."""

    async def integrate(self) -> int:
        """Nothing is placed."""
        return 0

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Commit."""
        return await self._store.write(change)


async def build_unlogged(context: Context) -> Party:
    """The gateway with its log's integration and witnessing replaced by nothing."""
    return await build_gateway(context, UnintegratedLog)


KINDS: Final[dict[str, Build]] = {
    "gateway": build_gateway,
    "unlogged": build_unlogged,
    "watchdog": build_watchdog,
    "numbering": build_numbering,
    "portal": build_portal,
    "tax": build_agency,
}


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
    run(Path(sys.argv[1]), KINDS[sys.argv[2]], die_with_parent=True)
