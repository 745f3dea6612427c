"""How far the gateway's log and outbox are, for an operator's monitoring (`warifu.kernel.metrics`): counts and ages, nothing of any exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Executable, func, select

from warifu.gateway.log import entries
from warifu.gateway.schema import ENTRY, HEAD, OUTBOX, WAITING
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store

_COUNTS: Final[Mapping[str, Any]] = {
    "log_waiting": select(func.count()).select_from(ENTRY).where(WAITING),
    "log_size": select(HEAD.c.size),
    "log_witnessed_size": select(HEAD.c.witnessed_size),
    "outbox": select(func.count()).select_from(OUTBOX),
}


def gauges(store: Store, clock: Clock) -> dict[str, Callable[[], float]]:
    """By name, each read when it is asked for."""

    def count(statement: Executable) -> Callable[[], float]:
        return lambda: float(store.read(lambda connection: connection.execute(statement).scalar()) or 0)

    def waiting_seconds() -> float:
        oldest = store.read(entries.oldest_waiting)
        return 0.0 if oldest is None else max(0, milliseconds(clock.machine()) - oldest) / 1000

    return {**{name: count(one) for name, one in _COUNTS.items()}, "log_waiting_seconds": waiting_seconds}
