"""Processes of a measurement, as the one that measures holds them: their load by orders, their CPU time by the kernel's own count."""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from warifu.simulator.told import ToldError

ENDS_WITHIN: Final = 20.0
"""Seconds for draining."""
STARTS_WITHIN: Final = 300.0
_LINE: Final = 64 << 20
"""Bytes: all latencies of a block are one line."""
Told = Callable[[str], None]
"""Takes a request id the moment its answer is there."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One uninterrupted stretch of load, as its worker measured it."""

    latencies: tuple[float, ...]
    """Seconds of each call."""
    seconds: float
    """Wall time of all."""
    done: int
    """Exchanges; more than calls where one call makes many."""

    @property
    def rate(self) -> float:
        """Exchanges a second."""
        return self.done / self.seconds

    def quantile(self, share: float) -> float:
        """The latency that this share of the calls did not exceed, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Hand:
    """One process."""

    def __init__(self, name: str, process: Process) -> None:
        self.name, self._process = name, process

    @classmethod
    async def start(cls, name: str, module: str, *words: object) -> Self:
        """`python -m module words…`, with our standard error, and both pipes. It ends when we do, also when we are killed.

        In a session of its own: Ctrl-C at a terminal is for whoever measures alone, who then ends it in order.
        """
        command = [sys.executable, "-m", module, *map(str, words)]
        made = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, limit=_LINE, start_new_session=True
        )
        return cls(name, made)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """It is gone."""
        return self._process.returncode is not None

    def cpu(self) -> float:
        """CPU seconds that it has spent so far, all its threads together, user and system (clock_getcpuclockid(3))."""
        clock = ctypes.c_int()
        if ctypes.CDLL(None).clock_getcpuclockid(self.pid, ctypes.byref(clock)) != 0:
            raise ProcessLookupError(f"{self.name} (process {self.pid}) is gone")
        return time.clock_gettime(clock.value)

    async def ready(self, filled: Callable[[int], None] | None = None) -> None:
        """Wait until its worker takes orders; `filled` hears how far it is with what it fills first.

        Raises:
            ToldError: it does not start, or says nothing for long.
        """
        said: Mapping[str, Any] = {}
        while "ready" not in said:
            try:
                said = await asyncio.wait_for(self._heard(), STARTS_WITHIN)
            except TimeoutError:
                raise _not_started(self.name) from None
            if filled is not None and "filled" in said:
                filled(said["filled"])

    async def load(self, call: str, callers: int, seconds: float, told: Told | None = None) -> Stretch:
        """Order a stretch of load and wait for it; `told` hears of each answer as it comes.

        Raises:
            ToldError: a call failed, or the process ended.
        """
        assert self._process.stdin is not None
        order = {"call": call, "callers": callers, "seconds": seconds, "tell": told is not None}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        while True:
            said = await self._heard()
            if "told" in said and told is not None:
                told(said["told"])
            if "failed" in said:
                raise ToldError(
                    f"測定中の照会が失敗しました（{said['failed']}）。機械が混みすぎていないか確かめてください。",
                    f"an exchange of the measurement failed ({said['failed']}). Is the machine too busy?",
                )
            if "latencies" in said:
                return Stretch(tuple(said["latencies"]), said["seconds"], said["done"])

    def stop(self) -> None:
        """Let the stretch that is under way end early: no call is begun any more."""
        assert self._process.stdin is not None
        self._process.stdin.write(b'{"stop": true}\n')

    async def ended_at_last(self) -> None:
        """Wait until it is gone."""
        await self._process.wait()

    async def end(self) -> None:
        """Close its input and let it drain; it is not waited for longer than `ENDS_WITHIN`."""
        if self.ended:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), ENDS_WITHIN)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _heard(self) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise _not_started(self.name)
        said: Mapping[str, Any] = json.loads(line)
        return said


def _not_started(name: str) -> ToldError:
    return ToldError(
        f"測定用のプロセス {name} が起動しないか、途中で終わりました。理由は上のとおりです。",
        f"the process {name} of the measurement does not start or ended, for the reason above.",
    )


async def party(name: str, folder: Path) -> Hand:
    """A party of the network, served as ever."""
    return await Hand.start(name, "warifu.simulator.bench.children", folder, name)
