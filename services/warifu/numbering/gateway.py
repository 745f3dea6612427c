"""What the numbering body tells the gateway, over gRPC."""

from __future__ import annotations

import grpc

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.numbering.enrol import Deposits

_GATEWAY = "gateway"
_SECONDS = CALL_DEADLINE / 1000
_SECONDS_EACH = 0.02
"""Time that the gateway may take for one deposit, above the deadline of a call."""


class Gateway:
    """The gateway's EnrolmentService. Every call raises LinkageError when it was not done."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def deposit(self, institution: str, deposits: Deposits) -> None:
        """Hand over up to 1,000 acquisition numbers and resident codes for `institution` to claim."""
        request = enrolment_pb2.DepositRequest(
            institution=institution,
            deposits=[
                enrolment_pb2.Deposit(acquisition_number=number, resident_code=code) for number, code in deposits
            ],
        )
        try:
            await self._stub().Deposit(request, timeout=_SECONDS + len(deposits) * _SECONDS_EACH)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_GATEWAY) from error

    async def supersede(self, old: str, new: str) -> None:
        """Tell that a person's resident code is now another."""
        request = enrolment_pb2.SupersedeRequest(old_resident_code=old, new_resident_code=new)
        try:
            await self._stub().Supersede(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_GATEWAY) from error

    def _stub(self) -> enrolment_pb2_grpc.EnrolmentServiceAsyncStub:
        return self._peers.stub(enrolment_pb2_grpc.EnrolmentServiceStub, _GATEWAY)
