"""Asks another institution for a case.

The inquiry is bound to its case, whole, in one transaction before it leaves; a retry, also after a restart, sends the same bytes, and the
interim server takes the same request id once.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row

from warifu import law
from warifu.agencies.cases import kept
from warifu.agencies.cases.ports import Ground, who
from warifu.agency.v1 import cases_pb2 as pb
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.basic_items import parse_day
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import CODE, ID, check_text, malformed


class Asking:
    """The inquiries of one institution's cases."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def ask(self, request: pb.AskForCaseRequest) -> pb.AskForCaseResponse:
        """Bind an inquiry and send it; what becomes of it, also that it cannot leave, stands in the case.

        Raises:
            LinkageError: CLIENT_CASE_UNKNOWN, CLIENT_CASE_CLOSED; CLIENT_ITEM_NOT_PERMITTED for a row, CLIENT_PROVIDER_NOT_PERMITTED for a
                provider that the case's procedure does not allow; CLIENT_CONSENT_MISSING; CLIENT_REFERENCE_CHANGED for a used key.
        """
        acting = who(request.actor)
        check_text(request.reference, "reference", ID)
        check_text(request.row, "row", CODE)
        check_text(request.provider, "provider", CODE)
        check_text(request.idempotency_key, "idempotency_key", ID)
        business = self._ground.business
        spare = business.ids.uuid(f"case/{business.institution}", milliseconds(business.clock.network()))
        row = await self._ground.business.store.write(lambda c: self._bind(c, request, acting, spare))
        await self._send(row)
        return pb.AskForCaseResponse(request_id=row.request_id)

    async def resume(self) -> int:
        """Send what was bound and may never have left; how much left now."""
        rows = self._ground.business.store.read(kept.unsent)
        return sum([await self._send(row) for row in rows])

    def _bind(
        self, connection: Connection, request: pb.AskForCaseRequest, acting: dict[str, str], spare: str
    ) -> Row[Any]:
        """In a transaction: the inquiry of this key, made now unless it was made before."""
        digest = sha256(request.SerializeToString(deterministic=True)).digest()
        file = kept.require(connection, request.reference)
        position = file.case.position
        there = kept.by_key(connection, position, request.idempotency_key)
        if there is None:
            if not file.is_open:
                raise LinkageError(Reason.CLIENT_CASE_CLOSED)
            asked = self._made(file, request, spare)
            values = {
                "request_id": spare,
                "case_no": position,
                "key": request.idempotency_key,
                "digest": digest,
                "row": request.row,
                "provider": request.provider,
                "asked_at": self._ground.now(),
                "request": asked.SerializeToString(deterministic=True),
                **acting,
            }
            kept.add_inquiry(connection, values)
            there = kept.by_key(connection, position, request.idempotency_key)
            assert there is not None
        elif there.digest != digest:
            raise LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
        return there

    def _made(self, file: kept.File, request: pb.AskForCaseRequest, request_id: str) -> interim_pb2.InquireRequest:
        row = self._allowed(file.case.procedure, request)
        return interim_pb2.InquireRequest(
            institution=self._ground.business.institution,
            request_id=request_id,
            addressee_no=file.case.addressee_no,
            provider=request.provider,
            affair=row.affair.code,
            procedure=row.procedure.code,
            item=row.item,
            span=request.span if request.HasField("span") else None,
            office=request.actor.office,
            clerk=request.actor.clerk,
            consent=self._consent(file, row, request),
            case_reference=file.reference,
        )

    def _allowed(self, procedure: str, request: pb.AskForCaseRequest) -> law.Row:
        """The row, when the case's procedure allows it today and the provider is one that it names."""
        handled = self._ground.handled(procedure)
        askable = None if handled is None else handled.row(request.row)
        if askable is None:
            raise LinkageError(Reason.CLIENT_ITEM_NOT_PERMITTED)
        if request.provider not in {provider.code for provider in askable.providers}:
            raise LinkageError(Reason.CLIENT_PROVIDER_NOT_PERMITTED)
        return askable.row

    def _consent(self, file: kept.File, row: law.Row, request: pb.AskForCaseRequest) -> exchange_pb2.Consent | None:
        """The person's consent, whose form lies with the case."""
        if not request.HasField("consent_given_on"):
            if row.consent_required:
                raise LinkageError(Reason.CLIENT_CONSENT_MISSING)
            return None
        given = parse_day(request.consent_given_on, "consent_given_on")
        if given > self._ground.business.clock.today():
            raise malformed("consent_given_on", "in the future")
        return exchange_pb2.Consent(given_on=given.isoformat(), reference=file.reference)

    async def _send(self, row: Row[Any]) -> bool:
        """Hand an inquiry to the interim server unless that has it. What may pass is tried again by `resume`."""
        if row.request is None:
            return False
        try:
            await self._ground.interim.inquire(interim_pb2.InquireRequest.FromString(row.request))
        except LinkageError as error:
            if error.retryable:
                return False
            reason = error.reason
            await self._ground.business.store.write(lambda c: kept.mark_refused(c, row.request_id, reason))
            return True
        await self._ground.business.store.write(lambda c: kept.mark_sent(c, row.request_id))
        return True
