"""Two clocks: the machine's for TLS, deadlines and sessions, the network's for law and life (docs/ARCHITECTURE.md §3).

The network clock is the machine clock, unless the process runs a simulation: then it is a time that the simulator sets, and which
stands still or runs on with the machine clock. It only ever moves forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol

JAPAN = timezone(timedelta(hours=9), "JST")


class Clock(Protocol):
    """Where a party reads the time."""

    def machine(self) -> datetime:
        """Machine time, aware, UTC."""

    def network(self) -> datetime:
        """Time in the network, aware, UTC: simulated in a simulation, the machine's otherwise."""

    def today(self) -> date:
        """The network's calendar day in Japan."""


@dataclass(slots=True)
class SystemClock:
    """The machine clock for both."""

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        return datetime.now(tz=UTC)

    def network(self) -> datetime:
        """See `Clock.network`."""
        return self.machine()

    def today(self) -> date:
        """See `Clock.today`."""
        return self.network().astimezone(JAPAN).date()


@dataclass(slots=True)
class SimulatedClock:
    """A network clock set from outside. Invariant: `network()` never goes back."""

    base: datetime
    stopped: bool = False
    _set_at: datetime | None = None

    def __post_init__(self) -> None:
        """Count from now on."""
        self._set_at = self.machine()

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        return datetime.now(tz=UTC)

    def network(self) -> datetime:
        """See `Clock.network`."""
        if self.stopped or self._set_at is None:
            return self.base
        return self.base + max(self.machine() - self._set_at, timedelta(0))

    def today(self) -> date:
        """See `Clock.today`."""
        return self.network().astimezone(JAPAN).date()

    def set(self, now: datetime, *, stopped: bool) -> None:
        """Move to `now` and stand still or run.

        Raises:
            ValueError: `now` is before the present network time; simulated time only moves forward.
        """
        if now < self.network():
            msg = f"the network's clock only moves forward: it is {self.network().isoformat()}"
            raise ValueError(msg)
        self.base, self.stopped, self._set_at = now, stopped, self.machine()
