"""Which calls to interim servers and business systems the system under test made: all that there were, less the test's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import grpc

from warifu.kernel.server import Running

COUNTED: Final = ("/warifu.interim.v1.", "/warifu.agency.v1.")
"""Calls are of these areas: health, reflection and the control face are none."""


class Own(
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamUnaryClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    """Counts the test's own calls, as they end, on its own channels."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

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
        self.counts[method if isinstance(method, str) else method.decode()] += 1
        return await continuation(details, request)


def theirs(running: Iterable[Running], own: Own) -> Counter[tuple[str, str]]:
    """Calls by full method and outcome that were not the test's own.

    Of a method that both called, the test's own are taken to be those that went well.
    """
    found: Counter[tuple[str, str]] = Counter()
    for one in running:
        found.update({key: number for key, number in one.counts.items() if key[0].startswith(COUNTED)})
    for method, number in own.counts.items():
        found[method, "OK"] -= number
    return Counter({key: number for key, number in sorted(found.items()) if number > 0})
