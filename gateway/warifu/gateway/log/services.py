"""The log's gRPC face, for the parties: the same bytes as over HTTP, and where a commitment stands."""

from __future__ import annotations

from typing import Any

import grpc
from sqlalchemy import Connection

from warifu.gateway.log import entries, heads, tiles
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import ID, PAGE, check_bytes, check_items, check_text, malformed
from warifu.kernel.store import Store
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.tlog.merkle import HASH_SIZE
from warifu.tlog.tiles import TileError

Context = grpc.aio.ServicerContext[Any, Any]


class LogServicer(log_pb2_grpc.LogServiceServicer):
    """Reads."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def GetCheckpoint(  # noqa: N802 - the contract's name
        self, request: log_pb2.GetCheckpointRequest, context: Context
    ) -> log_pb2.GetCheckpointResponse:
        """See the contract."""
        del request, context
        head = self._store.read(heads.read)
        if head is None:
            return log_pb2.GetCheckpointResponse()
        return log_pb2.GetCheckpointResponse(committed=head.checkpoint, witnessed=head.witnessed)

    async def GetTile(  # noqa: N802 - the contract's name
        self, request: log_pb2.GetTileRequest, context: Context
    ) -> log_pb2.GetTileResponse:
        """See the contract.

        Raises:
            LinkageError: CLIENT_MALFORMED: no tile has this path; CLIENT_TILE_UNKNOWN: the log is not that large yet.
        """
        del context
        path = check_text(request.path, "path", ID)
        try:
            content, _ = self._store.read(lambda connection: read_tile(connection, path))
        except tiles.TileMissingError as error:
            raise LinkageError(Reason.CLIENT_TILE_UNKNOWN) from error
        except TileError as error:
            raise malformed("path", "not the path of a tile") from error
        return log_pb2.GetTileResponse(content=content)

    async def FindLeaves(  # noqa: N802 - the contract's name
        self, request: log_pb2.FindLeavesRequest, context: Context
    ) -> log_pb2.FindLeavesResponse:
        """See the contract."""
        del context
        check_items(request.commitments, "commitments", PAGE)
        for one in request.commitments:
            check_bytes(one, "commitments", exactly=HASH_SIZE)
        found = self._store.read(lambda connection: entries.find(connection, request.commitments))
        return log_pb2.FindLeavesResponse(leaves=[log_pb2.FoundLeaf(index=index) for index in found])


def read_tile(connection: Connection, path: str) -> tuple[bytes, bool]:
    """A tile of the committed tree, and whether it never changes."""
    head = heads.read(connection)
    return tiles.content(connection, path, head.size if head is not None else 0)
