"""A visitor at the counter: number and document both checked by the numbering body, then found here or made known."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from warifu.agencies import subjects
from warifu.agencies.office import Business
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel import basic_items
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import OFFICE, check_text


@dataclass(frozen=True, slots=True)
class _File:
    """The visitor's file here."""

    addressee_no: str
    created: bool
    enrolled: bool


class Reception:
    """Receives visitors for one business system. A typed number goes straight to the numbering body: never stored, never logged."""

    def __init__(self, business: Business) -> None:
        self._business = business

    async def receive(self, request: agency_pb2.ReceiveVisitorRequest) -> agency_pb2.ReceiveVisitorResponse:
        """Who the visitor is here; a new addressee is made and enrolled when there is none.

        Raises:
            LinkageError: CLIENT_NUMBER_ALONE for a number without a document; CLIENT_LOOKUP_TOO_FEW_ITEMS; CLIENT_PERSON_NOT_MATCHED,
                CLIENT_PERSON_AMBIGUOUS; what the numbering body says of the number; why enrolment failed.
        """
        check_text(request.clerk, "clerk", OFFICE)
        if request.HasField("individual_number") and not request.basic_items.ListFields():
            raise LinkageError(Reason.CLIENT_NUMBER_ALONE)
        basic_items.require(request.basic_items)
        registered = await self._identify(request)
        spare = subjects.new_number(self._business.ids, self._business.institution)
        file = await self._business.store.write(lambda connection: self._file(connection, registered, request, spare))
        if not file.enrolled:
            await self._enrol(file.addressee_no, registered, request)
        return agency_pb2.ReceiveVisitorResponse(
            addressee_no=file.addressee_no, registered=registered, created=file.created
        )

    async def _identify(self, request: agency_pb2.ReceiveVisitorRequest) -> common_pb2.BasicItems:
        numbering = self._business.numbering
        if request.HasField("individual_number"):
            registered = await numbering.match(request.individual_number, request.basic_items)
            if registered is None:
                raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
            return registered
        matches, registered = await numbering.look_up(request.basic_items)
        if matches == 0:
            raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
        if matches > 1:
            raise LinkageError(Reason.CLIENT_PERSON_AMBIGUOUS)
        return registered

    def _file(
        self,
        connection: Connection,
        registered: common_pb2.BasicItems,
        request: agency_pb2.ReceiveVisitorRequest,
        spare: str,
    ) -> _File:
        """The file of the person, brought up to what is registered."""
        digest, shown = basic_items.digest(registered), basic_items.digest(request.basic_items)
        found = subjects.by_items(connection, {digest, shown})
        number = subjects.only(found.get(digest) or found.get(shown) or ())
        if number is None:
            row = {
                "addressee_no": spare,
                "known_at": milliseconds(self._business.clock.network()),
                **subjects.row_of(registered),
            }
            subjects.add(connection, [row])
            return _File(spare, created=True, enrolled=False)
        held = subjects.require(connection, number)
        if held.digest != digest:
            subjects.change(connection, number, held.digest, registered)
        return _File(number, created=False, enrolled=held.enrolled)

    async def _enrol(
        self, number: str, registered: common_pb2.BasicItems, request: agency_pb2.ReceiveVisitorRequest
    ) -> None:
        """By the number when it was shown, which tells people with equal items apart."""
        asked = interim_pb2.EnrolRequest(institution=self._business.institution, addressee_no=number)
        if request.HasField("individual_number"):
            asked.individual_number = request.individual_number
        else:
            asked.basic_items.CopyFrom(registered)
        async with self._business.turn:
            (response,) = await self._business.interim.enrol([asked])
        if response.HasField("error"):
            raise LinkageError.from_failure(response.error)
        await self._business.store.write(lambda connection: subjects.mark_enrolled(connection, [number]))
