"""Corrections: what this institution says is wrong in the gateway's records of an exchange that it took part in.

The correcting entry is the gateway's; what is kept here is what the business system keeps of it.
"""

from __future__ import annotations

import grpc

from warifu.exchange import receipt
from warifu.exchange.directory import GATEWAY
from warifu.interim.ground import Ground
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE
from warifu.linkage.v1 import correction_pb2, correction_pb2_grpc, linkage_pb2


class Corrections:
    """Enters them under the institution's own certificate."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def correct(self, request_id: str, statement: str) -> pb.CorrectResponse:
        """Have a correction entered; it is durable on return, and the same again is the same entry.

        Raises:
            LinkageError: CLIENT_REQUEST_UNKNOWN, CLIENT_EXCHANGE_OPEN, CLIENT_TOO_MANY_ITEMS, CLIENT_MALFORMED, CLIENT_TOO_LARGE;
                GATEWAY_RECEIPT_INVALID; GATEWAY_…: the gateway cannot be asked or its log cannot move, and the same may be tried again.
        """
        stub = self._ground.peers.stub(correction_pb2_grpc.CorrectionServiceStub, GATEWAY, self._ground.institution)
        call = correction_pb2.CorrectRequest(request_id=request_id, statement=statement)
        try:
            given = await stub.Correct(call, timeout=CALL_DEADLINE / 1000)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=GATEWAY) from error
        await self._check(given.receipt)
        return pb.CorrectResponse(commitment=given.receipt.commitment)

    async def _check(self, given: linkage_pb2.Receipt) -> None:
        key = await self._ground.directory.signing_key(GATEWAY, given.signature.key_id)
        if key is None:
            raise LinkageError(Reason.GATEWAY_RECEIPT_INVALID)
        receipt.check(given, key)
