"""The reconciler: no recorded request stays without an outcome, whatever crashed in between.

Due are exchanges whose provider has said nothing yet, and those whose review period is over. Each is asked about once more under its own
permit, since the provider may have answered what never arrived; only then is the overdue closed as EXPIRED.
"""

from __future__ import annotations

import asyncio

from warifu.gateway.books import Books
from warifu.gateway.course import Course
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds


class Reconciler:
    """A periodic job."""

    def __init__(self, books: Books, clock: Clock, course: Course) -> None:
        self._books, self._clock, self._course = books, clock, course

    async def run(self) -> int:
        """Go over what is due, providers side by side; how many exchanges came to an end."""
        network = milliseconds(self._clock.network())
        tags = self._books.store.read(lambda connection: self._books.exchanges.tags_due(connection, network))
        return sum(await asyncio.gather(*(self._run_provider(tag, network) for tag in tags)))

    async def _run_provider(self, tag: bytes, network: int) -> int:
        """One after the other; a provider that cannot be reached is not tried again before the next run."""
        ended, reachable = 0, True
        for exchange in self._books.store.read(lambda connection: self._books.exchanges.due(connection, network, tag)):
            if exchange.request_id in self._course:
                continue
            after, reachable = await self._look_after(exchange, network, reachable=reachable)
            ended += after.is_final
        return ended

    async def _look_after(self, exchange: Stored, network: int, *, reachable: bool) -> tuple[Stored, bool]:
        if reachable:
            try:
                return await self._course.resume(exchange), True
            except LinkageError:
                reachable = False
        over = exchange.review_until is not None and network > exchange.review_until
        return await self._course.expire(exchange) if over else exchange, reachable
