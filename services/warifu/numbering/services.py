"""The services on the wire: who asks is the certificate's business, what it means the other modules'."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import grpc

from warifu.common.v1 import common_pb2
from warifu.kernel import identity
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.limits import BULK, check_items
from warifu.kernel.streams import in_order
from warifu.numbering.cards import Cards
from warifu.numbering.desk import Desk
from warifu.numbering.enrol import Enrolment
from warifu.numbering.helpline import HelpLine
from warifu.numbering.life import Life
from warifu.numbering.lookup import LookUp
from warifu.numbering.match import Matching
from warifu.numbering.orders import Orders
from warifu.numbering.people import People
from warifu.numbering.register import Registration
from warifu.numbering.renumber import CodeChange, NumberChange
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc as rpc

Context = grpc.aio.ServicerContext[Any, Any]

BATCH: Final = 500
"""Most items of a stream that are written, or deposited, together."""
_LOADER: Final = "simulator"
_CARD_COUNTERS: Final = "residency-"
"""How the codes of the institutions begin that keep a card counter."""


class NumberingServicer(rpc.NumberingServiceServicer):
    """See the contract, warifu/numbering/v1/numbering.proto."""

    def __init__(self, people: People, matching: Matching, look_up: LookUp, enrolment: Enrolment, cards: Cards) -> None:
        self._people, self._matching, self._look_up = people, matching, look_up
        self._enrolment, self._cards = enrolment, cards

    async def Match(self, request: pb.MatchRequest, context: Context) -> pb.MatchResponse:  # noqa: N802 - the contract's name
        """Number and items, checked together."""
        del context
        caller = _caller(request.institution)
        person = await self._matching.match(caller, request.individual_number, _items(request))
        if person is None:
            return pb.MatchResponse(matched=False)
        return pb.MatchResponse(matched=True, registered=self._people.registered(person))

    async def LookUp(self, request: pb.LookUpRequest, context: Context) -> pb.LookUpResponse:  # noqa: N802 - see Match
        """The one person with these items."""
        del context
        found = await self._look_up.look_up(_caller(request.institution), request.basic_items)
        return pb.LookUpResponse(matches=found.matches, registered=found.registered)

    async def Enrol(  # noqa: N802 - see Match
        self, request_iterator: AsyncIterator[pb.EnrolRequest], context: Context
    ) -> AsyncIterator[pb.EnrolResponse]:
        """Deposits in batches; a failure of one item is told in its response."""
        del context

        async def work(batch: list[pb.EnrolRequest]) -> list[pb.EnrolResponse]:
            callers = {_caller(name) for name in {request.institution for request in batch}}
            return await self._enrolment.enrol(callers.pop(), batch)

        async with aclosing(in_order(request_iterator, BATCH, work)) as responses:
            async for response in responses:
                yield response

    async def EnrolMany(self, request: pb.EnrolManyRequest, context: Context) -> pb.EnrolManyResponse:  # noqa: N802 - see Match
        """Deposits for many at once."""
        del context
        check_items(request.enrolments, "enrolments", BULK)
        callers = {_caller(name) for name in {one.institution for one in request.enrolments}}
        return pb.EnrolManyResponse(results=await self._enrolment.enrol(callers.pop(), request.enrolments))

    async def EnrolByCertificate(  # noqa: N802 - see Match
        self, request: pb.EnrolByCertificateRequest, context: Context
    ) -> pb.EnrolByCertificateResponse:
        """Deposits for the holder of a certificate that is good now."""
        del context
        person = self._cards.holder(request.certificate_serial)
        await self._enrolment.enrol_person(identity.current().code, request.acquisition_number, person)
        return pb.EnrolByCertificateResponse()


class RegisterServicer(rpc.RegisterServiceServicer):
    """See the contract."""

    def __init__(
        self, registration: Registration, life: Life, numbers: NumberChange, codes: CodeChange, *, simulation: bool
    ) -> None:
        self._registration, self._life, self._numbers, self._codes = registration, life, numbers, codes
        self._simulation = simulation

    async def Register(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[pb.RegisterRequest], context: Context
    ) -> AsyncIterator[pb.RegisterResponse]:
        """Registers in batches; a failure of one item is told in its response."""
        del context

        async def work(batch: list[pb.RegisterRequest]) -> list[pb.RegisterResponse]:
            for name in {request.institution for request in batch}:
                self._registrar(name)
            return await self._registration.register(batch)

        async with aclosing(in_order(request_iterator, BATCH, work)) as responses:
            async for response in responses:
                yield response

    async def RegisterMany(self, request: pb.RegisterManyRequest, context: Context) -> pb.RegisterManyResponse:  # noqa: N802 - see Register
        """Registers many at once."""
        del context
        check_items(request.people, "people", BULK)
        for name in {one.institution for one in request.people}:
            self._registrar(name)
        return pb.RegisterManyResponse(results=await self._registration.register(request.people))

    async def NoteChange(self, request: pb.NoteChangeRequest, context: Context) -> pb.NoteChangeResponse:  # noqa: N802 - see Register
        """Other items for a person."""
        del context
        self._registrar(request.institution)
        await self._life.change(request.before, request.after)
        return pb.NoteChangeResponse()

    async def NoteDeath(self, request: pb.NoteDeathRequest, context: Context) -> pb.NoteDeathResponse:  # noqa: N802 - see Register
        """A death; the card's certificate ends."""
        del context
        self._registrar(request.institution)
        await self._life.die(request.basic_items, request.died_on)
        return pb.NoteDeathResponse()

    async def ChangeIndividualNumber(  # noqa: N802 - see Register
        self, request: pb.ChangeIndividualNumberRequest, context: Context
    ) -> pb.ChangeIndividualNumberResponse:
        """A new individual number."""
        del context
        caller = self._registrar(request.institution)
        number = await self._numbers.change(caller, request.individual_number, _items(request), request.reason)
        return pb.ChangeIndividualNumberResponse(individual_number=number)

    async def ChangeResidentCode(  # noqa: N802 - see Register
        self, request: pb.ChangeResidentCodeRequest, context: Context
    ) -> pb.ChangeResidentCodeResponse:
        """A new resident code, told to the gateway alone."""
        del context
        await self._codes.change(self._registrar(request.institution), request.basic_items)
        return pb.ChangeResidentCodeResponse()

    def _registrar(self, institution: str) -> str:
        """The caller, entitled to write into the register; the simulator's loader is, in a simulation."""
        caller = identity.current()
        if caller.party == _LOADER:
            if not self._simulation:
                raise LinkageError(Reason.CLIENT_CALLER_NOT_ALLOWED)
            return caller.party
        return _caller(institution)


class CardAuthorityServicer(rpc.CardAuthorityServiceServicer):
    """See the contract."""

    def __init__(self, cards: Cards) -> None:
        self._cards = cards

    async def IssueCertificate(  # noqa: N802 - the contract's name
        self, request: pb.IssueCertificateRequest, context: Context
    ) -> pb.IssueCertificateResponse:
        """A card and its certificate for user authentication."""
        del context
        if request.HasField("order_id"):
            made = await self._cards.issue_ordered(request.certificate_request, request.order_id)
        else:
            made = await self._cards.issue(
                identity.current().party,
                request.certificate_request,
                request.individual_number,
                _items(request),
                request.issued_on if request.HasField("issued_on") else None,
            )
        return pb.IssueCertificateResponse(certificate=made.certificate, card_number=made.card)

    async def AddCertificate(  # noqa: N802 - see IssueCertificate
        self, request: pb.AddCertificateRequest, context: Context
    ) -> pb.AddCertificateResponse:
        """One more certificate for whoever holds the card."""
        del context
        made = await self._cards.add(
            request.kind, request.certificate_request, request.card_certificate, request.signature
        )
        return pb.AddCertificateResponse(certificate=made.certificate, card_number=made.card)

    async def CheckCertificate(  # noqa: N802 - see IssueCertificate
        self, request: pb.CheckCertificateRequest, context: Context
    ) -> pb.CheckCertificateResponse:
        """A certificate's status on the network's day."""
        del context
        found = self._cards.check(request.certificate_serial)
        if found is None:
            return pb.CheckCertificateResponse()
        not_after = timestamp(milliseconds(found.not_after))
        return pb.CheckCertificateResponse(status=found.status, kind=found.kind, not_after=not_after)

    async def GetAuthority(  # noqa: N802 - see IssueCertificate
        self, request: pb.GetAuthorityRequest, context: Context
    ) -> pb.GetAuthorityResponse:
        """The authority's own certificate."""
        del request, context
        return pb.GetAuthorityResponse(certificate=self._cards.authority.der)

    async def ListStatusChanges(  # noqa: N802 - see IssueCertificate
        self, request: pb.ListStatusChangesRequest, context: Context
    ) -> pb.ListStatusChangesResponse:
        """What became of certificates."""
        del context
        return pb.ListStatusChangesResponse(changes=self._cards.changes(request.after, request.limit))


class HelpLineServicer(rpc.HelpLineServiceServicer):
    """See the contract."""

    def __init__(self, help_line: HelpLine) -> None:
        self._help_line = help_line

    async def Suspend(self, request: pb.SuspendRequest, context: Context) -> pb.SuspendResponse:  # noqa: N802 - the contract's name
        """Suspends what fits."""
        del context
        return pb.SuspendResponse(receipt=await self._help_line.suspend(identity.current().code, request))


class CardDeskServicer(rpc.CardDeskServiceServicer):
    """See the contract."""

    def __init__(self, desk: Desk, orders: Orders) -> None:
        self._desk, self._orders = desk, orders

    async def FindCards(self, request: pb.FindCardsRequest, context: Context) -> pb.FindCardsResponse:  # noqa: N802 - the contract's name
        """The cards of whoever stands there."""
        del context
        counter = _card_counter(request.institution)
        return pb.FindCardsResponse(cards=await self._desk.find(counter, request.individual_number, _items(request)))

    async def OrderCard(self, request: pb.OrderCardRequest, context: Context) -> pb.OrderCardResponse:  # noqa: N802 - see FindCards
        """Does what a counter decided."""
        del context
        await self._orders.place(_card_counter(request.institution), request)
        return pb.OrderCardResponse()

    async def FetchOrders(self, request: pb.FetchOrdersRequest, context: Context) -> pb.FetchOrdersResponse:  # noqa: N802 - see FindCards
        """What counters decided."""
        del context
        return pb.FetchOrdersResponse(orders=self._orders.after(request.after))


def _card_counter(institution: str) -> str:
    """The calling counter's institution, which is a municipality's residency office: nobody else hands cards out.

    Raises:
        LinkageError: CLIENT_NOT_YOURS, CLIENT_CALLER_NOT_ALLOWED.
    """
    code = _caller(institution)
    if not code.startswith(_CARD_COUNTERS):
        raise LinkageError(Reason.CLIENT_CALLER_NOT_ALLOWED)
    return code


def _caller(institution: str) -> str:
    """The calling institution's code, which the request names too.

    Raises:
        LinkageError: CLIENT_NOT_YOURS.
    """
    caller = identity.current()
    caller.require(institution)
    return caller.code


def _items(
    request: pb.MatchRequest | pb.ChangeIndividualNumberRequest | pb.IssueCertificateRequest | pb.FindCardsRequest,
) -> common_pb2.BasicItems | None:
    return request.basic_items if request.HasField("basic_items") else None
