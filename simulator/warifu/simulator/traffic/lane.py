"""One institution's open stream of inquiries to its own interim server (`InterimService.InquireBulk`), under its counter's certificate.

What queues while a chunk is on its way goes out in the next one. When the stream breaks, everything that was not answered is sent again
under its request id, which makes it the same exchange.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import grpc

from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.simulator.called import CallError
from warifu.simulator.doors import Doors

CHUNK: Final = 200
"""Inquiries in one message, as the contract allows."""
PATIENCE: Final = 60.0
"""Seconds for which a stream that breaks is opened again and again without any answer in between."""
_PAUSE: Final = 0.3

Answered = Callable[[interim_pb2.BulkResult], None]


class _Queue(asyncio.Queue[interim_pb2.InquireRequest | None]):
    """What one stream is to send; None ends it."""


class Lane:
    """One institution's inquiries. Use from one event loop."""

    def __init__(self, doors: Doors, institution: str, answered: Answered) -> None:
        self._stub = interim_pb2_grpc.InterimServiceStub(doors.counter(institution))
        self._institution, self._answered = institution, answered
        self._waiting: dict[str, interim_pb2.InquireRequest] = {}
        self._queue = _Queue()
        self._broken: float | None = None
        """Since when the stream breaks without an answer in between."""
        self._task = asyncio.create_task(self._run(), name=f"lane {institution}")

    def ask(self, request: interim_pb2.InquireRequest) -> None:
        """Send an inquiry; `answered` is called when it has come to something."""
        self._waiting[request.request_id] = request
        self._queue.put_nowait(request)

    def check(self) -> None:
        """See that it goes on.

        Raises:
            CallError: its interim server takes no inquiries any more.
        """
        if self._task.done() and not self._task.cancelled():
            self._task.result()

    async def close(self) -> None:
        """Leave what is under way."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                async for response in self._stub.InquireBulk(_chunks(self._queue)):
                    for result in response.results:
                        self._take(result)
            except grpc.aio.AioRpcError as error:
                self._broken = self._broken or time.monotonic()
                if time.monotonic() - self._broken > PATIENCE:
                    raise CallError("InquireBulk", self._institution, error) from error
            await asyncio.sleep(_PAUSE)
            self._again()

    def _take(self, result: interim_pb2.BulkResult) -> None:
        self._broken = None
        if self._waiting.pop(result.request_id, None) is not None:
            self._answered(result)

    def _again(self) -> None:
        """Queue anew, for a new stream, all that was not answered."""
        before, self._queue = self._queue, _Queue()
        before.put_nowait(None)  # whoever still takes from it is done
        for request in self._waiting.values():
            self._queue.put_nowait(request)


async def _chunks(queue: _Queue) -> AsyncIterator[interim_pb2.InquireBulkRequest]:
    """What queues, in chunks, until None comes."""
    while (first := await queue.get()) is not None:
        chunk = [first]
        while len(chunk) < CHUNK and not queue.empty():
            following = queue.get_nowait()
            if following is None:
                return
            chunk.append(following)
        yield interim_pb2.InquireBulkRequest(inquiries=chunk)
