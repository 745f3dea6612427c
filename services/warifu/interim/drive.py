"""Sends stored inquiries until each has come to something: the same bytes again and again, also after a restart.

One run at a time for each inquiry, longer and longer pauses between tries, no timer while all is well. What is sent again goes out with
whatever else is, as it did at first: after an outage thousands wait. What is for a provider of which nothing came goes out by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from heapq import nsmallest
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, select

from warifu.interim import inquire
from warifu.interim.ground import Ground
from warifu.interim.inquire import Sent
from warifu.interim.kept_inquiries import SENT, UNSETTLED, Inquiry
from warifu.interim.receive import Taken
from warifu.interim.schema import INQUIRIES, UNFINISHED
from warifu.interim.send import Sender
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.coalesce import Sidings
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import BATCH

IN_FLIGHT: Final = 64
"""Tries at once of inquiries that are sent again alone."""
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 10.0
_POLL_EVERY: Final = 20_000
"""Machine milliseconds between two looks at an answer that waits for a clerk, at least."""
LOOKS: Final = 2
"""Such looks in one run of `resume`, at most: where hundreds wait each is looked at more rarely, since a look costs more than an inquiry."""
_LOG: Final = logging.getLogger(__name__)

_OPEN = (
    select(INQUIRIES.c.request_id, INQUIRIES.c.waiting, INQUIRIES.c.review_until)
    .where(UNFINISHED, INQUIRIES.c.month >= bindparam("first"))
    .order_by(INQUIRIES.c.position)
)


class Driver:
    """Drives one institution's inquiries. Use from its event loop; `await close()` when done."""

    def __init__(
        self,
        ground: Ground,
        sender: Sender,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ground, self._sender, self._pause = ground, sender, pause
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._first: Sidings[Sent, Taken | None] = Sidings(self._try_queued, int(BATCH), _provider)
        self._again: Sidings[_Again, Taken] = Sidings(self._try_stored, int(BATCH), lambda again: again.provider)
        self._running: dict[str, asyncio.Future[Any]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._polled: dict[str, int] = {}

    def send(self, request_id: str) -> None:
        """Send an inquiry that is stored, unless that goes on already."""
        self._start(request_id, lambda: self._send(request_id, 0.0))

    def take_on(self, sent: Sent) -> None:
        """Send an inquiry that was stored just now, with those that queue to be sent."""
        if sent.inquiry.request_id not in self._running:
            self._register(sent, self._first.submit(sent))

    async def first(self, batch: Sequence[Sent]) -> list[Taken | None]:
        """Send inquiries that were stored just now, together; None for those of which the first try told nothing, and it goes on."""
        loop = asyncio.get_running_loop()
        # `resume` may have seen one of them stored before its caller did.
        fresh = [sent for sent in batch if sent.inquiry.request_id not in self._running]
        futures = {sent.inquiry.request_id: self._register(sent, loop.create_future()) for sent in fresh}
        results: Sequence[Taken | None] = [None] * len(fresh)
        try:
            if fresh:
                results = await self._try_first(fresh)
        finally:
            for future, result in zip(futures.values(), results, strict=True):
                if not future.done():
                    future.set_result(result)
        told = dict(zip(futures, results, strict=True))
        return [told.get(sent.inquiry.request_id) for sent in batch]

    async def wait(self, request_id: str, seconds: float | None) -> None:
        """Wait until the inquiry came to something, at most so long. Returns at once when nothing is under way."""
        if request_id not in self._running:
            return
        event = self._changed.setdefault(request_id, asyncio.Event())
        with suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)

    async def collect(self, request_id: str) -> None:
        """Ask the gateway once for an answer that waits for a clerk. When it cannot be reached, what is known stays."""
        self._polled[request_id] = self._ground.machine()
        self._start(request_id, lambda: self._collect(request_id))
        await asyncio.gather(asyncio.shield(self._running[request_id]), return_exceptions=True)

    async def resume(self) -> int:
        """Take up every inquiry that is not final: unsent ones go on, waiting ones are looked at when it is time.

        Returns how many became final.
        """
        now, network = self._ground.machine(), self._ground.network()
        waiting, again = list[str](), list[tuple[int, str]]()
        first = {"first": self._ground.contents.vault.first}
        for row in self._ground.store.read(lambda connection: connection.execute(_OPEN, first).all()):
            if row.waiting == SENT:
                self.send(row.request_id)
            elif (polled := self._polled.get(row.request_id)) is None or _is_over(
                row.review_until, network, now, polled
            ):
                waiting.append(row.request_id)
            elif now - polled >= _POLL_EVERY:
                again.append((polled, row.request_id))
        waiting += (request_id for _, request_id in nsmallest(LOOKS, again))
        await asyncio.gather(*(self.collect(request_id) for request_id in waiting))
        return sum(not self._is_open(request_id) for request_id in waiting)

    async def close(self) -> None:
        """Stop; what is not final is taken up at the next start."""
        running = list(self._running.values())
        for future in running:
            future.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _start(self, request_id: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if request_id in self._running:
            return
        task = asyncio.get_running_loop().create_task(work())
        self._running[request_id] = task
        task.add_done_callback(lambda done: self._ended(request_id, done))

    def _register(self, sent: Sent, future: asyncio.Future[Taken | None]) -> asyncio.Future[Taken | None]:
        request_id = sent.inquiry.request_id
        self._running[request_id] = future
        future.add_done_callback(lambda done: self._tried_first(sent, done))
        return future

    def _tried_first(self, sent: Sent, done: asyncio.Future[Taken | None]) -> None:
        request_id = sent.inquiry.request_id
        if done.cancelled() or done.exception() is not None or done.result() is not None:
            self._ended(request_id, done)
            return
        del self._running[request_id]
        self._start(request_id, lambda: self._send(request_id, FIRST_PAUSE, _provider(sent)))

    def _ended(self, request_id: str, done: asyncio.Future[Any]) -> None:
        del self._running[request_id]
        event = self._changed.pop(request_id, None)
        if event is not None:
            event.set()
        if not done.cancelled() and (error := done.exception()) is not None:
            _LOG.error("inquiry not driven", extra={"request_id": request_id}, exc_info=error)

    async def _try_queued(self, batch: Sequence[Sent]) -> list[Taken | None]:
        told = await self._try_first(batch)
        self._first.note(*stands(batch, told))
        return told

    async def _try_first(self, batch: Sequence[Sent]) -> list[Taken | None]:
        results = await self._sender.send(batch)
        return [self._known(sent.inquiry.request_id, result) for sent, result in zip(batch, results, strict=True)]

    async def _send(self, request_id: str, pause: float, provider: str = "") -> None:
        """Until it came to something: with others that are sent again, and alone once it was refused with them; whatever is not final for good is tried again."""
        alone = False
        while True:
            if pause:
                await self._pause(pause)
            result = await self._try_again(_Again(request_id, provider), alone=alone)
            if self._known(request_id, result) is not None:
                return
            provider = provider or pb.InquireRequest.FromString(self._inquiry(request_id).request).provider
            alone = isinstance(result, LinkageError) and not result.retryable
            pause = min(pause * 2, LONGEST_PAUSE) if pause else FIRST_PAUSE

    async def _try_again(self, again: _Again, *, alone: bool) -> Taken | LinkageError:
        if alone:
            async with self._slots:
                return (await self._send_stored([again]))[1][0]
        try:
            return await self._again(again)
        except LinkageError as error:
            return error

    async def _try_stored(self, batch: Sequence[_Again]) -> list[Taken | LinkageError]:
        sent, told = await self._send_stored(batch)
        self._again.note(*stands(sent, [one if isinstance(one, Taken) else None for one in told]))
        return told

    async def _send_stored(self, batch: Sequence[_Again]) -> tuple[Sequence[Sent], list[Taken | LinkageError]]:
        contents, ids = self._ground.contents, [again.request_id for again in batch]
        sent = self._ground.store.read(lambda connection: inquire.sent(connection, contents, ids))
        return sent, await self._sender.send(sent)

    async def _collect(self, request_id: str) -> None:
        self._known(request_id, await self._sender.collect(self._inquiry(request_id)))

    def _known(self, request_id: str, result: Taken | LinkageError) -> Taken | None:
        """What a try told; None when nothing, and it waits."""
        if isinstance(result, LinkageError):
            _LOG.info("inquiry waits", extra={"request_id": request_id, "reason": result.reason})
            return None
        if result.received.is_final:
            self._polled.pop(request_id, None)
        elif result.received.outcome:
            self._polled[request_id] = self._ground.machine()  # no clerk has looked within that moment
        return result if result.received.outcome else None

    def _is_open(self, request_id: str) -> bool:
        return self._inquiry(request_id).outcome in UNSETTLED

    def _inquiry(self, request_id: str) -> Inquiry:
        contents = self._ground.contents
        return self._ground.store.read(lambda connection: inquire.find(connection, contents, request_id))


class _Again(NamedTuple):
    """An inquiry that is sent again."""

    request_id: str
    provider: str
    """Empty as long as nobody has read it: it was found in the store."""


def _provider(sent: Sent) -> str:
    return sent.query.recipient


def stands(sent: Sequence[Sent], told: Sequence[Taken | None]) -> tuple[set[str], set[str]]:
    """Providers of which nothing came, of what was sent to them together, and those of which an answer did."""
    still, goes = set[str](), set[str]()
    for one, taken in zip(sent, told, strict=True):
        if taken is None or not taken.received.outcome:
            still.add(_provider(one))
        elif taken.received.answer is not None:
            goes.add(_provider(one))
    return still, goes


def _is_over(review_until: int | None, network: int, now: int, polled: int) -> bool:
    """The review's time is over, and that was not asked about just now."""
    return review_until is not None and network > review_until and now - polled >= 1000  # noqa: PLR2004 - a second
