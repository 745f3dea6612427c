"""Our own agencies in front of the plain face of a conformance run: business systems over databases of their own, whose interim server is elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import grpc
from unit.counter.lab import PaperClock

from warifu import law
from warifu.agencies import errands, subjects
from warifu.agencies.cases.asking import Asking
from warifu.agencies.cases.desk import Cases
from warifu.agencies.cases.ports import Ground
from warifu.agencies.deliver import Delivery
from warifu.agencies.kind import find
from warifu.agencies.office import Business
from warifu.agencies.record import Recording
from warifu.agencies.services import AgencyServicer, Desk
from warifu.agencies.tables import metadata
from warifu.agencies.takeover import Takeover
from warifu.agencies.visitor import Reception
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel import identity
from warifu.kernel.errors import LinkageError
from warifu.kernel.ids import Ids
from warifu.kernel.store import Store, sqlite_url

T = TypeVar("T")
NHI, TAX = "nhi-480011", "tax-480011"
AGENCIES = (NHI, TAX)
_LONG = datetime(2100, 1, 1, tzinfo=UTC)
_LOWEST = 10**14
"""Of addressee numbers."""


def bearer(token: str) -> list[grpc.aio.ClientInterceptor]:
    """Shows the token at every call."""
    return [_Single(token), _Streams(token)]


class _Token:
    def __init__(self, token: str) -> None:
        self._metadata = grpc.aio.Metadata(("authorization", f"Bearer {token}"))

    def shown(self, details: Any) -> Any:
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, self._metadata, details.credentials, details.wait_for_ready
        )


class _Single(_Token, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self.shown(client_call_details), request)


class _Streams(_Token, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await continuation(self.shown(client_call_details), request_iterator)


class Outside:
    """The interim server's plain face at an address, in the place of the one in the same process."""

    def __init__(self, stub: interim_pb2_grpc.InterimServiceAsyncStub) -> None:
        self._stub = stub
        self._known: dict[str, interim_pb2.InquiryState] = {}

    async def enrol(self, requests: list[interim_pb2.EnrolRequest]) -> list[interim_pb2.EnrolResponse]:
        """See `Interim`; of a call that failed each response says so."""
        try:
            return [one async for one in self._stub.Enrol(_each(requests))]
        except grpc.aio.AioRpcError as error:
            failure = LinkageError.from_rpc(error, party="interim").failure()
            return [interim_pb2.EnrolResponse(addressee_no=one.addressee_no, error=failure) for one in requests]

    async def register_copies(
        self, requests: list[interim_pb2.RegisterCopiesRequest]
    ) -> list[interim_pb2.RegisterCopiesResponse]:
        """See `Interim`; of a call that failed each response says so."""
        try:
            return [one async for one in self._stub.RegisterCopies(_each(requests))]
        except grpc.aio.AioRpcError as error:
            failure = LinkageError.from_rpc(error, party="interim").failure()
            return [interim_pb2.RegisterCopiesResponse(record_id=one.record_id, error=failure) for one in requests]

    async def inquire(self, request: interim_pb2.InquireRequest) -> interim_pb2.InquireResponse:
        """See `Interim`."""
        try:
            return await self._stub.Inquire(request)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="interim") from error

    async def collect(self, request: interim_pb2.CollectRequest) -> interim_pb2.CollectResponse:
        """See `Interim`."""
        try:
            response = await self._stub.Collect(request)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="interim") from error
        self._known[request.request_id] = response.inquiry
        return response

    def known(self, request_id: str) -> interim_pb2.InquiryState | None:
        """See `Interim`."""
        return self._known.get(request_id)


async def _each(requests: Sequence[T]) -> AsyncIterator[T]:
    for one in requests:
        yield one


class Numbering:
    """The numbering body, another party, which knows everybody as they say."""

    async def match(self, _number: str, items: common_pb2.BasicItems) -> common_pb2.BasicItems:
        """Number and items belong together."""
        return items


class NamedIds(Ids):
    """Ids as ever, but that a new addressee gets the number that the errand names."""

    wanted = ""

    def token(self, scope: str, size: int = 16) -> bytes:
        """See `Ids`."""
        if scope.startswith("addressee/") and self.wanted:
            return (int(self.wanted) - _LOWEST).to_bytes(size, "big")
        return super().token(scope, size)


@dataclass
class Agency:
    """One institution's business system."""

    business: Business
    ids: NamedIds
    delivery: Delivery
    recording: Recording
    cases: Cases
    asking: Asking
    servicer: AgencyServicer

    @classmethod
    def open(cls, folder: Path, institution: str, clock: PaperClock, interim: Any) -> Agency:
        """Over a database in a folder."""
        book = law.packaged()
        listed, ids = book.institutions[institution], NamedIds()
        store = Store(sqlite_url(folder / f"{institution}.db"), metadata)
        store.create()
        numbering: Any = Numbering()
        business = Business(
            institution, find(listed.role.kind), listed.role.code, listed.operator.lg_code, listed.insurer_number,
            store, clock, ids, interim, numbering,
        )  # fmt: skip
        delivery = Delivery(business)
        recording, ground = Recording(business, delivery), Ground(business, interim, law.packaged)
        desk = Desk(business, recording, Reception(business), Takeover(business, recording, delivery))
        servicer = AgencyServicer({institution: desk}, lambda: book.institutions)
        return cls(business, ids, delivery, recording, Cases(ground), Asking(ground), servicer)

    async def record(
        self, reference: str, addressee_no: str, change: agency_pb2.Change, published_from: str | None = None
    ) -> str:
        """Record a change, and go on as the party's jobs do until nothing is owed; why the interim server did not take it, if it did not."""
        self.ids.wanted = addressee_no
        request = agency_pb2.RecordRequest(
            institution=self.business.institution,
            reference=reference,
            basic_items=items_of(addressee_no),
            change=change,
            published_from=published_from,
        )
        (response,) = await self.recording.record([request])
        if not response.error.retryable:
            return response.error.reason
        while self.business.store.read(errands.open_ones):
            await self.delivery.catch_up()
        return ""

    async def acquaint(self, addressee_no: str) -> None:
        """Have somebody be known."""
        store = self.business.store
        if addressee_no not in store.read(lambda connection: subjects.by_number(connection, [addressee_no])):
            await self.record(
                f"known-{addressee_no}", addressee_no, agency_pb2.Change(acquaintance=agency_pb2.Acquaintance())
            )


class PaperStubs:
    """Whom the counter calls: our agencies in this process, and their interim server at its address."""

    def __init__(self, agencies: dict[str, Agency], interims: Any) -> None:
        self._agencies, self._interims = agencies, interims

    def agency(self, institution: str) -> Any:
        """See `Stubs`: the real servicer, called as the institution's counter."""
        servicer = self._agencies[institution].servicer

        def method(name: str) -> Any:
            async def call(request: Any, *, timeout: float) -> Any:  # noqa: ASYNC109 - as stubs have it
                assert timeout > 0
                identity.set_current(identity.Caller("counter", institution, 1, _LONG))
                return await getattr(servicer, name)(request, None)

            return call

        return SimpleNamespace(**{name: method(name) for name in ("ReceiveVisitor", "GetSubject")})

    def interim(self, _institution: str) -> Any:
        """See `Stubs`."""
        return self._interims


def items_of(addressee_no: str) -> common_pb2.BasicItems:
    """The four items of whoever has a number: everybody has others."""
    return common_pb2.BasicItems(
        name="見本 花",
        address=f"瑞原県青凪市{int(addressee_no) % 10**9}番地",
        birth_date="1984-06-12",
        sex=common_pb2.SEX_FEMALE,
    )
