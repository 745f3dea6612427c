"""A party's periodic jobs: each once a second, never two runs of one at once, and all of them at once on `settle`.

One that asks another party for news waits longer while there is none: twenty institutions that ask three parties every second were half of
what a network does that nobody uses.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

_LOG: Final = logging.getLogger(__name__)
INTERVAL: Final = 1.0
"""Seconds between the end of a run and the next."""
LONGEST: Final = 4.0
"""Seconds between two runs of a job that asks for news, after some that brought none."""
ROUNDS: Final = 1_000
"""Most runs of a job in one `settle`: what still has work after so many never will be done."""

Job = Callable[[], Awaitable[int]]


class Jobs:
    """The jobs by name; each returns how much it did."""

    def __init__(self, jobs: Mapping[str, Job], asking: Collection[str] = ()) -> None:
        """`asking`: names of those that ask another party for news."""
        self._jobs, self._asking = jobs, asking
        self._locks = {name: asyncio.Lock() for name in jobs}
        self._tasks: list[asyncio.Task[None]] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        """Runs by (job, "ok" or "failed"), for an operator's monitoring."""

    def start(self) -> None:
        """Run every job once a second; one that fails is logged and tried again.

        One that asks for news runs after a second when it had some, and else after longer and longer, up to LONGEST.
        """
        self._tasks = [asyncio.create_task(self._tend(name), name=f"job {name}") for name in self._jobs]

    async def stop(self) -> None:
        """End all jobs where they wait."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settle(self) -> Counter[str]:
        """Run all jobs until none finds work. Returns what was done, by job.

        Each by itself, since one that takes hundreds of small steps is no reason to run all others as often; and all once more where one did
        something, which may be work for another. Raises whatever a job raises, after the others had their turn in that round.
        """
        done: Counter[str] = Counter(dict.fromkeys(self._jobs, 0))
        runs = Counter[str]()
        while True:
            results = await asyncio.gather(*(self._emptied(name, runs) for name in self._jobs), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            counts = dict(zip(self._jobs, (result for result in results if isinstance(result, int)), strict=True))
            done.update(counts)
            if not any(counts.values()):
                break
        return done

    async def _emptied(self, name: str, runs: Counter[str]) -> int:
        done = 0
        while runs[name] < ROUNDS:
            runs[name] += 1
            if not (found := await self._run(name)):
                break
            done += found
        return done

    async def _run(self, name: str) -> int:
        async with self._locks[name]:
            try:
                done = await self._jobs[name]()
            except Exception:
                self.counts[name, "failed"] += 1
                raise
            self.counts[name, "ok"] += 1
            return done

    async def _tend(self, name: str) -> None:
        failing, pause = "", INTERVAL
        while True:
            found = 1
            try:
                found = await self._run(name)
                failing = ""
            except Exception as error:  # noqa: BLE001 - a job is tried again whatever went wrong
                if (kind := repr(type(error))) != failing:  # once, not every second
                    _LOG.warning("job failed", extra={"job": name}, exc_info=error)
                failing = kind
            pause = INTERVAL if found or name not in self._asking else min(2 * pause, LONGEST)
            await asyncio.sleep(pause)
