"""Who gives entries their places: one of the processes on a store, elected through the database, for a short time by the database's clock.

The head's compare and swap already keeps the log from forking, whoever signs. The lease keeps processes from racing for it, and gives each
leader a number, one more than the leader's before (fencing): it stands with the head and never goes back. A leader that was paused for
longer than its lease finds, when it wakes, another's number: its transaction fails, and it stands for election again like everyone.

Nobody renews a lease in a quiet network: placing entries does, in the same transaction, and who finds something waiting under a lease that
is over takes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, text, update

from warifu.gateway.schema import LEASE
from warifu.kernel.engines import POSTGRES

TERM: Final = 1_000
"""Milliseconds: half the merge delay, so that after a leader's death another places what waits before exchanges stop."""

_READ: Final = select(LEASE.c.holder, LEASE.c.fence, LEASE.c.expires_at)
_ADD: Final = insert(LEASE)
_PUT: Final = update(LEASE).values({name: bindparam(name) for name in ("holder", "fence", "expires_at")})
_DROP: Final = (
    update(LEASE)
    .where(LEASE.c.holder == bindparam("me"), LEASE.c.fence == bindparam("mine"))
    .values(expires_at=bindparam("expires_at"))
)
# Not now(), which on PostgreSQL is when the transaction began: it may have waited for the writer's lock since.
_POSTGRES_TIME: Final = text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
_SQLITE_TIME: Final = text("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS integer)")


class HeldElsewhereError(RuntimeError):
    """Another process leads; nothing was written."""


class LeaseLostError(RuntimeError):
    """Another process took over since this one led; nothing was written."""


@dataclass(frozen=True, slots=True)
class Held:
    """The lease as it stands."""

    holder: str
    fence: int
    expires_at: int
    """Milliseconds, by the database's clock."""


def database_time(connection: Connection) -> int:
    """The database's clock, in milliseconds since 1970: the same for all processes, whatever their machines' clocks say."""
    statement = _POSTGRES_TIME if connection.dialect.name == POSTGRES else _SQLITE_TIME
    return int(connection.execute(statement).scalar_one())


def fence_of(held: Held, now: int, me: str, mine: int | None) -> int:
    """The number under which `me` leads from now on; `mine` is the one under which it led so far, as it believes.

    Raises:
        HeldElsewhereError: another's term is not over.
        LeaseLostError: it led, but not any more.
    """
    if mine is not None:
        if (held.holder, held.fence) != (me, mine):
            raise LeaseLostError(f"leader {mine} was followed by leader {held.fence}")
        return mine  # also after its term, as long as nobody else took over
    if now < held.expires_at:
        raise HeldElsewhereError(f"leader {held.fence} is in its term")
    return held.fence + 1


class Lease:
    """One process's view of it. Every method runs within a connection's transaction."""

    def __init__(self, name: str | None = None, now: Callable[[Connection], int] = database_time) -> None:
        """`name`: of this process, no other's, not even of an earlier one in its place."""
        self.name = name or secrets.token_hex(8)
        self._now = now
        self._mine: int | None = None

    @property
    def believed(self) -> bool:
        """Whether this process leads as far as it knows; whether it does, `take` finds out."""
        return self._mine is not None

    def read(self, connection: Connection) -> Held | None:
        """As it is stored; None before the first leader."""
        row: Any = connection.execute(_READ).first()
        return None if row is None else Held(*row)

    def elsewhere(self, connection: Connection) -> bool:
        """Whether another process leads."""
        held = self.read(connection)
        return held is not None and held.holder != self.name and self._now(connection) < held.expires_at

    def take(self, connection: Connection, floor: int) -> int:
        """Lead for a term from now on. Returns the number of this leader; above `floor` when it is a new one.

        Raises:
            HeldElsewhereError: another leads.
            LeaseLostError: another took over; the next call may lead anew.
        """
        now, held = self._now(connection), self.read(connection)
        before = held or Held("", 0, now)
        try:
            fence = fence_of(before, now, self.name, self._mine)
        except LeaseLostError:
            self._mine = None
            raise
        self._mine = fence if self._mine is not None else max(fence, floor + 1)
        values = {"holder": self.name, "fence": self._mine, "expires_at": now + TERM}
        if held is None:
            connection.execute(_ADD, values | {"id": 1})
        else:
            connection.execute(_PUT, values)
        return self._mine

    def give_up(self, connection: Connection) -> None:
        """End the own term, so that another need not wait for its end."""
        if self._mine is not None:
            connection.execute(_DROP, {"me": self.name, "mine": self._mine, "expires_at": self._now(connection)})
            self._mine = None

    def clear(self, connection: Connection) -> int:
        """End whoever's term: for a new log, which nobody with the keys before can sign. Returns the number it had."""
        held = self.read(connection)
        if held is None:
            return 0
        values = {"holder": "", "fence": held.fence, "expires_at": self._now(connection)}
        connection.execute(_PUT, values)
        self._mine = None
        return held.fence
