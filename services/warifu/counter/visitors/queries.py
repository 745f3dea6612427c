"""Visits: that somebody was identified, by whom, on what papers. It counts on its simulated day and until it is ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from warifu.counter.schema import VISIT
from warifu.counter.staff.accounts import Account
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store

SHOWN: Final = 100
"""Visits of a day that are listed."""
_ADD: Final = insert(VISIT)
_ONE: Final = select(VISIT).where(VISIT.c.id == bindparam("id"))
_OF_DAY: Final = select(VISIT).where(VISIT.c.on == bindparam("day")).order_by(VISIT.c.id.desc()).limit(SHOWN)
_END: Final = (
    update(VISIT)
    .where(VISIT.c.id == bindparam("which"), VISIT.c.ended_at.is_(None))
    .values(ended_at=bindparam("moment"))
)


@dataclass(frozen=True, slots=True)
class Proofing:
    """How somebody was identified, by codes of `warifu.counter.visitors.papers`."""

    number_paper: str
    papers: tuple[str, ...]
    seen: tuple[str, ...]


class Visits:
    """The visits of one counter."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def add(self, who: Account, addressee_no: str, proofing: Proofing, *, created: bool) -> int:
        """Keep that an addressee was identified here today; the visit's number."""
        row = {
            "on": self._clock.today().isoformat(),
            "at": milliseconds(self._clock.network()),
            "login": who.login,
            "addressee_no": addressee_no,
            "created": int(created),
            "number_paper": proofing.number_paper,
            "papers": " ".join(proofing.papers),
            "seen": " ".join(proofing.seen),
        }

        def add(connection: Connection) -> int:
            return cast("int", connection.execute(_ADD, row).inserted_primary_key[0])  # type: ignore[index]

        return await self._store.write(add)

    def one(self, number: int) -> Row[Any] | None:
        """A visit, whether or not it still counts."""
        return self._store.read(lambda connection: connection.execute(_ONE, {"id": number}).first())

    def current(self, number: int) -> Row[Any] | None:
        """A visit of today that was not ended. Whatever is done for a visitor begins with it: without one nobody was identified."""
        row = self.one(number)
        return row if row is not None and self.counts(row) else None

    def counts(self, row: Row[Any]) -> bool:
        """Whether a visit still counts."""
        return row.ended_at is None and row.on == self._clock.today().isoformat()

    def today(self) -> Sequence[Row[Any]]:
        """Today's visits, newest first; at most SHOWN."""
        values = {"day": self._clock.today().isoformat()}
        return self._store.read(lambda connection: connection.execute(_OF_DAY, values).all())

    async def end(self, number: int) -> None:
        """The visitor left."""
        values = {"which": number, "moment": milliseconds(self._clock.network())}
        await self._store.write(lambda connection: connection.execute(_END, values))
