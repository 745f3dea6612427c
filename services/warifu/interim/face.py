"""The plain face over the network: `InterimService` and `InterimAuditService`, for the business systems and counters of the process.

Every call names its institution, which must be the caller's own; the supervisor may read any institution's records.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

import grpc

from warifu.interim.bulk import Bulk
from warifu.interim.copies import BATCH
from warifu.interim.institution import Interim
from warifu.interim.v1 import interim_pb2 as pb
from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel import identity
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.streams import in_order

Context = grpc.aio.ServicerContext[Any, Any]
ENROL_BATCH: Final = 500
"""People enrolled together: progress is seen at least so often."""
WATCHDOG: Final = "watchdog"
"""Party that may read every institution's records."""


class Faces:
    """The institutions of the process, by code."""

    def __init__(self, interims: Mapping[str, Interim]) -> None:
        self._interims = interims

    def own(self, institution: str) -> Interim:
        """The interim server of the institution that a request names, when it is the caller's.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_INSTITUTION_UNKNOWN when it is not served here.
        """
        identity.current().require(institution)
        return self.any(institution)

    def any(self, institution: str) -> Interim:
        """The same whoever calls."""
        interim = self._interims.get(institution)
        if interim is None:
            raise LinkageError(Reason.CLIENT_INSTITUTION_UNKNOWN, metadata={"institution": institution})
        return interim

    def of_caller(self) -> Interim:
        """The interim server of the caller's own institution; its requests are checked one by one."""
        return self.any(identity.current().code)


class InterimServicer(interim_pb2_grpc.InterimServiceServicer):
    """See the contract, warifu/interim/v1/interim.proto."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces

    async def Enrol(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[pb.EnrolRequest], context: Context
    ) -> AsyncIterator[pb.EnrolResponse]:
        """Enrols people, in batches of what has come in."""
        del context
        interim = self._faces.of_caller()
        async with aclosing(in_order(request_iterator, ENROL_BATCH, interim.enrol)) as responses:
            async for response in responses:
                yield response

    async def RegisterCopies(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[pb.RegisterCopiesRequest], context: Context
    ) -> AsyncIterator[pb.RegisterCopiesResponse]:
        """Registers copies, in batches of what has come in; acknowledged when durable."""
        del context
        interim = self._faces.of_caller()
        async with aclosing(in_order(request_iterator, BATCH, interim.register_copies)) as responses:
            async for response in responses:
                yield response

    async def Unbind(self, request: pb.UnbindRequest, context: Context) -> pb.UnbindResponse:  # noqa: N802
        """Unbinds a mislink."""
        del context
        return await self._faces.own(request.institution).unbind(request)

    async def ListUnbound(  # noqa: N802 - the contract's name
        self, request: pb.ListUnboundRequest, context: Context
    ) -> pb.ListUnboundResponse:
        """Who needs enrolment."""
        del context
        return await self._faces.own(request.institution).list_unbound(request)

    async def SetProtection(  # noqa: N802 - the contract's name
        self, request: pb.SetProtectionRequest, context: Context
    ) -> pb.SetProtectionResponse:
        """Sets or lifts protection flags."""
        del context
        return await self._faces.own(request.institution).set_protection(request)

    async def Inquire(self, request: pb.InquireRequest, context: Context) -> pb.InquireResponse:  # noqa: N802
        """Stores and sends an inquiry."""
        del context
        return await self._faces.own(request.institution).inquire(request)

    async def InquireBulk(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[pb.InquireBulkRequest], context: Context
    ) -> AsyncIterator[pb.InquireBulkResponse]:
        """Inquires about many and tells what became of each."""
        del context
        bulk = Bulk(self._faces.of_caller().connector)
        async with aclosing(bulk.run(request_iterator)) as lists:
            async for results in lists:
                yield pb.InquireBulkResponse(results=results)

    async def Collect(self, request: pb.CollectRequest, context: Context) -> pb.CollectResponse:  # noqa: N802
        """The state of an inquiry."""
        del context
        return await self._faces.own(request.institution).collect(request)

    async def ListInquiries(  # noqa: N802 - the contract's name
        self, request: pb.ListInquiriesRequest, context: Context
    ) -> pb.ListInquiriesResponse:
        """Inquiries, newest first."""
        del context
        return await self._faces.own(request.institution).list_inquiries(request)

    async def ListReviews(  # noqa: N802 - the contract's name
        self, request: pb.ListReviewsRequest, context: Context
    ) -> pb.ListReviewsResponse:
        """Answers that wait for a clerk."""
        del context
        return await self._faces.own(request.institution).list_reviews(request)

    async def ReleaseReview(  # noqa: N802 - the contract's name
        self, request: pb.ReleaseReviewRequest, context: Context
    ) -> pb.ReleaseReviewResponse:
        """A clerk decides."""
        del context
        return await self._faces.own(request.institution).release_review(request)

    async def ListPromises(  # noqa: N802 - the contract's name
        self, request: pb.ListPromisesRequest, context: Context
    ) -> pb.ListPromisesResponse:
        """What the gateway promised to have logged."""
        del context
        return await self._faces.own(request.institution).list_promises(request)

    async def GetProof(self, request: pb.GetProofRequest, context: Context) -> pb.GetProofResponse:  # noqa: N802
        """An offline proof of an exchange's records."""
        del context
        return await self._faces.own(request.institution).get_proof(request)

    async def Correct(self, request: pb.CorrectRequest, context: Context) -> pb.CorrectResponse:  # noqa: N802
        """Enters a correction beside the gateway's records of an exchange."""
        del context
        return await self._faces.own(request.institution).correct(request.request_id, request.statement)


class InterimAuditServicer(interim_pb2_grpc.InterimAuditServiceServicer):
    """See the contract, warifu/interim/v1/interim.proto."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces

    async def ListRecords(  # noqa: N802 - the contract's name
        self, request: pb.ListRecordsRequest, context: Context
    ) -> pb.ListRecordsResponse:
        """Records for reconciliation."""
        del context
        supervisor = identity.current().party == WATCHDOG
        faces = self._faces
        interim = faces.any(request.institution) if supervisor else faces.own(request.institution)
        return await interim.list_records(request)
