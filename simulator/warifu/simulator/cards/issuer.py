"""What the card service asks of the card authority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import grpc

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.peers import Peers
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc as rpc

if TYPE_CHECKING:
    from warifu.numbering.v1.numbering_pb2 import CertificateKind, CertificateStatus

DEADLINE: Final = 5.0
_PARTY: Final = "numbering"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate (DER) and the number of what carries it."""

    certificate: bytes
    number: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a certificate stands on the network's day."""

    status: CertificateStatus.ValueType
    kind: CertificateKind.ValueType
    not_after: datetime | None

    @property
    def good(self) -> bool:
        """It serves."""
        return self.status == pb.CERTIFICATE_STATUS_GOOD


class Issuer(Protocol):
    """The card authority. Every call raises LinkageError when it was not done."""

    async def issue(
        self, request: bytes, individual_number: str, items: common_pb2.BasicItems, issued_on: str | None = None
    ) -> Issued:
        """A card for a PKCS #10 request (DER); with a past day (ISO 8601) one as old as if it had been handed out then."""

    async def issue_ordered(self, request: bytes, order_id: str) -> Issued:
        """The card that a counter ordered."""

    async def add(
        self, kind: CertificateKind.ValueType, request: bytes, card_certificate: bytes, signature: bytes
    ) -> Issued:
        """One more certificate for the holder of a card."""

    async def standing(self, serial: str) -> Standing:
        """How a certificate stands."""

    async def orders(self, after: int) -> Sequence[pb.CardOrder]:
        """What counters ordered, after a position."""


@dataclass(frozen=True, slots=True)
class IssuerCalls:
    """`Issuer` over gRPC, at the numbering body."""

    peers: Peers

    async def issue(
        self, request: bytes, individual_number: str, items: common_pb2.BasicItems, issued_on: str | None = None
    ) -> Issued:
        """See `Issuer`."""
        asked = pb.IssueCertificateRequest(
            certificate_request=request, individual_number=individual_number, basic_items=items, issued_on=issued_on
        )
        return await self._issue(asked)

    async def issue_ordered(self, request: bytes, order_id: str) -> Issued:
        """See `Issuer`."""
        return await self._issue(pb.IssueCertificateRequest(certificate_request=request, order_id=order_id))

    async def add(
        self, kind: CertificateKind.ValueType, request: bytes, card_certificate: bytes, signature: bytes
    ) -> Issued:
        """See `Issuer`."""
        asked = pb.AddCertificateRequest(
            kind=kind, certificate_request=request, card_certificate=card_certificate, signature=signature
        )
        try:
            answer = await self._authority().AddCertificate(asked, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        return Issued(answer.certificate, answer.card_number)

    async def standing(self, serial: str) -> Standing:
        """See `Issuer`."""
        asked = pb.CheckCertificateRequest(certificate_serial=serial)
        try:
            answer = await self._authority().CheckCertificate(asked, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        end = answer.not_after.ToDatetime(UTC) if answer.HasField("not_after") else None
        return Standing(answer.status, answer.kind, end)

    async def orders(self, after: int) -> Sequence[pb.CardOrder]:
        """See `Issuer`."""
        stub = self.peers.stub(rpc.CardDeskServiceStub, _PARTY)
        try:
            answer = await stub.FetchOrders(pb.FetchOrdersRequest(after=after), timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        return answer.orders

    async def _issue(self, asked: pb.IssueCertificateRequest) -> Issued:
        try:
            answer = await self._authority().IssueCertificate(asked, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        return Issued(answer.certificate, answer.card_number)

    def _authority(self) -> rpc.CardAuthorityServiceAsyncStub:
        return self.peers.stub(rpc.CardAuthorityServiceStub, _PARTY)
