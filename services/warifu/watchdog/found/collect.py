"""Collecting what rules of detection point at, from wherever the records are. A periodic job; a party that is away is asked later."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.law import LawBook
from warifu.watchdog.found.queries import Found
from warifu.watchdog.ports import GATEWAY
from warifu.watchdog.supervision import Network

EVERY: Final = timedelta(seconds=30)
SHARE: Final = 20
"""Of the time, one part in so many goes to asking at most: where many records are looked through it is asked less often than EVERY, but every MOST."""
MOST: Final = timedelta(minutes=2)
LOOK_BACK: Final = timedelta(days=2)
"""Of simulated time: what came late is found all the same."""
PORTAL: Final = "portal"


class Collector:
    """Asks the gateway and every institution's interim server."""

    def __init__(
        self,
        network: Network,
        found: Found,
        clock: Clock,
        book: Callable[[], LawBook],
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._network, self._found, self._clock, self._book = network, found, clock, book
        self._stopwatch = stopwatch
        self._next: datetime | None = None

    async def run(self) -> int:
        """Collect when it is time; how much is new."""
        now = self._clock.machine()
        if self._next is not None and now < self._next:
            return 0
        self._next, begun = now + EVERY, self._stopwatch()
        found = await self.collect()
        took = timedelta(seconds=self._stopwatch() - begun)
        self._next = now + min(max(EVERY, SHARE * took), MOST)
        return found

    async def collect(self) -> int:
        """Ask everyone now; how much is new."""
        asked = [(GATEWAY, "")]
        asked += [(one.kind, one.code) for one in self._book().institutions.values() if one.kind != PORTAL]
        return sum([await self._ask(party, institution) for party, institution in asked])

    async def _ask(self, party: str, institution: str) -> int:
        first = self._clock.today() - LOOK_BACK
        try:
            response = await self._network.suspicions(party, institution, first)
        except LinkageError:  # it is away, or answers nonsense: it is asked again
            return 0
        listed = [one for one in response.suspicions if not institution or one.institution == institution]
        return await self._found.keep(institution or party, listed)
