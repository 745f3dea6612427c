"""Collect: ask again for the outcome of one's own inquiry, under the same permit. Once final, it stays."""

from __future__ import annotations

from warifu.exchange.v1.exchange_pb2 import OUTCOME_PENDING
from warifu.gateway.books import Books
from warifu.gateway.course import Course
from warifu.gateway.stored import Stored
from warifu.kernel.errors import LinkageError, Reason


class Collection:
    """Answers collectors."""

    def __init__(self, books: Books, course: Course) -> None:
        self._books, self._course = books, course

    async def collect(self, caller: str, request_id: str) -> Stored:
        """The exchange as it stands after asking its provider once more.

        Raises:
            LinkageError: CLIENT_REQUEST_UNKNOWN, also for another institution's inquiry; PROVIDER_… while nothing is known yet;
                GATEWAY_LOG_UNAVAILABLE while the log cannot move.
        """
        await self._books.log.admit()
        found = self._books.store.read(lambda connection: self._books.exchanges.find(connection, request_id))
        if found is None or found.requester != caller:
            raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
        (became,) = await self._course.resume([found])
        if isinstance(became, Stored):
            return became
        if isinstance(became, LinkageError) and found.outcome == OUTCOME_PENDING:
            return found  # still true while the provider cannot be reached
        raise became
