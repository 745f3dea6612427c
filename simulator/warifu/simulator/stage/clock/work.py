"""Moving the network's clock: every party's at once, then the work that the days in between have made due."""

from __future__ import annotations

import asyncio
import calendar
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final

from warifu.kernel.clock import JAPAN
from warifu.simulator.doors import Doors
from warifu.simulator.stage.scenarios.plays import BusyError, Plays, told
from warifu.simulator.stage.words import Words

OPENS: Final = time(9)
"""Time of day at which a date that is chosen begins."""
FURTHEST: Final = timedelta(days=3_660)
"""How far one step may lead: ten years, more than anything here is kept."""
_A_MOMENT: Final = timedelta(seconds=1)
"""Parties' clocks differ by what a call takes; none may be asked to go back."""
_DECEMBER: Final = 12


class ClockError(Exception):
    """The clock cannot go there: it only moves forward, and not for ever."""


@dataclass(slots=True)
class Clockwork:
    """Moves the clock, one move at a time, and never while a scenario is played."""

    doors: Doors
    plays: Plays
    problem: Words | None = None
    """What went wrong with the newest move."""
    _settling: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def working(self) -> bool:
        """The work of the days in between is being done."""
        return self._settling is not None and not self._settling.done()

    async def now(self) -> tuple[datetime, bool] | None:
        """The network's time in Japan and whether it stands still; None when the gateway does not tell."""
        try:
            moment, stopped = await self.doors.clock()
        except Exception:  # noqa: BLE001 - a party that is down is no reason to show nothing else
            return None
        return moment.astimezone(JAPAN), stopped

    async def by_days(self, days: int) -> None:
        """Forward by whole days, at the same time of day. Raises as `to`."""
        moment, stopped = await self._known()
        await self._move(moment + timedelta(days=days), stopped=stopped)

    async def by_month(self) -> None:
        """Forward to the same day of the next month, or its last day where it has no such day. Raises as `to`."""
        moment, stopped = await self._known()
        await self._move(month_after(moment), stopped=stopped)

    async def to(self, day: date) -> None:
        """Forward to the morning of a day.

        Raises:
            ClockError: that is not ahead, or too far ahead.
            BusyError: a scenario is being played, or the clock is being moved.
        """
        moment, stopped = await self._known()
        wanted = datetime.combine(day, OPENS, JAPAN)
        if not moment < wanted <= moment + FURTHEST:
            raise ClockError
        await self._move(wanted, stopped=stopped)

    async def stand(self, *, still: bool) -> None:
        """Let the clock stand still, or run on with the machine's. Raises as `to`."""
        moment, _ = await self._known()
        await self._move(moment + _A_MOMENT, stopped=still)

    async def close(self) -> None:
        """Leave what is being done."""
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)

    async def _known(self) -> tuple[datetime, bool]:
        known = await self.now()
        if known is None:
            raise ClockError
        return known

    async def _move(self, moment: datetime, *, stopped: bool) -> None:
        if self.plays.busy.locked():
            raise BusyError
        await self.plays.busy.acquire()
        self.problem = None
        try:
            await self.doors.set_clock(moment, stopped=stopped)
        except Exception as error:  # noqa: BLE001 - told on the page; the clocks that moved have moved
            self.problem = told(error)
        self._settling = asyncio.create_task(self._settle(), name="settle")

    async def _settle(self) -> None:
        try:
            await self.doors.settle()
        except Exception as error:  # noqa: BLE001 - told on the page; the jobs try again by themselves
            self.problem = told(error)
        finally:
            self.plays.busy.release()


def month_after(moment: datetime) -> datetime:
    """The same day of the next month, or its last."""
    year, month = (moment.year + 1, 1) if moment.month == _DECEMBER else (moment.year, moment.month + 1)
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
