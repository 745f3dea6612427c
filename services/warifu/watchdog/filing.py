"""Where institutions file: ordinance uses, leak reports, replies. Who files is the institution of the caller's certificate."""

from __future__ import annotations

from typing import Any

import grpc

from warifu.kernel import identity
from warifu.kernel.clock import Clock
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.supervision.v1 import supervision_pb2_grpc
from warifu.watchdog.leaks.queries import Leaks
from warifu.watchdog.measures.queries import Measures
from warifu.watchdog.measures.queries import told as told_measure
from warifu.watchdog.ordinances.queries import OrdinanceUses
from warifu.watchdog.ordinances.queries import told as told_use

Context = grpc.aio.ServicerContext[Any, Any]


class FilingServicer(supervision_pb2_grpc.FilingServiceServicer):
    """`warifu.supervision.v1.FilingService`."""

    def __init__(self, uses: OrdinanceUses, leaks: Leaks, measures: Measures, clock: Clock) -> None:
        self._uses, self._leaks, self._measures, self._clock = uses, leaks, measures, clock

    async def FileOrdinanceUse(  # noqa: N802 - the contract's name
        self, request: pb.FileOrdinanceUseRequest, context: Context
    ) -> pb.FileOrdinanceUseResponse:
        """See `OrdinanceUses.file` for what it raises."""
        del context
        return pb.FileOrdinanceUseResponse(use=await self._uses.file(identity.current().code, request))

    async def ListOrdinanceUses(  # noqa: N802 - the contract's name
        self, request: pb.ListOrdinanceUsesRequest, context: Context
    ) -> pb.ListOrdinanceUsesResponse:
        """See the contract."""
        del request, context
        uses = [told_use(row) for row in self._uses.of(identity.current().code)]
        return pb.ListOrdinanceUsesResponse(uses=uses)

    async def ReportLeak(  # noqa: N802 - the contract's name
        self, request: pb.ReportLeakRequest, context: Context
    ) -> pb.ReportLeakResponse:
        """See `Leaks.report` for what it raises."""
        del context
        return pb.ReportLeakResponse(leak=await self._leaks.report(identity.current().code, request))

    async def ListLeaks(  # noqa: N802 - the contract's name
        self, request: pb.ListLeaksRequest, context: Context
    ) -> pb.ListLeaksResponse:
        """See the contract."""
        del request, context
        return pb.ListLeaksResponse(leaks=[self._leaks.told(row) for row in self._leaks.of(identity.current().code)])

    async def ListMeasures(  # noqa: N802 - the contract's name
        self, request: pb.ListMeasuresRequest, context: Context
    ) -> pb.ListMeasuresResponse:
        """See the contract."""
        del request, context
        measures = [told_measure(row) for row in self._measures.of(identity.current().code)]
        return pb.ListMeasuresResponse(measures=measures)

    async def ReplyToMeasure(  # noqa: N802 - the contract's name
        self, request: pb.ReplyToMeasureRequest, context: Context
    ) -> pb.ReplyToMeasureResponse:
        """See `Measures.reply` for what it raises."""
        del context
        await self._measures.reply(identity.current().code, request.id, request.text, self._clock.today())
        return pb.ReplyToMeasureResponse()
