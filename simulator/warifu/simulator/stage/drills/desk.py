"""Drills of one network, for the stage: begun, looked at and graded one at a time, and never while a scenario is played or the clock is moved.

Looking is what every open page does every few seconds, so what was seen counts for a moment for all of them, and the logins that looking
needs are kept for some minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from warifu.simulator.doors import Doors
from warifu.simulator.drills import Keeping, Run, begin, find, grade, look
from warifu.simulator.drills.conduct import OPEN, Standing
from warifu.simulator.scenarios.stage import Stage
from warifu.simulator.stage.people.crowd import Crowd
from warifu.simulator.stage.scenarios.plays import BusyError, Plays, told
from warifu.simulator.stage.words import Words
from warifu.simulator.state import NetworkFile

FRESH: Final = 2.0
"""Seconds for which a look counts."""
KEPT: Final = 300.0
"""Seconds after which logins for looking are made anew; a portal's end after fifteen minutes at the soonest."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How the tasks of a drill stand, and why nobody can tell just now, where that is so."""

    standing: Sequence[Standing]
    problem: Words | None = None


@dataclass(slots=True)
class DrillDesk:
    """Use from the launcher's event loop."""

    network: NetworkFile
    state: Path
    doors: Doors
    crowd: Crowd
    plays: Plays
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _stage: Stage | None = field(default=None, init=False)
    _made: float = field(default=0.0, init=False)
    _seen: dict[str, tuple[float, Seen]] = field(default_factory=dict, init=False)

    def run(self, name: str) -> Run | None:
        """The newest run of a drill; None when it was never begun on this network."""
        return Keeping(self.state).run(name)

    async def begin(self, name: str, *, again: bool) -> None:
        """Plant the incident.

        Raises:
            BusyError: a scenario is being played, the clock is being moved, or another drill is being begun or graded.
            Exception: it cannot be begun; `plays.told` says why in words.
        """
        async with self._alone():
            await begin(await self._fresh(), name, again=again)

    async def grade(self, name: str) -> dict[str, Any]:
        """Grade a drill's newest run. Raises as `begin`."""
        async with self._alone():
            return await grade(await self._fresh(), name)

    async def look(self, name: str) -> Seen:
        """How the tasks stand; a task whose state nobody can tell is open."""
        async with self._looking:
            at, seen = self._seen.get(name, (0.0, None))
            if seen is None or time.monotonic() - at > FRESH:
                seen = await self._look(name)
                self._seen[name] = (time.monotonic(), seen)
            return seen

    def forget(self, name: str) -> None:
        """What was seen counts no longer: something was done since."""
        self._seen.pop(name, None)

    async def _look(self, name: str) -> Seen:
        try:
            if self._stage is None or time.monotonic() - self._made > KEPT:
                self._stage, self._made = await self._fresh(), time.monotonic()
            return Seen(await look(self._stage, name))
        except Exception as error:  # noqa: BLE001 - a party that is down: the page says so and shows the rest
            self._stage = None
            return Seen([Standing(task, OPEN) for task in find(name).tasks], told(error))

    async def _fresh(self) -> Stage:
        stage = Stage(self.network, self.state, self.doors)
        stage.use(await self.crowd.people())
        return stage

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        if self.plays.running is not None or self.plays.busy.locked():
            raise BusyError
        async with self.plays.busy, self._looking:
            self._seen.clear()
            self._stage = None
            yield
