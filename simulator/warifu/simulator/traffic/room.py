"""How many inquiries are under way at once: more while answers come soon, fewer when they come late.

A network of its own speed is to be found out, not known beforehand: too few leave it idle between batches, and too many let each wait until
its call is given up and made again, which only makes it slower.
"""

from __future__ import annotations

import asyncio
from typing import Final

IN_FLIGHT: Final = 2_000
FIRST: Final = 256
"""Under way at once before anything is known of the network."""
SOON, LATE = 1.0, 3.0
"""Seconds of an answer: up to the one there is room for another, from the other on for half as many. A call is given up after ten."""


class Room:
    """Room for inquiries. Use from one event loop.

    Invariant: no more than `size` are taken when one is taken, and never more than the most.
    """

    def __init__(self, most: int, *, fixed: bool = False) -> None:
        """`most` at once; `fixed`: always, however late answers come."""
        self._most, self._fixed = most, fixed
        self.size = most if fixed else min(most, FIRST)
        self._taken = 0
        self._short = False
        """Whether anybody found no room since it grew last."""
        self._spared = 0
        """Answers that still come of what was under way when it was halved."""
        self._freed = asyncio.Event()

    def take(self) -> bool:
        """Room for one, if there is any."""
        if self._taken >= self.size:
            self._short = True
            self._freed.clear()
            return False
        self._taken += 1
        return True

    def give(self, latency: float) -> None:
        """One is answered, after so many seconds."""
        self._taken -= 1
        if not self._fixed:
            self._learn(latency)
        if self._taken < self.size:
            self._freed.set()

    async def freed(self, seconds: float) -> bool:
        """Wait until there is room, for so long at most; whether there is."""
        try:
            await asyncio.wait_for(self._freed.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def _learn(self, latency: float) -> None:
        if self._spared:
            self._spared -= 1
        elif latency >= LATE:
            self.size = max(1, self.size // 2)
            self._spared, self._short = self._taken, False
        elif latency <= SOON and self._short and self.size < self._most:
            self.size += 1
