"""Inquire, from the requests as they came in to the answers that the gateway cannot read (design: one step, one file).

1 `asked` · 2 `begin`: `decide`, `convert`, `record`, `permit` · 3, 4 `forward` · 5 `outcome` · and what the requester is told: `state`.
A single inquiry is a batch of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from warifu.common.v1.common_pb2 import Failure
from warifu.exchange.v1.exchange_pb2 import SealedBlock
from warifu.gateway import asked as step1
from warifu.gateway.asked import Asked
from warifu.gateway.begin import Beginnings
from warifu.gateway.books import Books
from warifu.gateway.course import Course, Result
from warifu.gateway.stored import OPEN, Stored
from warifu.kernel.errors import LinkageError, Reason, Side
from warifu.kernel.failures import explain
from warifu.linkage.v1.linkage_pb2 import Denial


class Inquiries:
    """Takes inquiries."""

    def __init__(self, books: Books, beginnings: Beginnings, course: Course) -> None:
        self._books, self._beginnings, self._course = books, beginnings, course
        self.told: Counter[str] = Counter()
        """Inquiries by "OK" or the reason that their requesters were told, for an operator's monitoring: a call of many is OK whatever they became."""

    async def inquire(self, caller: str, inquiries: Sequence[bytes], queries: Sequence[SealedBlock]) -> list[Result]:
        """Each exchange, as far as it has come, or why there is none or nothing known of it, in the order asked.

        The same inquiry again, at any time, alone or among others, is about the same exchange. Errors of one: it is not well-formed,
        names another requester, or its id was used with other bytes; or nothing is known of the outcome yet (PROVIDER_…), and the same
        may be sent again; or whatever went wrong with it here.

        Raises:
            LinkageError: the call as a whole: see `asked.read_all`; the log cannot move (GATEWAY_LOG_UNAVAILABLE).
        """
        read = step1.read_all(inquiries, queries)
        asked = [one for one in read if isinstance(one, Asked)]
        if asked:
            await self._books.log.admit()
        own = [one for one in asked if one.requester == caller]
        await self._beginnings.record_pretences(caller, [one for one in asked if one.requester != caller])
        became = iter(await self._course.join(own, self._run))
        results = [_refused(one, caller) or next(became) for one in read]
        self.told.update(map(_reason, results))
        return results

    async def _run(self, asked: Sequence[Asked]) -> None:
        """Steps 2 to 5 of inquiries that nobody is busy with."""
        begun = await self._beginnings.begin(asked)
        unsettled = []
        for one, result in zip(asked, begun, strict=True):
            if isinstance(result, Stored) and result.outcome == OPEN:
                unsettled.append(result)
            else:
                self._course.tell(one.request_id, result)
        await self._course.advance(unsettled)


def _refused(read: Asked | LinkageError, caller: str) -> LinkageError | None:
    if isinstance(read, LinkageError):
        return read
    return None if read.requester == caller else LinkageError(Reason.CLIENT_NOT_YOURS)


def _reason(result: Result) -> str:
    if isinstance(result, Exception):
        return explain(result, Side.GATEWAY).reason
    if result.denial is not None:
        return Denial.FromString(result.denial).reason
    return "OK" if result.failure is None else Failure.FromString(result.failure).reason
