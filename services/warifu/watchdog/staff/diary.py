"""What staff did, and what of it is owed to the public log.

An opening is in the diary, durably, before the finding is shown, and entered at the gateway at once. While the gateway does not take it, it
stays owed and is entered later: a gateway must not be able to keep the supervisor from reading what is about the gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from sqlalchemy import bindparam, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.watchdog.schema import DIARY, OWED
from warifu.watchdog.staff.accounts import Account

PAGE: Final = 20
_ADD: Final = insert(DIARY)
_DEBTS: Final = select(DIARY.c.id, DIARY.c.about, DIARY.c.role).where(OWED).order_by(DIARY.c.id).limit(100)
_PAID: Final = update(DIARY).where(DIARY.c.id == bindparam("which")).values(owed=0)
_PAGE: Final = (
    select(DIARY).where(DIARY.c.id < bindparam("before")).order_by(DIARY.c.id.desc()).limit(bindparam("most"))
)


class LogEntry(Protocol):
    """Enters an opening in the public log; raises LinkageError when it cannot."""

    async def enter(self, finding: str, role: str) -> None:
        """Durable on return."""


class Diary:
    """The diary of one supervisor."""

    def __init__(self, store: Store, clock: Clock, log: LogEntry) -> None:
        self._store, self._clock, self._log = store, clock, log

    async def note(self, who: Account, act: str, about: str) -> None:
        """Write down what somebody does, before it is done."""
        await self._add(who, act, about, owed=0)

    async def opened(self, who: Account, finding: str) -> bool:
        """Write down, and enter in the public log, that somebody opens a finding; False while that could not be entered yet."""
        await self._add(who, "open", finding, owed=1)
        try:
            await self.pay()
        except LinkageError:
            return False
        return True

    async def run(self) -> int:
        """Enter what is owed; how much was. A periodic job: what the gateway does not take now it is given again."""
        try:
            return await self.pay()
        except LinkageError:
            return 0

    async def pay(self) -> int:
        """Enter what is owed, oldest first; how much was.

        Raises:
            LinkageError: the gateway does not take it.
        """
        debts = self._store.read(lambda connection: connection.execute(_DEBTS).all())
        for debt in debts:
            await self._log.enter(debt.about, debt.role)
            await self._store.write(lambda connection, which=debt.id: connection.execute(_PAID, {"which": which}))  # type: ignore[misc]
        return len(debts)

    def page(self, before: int) -> Sequence[Any]:
        """Up to one more than PAGE of what was done, newest first."""
        values = {"before": before, "most": PAGE + 1}
        return self._store.read(lambda connection: connection.execute(_PAGE, values).all())

    async def _add(self, who: Account, act: str, about: str, *, owed: int) -> None:
        row = {
            "at": milliseconds(self._clock.machine()),
            "network_at": milliseconds(self._clock.network()),
            "login": who.login,
            "role": who.role,
            "act": act,
            "about": about,
            "owed": owed,
        }
        await self._store.write(lambda connection: connection.execute(_ADD, row))
