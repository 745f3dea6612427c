"""The watchdog's gRPC faces: what comes in is checked for its form here, and judged elsewhere."""

from __future__ import annotations

from typing import Any

import grpc

from warifu.kernel import identity
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import CHECKPOINT_BYTES, PROOF, check_bytes, check_items, check_text, malformed
from warifu.tlog.merkle import HASH_SIZE, LARGEST_SIZE
from warifu.watchdog.look import Look
from warifu.watchdog.reports import Reports
from warifu.watchdog.v1 import watchdog_pb2, watchdog_pb2_grpc
from warifu.watchdog.witness import Behind, Witness

Context = grpc.aio.ServicerContext[Any, Any]


class WitnessServicer(watchdog_pb2_grpc.WitnessServiceServicer):
    """`warifu.watchdog.v1.WitnessService`. The access table lets only the gateway call it."""

    def __init__(self, witness: Witness, look: Look) -> None:
        self._witness, self._look = witness, look

    async def AddCheckpoint(  # noqa: N802 - the contract's name
        self, request: watchdog_pb2.AddCheckpointRequest, context: Context
    ) -> watchdog_pb2.AddCheckpointResponse:
        """Cosign, or say from where to begin.

        Raises:
            LinkageError: CLIENT_MALFORMED, CLIENT_TOO_LARGE, CLIENT_TOO_MANY_ITEMS; CLIENT_CHECKPOINT_…
        """
        del context
        _check(request)
        answer = await self._witness.add(request.old_size, request.proof, request.checkpoint)
        if isinstance(answer, Behind) and request.old_size > answer.known_size and await self._recalled():
            answer = await self._witness.add(request.old_size, request.proof, request.checkpoint)
        if isinstance(answer, Behind):
            return watchdog_pb2.AddCheckpointResponse(known_size=answer.known_size)
        return watchdog_pb2.AddCheckpointResponse(cosignature=answer)

    async def _recalled(self) -> bool:
        """The caller says that we cosigned more than we remember: can it show that."""
        try:
            return await self._look.recall()
        except LinkageError:  # it cannot be asked now; the periodic look will
            return False


class ReportServicer(watchdog_pb2_grpc.ReportServiceServicer):
    """`warifu.watchdog.v1.ReportService`."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def ReportReceipt(  # noqa: N802 - the contract's name
        self, request: watchdog_pb2.ReportReceiptRequest, context: Context
    ) -> watchdog_pb2.ReportReceiptResponse:
        """Keep a report; see `Reports.receive` for what it raises."""
        del context
        if not request.HasField("receipt"):
            raise malformed("receipt", "missing")
        await self._reports.receive(identity.current().uri, request.receipt)
        return watchdog_pb2.ReportReceiptResponse()


def _check(request: watchdog_pb2.AddCheckpointRequest) -> None:
    if request.old_size > LARGEST_SIZE:
        raise malformed("old_size", "no tree is that large")
    check_items(request.proof, "proof", PROOF, required=False)
    for one in request.proof:
        check_bytes(one, "proof", exactly=HASH_SIZE)
    if request.proof and request.old_size == 0:
        raise malformed("proof", "nothing is to be proved from an empty tree")
    check_bytes(request.checkpoint.encode(), "checkpoint", limit=CHECKPOINT_BYTES)
    check_text(request.checkpoint.replace("\n", ""), "checkpoint", CHECKPOINT_BYTES)
