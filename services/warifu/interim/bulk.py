"""One stream of inquiries about many (一括照会): each waits for a lane as soon as it is read, and what is done together is told together.

Nothing is made for a single inquiry but its place in a lane, so a stream of a hundred thousand costs as much an inquiry as one of ten.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from typing import Any, Final

from warifu.interim.connect import Connector
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import BATCH, check_items, malformed

WINDOW: Final = 2 * int(BATCH)
"""Inquiries of one stream that are under way, or done and not taken, at most; nothing further is read meanwhile."""


class Bulk:
    """One stream's inquiries. Use once, from one event loop."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._open = 0
        """Inquiries read whose results were not handed out."""
        self._done: deque[pb.BulkResult] = deque()
        self._following: set[asyncio.Task[None]] = set()
        """Those of which the first try told nothing."""
        self._moved, self._room = asyncio.Event(), asyncio.Event()
        self._over = False
        self._failed: BaseException | None = None

    async def run(self, chunks: AsyncIterator[pb.InquireBulkRequest]) -> AsyncGenerator[list[pb.BulkResult], None]:
        """The results, in lists of at most BATCH that were done when the list before was taken.

        Raises, after all that was begun has been handed out:
            LinkageError: CLIENT_MALFORMED, CLIENT_TOO_MANY_ITEMS: a chunk out of form. And whatever `chunks` or the connector raised.
        """
        reader = asyncio.get_running_loop().create_task(self._read(chunks))
        try:
            while self._open or not self._over:
                while self._done:
                    results = [self._done.popleft() for _ in range(min(len(self._done), int(BATCH)))]
                    yield results
                    self._open -= len(results)
                    self._room.set()
                if self._failed is not None:
                    reader.cancel()
                    self._over = True
                if self._open or not self._over:
                    await self._moved.wait()
                    self._moved.clear()
            if self._failed is not None:
                raise self._failed
        finally:
            tasks: list[asyncio.Task[Any]] = [reader, *self._following]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, chunks: AsyncIterator[pb.InquireBulkRequest]) -> None:
        try:
            async for chunk in chunks:
                _check(chunk)
                for request in chunk.inquiries:
                    while self._open >= WINDOW:
                        self._room.clear()
                        await self._room.wait()
                    self._begin(request)
        except Exception as error:  # noqa: BLE001 - raised again once what was begun has been handed out
            self._fail(error)
        self._over = True
        self._moved.set()

    def _begin(self, request: pb.InquireRequest) -> None:
        self._open += 1
        self._connector.submit(request).add_done_callback(partial(self._tried, request.request_id))

    def _tried(self, request_id: str, future: asyncio.Future[pb.InquiryState | str]) -> None:
        """The first try is over."""
        if future.cancelled():  # the process ends
            self._tell(request_id, asyncio.InvalidStateError("an inquiry ended without a word"))
            return
        told = future.exception() or future.result()
        if isinstance(told, str):
            task = asyncio.get_running_loop().create_task(self._follow(request_id, told))
            self._following.add(task)
            task.add_done_callback(self._following.discard)
        else:
            self._tell(request_id, told)

    async def _follow(self, request_id: str, told: str) -> None:
        try:
            self._tell(request_id, await self._connector.come_to(told))
        except Exception as error:  # noqa: BLE001 - told like that of a first try
            self._tell(request_id, error)

    def _tell(self, request_id: str, told: pb.InquiryState | BaseException) -> None:
        if isinstance(told, pb.InquiryState):
            self._done.append(pb.BulkResult(request_id=request_id, inquiry=told))
        elif isinstance(told, LinkageError):
            self._done.append(pb.BulkResult(request_id=request_id, refused=told.failure()))
        else:
            self._open -= 1
            self._fail(told)
        self._moved.set()

    def _fail(self, error: BaseException) -> None:
        if self._failed is None:
            self._failed = error
        self._moved.set()


def _check(chunk: pb.InquireBulkRequest) -> None:
    check_items(chunk.inquiries, "inquiries", BATCH)
    if not all(request.HasField("request_id") for request in chunk.inquiries):
        raise malformed("inquiries.request_id", "missing")  # without it nothing could be taken up again
