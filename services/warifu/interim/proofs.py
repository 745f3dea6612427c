"""Offline proofs for an institution's own file: that the gateway's records of one exchange are in the log, for whoever asks in ten years.

The records and their salts are asked of the gateway, as everyone who took part may; what comes back counts only when its commitments open,
the request's is the one that was promised, and the log proves each against a head that log and witness signed.
"""

from __future__ import annotations

from typing import Any, Final

import grpc
from sqlalchemy import Row, bindparam, select

from warifu.exchange import offline, record
from warifu.exchange.logkeys import LogKeys
from warifu.exchange.record import RecordError
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.ground import Ground
from warifu.interim.logreader import LogReader, LogSilentError
from warifu.interim.schema import PROMISES
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE, PAGE
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.tlog.bundle import ProofBundle
from warifu.tlog.checkpoint import read_checkpoint
from warifu.tlog.notes import NoteError
from warifu.tlog.proofs import ProofError, TiledTree, TileMissingError

PAGES: Final = 20
"""Pages of own records that are searched for an outcome, from the request on."""
_PROMISE: Final = select(PROMISES).where(PROMISES.c.request_id == bindparam("request_id"))


class Proofs:
    """Makes proofs for one institution."""

    def __init__(self, ground: Ground, keys: LogKeys, reader: LogReader) -> None:
        self._ground, self._trust, self._reader = ground, offline.trust(keys), reader

    async def get_proof(self, request: pb.GetProofRequest) -> pb.GetProofResponse:
        """What the log proves now of an exchange; nothing while the promise is not kept.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_REQUEST_UNKNOWN; GATEWAY_…: the gateway cannot be asked.
        """
        self._ground.require(request.institution)
        promise = self._promise(request.request_id)
        if promise.state != pb.PROMISE_STATE_KEPT:
            return pb.GetProofResponse()
        try:
            proofs = await self._proofs(promise)
        except LogSilentError as error:
            raise LinkageError(Reason.GATEWAY_UNAVAILABLE) from error
        except (
            NoteError,
            ProofError,
            TileMissingError,
            RecordError,
        ):  # it was kept once; the next look tells staff why not now
            return pb.GetProofResponse()
        return pb.GetProofResponse(proof=offline.write(proofs) if proofs else None)

    def _promise(self, request_id: str) -> Row[Any]:
        values = {"request_id": request_id}
        row = self._ground.store.read(lambda connection: connection.execute(_PROMISE, values).first())
        if row is None:
            raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
        return row

    async def _proofs(self, promise: Row[Any]) -> list[ProofBundle]:
        note = await self._reader.witnessed()
        if note is None:
            return []
        head = read_checkpoint(note, self._trust).checkpoint
        tree = TiledTree(self._reader.tile, head.size, head.root)
        proofs = []
        for committed, place in await self._records(promise):
            if place < head.size:
                path = tuple(await tree.inclusion(place))
                proof = ProofBundle(place, path, note, committed.SerializeToString(deterministic=True))
                offline.check(proof, self._trust)
                proofs.append(proof)
        return proofs

    async def _records(self, promise: Row[Any]) -> list[tuple[exchange_pb2.CommittedRecord, int]]:
        """The gateway's records of the exchange with their places: the promised one, and its outcome where there is one by now.

        Positions count up with the places from 1, so the record of a leaf stands after the position that is the leaf's number.
        """
        found: list[tuple[exchange_pb2.CommittedRecord, int]] = []
        after: int | None = promise.leaf_index
        for _ in range(PAGES):
            if after is None:
                break
            page = await self._page(after)
            for one in page.records:
                if one.HasField("leaf_index") and self._belongs(one, promise):
                    found.append((one.record, one.leaf_index))
                    if record.check(one.record).kind == exchange_pb2.RECORD_KIND_OUTCOME:
                        return found
            after = page.next if page.HasField("next") else None
        return found

    async def _page(self, after: int) -> linkage_pb2.ListRecordsResponse:
        stub = self._ground.peers.stub(linkage_pb2_grpc.GatewayAuditServiceStub, "gateway", self._ground.institution)
        request = linkage_pb2.ListRecordsRequest(after=after, limit=int(PAGE))
        try:
            return await stub.ListRecords(request, timeout=CALL_DEADLINE / 1000)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="gateway") from error

    @staticmethod
    def _belongs(one: linkage_pb2.PositionedRecord, promise: Row[Any]) -> bool:
        if one.record.commitment == promise.commitment:
            return True
        kept = exchange_pb2.AccessRecord.FromString(one.record.record)
        return kept.request_id == promise.request_id and kept.kind == exchange_pb2.RECORD_KIND_OUTCOME
