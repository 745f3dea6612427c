"""Whom a counter calls, under its institution's terminal certificate. A test answers in their place without a network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import grpc

from warifu.agency.v1 import agency_pb2_grpc, cases_pb2_grpc
from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.law import LawBook
from warifu.numbering.v1 import numbering_pb2_grpc
from warifu.supervision.v1 import supervision_pb2_grpc

DEADLINE: Final = 3 * CALL_DEADLINE / 1000
"""Seconds for a call: what is asked for may need calls of its own, each with a deadline."""
SUPERVISOR: Final = "watchdog"
T = TypeVar("T")


class Stubs(Protocol):
    """The services behind a counter, by institution code."""

    def agency(self, institution: str) -> agency_pb2_grpc.AgencyServiceAsyncStub:
        """Its business system."""

    def cases(self, institution: str) -> cases_pb2_grpc.CaseServiceAsyncStub:
        """Its cases."""

    def interim(self, institution: str) -> interim_pb2_grpc.InterimServiceAsyncStub:
        """Its interim server."""

    def filing(self, institution: str) -> supervision_pb2_grpc.FilingServiceAsyncStub:
        """The supervisor."""

    def cards(self, institution: str) -> numbering_pb2_grpc.CardDeskServiceAsyncStub:
        """The card authority's desk; for residency institutions alone."""


@dataclass(frozen=True, slots=True)
class Calls:
    """`Stubs` over gRPC. Certificates lie in identities/<institution>: spiffe://warifu.example/counter/<institution>."""

    peers: Peers
    book: Callable[[], LawBook]

    def agency(self, institution: str) -> agency_pb2_grpc.AgencyServiceAsyncStub:
        """See `Stubs`."""
        return self.peers.stub(agency_pb2_grpc.AgencyServiceStub, self._kind(institution), institution)

    def cases(self, institution: str) -> cases_pb2_grpc.CaseServiceAsyncStub:
        """See `Stubs`."""
        return self.peers.stub(cases_pb2_grpc.CaseServiceStub, self._kind(institution), institution)

    def interim(self, institution: str) -> interim_pb2_grpc.InterimServiceAsyncStub:
        """See `Stubs`."""
        return self.peers.stub(interim_pb2_grpc.InterimServiceStub, self._kind(institution), institution)

    def filing(self, institution: str) -> supervision_pb2_grpc.FilingServiceAsyncStub:
        """See `Stubs`."""
        return self.peers.stub(supervision_pb2_grpc.FilingServiceStub, SUPERVISOR, institution)

    def cards(self, institution: str) -> numbering_pb2_grpc.CardDeskServiceAsyncStub:
        """See `Stubs`."""
        return self.peers.stub(numbering_pb2_grpc.CardDeskServiceStub, "numbering", institution)

    def _kind(self, institution: str) -> str:
        return self.book().institutions[institution].role.kind


async def answered(call: Awaitable[T], party: str = "") -> T:
    """What a call answered.

    Raises:
        LinkageError: it failed. `party` ("gateway", "numbering", …) says whose side an unexplained failure is on: without it the called.
    """
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise LinkageError.from_rpc(error, party=party) from error
