"""What the portal asks of other parties, as small questions, and the gRPC calls behind them.

The web pages and the accounts know only `Numbering`, `Enrolment` and `Log`; a test answers them without a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import grpc
from cryptography import x509

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import PAGE
from warifu.kernel.peers import Peers
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.tlog.proofs import TileMissingError

if TYPE_CHECKING:
    from warifu.numbering.v1.numbering_pb2 import CertificateKind, CertificateStatus

IDENTITY: Final = "portal-main"
"""The institution code of the portal, under whose certificate it calls."""
DEADLINE: Final = 5.0
"""Seconds for one call, since a person waits."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A card certificate on the network's day."""

    status: CertificateStatus.ValueType
    kind: CertificateKind.ValueType
    not_after: datetime | None
    """Aware, UTC; None for an unknown one."""


class Numbering(Protocol):
    """What the portal asks the numbering body. Every call raises LinkageError when it fails."""

    async def card_authority(self) -> x509.Certificate:
        """The certificate of the authority that issues card certificates."""

    async def is_good(self, serial: str) -> bool:
        """Whether the card certificate is neither suspended, revoked, expired nor unknown."""

    async def standing(self, serial: str) -> Standing:
        """How a card certificate stands, what it is for and when it ends."""

    async def status_changes(self, after: int) -> Sequence[numbering_pb2.StatusChange]:
        """What became of card certificates, after a position, in order."""

    async def suspend(self, report: numbering_pb2.SuspendRequest) -> str:
        """Pass on a report to the help line; its receipt."""

    async def enrol(self, acquisition_number: bytes, serial: str) -> None:
        """Let the gateway have a code ready, under `acquisition_number`, for the holder of the certificate."""


class Enrolment(Protocol):
    """What the portal asks the gateway. Every call raises LinkageError when it fails."""

    async def claim(self, acquisition_number: bytes) -> bytes:
        """The portal's code for the person, serialised SubjectReference."""

    async def superseded(self, after: int) -> tuple[Sequence[bytes], int]:
        """The portal's codes that no longer serve, from position `after` on, and the position to go on from."""


class Log(Protocol):
    """What the portal asks the public log. Every call raises LinkageError when it fails."""

    async def witnessed(self) -> str | None:
        """The newest checkpoint that the witness cosigned, as a signed note; None before its first."""

    async def tile(self, path: str) -> bytes:
        """The tile at a tlog-tiles path; raises TileMissingError when the log has none there."""

    async def find(self, commitments: Sequence[bytes]) -> Sequence[int | None]:
        """Where commitments, up to 500, stand in the log, in the order asked; None for those that it does not hold."""


@dataclass(slots=True)
class NumberingCalls:
    """`Numbering` over gRPC."""

    peers: Peers
    _authority: x509.Certificate | None = None

    async def card_authority(self) -> x509.Certificate:
        """See `Numbering`; asked once, since the authority's certificate outlives this process."""
        if self._authority is None:
            try:
                answer = await self._cards().GetAuthority(numbering_pb2.GetAuthorityRequest(), timeout=DEADLINE)
            except grpc.aio.AioRpcError as error:
                raise LinkageError.from_rpc(error, party="numbering") from error
            self._authority = x509.load_der_x509_certificate(answer.certificate)
        return self._authority

    async def is_good(self, serial: str) -> bool:
        """See `Numbering`."""
        request = numbering_pb2.CheckCertificateRequest(certificate_serial=serial)
        try:
            answer = await self._cards().CheckCertificate(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="numbering") from error
        return answer.status == numbering_pb2.CERTIFICATE_STATUS_GOOD

    async def standing(self, serial: str) -> Standing:
        """See `Numbering`."""
        request = numbering_pb2.CheckCertificateRequest(certificate_serial=serial)
        try:
            answer = await self._cards().CheckCertificate(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="numbering") from error
        end = answer.not_after.ToDatetime(UTC) if answer.HasField("not_after") else None
        return Standing(answer.status, answer.kind, end)

    async def status_changes(self, after: int) -> Sequence[numbering_pb2.StatusChange]:
        """See `Numbering`."""
        request = numbering_pb2.ListStatusChangesRequest(after=after, limit=int(PAGE))
        try:
            answer = await self._cards().ListStatusChanges(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="numbering") from error
        return answer.changes

    async def suspend(self, report: numbering_pb2.SuspendRequest) -> str:
        """See `Numbering`."""
        stub = self.peers.stub(numbering_pb2_grpc.HelpLineServiceStub, "numbering", IDENTITY)
        try:
            return (await stub.Suspend(report, timeout=DEADLINE)).receipt
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="numbering") from error

    async def enrol(self, acquisition_number: bytes, serial: str) -> None:
        """See `Numbering`."""
        request = numbering_pb2.EnrolByCertificateRequest(
            acquisition_number=acquisition_number, certificate_serial=serial
        )
        stub = self.peers.stub(numbering_pb2_grpc.NumberingServiceStub, "numbering", IDENTITY)
        try:
            await stub.EnrolByCertificate(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="numbering") from error

    def _cards(self) -> numbering_pb2_grpc.CardAuthorityServiceAsyncStub:
        return self.peers.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", IDENTITY)


@dataclass(frozen=True, slots=True)
class EnrolmentCalls:
    """`Enrolment` over gRPC."""

    peers: Peers

    async def claim(self, acquisition_number: bytes) -> bytes:
        """See `Enrolment`."""
        request = enrolment_pb2.ClaimRequest(acquisition_numbers=[acquisition_number])
        try:
            answer = await self._stub().Claim(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="gateway") from error
        result = answer.results[0]
        if result.WhichOneof("result") != "subject":
            raise LinkageError.from_reason(result.refused, party="gateway")
        return result.subject.SerializeToString(deterministic=True)

    async def superseded(self, after: int) -> tuple[Sequence[bytes], int]:
        """See `Enrolment`."""
        request = enrolment_pb2.ListSupersededRequest(after=after)
        try:
            answer = await self._stub().ListSuperseded(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="gateway") from error
        return [subject.SerializeToString(deterministic=True) for subject in answer.subjects], answer.position

    def _stub(self) -> enrolment_pb2_grpc.EnrolmentServiceAsyncStub:
        return self.peers.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", IDENTITY)


@dataclass(frozen=True, slots=True)
class LogCalls:
    """`Log` over gRPC."""

    peers: Peers

    async def witnessed(self) -> str | None:
        """See `Log`."""
        try:
            answer = await self._stub().GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="gateway") from error
        return answer.witnessed if answer.HasField("witnessed") else None

    async def tile(self, path: str) -> bytes:
        """See `Log`."""
        try:
            answer = await self._stub().GetTile(log_pb2.GetTileRequest(path=path), timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise TileMissingError(path) from error
            raise LinkageError.from_rpc(error, party="gateway") from error
        return answer.content

    async def find(self, commitments: Sequence[bytes]) -> Sequence[int | None]:
        """See `Log`."""
        request = log_pb2.FindLeavesRequest(commitments=commitments)
        try:
            answer = await self._stub().FindLeaves(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="gateway") from error
        return [leaf.index if leaf.HasField("index") else None for leaf in answer.leaves]

    def _stub(self) -> log_pb2_grpc.LogServiceAsyncStub:
        return self.peers.stub(log_pb2_grpc.LogServiceStub, "gateway", IDENTITY)
