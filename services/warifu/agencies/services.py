"""The business system's face towards its counters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc

from warifu.agencies import ledger, subjects
from warifu.agencies.local_uses import Listed, local_uses
from warifu.agencies.office import Business
from warifu.agencies.record import BATCH, Recording
from warifu.agencies.takeover import Takeover
from warifu.agencies.visitor import Reception
from warifu.agency.v1 import agency_pb2 as pb
from warifu.agency.v1 import agency_pb2_grpc
from warifu.common.v1 import common_pb2
from warifu.kernel import basic_items, identity
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BULK, FREE_TEXT, check_items, check_text
from warifu.kernel.streams import in_order

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """One institution's business system as its counters see it."""

    business: Business
    recording: Recording
    reception: Reception
    takeover: Takeover


class AgencyServicer(agency_pb2_grpc.AgencyServiceServicer):
    """See the contract, warifu/agency/v1/agency.proto. Every call names the institution, which must be the caller's own."""

    def __init__(self, desks: Mapping[str, Desk], register: Callable[[], Mapping[str, Listed]]) -> None:
        self._desks, self._register = desks, register

    async def ReceiveVisitor(  # noqa: N802 - the contract's name
        self, request: pb.ReceiveVisitorRequest, context: Context
    ) -> pb.ReceiveVisitorResponse:
        """Identifies a visitor."""
        del context
        return await self._desk(request.institution).reception.receive(request)

    async def FindSubject(self, request: pb.FindSubjectRequest, context: Context) -> pb.FindSubjectResponse:  # noqa: N802
        """The addressee with these items."""
        del context
        store = self._desk(request.institution).business.store
        digest = basic_items.digest(basic_items.require(request.basic_items))
        found = store.read(lambda connection: subjects.by_items(connection, {digest}))
        return pb.FindSubjectResponse(addressee_no=subjects.only(found.get(digest, ())))

    async def FindSubjects(self, request: pb.FindSubjectsRequest, context: Context) -> pb.FindSubjectsResponse:  # noqa: N802
        """The addressees with these items, each as if it were asked about alone."""
        del context
        check_items(request.people, "people", BULK)
        store = self._desk(request.institution).business.store
        digests = [_digest(one) for one in request.people]
        wanted = {one for one in digests if isinstance(one, bytes)}
        found = store.read(lambda connection: subjects.by_items(connection, wanted))
        return pb.FindSubjectsResponse(results=[_found(one, found) for one in digests])

    async def Record(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[pb.RecordRequest], context: Context
    ) -> AsyncIterator[pb.RecordResponse]:
        """Records in batches; a failure of one item is told in its response."""
        del context

        async def work(batch: Sequence[pb.RecordRequest]) -> list[pb.RecordResponse]:
            desks = [self._desk(institution) for institution in {request.institution for request in batch}]
            return await desks[0].recording.record(batch)

        async with aclosing(in_order(request_iterator, BATCH, work)) as responses:
            async for response in responses:
                yield response

    async def RecordMany(self, request: pb.RecordManyRequest, context: Context) -> pb.RecordManyResponse:  # noqa: N802
        """Takes over many people at once."""
        del context
        return await self._desk(request.institution).takeover.take(request)

    async def GetSubject(self, request: pb.GetSubjectRequest, context: Context) -> pb.GetSubjectResponse:  # noqa: N802
        """What the original data say."""
        del context
        store = self._desk(request.institution).business.store
        row = store.read(lambda connection: subjects.require(connection, request.addressee_no))
        records = store.read(lambda connection: ledger.records_of(connection, request.addressee_no))
        return pb.GetSubjectResponse(basic_items=subjects.items_of(row), records=records)

    async def ChangeIndividualNumber(  # noqa: N802 - the contract's name
        self, request: pb.ChangeIndividualNumberRequest, context: Context
    ) -> pb.ChangeIndividualNumberResponse:
        """A new individual number; both numbers only pass through."""
        del context
        business = self._residency(request.institution)
        check_text(request.reason, "reason", FREE_TEXT)
        row = business.store.read(lambda connection: subjects.require(connection, request.addressee_no))
        number = await business.numbering.change_number(
            request.individual_number, subjects.items_of(row), request.reason
        )
        return pb.ChangeIndividualNumberResponse(individual_number=number)

    async def ChangeResidentCode(  # noqa: N802 - the contract's name
        self, request: pb.ChangeResidentCodeRequest, context: Context
    ) -> pb.ChangeResidentCodeResponse:
        """A new resident code, which is not told here."""
        del context
        business = self._residency(request.institution)
        row = business.store.read(lambda connection: subjects.require(connection, request.addressee_no))
        await business.numbering.change_code(subjects.items_of(row))
        return pb.ChangeResidentCodeResponse()

    async def ListLocalUses(  # noqa: N802 - the contract's name
        self, request: pb.ListLocalUsesRequest, context: Context
    ) -> pb.ListLocalUsesResponse:
        """The published list."""
        del context
        business = self._desk(request.institution).business
        return pb.ListLocalUsesResponse(uses=local_uses(business.kind, business.institution, self._register()))

    def _desk(self, institution: str) -> Desk:
        """The caller's own desk.

        Raises:
            LinkageError: CLIENT_NOT_YOURS.
        """
        identity.current().require(institution)
        return self._desks[institution]

    def _residency(self, institution: str) -> Business:
        """The caller's own business system, when it is one of residency.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_CHANGE_NOT_KEPT.
        """
        business = self._desk(institution).business
        if not business.kind.numbers:
            raise LinkageError(Reason.CLIENT_CHANGE_NOT_KEPT)
        return business


def _digest(items: common_pb2.BasicItems) -> bytes | LinkageError:
    try:
        return basic_items.digest(basic_items.require(items))
    except LinkageError as error:
        return error


def _found(digest: bytes | LinkageError, found: Mapping[bytes, set[str]]) -> pb.FoundSubject:
    try:
        if isinstance(digest, LinkageError):
            raise digest
        return pb.FoundSubject(addressee_no=subjects.only(found.get(digest, ())))
    except LinkageError as error:
        return pb.FoundSubject(error=error.failure())
