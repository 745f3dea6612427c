"""The gateway's face towards the supervisor. What its staff does is entered before anything follows from it."""

from __future__ import annotations

from typing import Any

import grpc

from warifu.gateway.books import Books
from warifu.gateway.rulings import GatewayRulings
from warifu.gateway.search import Search
from warifu.gateway.suspicions import Suspicions
from warifu.kernel.limits import CODE, check_text, malformed
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.supervision.v1 import supervision_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class SupervisionServicer(supervision_pb2_grpc.GatewaySupervisionServiceServicer):
    """`warifu.supervision.v1.GatewaySupervisionService`."""

    def __init__(self, books: Books, search: Search, suspicions: Suspicions, rulings: GatewayRulings) -> None:
        self._books, self._search = books, search
        self._suspicions, self._rulings = suspicions, rulings

    async def SearchRecords(  # noqa: N802 - the contract's name
        self, request: pb.SearchRecordsRequest, context: Context
    ) -> pb.SearchRecordsResponse:
        """See the contract."""
        del context
        return await self._search.search(request)

    async def EnterOpening(  # noqa: N802 - the contract's name
        self, request: pb.EnterOpeningRequest, context: Context
    ) -> pb.EnterOpeningResponse:
        """See the contract."""
        del context
        finding, role = check_text(request.finding, "finding", CODE), check_text(request.role, "role", CODE)
        await self._books.log.write(self._books.log.events.opened(finding, role))
        return pb.EnterOpeningResponse()

    async def ListSuspicions(  # noqa: N802 - the contract's name
        self, request: pb.ListSuspicionsRequest, context: Context
    ) -> pb.ListSuspicionsResponse:
        """See the contract."""
        del context
        return await self._suspicions.list(request)

    async def PutRulings(  # noqa: N802 - the contract's name
        self, request: pb.PutRulingsRequest, context: Context
    ) -> pb.PutRulingsResponse:
        """See the contract."""
        del context
        if not request.HasField("rulings"):
            raise malformed("rulings", "missing")
        await self._rulings.put(request.rulings)
        return pb.PutRulingsResponse()

    async def GetRulings(  # noqa: N802 - the contract's name
        self, request: pb.GetRulingsRequest, context: Context
    ) -> pb.GetRulingsResponse:
        """See the contract."""
        del request, context
        return pb.GetRulingsResponse(rulings=self._rulings.signed())
