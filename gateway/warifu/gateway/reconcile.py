"""The reconciler: no recorded request stays without an outcome, whatever crashed in between.

Due are exchanges whose provider has said nothing yet, and those whose review period is over. Each is asked about once more under its own
permit, since the provider may have answered what never arrived; only then is the overdue closed as EXPIRED. Of several processes on one store the one that leads the log
does it: two would ask every provider twice, and be told the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from warifu.gateway.books import Books
from warifu.gateway.course import Course, Result
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
        if not await self._books.log.turn(lambda: bool(self._tags(network))):
            return 0
        return sum(await asyncio.gather(*(self._run_provider(tag, network) for tag in self._tags(network))))

    def _tags(self, network: int) -> list[bytes]:
        return self._books.store.read(lambda connection: self._books.exchanges.tags_due(connection, network))

    async def _run_provider(self, tag: bytes, network: int) -> int:
        """All of one provider's at once; what it does not answer is not tried again before the next run."""
        exchanges = self._books.store.read(lambda connection: self._books.exchanges.due(connection, network, tag))
        due = [one for one in exchanges if one.request_id not in self._course]
        became = await self._course.resume(due)
        over = [
            one
            for one, result in zip(due, became, strict=True)
            if isinstance(result, LinkageError) and one.review_until is not None and network > one.review_until
        ]
        return _ended(became) + _ended(await self._course.expire(over))


def _ended(became: Sequence[Result]) -> int:
    return sum(isinstance(one, Stored) and one.is_final for one in became)
