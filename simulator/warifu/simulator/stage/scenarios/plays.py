"""Plays of scenarios in the launcher's process: one at a time, each watched while it runs, each ended in words whatever happens to it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import grpc

from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.cards.client import LoginError
from warifu.simulator.clerk import Exchange
from warifu.simulator.doors import Doors
from warifu.simulator.scenarios import SCENARIOS, Check, Scenario, Stage
from warifu.simulator.stage.people.crowd import Crowd
from warifu.simulator.stage.words import Words
from warifu.simulator.state import NetworkFile
from warifu.simulator.told import ToldError

_LOG: Final = logging.getLogger(__name__)
SLOW: Final = 3.0
"""Seconds before each inquiry of a play that a room is to follow."""
KEPT: Final = 30
"""How many plays are remembered, the newest ones."""
LONGEST: Final = 600.0
"""Seconds of machine time after which a play is given up."""


class PlayState(StrEnum):
    """How far a play is."""

    RUNNING = "running"
    PASSED = "passed"
    """Every check held."""
    FAILED = "failed"
    """A check did not hold: with a planted fault, as it should be."""
    BROKEN = "broken"
    """It could not be played to its end."""
    STOPPED = "stopped"
    """Somebody ended it, or the network was stopped."""


class BusyError(Exception):
    """A play runs already."""


@dataclass(slots=True)
class Play:
    """One play: what was said so far, which exchanges there were, what was checked."""

    number: int
    scenario: Scenario
    stage: Stage
    lines: list[Words] = field(default_factory=list)
    state: PlayState = PlayState.RUNNING
    problem: Words | None = None
    """Why it could not be played to its end."""
    silent: Sequence[str] = ()
    """Parties that did not answer when it broke."""

    @property
    def sabotaged(self) -> bool:
        """The scenario's fault was planted."""
        return self.stage.sabotaged

    @property
    def person(self) -> str:
        """Handle of whom it is about; empty before it is known."""
        return self.stage.person

    @property
    def exchanges(self) -> Sequence[Exchange]:
        """The exchanges so far."""
        return self.stage.exchanges

    @property
    def checks(self) -> Sequence[Check]:
        """The checks so far."""
        return self.stage.checks

    @property
    def running(self) -> bool:
        """It has not ended."""
        return self.state is PlayState.RUNNING

    @property
    def as_meant(self) -> bool:
        """All checks held, or, with the fault planted, one noticed it."""
        return self.state is (PlayState.FAILED if self.sabotaged else PlayState.PASSED)

    def document(self) -> dict[str, object]:
        """The play for a program: the shape of `warifu play --json`, with its state and what was said."""
        problem = {"ja": self.problem.ja, "en": self.problem.en} if self.problem else None
        return {
            **self.stage.document(self.scenario.name),
            "play": self.number,
            "state": self.state,
            "sabotaged": self.sabotaged,
            "lines": [{"ja": line.ja, "en": line.en} for line in self.lines],
            "problem": problem,
            "silent": list(self.silent),
        }


class Plays:
    """The plays of one network. Use from one event loop; `await close()` at the end."""

    def __init__(self, network: NetworkFile, state: Path, doors: Doors, crowd: Crowd) -> None:
        self._network, self._state, self._doors, self._crowd = network, state, doors, crowd
        self._plays: deque[Play] = deque(maxlen=KEPT)
        self._count = 0
        self._task: asyncio.Task[None] | None = None
        self.busy = asyncio.Lock()
        """Held by a play, and by whoever moves the clock, while it lasts."""

    @property
    def running(self) -> Play | None:
        """The play that runs now."""
        return next((play for play in self._plays if play.running), None)

    @property
    def recent(self) -> Sequence[Play]:
        """The plays remembered, newest first."""
        return list(reversed(self._plays))

    def latest(self, scenario: str) -> Play | None:
        """The newest play of a scenario."""
        return next((play for play in self.recent if play.scenario.name == scenario), None)

    def of(self, request_id: str) -> Play | None:
        """The play remembered in which an exchange was."""
        return next((play for play in self.recent if any(e.request_id == request_id for e in play.exchanges)), None)

    def exchanges(self) -> Sequence[Exchange]:
        """The exchanges of all plays remembered, newest first."""
        return [exchange for play in self.recent for exchange in reversed(play.exchanges)]

    def begin(self, name: str, *, sabotaged: bool = False, slow: bool = False) -> Play:
        """Begin to play a scenario; `slow`: with a pause before each inquiry.

        Raises:
            KeyError: there is no scenario of this name.
            BusyError: another is being played, or the clock is being moved.
        """
        scenario = SCENARIOS[name]
        if self.running is not None or self.busy.locked():
            raise BusyError
        self._count += 1
        stage = Stage(self._network, self._state, self._doors, sabotaged, pace=SLOW if slow else 0.0)
        play = Play(self._count, scenario, stage)
        stage.narrate = lambda ja, en: play.lines.append(Words(ja, en))
        self._plays.append(play)
        self._task = asyncio.create_task(self._run(play), name=f"play {name}")
        return play

    async def stop(self) -> None:
        """End the play that runs, if one does, where it waits."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if (left := self.running) is not None:  # cancelled before its first step
            left.state = PlayState.STOPPED

    async def close(self) -> None:
        """The network is being stopped."""
        await self.stop()

    async def _run(self, play: Play) -> None:
        try:
            async with self.busy, asyncio.timeout(LONGEST):
                play.stage.use(await self._crowd.people())
                await play.scenario.play(play.stage)
        except asyncio.CancelledError:
            play.state = PlayState.STOPPED
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the page says so and the stage goes on
            play.silent = await self._silent()
            play.problem, play.state = told(error), PlayState.BROKEN
        else:
            good = bool(play.checks) and all(check.passed for check in play.checks)
            play.state = PlayState.PASSED if good else PlayState.FAILED

    async def _silent(self) -> Sequence[str]:
        """Parties that do not answer just now."""
        return tuple(sorted(name for name, well in (await self._doors.all_healthy()).items() if not well))


def told(error: Exception) -> Words:
    """Why something on the stage failed, for a person. What is unexpected is logged, and said to be so."""
    match error:
        case ToldError():
            return Words(error.ja, error.en)
        case TimeoutError():
            return Words("時間がかかりすぎたため、打ち切りました。", "It took too long and was given up.")
        case LoginError() if error.reason not in Reason.__members__:
            return Words("ポータルかカードサービスが応答しません。", "The portal or the card service does not answer.")
    if (known := _known(error)) is not None:
        return Words(known.text("ja"), known.text("en"))
    _LOG.error("a play broke", exc_info=error)
    return Words("思いがけない失敗です。記録（ログ）を見てください。", "An unexpected failure: see the log.")


def _known(error: Exception) -> LinkageError | None:
    """The network's own word for it, where it has one."""
    if isinstance(error, grpc.aio.AioRpcError):
        return LinkageError.from_rpc(error)
    if isinstance(error, LoginError):
        return LinkageError(Reason(error.reason))
    return error if isinstance(error, LinkageError) else None
