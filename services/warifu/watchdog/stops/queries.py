"""Stops: recorded here, in force at the gateway by the rulings that name them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.kernel.store import Store
from warifu.law import Stopped
from warifu.watchdog.schema import STOP

_ALL: Final = select(STOP).order_by(STOP.c.id.desc()).limit(200)
_IN_FORCE: Final = select(STOP).where(STOP.c.lifted_on.is_(None)).order_by(STOP.c.id)
_OF: Final = _IN_FORCE.where(STOP.c.institution == bindparam("institution"))
_ADD: Final = insert(STOP)
_LIFT: Final = (
    update(STOP).where(STOP.c.id == bindparam("which"), STOP.c.lifted_on.is_(None)).values(lifted_on=bindparam("day"))
)


@dataclass(frozen=True, slots=True)
class Stops:
    """The stops of one supervisor. At most one is in force for an institution."""

    store: Store

    def all(self) -> Sequence[Any]:
        """The newest 200, newest first."""
        return self.store.read(lambda connection: connection.execute(_ALL).all())

    def in_force(self) -> dict[str, tuple[Stopped, date]]:
        """By institution: why, and from which simulated day on."""
        rows = self.store.read(lambda connection: connection.execute(_IN_FORCE).all())
        return {row.institution: (Stopped(row.ground), date.fromisoformat(row.since_on)) for row in rows}

    async def stop(self, institution: str, ground: Stopped, why: str, today: date) -> bool:
        """Stop it from today on; False when it is stopped already."""
        row = {"institution": institution, "ground": ground, "why": why, "since_on": today.isoformat()}
        return await self.store.write(lambda connection: _stop(connection, row))

    async def lift(self, number: int, today: date) -> str | None:
        """Free the institution of a stop in force: its code; None when there is no such stop."""
        return await self.store.write(lambda connection: _lift(connection, number, today))


def _stop(connection: Connection, row: dict[str, str]) -> bool:
    if connection.execute(_OF, {"institution": row["institution"]}).first() is not None:
        return False
    connection.execute(_ADD, row)
    return True


def _lift(connection: Connection, number: int, today: date) -> str | None:
    found = connection.execute(select(STOP.c.institution).where(STOP.c.id == number)).scalar()
    done = connection.execute(_LIFT, {"which": number, "day": today.isoformat()}).rowcount
    return found if done else None
