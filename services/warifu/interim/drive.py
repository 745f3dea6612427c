"""Sends stored inquiries until each has come to something: the same bytes again and again, also after a restart.

One run at a time for each inquiry, a bounded number at once, longer and longer pauses between tries, no timer while all is well.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import grpc
from sqlalchemy import bindparam, select

from warifu.exchange.v1 import exchange_pb2
from warifu.interim import inquire
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import SENT, UNSETTLED, Inquiry
from warifu.interim.receive import Received, Receiver
from warifu.interim.schema import INQUIRIES, UNFINISHED
from warifu.interim.supersede import Superseded
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason, Side
from warifu.kernel.limits import EXCHANGE_DEADLINE
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

IN_FLIGHT: Final = 64
"""Calls to the gateway at once."""
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 10.0
_POLL_EVERY: Final = 20_000
"""Machine milliseconds between two looks at an answer that waits for a clerk."""
_LOG: Final = logging.getLogger(__name__)

_OPEN = (
    select(INQUIRIES.c.request_id, INQUIRIES.c.waiting, INQUIRIES.c.review_until)
    .where(UNFINISHED, INQUIRIES.c.month >= bindparam("first"))
    .order_by(INQUIRIES.c.position)
)
Call = Callable[[], Awaitable[linkage_pb2.ExchangeState]]


class Driver:
    """Drives one institution's inquiries. Use from its event loop; `await close()` when done."""

    def __init__(
        self,
        ground: Ground,
        receiver: Receiver,
        superseded: Superseded,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ground, self._receiver, self._superseded, self._pause = ground, receiver, superseded, pause
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._polled: dict[str, int] = {}

    def send(self, request_id: str) -> None:
        """Send an inquiry that is stored, unless that goes on already."""
        self._start(request_id, lambda: self._send(request_id))

    async def wait(self, request_id: str, seconds: float) -> None:
        """Wait until the inquiry came to something, at most so long. Returns at once when nothing is under way."""
        if request_id not in self._running:
            return
        event = self._changed.setdefault(request_id, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return

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
        waiting = []
        first = {"first": self._ground.contents.vault.first}
        for row in self._ground.store.read(lambda connection: connection.execute(_OPEN, first).all()):
            if row.waiting == SENT:
                self.send(row.request_id)
            elif _is_due(self._polled.get(row.request_id), now, row.review_until, network):
                waiting.append(row.request_id)
        await asyncio.gather(*(self.collect(request_id) for request_id in waiting))
        return sum(not self._is_open(request_id) for request_id in waiting)

    async def close(self) -> None:
        """Stop; what is not final is taken up at the next start."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _start(self, request_id: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if request_id in self._running:
            return
        task = asyncio.get_running_loop().create_task(work())
        self._running[request_id] = task
        task.add_done_callback(lambda done: self._ended(request_id, done))

    def _ended(self, request_id: str, task: asyncio.Task[None]) -> None:
        del self._running[request_id]
        event = self._changed.pop(request_id, None)
        if event is not None:
            event.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("inquiry not driven", extra={"request_id": request_id}, exc_info=error)

    async def _send(self, request_id: str) -> None:
        """Until it came to something; whatever is not final for good is tried again."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._slots:
                    received = await self._tried(request_id)
                if received is not None:
                    return
            except LinkageError as error:
                _LOG.info("inquiry waits", extra={"request_id": request_id, "reason": error.reason})
            await self._pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _tried(self, request_id: str) -> Received | None:
        """One try; None while the gateway knows of no outcome."""
        row = self._row(request_id)
        request = linkage_pb2.InquireRequest.FromString(row.sent)
        try:
            response = await self._stub().Inquire(request, timeout=EXCHANGE_DEADLINE / 1000)
        except grpc.aio.AioRpcError as error:
            return await self._refused(row, LinkageError.from_rpc(error, party="gateway"))
        return await self._taken(row, response.exchange)

    async def _refused(self, row: Inquiry, error: LinkageError) -> Received:
        """The client's fault is final: the same bytes would be refused again. Anything else may pass."""
        if error.retryable or error.reason.side != Side.CLIENT or error.reason in _MAY_PASS:
            raise error
        return await self._receiver.refuse(row, error)

    async def _collect(self, request_id: str) -> None:
        request = linkage_pb2.CollectRequest(request_id=request_id)
        try:
            response = await self._stub().Collect(request, timeout=EXCHANGE_DEADLINE / 1000)
            await self._taken(self._row(request_id), response.exchange)
        except grpc.aio.AioRpcError as error:
            told = LinkageError.from_rpc(error, party="gateway")
            _LOG.info("answer still waits", extra={"request_id": request_id, "reason": told.reason})
        except LinkageError as error:
            _LOG.info("answer still waits", extra={"request_id": request_id, "reason": error.reason})

    async def _taken(self, row: Inquiry, state: linkage_pb2.ExchangeState) -> Received | None:
        received = await self._receiver.take(row, state)
        if received.reason == Reason.CLIENT_CODE_SUPERSEDED:
            await self._unbind(row)
        if received.reason == Reason.CLIENT_QUERY_UNREADABLE:
            await self._refresh(row)
        if received.is_final:
            self._polled.pop(row.request_id, None)
        return received if received.outcome else None

    async def _unbind(self, row: Inquiry) -> None:
        """The code in this inquiry serves no longer: its addressee must be enrolled anew."""
        sent = linkage_pb2.InquireRequest.FromString(row.sent)
        await self._superseded.unbind([exchange_pb2.Inquiry.FromString(sent.inquiry).subject])

    async def _refresh(self, row: Inquiry) -> None:
        """The provider has another key by now: the next inquiry shall be sealed to that one."""
        with suppress(LinkageError):
            await self._ground.directory.refresh(pb.InquireRequest.FromString(row.request).provider)

    def _row(self, request_id: str) -> Inquiry:
        contents = self._ground.contents
        return self._ground.store.read(lambda connection: inquire.find(connection, contents, request_id))

    def _is_open(self, request_id: str) -> bool:
        return self._row(request_id).outcome in UNSETTLED

    def _stub(self) -> linkage_pb2_grpc.LinkageServiceAsyncStub:
        return self._ground.peers.stub(linkage_pb2_grpc.LinkageServiceStub, "gateway", self._ground.institution)


_MAY_PASS: Final = frozenset(
    {
        Reason.CLIENT_CANCELLED,
        Reason.CLIENT_CERTIFICATE_MISSING,
        Reason.CLIENT_CERTIFICATE_INVALID,
        Reason.CLIENT_CERTIFICATE_EXPIRED,
        Reason.CLIENT_CERTIFICATE_REVOKED,
        Reason.CLIENT_CALLER_NOT_ALLOWED,
        Reason.CLIENT_RATE_LIMITED,
    }
)
"""Refusals of this institution's certificate or pace, not of the inquiry: a new certificate sends the same bytes."""


def _is_due(polled: int | None, now: int, review_until: int | None, network: int) -> bool:
    """Is it time to look again: for the first time, after a while, or because the review's time is over."""
    if polled is None or now - polled >= _POLL_EVERY:
        return True
    return review_until is not None and network > review_until and now - polled >= 1000  # noqa: PLR2004 - a second
