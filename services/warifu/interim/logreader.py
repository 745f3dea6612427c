"""The gateway's log as an institution reads it: over LogService, under its own certificate. Nothing that comes back is believed here."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import grpc

from warifu.exchange.logkeys import LogKeys
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.tlog.proofs import TileMissingError
from warifu.tlog.tiles import parse_path

TILES_KEPT: Final = 128
"""Complete tiles kept, of all institutions of a process together: 1 MiB at most."""
_TIMEOUT: Final = CALL_DEADLINE / 1000

R = TypeVar("R")


class LogSilentError(RuntimeError):
    """The log cannot be reached, or says nothing that could be judged."""


class TileCache:
    """Complete tiles by path. They never change, so one cache serves all institutions of a process; readers check what they use."""

    def __init__(self) -> None:
        self._tiles: dict[str, bytes] = {}

    def get(self, path: str) -> bytes | None:
        """The tile, when it is kept."""
        return self._tiles.get(path)

    def keep(self, path: str, content: bytes) -> None:
        """Keep a tile; the oldest goes."""
        if not parse_path(path).full:
            return
        if len(self._tiles) >= TILES_KEPT:
            del self._tiles[next(iter(self._tiles))]
        self._tiles[path] = content

    def forget(self) -> None:
        """Fetch all anew: something that was served did not fit."""
        self._tiles.clear()


@dataclass(frozen=True, slots=True)
class LogAccess:
    """What all institutions of a process share."""

    keys: LogKeys
    """Pinned."""
    tiles: TileCache = field(default_factory=TileCache)


class LogReader:
    """Asks the log for one institution.

    Raises everywhere: LogSilentError when the gateway cannot be reached.
    """

    def __init__(self, peers: Peers, institution: str, tiles: TileCache) -> None:
        self._peers, self._institution, self._tiles = peers, institution, tiles
        self.forget = tiles.forget

    async def witnessed(self) -> str | None:
        """The newest head that the witness cosigned, as a note; None before its first."""
        response = await _answer(self._stub().GetCheckpoint(log_pb2.GetCheckpointRequest(), timeout=_TIMEOUT))
        return response.witnessed if response.HasField("witnessed") else None

    async def find(self, commitments: Sequence[bytes]) -> list[int | None]:
        """The place of each of up to 500 commitments, None where the log knows none."""
        request = log_pb2.FindLeavesRequest(commitments=commitments)
        response = await _answer(self._stub().FindLeaves(request, timeout=_TIMEOUT))
        found = [leaf.index if leaf.HasField("index") else None for leaf in response.leaves]
        return (found + [None] * len(commitments))[: len(commitments)]

    async def tile(self, path: str) -> bytes:
        """The content at a path of the log.

        Raises:
            TileMissingError: the log says that it has none.
        """
        kept = self._tiles.get(path)
        if kept is not None:
            return kept
        call = self._stub().GetTile(log_pb2.GetTileRequest(path=path), timeout=_TIMEOUT)
        content: bytes = (await _answer(call, missing=path)).content
        self._tiles.keep(path, content)
        return content

    def _stub(self) -> log_pb2_grpc.LogServiceAsyncStub:
        return self._peers.stub(log_pb2_grpc.LogServiceStub, "gateway", self._institution)


async def _answer(call: Awaitable[R], missing: str = "") -> R:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if LinkageError.from_rpc(error, party="gateway").reason == Reason.CLIENT_TILE_UNKNOWN:
            raise TileMissingError(missing) from error
        raise LogSilentError(str(error.code())) from error
