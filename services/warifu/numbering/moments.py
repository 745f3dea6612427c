"""Times as the tables keep them."""

from __future__ import annotations

from datetime import UTC, datetime

from warifu.kernel.clock import Clock


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 (UTC)."""
    return int(moment.timestamp() * 1000)


def moment(value: int) -> datetime:
    """The aware time, UTC, of a stored value."""
    return datetime.fromtimestamp(value / 1000, tz=UTC)


def now(clock: Clock) -> int:
    """The network's time now, as stored."""
    return milliseconds(clock.network())
