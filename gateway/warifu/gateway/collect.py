"""Collect: ask again for the outcome of one's own inquiry, under the same permit. Once final, it stays."""

from __future__ import annotations

from warifu.exchange.v1.exchange_pb2 import OUTCOME_PENDING
from warifu.gateway import stored
from warifu.gateway.course import Course
from warifu.gateway.log.log import Log
from warifu.gateway.stored import Stored
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store


class Collection:
    """Answers collectors."""

    def __init__(self, store: Store, course: Course, log: Log) -> None:
        self._store, self._course, self._log = store, course, log

    async def collect(self, caller: str, request_id: str) -> Stored:
        """The exchange as it stands after asking its provider once more.

        Raises:
            LinkageError: CLIENT_REQUEST_UNKNOWN, also for another institution's inquiry; PROVIDER_… while nothing is known yet;
                GATEWAY_LOG_UNAVAILABLE while the log cannot move.
        """
        await self._log.admit()
        found = self._store.read(lambda connection: stored.find(connection, request_id))
        if found is None or found.requester != caller:
            raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
        try:
            return await self._course.resume(found)
        except LinkageError:
            if found.outcome == OUTCOME_PENDING:  # still true while the provider cannot be reached
                return found
            raise
