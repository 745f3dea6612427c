"""The connector: `await inquire(…)` is one exchange, however many are under way; those that queue travel together.

An inquiry waits in memory for a lane, and is stored, sent and taken in with the others of its batch. Nobody was told anything of it before
it was stored, so nothing is lost by a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.collect import Collection, state_of
from warifu.interim.drive import Driver
from warifu.interim.inquire import Inquiries, Known, Sent
from warifu.interim.receive import Taken
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.coalesce import Coalescer
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH, check_items, malformed

WINDOW: Final = 2 * int(BATCH)
"""Inquiries of one bulk under way at once."""


class Connector:
    """Makes one institution's exchanges."""

    def __init__(self, inquiries: Inquiries, driver: Driver, collection: Collection) -> None:
        self._inquiries, self._driver, self._collection = inquiries, driver, collection
        self._lanes: Coalescer[pb.InquireRequest, pb.InquiryState | str] = Coalescer(self._exchange, int(BATCH))

    async def inquire(self, request: pb.InquireRequest) -> pb.InquiryState:
        """The inquiry when it has come to something: final, or PENDING, then to be collected. Both records of it are durable.

        With a request id of the caller's the same request again, after a crash as well, is the same exchange. Waits for as long as the
        gateway or the provider cannot be reached; a caller that gives up ends nothing.

        Raises:
            LinkageError: it was not stored and so not sent; see `Inquiries.store`.
        """
        told = await self._lanes(request)
        if isinstance(told, pb.InquiryState):
            return told
        await self._driver.wait(told, None)
        known = self._collection.known(told)
        if known is None:
            raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
        return known

    async def result(self, request: pb.InquireRequest) -> pb.BulkResult:
        """The same as one result of a bulk."""
        try:
            return pb.BulkResult(request_id=request.request_id, inquiry=await self.inquire(request))
        except LinkageError as error:
            return pb.BulkResult(request_id=request.request_id, refused=error.failure())

    async def _exchange(self, requests: Sequence[pb.InquireRequest]) -> list[pb.InquiryState | str | Exception]:
        """Store and send a batch; of each its state, or the id under which it goes on."""
        stored = await self._inquiries.store(requests)
        sent = [one for one in stored if isinstance(one, Sent)]
        taken = iter(await self._driver.first(sent)) if sent else iter(())
        return [self._told(one, next(taken) if isinstance(one, Sent) else None) for one in stored]

    def _told(self, stored: Sent | Known | LinkageError, taken: Taken | None) -> pb.InquiryState | str | Exception:
        if isinstance(stored, LinkageError):
            return stored
        if taken is not None:
            return state_of(taken.inquiry)
        if isinstance(stored, Known):
            if stored.inquiry.outcome != exchange_pb2.OUTCOME_UNSPECIFIED:
                return state_of(stored.inquiry)
            self._driver.send(stored.inquiry.request_id)
        return stored.inquiry.request_id


async def inquiries_of(chunks: AsyncIterator[pb.InquireBulkRequest]) -> AsyncIterator[pb.InquireRequest]:
    """The inquiries of a bulk.

    Raises:
        LinkageError: CLIENT_MALFORMED, CLIENT_TOO_MANY_ITEMS: a chunk out of form.
    """
    async for chunk in chunks:
        check_items(chunk.inquiries, "inquiries", BATCH)
        if not all(request.HasField("request_id") for request in chunk.inquiries):
            raise malformed("inquiries.request_id", "missing")  # without it nothing could be taken up again
        for request in chunk.inquiries:
            yield request
