"""What the supervisor's desk asks of the other parties, as small questions, and the gRPC calls behind them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

import grpc

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.supervision.v1 import supervision_pb2_grpc
from warifu.watchdog.ports import GATEWAY

_DEADLINE: Final = CALL_DEADLINE / 1000


class Network(Protocol):
    """What the desk asks. Every call raises LinkageError when it fails."""

    async def enter(self, finding: str, role: str) -> None:
        """Enter an opening in the public log."""

    async def search(self, request: pb.SearchRecordsRequest) -> pb.SearchRecordsResponse:
        """Search the gateway's records; entered there."""

    async def put(self, rulings: pb.SignedRulings) -> None:
        """Give the gateway what is in force."""

    async def suspicions(self, party: str, institution: str, first: date) -> pb.ListSuspicionsResponse:
        """What rules of detection point at: at the gateway (no institution), or at an institution's interim server."""


@dataclass(frozen=True, slots=True)
class NetworkCalls:
    """`Network` over gRPC."""

    peers: Peers
    parties: Collection[str]
    """Parties whose addresses are known."""

    async def enter(self, finding: str, role: str) -> None:
        """See `Network`."""
        try:
            await self._gateway().EnterOpening(pb.EnterOpeningRequest(finding=finding, role=role), timeout=_DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=GATEWAY) from error

    async def search(self, request: pb.SearchRecordsRequest) -> pb.SearchRecordsResponse:
        """See `Network`."""
        try:
            return await self._gateway().SearchRecords(request, timeout=_DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=GATEWAY) from error

    async def put(self, rulings: pb.SignedRulings) -> None:
        """See `Network`."""
        try:
            await self._gateway().PutRulings(pb.PutRulingsRequest(rulings=rulings), timeout=_DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=GATEWAY) from error

    async def suspicions(self, party: str, institution: str, first: date) -> pb.ListSuspicionsResponse:
        """See `Network`."""
        day = first.isoformat()
        if party not in self.parties:
            raise LinkageError(Reason.PROVIDER_UNAVAILABLE)
        try:
            if party == GATEWAY:
                return await self._gateway().ListSuspicions(pb.ListSuspicionsRequest(from_day=day), timeout=_DEADLINE)
            server = self.peers.server_of(party, institution)
            stub = self.peers.stub(supervision_pb2_grpc.InterimSupervisionServiceStub, server)
            asked = pb.ListInquirySuspicionsRequest(institution=institution, from_day=day)
            found = await stub.ListInquirySuspicions(asked, timeout=_DEADLINE)
            return pb.ListSuspicionsResponse(suspicions=found.suspicions)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=party) from error

    def _gateway(self) -> supervision_pb2_grpc.GatewaySupervisionServiceAsyncStub:
        return self.peers.stub(supervision_pb2_grpc.GatewaySupervisionServiceStub, GATEWAY)
