"""The connector: `await inquire(…)` is one exchange, however many are under way; those that queue travel together.

An inquiry waits in memory for a lane, and is stored, sent and taken in with the others of its batch. Nobody was told anything of it before
it was stored, so nothing is lost by a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.collect import Collection, state_of
from warifu.interim.drive import Driver, stands
from warifu.interim.inquire import Inquiries, Known, Sent
from warifu.interim.receive import Taken
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.coalesce import Sidings
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH


class Connector:
    """Makes one institution's exchanges."""

    def __init__(self, inquiries: Inquiries, driver: Driver, collection: Collection) -> None:
        self._inquiries, self._driver, self._collection = inquiries, driver, collection
        self._lanes: Sidings[pb.InquireRequest, pb.InquiryState | str] = Sidings(
            self._exchange, int(BATCH), lambda request: request.provider
        )

    async def inquire(self, request: pb.InquireRequest) -> pb.InquiryState:
        """The inquiry when it has come to something: final, or PENDING, then to be collected. Both records of it are durable.

        With a request id of the caller's the same request again, after a crash as well, is the same exchange. Waits for as long as the
        gateway or the provider cannot be reached; a caller that gives up ends nothing.

        Raises:
            LinkageError: it was not stored and so not sent; see `Inquiries.store`.
        """
        return await self.come_to(await self._lanes(request))

    def submit(self, request: pb.InquireRequest) -> asyncio.Future[pb.InquiryState | str]:
        """The same for who does not wait now: what the first try told, or the id under which it goes on (`come_to`)."""
        return self._lanes.submit(request)

    async def come_to(self, told: pb.InquiryState | str) -> pb.InquiryState:
        """The state of an inquiry that goes on under its id, when it has come to something. Raises as `inquire`."""
        if isinstance(told, pb.InquiryState):
            return told
        await self._driver.wait(told, None)
        known = self._collection.known(told)
        if known is None:
            raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
        return known

    async def _exchange(self, requests: Sequence[pb.InquireRequest]) -> list[pb.InquiryState | str | Exception]:
        """Store and send a batch; of each its state, or the id under which it goes on."""
        stored = await self._inquiries.store(requests)
        sent = [one for one in stored if isinstance(one, Sent)]
        told = await self._driver.first(sent) if sent else []
        self._lanes.note(*stands(sent, told))
        taken = iter(told)
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
