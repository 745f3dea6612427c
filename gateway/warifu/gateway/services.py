"""The gateway's gRPC faces: who calls comes from the certificate, the rest is handed to the step that does it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange import receipt
from warifu.exchange.keys import InstitutionKeys
from warifu.gateway.audit import Audit
from warifu.gateway.collect import Collection
from warifu.gateway.corrections import Corrections
from warifu.gateway.decide import Decisions
from warifu.gateway.directory import Directory
from warifu.gateway.enrolment import Enrolment
from warifu.gateway.inquire import Inquiries
from warifu.gateway.many import ManyInquiries
from warifu.gateway.state import state_of
from warifu.kernel.errors import Reason
from warifu.kernel.identity import current
from warifu.kernel.instants import datetime_at, stamped
from warifu.kernel.limits import CODE, check_text
from warifu.linkage.v1 import correction_pb2, correction_pb2_grpc, linkage_pb2, linkage_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class LinkageServicer(linkage_pb2_grpc.LinkageServiceServicer):
    """Exchanges."""

    def __init__(
        self, inquiries: Inquiries, collection: Collection, decisions: Decisions, keys: InstitutionKeys
    ) -> None:
        self._inquiries, self._collection, self._decisions, self._keys = inquiries, collection, decisions, keys
        self._many = ManyInquiries(inquiries, keys)

    async def Inquire(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.InquireRequest, context: Context
    ) -> linkage_pb2.InquireResponse:
        """See the contract."""
        del context
        (exchange,) = await self._inquiries.inquire(current().code, [request.inquiry], [request.query])
        if isinstance(exchange, Exception):
            raise exchange
        return linkage_pb2.InquireResponse(exchange=state_of(exchange, self._keys))

    async def InquireMany(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.InquireManyRequest, context: Context
    ) -> linkage_pb2.InquireManyResponse:
        """See the contract."""
        del context
        return await self._many.ask(current().code, request.inquiries, request.queries)

    async def InquireBulk(  # noqa: N802 - the contract's name
        self, chunks: AsyncIterator[linkage_pb2.InquireBulkRequest], context: Context
    ) -> AsyncGenerator[linkage_pb2.InquireBulkResponse, None]:
        """See the contract."""
        del context
        async with aclosing(self._many.stream(current().code, chunks)) as lists:
            async for responses in lists:
                for response in responses:
                    yield response

    async def Collect(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.CollectRequest, context: Context
    ) -> linkage_pb2.CollectResponse:
        """See the contract."""
        del context
        exchange = await self._collection.collect(current().code, request.request_id)
        return linkage_pb2.CollectResponse(exchange=state_of(exchange, self._keys))

    async def Decide(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.DecideRequest, context: Context
    ) -> linkage_pb2.DecideResponse:
        """See the contract."""
        del context
        for name in ("provider", "affair", "procedure", "item"):
            check_text(getattr(request, name), name, CODE)
        return self._decisions.try_out(current().code, request)

    async def ListPermissions(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.ListPermissionsRequest, context: Context
    ) -> linkage_pb2.ListPermissionsResponse:
        """See the contract."""
        del request, context
        return self._decisions.list_permissions(current().code)


class CorrectionServicer(correction_pb2_grpc.CorrectionServiceServicer):
    """Corrections."""

    def __init__(self, corrections: Corrections, keys: InstitutionKeys) -> None:
        self._corrections, self._keys = corrections, keys

    async def Correct(  # noqa: N802 - the contract's name
        self, request: correction_pb2.CorrectRequest, context: Context
    ) -> correction_pb2.CorrectResponse:
        """See the contract."""
        del context
        entered = await self._corrections.correct(current().code, request.request_id, request.statement)
        given = receipt.issue(
            entered.committed.commitment,
            datetime_at(stamped(entered.event.at)),
            datetime_at(entered.recorded_at),
            self._keys.signing_key_id,
            self._keys.sign,
        )
        return correction_pb2.CorrectResponse(receipt=given)


class DirectoryServicer(linkage_pb2_grpc.DirectoryServiceServicer):
    """Public keys, relayed."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def PublishEntry(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.PublishEntryRequest, context: Context
    ) -> linkage_pb2.PublishEntryResponse:
        """See the contract."""
        del context
        await self._directory.publish(current().code, request.entry)
        return linkage_pb2.PublishEntryResponse()

    async def GetEntry(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.GetEntryRequest, context: Context
    ) -> linkage_pb2.GetEntryResponse:
        """See the contract."""
        del context
        owner = check_text(request.owner, "owner", CODE)
        return linkage_pb2.GetEntryResponse(entry=self._directory.entry(owner))


class GatewayAuditServicer(linkage_pb2_grpc.GatewayAuditServiceServicer):
    """Records for reconciliation."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def ListRecords(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.ListRecordsRequest, context: Context
    ) -> linkage_pb2.ListRecordsResponse:
        """See the contract."""
        del context
        return self._audit.list_records(current(), request)


class EnrolmentServicer(enrolment_pb2_grpc.EnrolmentServiceServicer):
    """Codes for institutions."""

    def __init__(self, enrolment: Enrolment, decisions: Decisions) -> None:
        self._enrolment, self._decisions = enrolment, decisions

    async def Deposit(  # noqa: N802 - the contract's name
        self, request: enrolment_pb2.DepositRequest, context: Context
    ) -> enrolment_pb2.DepositResponse:
        """See the contract."""
        del context
        self._decisions.kind_of(check_text(request.institution, "institution", CODE))
        await self._enrolment.deposit(request.institution, request.deposits)
        return enrolment_pb2.DepositResponse()

    async def Claim(  # noqa: N802 - the contract's name
        self, request: enrolment_pb2.ClaimRequest, context: Context
    ) -> enrolment_pb2.ClaimResponse:
        """See the contract."""
        del context
        subjects = self._enrolment.claim(current().code, request.acquisition_numbers)
        refused = enrolment_pb2.ClaimResult(refused=Reason.CLIENT_ACQUISITION_REFUSED)
        results = [enrolment_pb2.ClaimResult(subject=one) if one is not None else refused for one in subjects]
        return enrolment_pb2.ClaimResponse(results=results)

    async def Supersede(  # noqa: N802 - the contract's name
        self, request: enrolment_pb2.SupersedeRequest, context: Context
    ) -> enrolment_pb2.SupersedeResponse:
        """See the contract."""
        del context
        await self._enrolment.supersede(request.old_resident_code, request.new_resident_code)
        return enrolment_pb2.SupersedeResponse()

    async def ListSuperseded(  # noqa: N802 - the contract's name
        self, request: enrolment_pb2.ListSupersededRequest, context: Context
    ) -> enrolment_pb2.ListSupersededResponse:
        """See the contract."""
        del context
        subjects, position = self._enrolment.superseded(current().code, request.after)
        return enrolment_pb2.ListSupersededResponse(subjects=subjects, position=position)
