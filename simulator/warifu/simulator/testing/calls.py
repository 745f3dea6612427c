"""Which calls to interim servers and business systems the system under test made: all that there were, less the test's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import grpc

from warifu.kernel.errors import LinkageError
from warifu.kernel.server import Running
from warifu.simulator.testing.parties import ENTRANCES


class Own(
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    """Counts the test's own calls on its own channels, by full method and what they came to, as the called party counts them."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._booking: dict[Any, asyncio.Task[None]] = {}

    async def booked(self) -> None:
        """Wait until all that have ended are counted."""
        await asyncio.gather(*(task for call, task in self._booking.items() if call.done()))

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """See `grpc.aio.UnaryUnaryClientInterceptor`."""
        return await self._counted(continuation, client_call_details, request)

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """See `grpc.aio.UnaryStreamClientInterceptor`."""
        return await self._counted(continuation, client_call_details, request)

    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """See `grpc.aio.StreamUnaryClientInterceptor`."""
        return await self._counted(continuation, client_call_details, request_iterator)

    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """See `grpc.aio.StreamStreamClientInterceptor`."""
        return await self._counted(continuation, client_call_details, request_iterator)

    async def _counted(self, continuation: Any, details: Any, request: Any) -> Any:
        method = details.method
        call = await continuation(details, request)
        booking = asyncio.create_task(self._book(method if isinstance(method, str) else method.decode(), call))
        self._booking[call] = booking
        booking.add_done_callback(lambda _: self._booking.pop(call))
        return call

    async def _book(self, method: str, call: Any) -> None:
        code = await call.code()
        if code is grpc.StatusCode.OK:
            self.counts[method, "OK"] += 1
            return
        error = grpc.aio.AioRpcError(code, await call.initial_metadata(), await call.trailing_metadata())
        if (reason := LinkageError.told(error)) is not None:  # else no handler refused it, and nobody counts it
            self.counts[method, reason] += 1


def theirs(running: Iterable[Running], own: Own) -> Counter[tuple[str, str]]:
    """Calls by full method and outcome that were not the test's own."""
    found: Counter[tuple[str, str]] = Counter()
    for one in running:
        found.update({key: number for key, number in one.counts.items() if key[0].startswith(ENTRANCES)})
    found.subtract(own.counts)
    return Counter({key: number for key, number in sorted(found.items()) if number > 0})
