"""A gateway without a log, for measurements alone: put together from the gateway's own parts.

No setting, argument or variable of the served gateway leads to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TypeVar

from sqlalchemy import Connection

from warifu.gateway.log.log import Log
from warifu.gateway.party import build as build_gateway
from warifu.kernel.party import Context, Party

T = TypeVar("T")


class UnintegratedLog(Log):
    """Entries are committed as ever; nothing integrates them, no witness is asked, and no exchange asks whether the log moves."""

    @property
    def jobs(self) -> dict[str, Callable[[], Awaitable[int]]]:
        """Without the log's own."""
        return {"rules": self.enter_rules}

    async def begin(self) -> None:
        """Enter the start and the rules; there is no head."""
        await self.write(self.events.started(simulation=True, program=version("warifu")))
        await self.enter_rules()

    async def admit(self) -> None:
        """The gate is open."""
        await self.enter_rules()

    def check(self) -> None:
        """Nothing can stop."""

    async def integrate(self) -> int:
        """Nothing is placed."""
        return 0

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Commit."""
        return await self._store.write(change)


async def build(context: Context) -> Party:
    """The gateway with its log's integration and witnessing replaced by nothing."""
    return await build_gateway(context, UnintegratedLog)
