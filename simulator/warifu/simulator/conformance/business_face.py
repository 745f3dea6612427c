"""The interim server's plain face that we play towards a business system: it remembers what it was told and says what a check wants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2 as pb
from warifu.interim.v1 import interim_pb2_grpc
from warifu.simulator.conformance.requester_gateway import Failing

Answer = Callable[[pb.InquireRequest, int], Awaitable[pb.InquiryState]]
"""The state of an inquiry at its n-th Collect, from 1; raises Failing."""
Call = tuple[str, Message]
"""An operation and its message."""


@dataclass(slots=True)
class PlayedFace:
    """What the played face holds and is to say."""

    calls: list[Call] = field(default_factory=list)
    """Every message that came, in order, also each time that it came again."""
    failing: dict[str, list[Failing]] = field(default_factory=lambda: defaultdict(list))
    """By operation: failures for the next calls, after each was taken in."""
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    """By operation and addressee number: why somebody is refused within a list."""
    answer: Answer | None = None
    """What inquiries come to."""
    reviews: dict[str, pb.Review] = field(default_factory=dict)
    """By permit id: what waits for a clerk."""
    inquiries: dict[str, pb.InquireRequest] = field(default_factory=dict)
    """By request id."""
    collected: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def of(self, name: str) -> list[Any]:
        """The messages of one operation."""
        return [message for one, message in self.calls if one == name]

    def take(self, name: str, message: Message) -> None:
        """Note a message.

        Raises:
            Failing: its answer is lost, or it is refused.
        """
        self.calls.append((name, message))
        if self.failing[name]:
            raise self.failing[name].pop(0)

    def failure(self, name: str, addressee_no: str) -> common_pb2.Failure | None:
        """Why an item of a list is refused."""
        reason = self.refused.get((name, addressee_no))
        return None if reason is None else Failing(reason).failure()

    def server(self) -> tuple[grpc.aio.Server, str]:
        """A server on loopback for the face in front of it, and its address. It is not started."""
        made = grpc.aio.server()
        interim_pb2_grpc.add_InterimServiceServicer_to_server(cast("Any", _Servicer)(self), made)
        return made, f"127.0.0.1:{made.add_insecure_port('127.0.0.1:0')}"


class _Servicer(interim_pb2_grpc.InterimServiceServicer):
    """Operations that a business system of its own needs; the others are not offered."""

    def __init__(self, face: PlayedFace) -> None:
        self._face = face

    async def _taken(self, name: str, message: Message, context: Any) -> None:
        try:
            self._face.take(name, message)
        except Failing as failing:
            await failing.end(context)

    async def Enrol(self, requests: AsyncIterator[pb.EnrolRequest], context: Any) -> AsyncIterator[pb.EnrolResponse]:  # noqa: N802 - the contract's name
        async for request in requests:
            await self._taken("Enrol", request, context)
            yield pb.EnrolResponse(
                addressee_no=request.addressee_no, error=self._face.failure("Enrol", request.addressee_no)
            )

    async def RegisterCopies(  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[pb.RegisterCopiesRequest], context: Any
    ) -> AsyncIterator[pb.RegisterCopiesResponse]:
        async for request in requests:
            await self._taken("RegisterCopies", request, context)
            error = self._face.failure("RegisterCopies", request.addressee_no)
            yield pb.RegisterCopiesResponse(record_id=request.record_id, error=error)

    async def SetProtection(self, request: pb.SetProtectionRequest, context: Any) -> pb.SetProtectionResponse:  # noqa: N802 - the contract's name
        await self._taken("SetProtection", request, context)
        return pb.SetProtectionResponse()

    async def Inquire(self, request: pb.InquireRequest, context: Any) -> pb.InquireResponse:  # noqa: N802 - the contract's name
        await self._taken("Inquire", request, context)
        self._face.inquiries.setdefault(request.request_id, request)
        return pb.InquireResponse(request_id=request.request_id)

    async def InquireBulk(  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[pb.InquireBulkRequest], context: Any
    ) -> AsyncIterator[pb.InquireBulkResponse]:
        async for chunk in requests:
            for one in chunk.inquiries:
                await self._taken("Inquire", one, context)
                self._face.inquiries.setdefault(one.request_id, one)
                state = await self._state(one.request_id, context)
                yield pb.InquireBulkResponse(results=[pb.BulkResult(request_id=one.request_id, inquiry=state)])

    async def Collect(self, request: pb.CollectRequest, context: Any) -> pb.CollectResponse:  # noqa: N802 - the contract's name
        await self._taken("Collect", request, context)
        return pb.CollectResponse(inquiry=await self._state(request.request_id, context))

    async def ListReviews(self, request: pb.ListReviewsRequest, context: Any) -> pb.ListReviewsResponse:  # noqa: N802 - the contract's name
        await self._taken("ListReviews", request, context)
        return pb.ListReviewsResponse(reviews=self._face.reviews.values())

    async def ReleaseReview(self, request: pb.ReleaseReviewRequest, context: Any) -> pb.ReleaseReviewResponse:  # noqa: N802 - the contract's name
        await self._taken("ReleaseReview", request, context)
        return pb.ReleaseReviewResponse()

    async def _state(self, request_id: str, context: Any) -> pb.InquiryState:
        face = self._face
        if request_id not in face.inquiries or face.answer is None:
            await Failing("CLIENT_REQUEST_UNKNOWN").end(context)
        face.collected[request_id] += 1
        assert face.answer is not None
        state = await face.answer(face.inquiries[request_id], face.collected[request_id])
        state.request_id = request_id
        return state


def fine(outcome: str, *records: exchange_pb2.Record) -> pb.InquiryState:
    """An inquiry that was answered."""
    return pb.InquiryState(
        outcome=exchange_pb2.OUTCOME_ANSWERED,
        fine_outcome=exchange_pb2.FineOutcome.Value(f"FINE_OUTCOME_{outcome}"),
        records=records,
    )


def shown_call(call: Call) -> dict[str, Any]:
    """A call as a report shows it."""
    return {call[0]: MessageToDict(call[1])}
