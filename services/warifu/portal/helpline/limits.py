"""How often one address may report: enough for a family that lost a bag, too little to try people out. Machine time."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from warifu.kernel.clock import Clock

WINDOW: Final = timedelta(minutes=10)
MOST: Final = 10
_MOST_ADDRESSES: Final = 10_000


class Reports:
    """Counts reports by address, right ones and wrong ones alike: the count must not tell which were which."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, deque[datetime]] = {}

    def allow(self, address: str) -> bool:
        """Count one report; False when the address has used up what it has."""
        now = self._clock.machine()
        if len(self._seen) >= _MOST_ADDRESSES:
            self._forget(now)
        times = self._seen.setdefault(address, deque())
        while times and now - times[0] >= WINDOW:
            times.popleft()
        if len(times) >= MOST:
            return False
        times.append(now)
        return True

    def _forget(self, now: datetime) -> None:
        self._seen = {address: times for address, times in self._seen.items() if now - times[-1] < WINDOW}
