"""The interim servers' face towards the supervisor."""

from __future__ import annotations

from typing import Any

import grpc

from warifu.interim.face import Faces
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.supervision.v1 import supervision_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class SupervisionServicer(supervision_pb2_grpc.InterimSupervisionServiceServicer):
    """`warifu.supervision.v1.InterimSupervisionService`."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces

    async def ListInquirySuspicions(  # noqa: N802 - the contract's name
        self, request: pb.ListInquirySuspicionsRequest, context: Context
    ) -> pb.ListInquirySuspicionsResponse:
        """See the contract."""
        del context
        return await self._faces.any(request.institution).list_suspicions(request)
