"""Many inquiries in one call, and calls without end (一括照会): what the requester is told of them.

Each answer block travels once, however many results name it. A stream's chunks are worked on a few at a time and told in the order in
which they are done; while so many are under way, nothing further is read.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

from warifu.common.v1.common_pb2 import Failure
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1.exchange_pb2 import SealedAnswer, SealedBlock
from warifu.gateway.inquire import Inquiries
from warifu.gateway.state import states_of
from warifu.gateway.stored import Stored
from warifu.kernel.errors import LinkageError, Reason, Side
from warifu.kernel.failures import explain
from warifu.kernel.limits import CHUNKS, MESSAGE_BYTES
from warifu.kernel.pipeline import Pipeline
from warifu.linkage.v1 import linkage_pb2 as pb

_LOG: Final = logging.getLogger(__name__)
ANSWERS_BYTES: Final = MESSAGE_BYTES - 1024 * 1024
"""What the answer blocks of one response may add up to; the rest is for receipts."""


class ManyInquiries:
    """Tells what became of many."""

    def __init__(self, inquiries: Inquiries, keys: InstitutionKeys) -> None:
        self._inquiries, self._keys = inquiries, keys

    async def ask(
        self, caller: str, inquiries: Sequence[bytes], queries: Sequence[SealedBlock]
    ) -> pb.InquireManyResponse:
        """One result an inquiry, in the order asked. Raises as `Inquiries.inquire`."""
        results = await self._inquiries.inquire(caller, inquiries, queries)
        states = iter(states_of([one for one in results if isinstance(one, Stored)], self._keys))
        answers = _Answers()
        told = [
            _told(one, next(states), answers) if isinstance(one, Stored) else pb.InquireResult(failure=_failure(one))
            for one in results
        ]
        return pb.InquireManyResponse(results=told, answers=answers.blocks)

    def stream(
        self, caller: str, chunks: AsyncIterator[pb.InquireBulkRequest]
    ) -> AsyncGenerator[list[pb.InquireBulkResponse], None]:
        """One response a chunk, in the order in which they are done, in lists of what is there. Raises what the first chunk that is refused as a whole is refused for."""

        async def ask(number: int, chunk: pb.InquireBulkRequest) -> pb.InquireBulkResponse:
            done = await self.ask(caller, chunk.inquiries, chunk.queries)
            return pb.InquireBulkResponse(chunk=number, results=done.results, answers=done.answers)

        return Pipeline(CHUNKS, ask).run(chunks)


class _Answers:
    """The answer blocks of a response, each once."""

    def __init__(self) -> None:
        self.blocks: list[SealedAnswer] = []
        self._places: dict[bytes, int] = {}
        self._size = 0

    def place(self, wire: bytes) -> int | None:
        """Where a block is; None when the message has no room for it."""
        if wire not in self._places:
            if self._size + len(wire) > ANSWERS_BYTES:
                return None
            self._places[wire] = len(self.blocks)
            self.blocks.append(SealedAnswer.FromString(wire))
            self._size += len(wire)
        return self._places[wire]


def _told(exchange: Stored, state: pb.ExchangeState, answers: _Answers) -> pb.InquireResult:
    if exchange.answer is None:
        return pb.InquireResult(exchange=state)
    place = answers.place(exchange.answer)
    if place is None:  # answered in many blocks before: to be asked for in smaller calls
        limit = {"field": "answers", "limit": str(ANSWERS_BYTES)}
        return pb.InquireResult(failure=LinkageError(Reason.CLIENT_TOO_LARGE, metadata=limit).failure())
    return pb.InquireResult(exchange=state, answer_block=place)


def _failure(error: Exception) -> Failure:
    told = explain(error, Side.GATEWAY)
    if told is not error:
        _LOG.error("an inquiry of many failed", extra={"reason": told.reason}, exc_info=error)
    return told.failure()
