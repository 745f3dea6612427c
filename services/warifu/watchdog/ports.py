"""What the watchdog asks of the gateway, as small questions, and the gRPC calls behind them. A test answers them without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import grpc

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.tlog.proofs import TileMissingError

GATEWAY: Final = "gateway"
_DEADLINE: Final = CALL_DEADLINE / 1000


@dataclass(frozen=True, slots=True)
class Shown:
    """The newest checkpoints that the log shows, as signed notes; None where it has none."""

    committed: str | None
    witnessed: str | None


class GatewayLog(Protocol):
    """What the watchdog asks of the log. Every call raises LinkageError when it fails."""

    async def checkpoints(self) -> Shown:
        """The newest checkpoints."""

    async def tile(self, path: str) -> bytes:
        """A tile or entry bundle; raises `TileMissingError` when the log is not that large."""

    async def find(self, commitments: Sequence[bytes]) -> Sequence[int | None]:
        """Where commitments stand, in the order asked; None where the log does not hold one."""


@dataclass(frozen=True, slots=True)
class GatewayCalls:
    """`GatewayLog`, and the gateway's directory entry, over gRPC."""

    peers: Peers

    async def checkpoints(self) -> Shown:
        """See `GatewayLog`."""
        try:
            answer = await self._log().GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=_DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=GATEWAY) from error
        committed = answer.committed if answer.HasField("committed") else None
        return Shown(committed, answer.witnessed if answer.HasField("witnessed") else None)

    async def tile(self, path: str) -> bytes:
        """See `GatewayLog`."""
        try:
            return (await self._log().GetTile(log_pb2.GetTileRequest(path=path), timeout=_DEADLINE)).content
        except grpc.aio.AioRpcError as error:
            failure = LinkageError.from_rpc(error, party=GATEWAY)
            if failure.reason == Reason.CLIENT_TILE_UNKNOWN:
                raise TileMissingError(path) from error
            raise failure from error

    async def find(self, commitments: Sequence[bytes]) -> Sequence[int | None]:
        """See `GatewayLog`."""
        try:
            answer = await self._log().FindLeaves(log_pb2.FindLeavesRequest(commitments=commitments), timeout=_DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=GATEWAY) from error
        if len(answer.leaves) != len(commitments):
            raise LinkageError(Reason.GATEWAY_INTERNAL)
        return [leaf.index if leaf.HasField("index") else None for leaf in answer.leaves]

    async def entry(self, owner: str) -> exchange_pb2.SignedDirectoryEntry:
        """An owner's relayed directory entry (`warifu.exchange.directory.Fetch`)."""
        stub = self.peers.stub(linkage_pb2_grpc.DirectoryServiceStub, GATEWAY)
        try:
            return (await stub.GetEntry(linkage_pb2.GetEntryRequest(owner=owner), timeout=_DEADLINE)).entry
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=GATEWAY) from error

    def _log(self) -> log_pb2_grpc.LogServiceAsyncStub:
        return self.peers.stub(log_pb2_grpc.LogServiceStub, GATEWAY)
