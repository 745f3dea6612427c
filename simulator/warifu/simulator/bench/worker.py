"""A process that makes load when it is told to: orders come in as lines on standard input, what was measured goes out on standard output.

In: `{"call": name, "callers": n, "seconds": s}`, perhaps with `"tell": true`. Out: `{"ready": true}` once; for an order with `tell` each
request id the moment its answer is there; then `{"latencies": […], "seconds": s, "done": n}`, or `{"failed": why}`. In, while it goes on:
`{"stop": true}`, after which no call is begun.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

Told = Sequence[str]
"""Request ids of what was answered by one call; an echo has none and counts as one."""
Call = Callable[[int], Awaitable[Told]]
"""Made with its number, from 0."""
_OUT: Final = 1


@dataclass
class _Load:
    """Callers who make the next call as soon as they are done with one, until the time is over."""

    call: Call
    seconds: float
    tell: bool
    latencies: list[float] = field(default_factory=list)
    done: int = 0
    stopped: bool = False

    async def tell_of(self, callers: int, numbers: count[int]) -> None:
        """Run, and say what came of it."""
        try:
            say(await self.run(callers, numbers))
        except* Exception as errors:  # noqa: BLE001 - told to whoever ordered it
            say({"failed": _first(errors)})

    async def run(self, callers: int, numbers: count[int]) -> dict[str, Any]:
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(callers):
                tasks.create_task(self._caller(numbers, begun + self.seconds))
        return {"latencies": self.latencies, "seconds": time.perf_counter() - begun, "done": self.done}

    async def _caller(self, numbers: count[int], until: float) -> None:
        while (now := time.perf_counter()) < until and not self.stopped:
            told = await self.call(next(numbers))
            self.latencies.append(time.perf_counter() - now)
            self.done += max(1, len(told))
            if self.tell:
                for request_id in told:
                    say({"told": request_id})


def say(document: Mapping[str, object]) -> None:
    """One line, unbuffered: whoever reads it has it even when this process is killed in the next moment."""
    line = json.dumps(document).encode() + b"\n"
    while line:
        line = line[os.write(_OUT, line) :]


async def work(calls: Mapping[str, Call]) -> None:
    """Take orders until the input closes."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    numbers = count()
    say({"ready": True})
    load, running = None, None
    async for line in reader:
        order = json.loads(line)
        if "stop" in order:
            if load is not None:
                load.stopped = True
            continue
        load = _Load(calls[order["call"]], order["seconds"], order.get("tell", False))
        running = asyncio.create_task(load.tell_of(order["callers"], numbers))
    if running is not None:
        await running


def _first(errors: BaseExceptionGroup[BaseException]) -> str:
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    reason = getattr(first, "reason", None)  # a LinkageError says it in one word
    return f"{type(first).__name__}: {reason or first}"
