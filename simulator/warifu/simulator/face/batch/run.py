"""Running a file: one streamed bulk inquiry, taken up again under the same request ids whenever it breaks, until every line came to something.

The same file again asks for what was refused: only what the interim server stored is an inquiry, and that has its line's request id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import BATCH
from warifu.simulator.face.batch import inquiry
from warifu.simulator.face.batch.lines import Malformed, read_file
from warifu.simulator.face.batch.row import Row

_PAUSE: Final = 1.0
"""Seconds before a broken stream is taken up again."""
_COLLECT: Final = 15.0
_PASSES: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED})
"""What breaks a stream and is over in a while: the agency starts again, the connection is renewed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is, in lines."""

    lines: int
    malformed: int
    duplicates: int
    answered: int
    """Came to something final."""
    waiting: int
    """A clerk of the provider must look first, or under way."""
    refused: int
    """Not stored, and so not sent."""

    @property
    def left(self) -> int:
        """Nothing is known of them yet."""
        return self.lines - self.malformed - self.duplicates - self.answered - self.waiting - self.refused


class Batch:
    """One file of one institution. `run` may be called again: what was refused is tried again, what was stored is not asked twice."""

    def __init__(
        self, institution: str, content: bytes, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Reads the whole file; nothing is sent yet."""
        self.institution = institution
        self.rows = _rows(institution, content)
        self.trouble: LinkageError | None = None
        """Why the stream broke last, while it waits to go on."""
        self._pause = pause
        self._by_id = {row.request.request_id: row for row in self.rows if row.asks and row.request is not None}

    @property
    def progress(self) -> Progress:
        """How far it is."""
        asked = [row for row in self.rows if row.asks]
        waiting = sum(row.waiting for row in asked)
        return Progress(
            lines=len(self.rows),
            malformed=sum(isinstance(row.line, Malformed) for row in self.rows),
            duplicates=sum(row.duplicate for row in self.rows),
            answered=sum(row.state is not None for row in asked) - waiting,
            waiting=waiting,
            refused=sum(row.refused is not None for row in asked),
        )

    async def run(self, stub: interim_pb2_grpc.InterimServiceAsyncStub) -> None:
        """Ask until every line came to something.

        Raises:
            LinkageError: the interim server will not take the stream at all, now or later.
        """
        outstanding = [row for row in self.rows if row.outstanding]
        for row in outstanding:
            row.refused = None
        while outstanding:
            await self._attempt(stub, outstanding)
            outstanding = [row for row in outstanding if row.state is None and row.refused is None]
            if outstanding:
                await self._pause(_PAUSE)
        self.trouble = None
        await self.refresh(stub)

    async def refresh(self, stub: interim_pb2_grpc.InterimServiceAsyncStub) -> None:
        """Ask once more for what waits. Whoever cannot be reached now is left as it is."""
        for row in self.rows:
            if row.asks and row.waiting and row.request is not None:
                asked = interim_pb2.CollectRequest(institution=self.institution, request_id=row.request.request_id)
                try:
                    row.state = (await stub.Collect(asked, timeout=_COLLECT)).inquiry
                except grpc.aio.AioRpcError as error:
                    if error.code() not in _PASSES:
                        raise LinkageError.from_rpc(error) from error
                    return

    async def _attempt(
        self,
        stub: interim_pb2_grpc.InterimServiceAsyncStub,
        rows: Sequence[Row],
    ) -> None:
        try:
            async for answer in stub.InquireBulk(_chunks(rows)):
                self.trouble = None
                for result in answer.results:
                    self._take(result)
        except grpc.aio.AioRpcError as error:
            self.trouble = LinkageError.from_rpc(error)
            if error.code() not in _PASSES and not self.trouble.retryable:
                raise self.trouble from error

    def _take(self, result: interim_pb2.BulkResult) -> None:
        row = self._by_id.get(result.request_id)
        if row is None:
            return
        if result.WhichOneof("result") == "refused":
            row.refused = result.refused
        else:
            row.state = result.inquiry


def _rows(institution: str, content: bytes) -> list[Row]:
    rows: list[Row] = []
    seen: set[str] = set()
    for numbered in read_file(content):
        row = Row(numbered.number, numbered.line)
        if not isinstance(numbered.line, Malformed):
            row.request = inquiry.request_of(institution, numbered.line)
            row.duplicate = row.request.request_id in seen
            seen.add(row.request.request_id)
        rows.append(row)
    return rows


async def _chunks(rows: Sequence[Row]) -> AsyncIterator[interim_pb2.InquireBulkRequest]:
    for start in range(0, len(rows), int(BATCH)):
        asked = [row.request for row in rows[start : start + int(BATCH)] if row.request is not None]
        yield interim_pb2.InquireBulkRequest(inquiries=asked)
