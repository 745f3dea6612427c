"""Times as the tables keep them."""

from __future__ import annotations

from warifu.kernel.clock import Clock


def now(clock: Clock) -> int:
    """The network's time in milliseconds since 1970 (UTC)."""
    return int(clock.network().timestamp() * 1000)
