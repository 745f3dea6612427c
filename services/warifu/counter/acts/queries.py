"""The acts of one counter's staff: a row before something is done, another for how it ended. Nothing is ever changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from sqlalchemy import Connection, bindparam, insert, select

from warifu.counter.schema import ACT, ACT_END
from warifu.counter.staff.accounts import Account
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store

PAGE: Final = 20
DONE: Final = "done"
_ADD: Final = insert(ACT)
_END: Final = insert(ACT_END)
_PAGE: Final = (
    select(ACT, ACT_END.c.result)
    .outerjoin(ACT_END, ACT_END.c.act == ACT.c.id)
    .where(ACT.c.id < bindparam("before"))
    .order_by(ACT.c.id.desc())
    .limit(bindparam("most"))
)


class Acts:
    """The record of one counter."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def note(self, who: Account, act: str, about: str = "") -> int:
        """Write down, durably, that somebody is about to do something; the number of the entry. `about` is a code, never a name."""
        row = {
            "at": milliseconds(self._clock.network()),
            "machine_at": milliseconds(self._clock.machine()),
            "login": who.login,
            "office": who.office,
            "role": who.role,
            "act": act,
            "about": about[:64],
        }

        def add(connection: Connection) -> int:
            return cast("int", connection.execute(_ADD, row).inserted_primary_key[0])  # type: ignore[index]

        return await self._store.write(add)

    async def end(self, number: int, result: str = DONE) -> None:
        """Write down how it ended."""
        row = {"act": number, "at": milliseconds(self._clock.network()), "result": result[:64]}
        await self._store.write(lambda connection: connection.execute(_END, row))

    @asynccontextmanager
    async def during(self, who: Account, act: str, about: str = "") -> AsyncIterator[None]:
        """Do something on record: it is written down before the block runs, and after it whether it was done or why not."""
        number = await self.note(who, act, about)
        try:
            yield
        except LinkageError as error:
            await self.end(number, error.reason)
            raise
        await self.end(number)

    def page(self, before: int) -> Sequence[Any]:
        """Up to one more than PAGE of what was done, newest first, each with its `result`: None where nobody knows."""
        values = {"before": before, "most": PAGE + 1}
        return self._store.read(lambda connection: connection.execute(_PAGE, values).all())
