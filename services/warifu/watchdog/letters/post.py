"""What the supervisor asks of the citizen portal's post office, and the gRPC calls behind it. A test answers them without a network."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import grpc

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.portal.v1 import post_pb2 as pb
from warifu.portal.v1 import post_pb2_grpc

PORTAL: Final = "portal"
_DEADLINE: Final = CALL_DEADLINE / 1000


class Post(Protocol):
    """The post office. Every call raises LinkageError when it fails."""

    async def letters(self, after: int) -> Sequence[pb.PostedLetter]:
        """Letters to the supervisor after a position, in order."""

    async def answer(self, request: pb.AnswerPostRequest) -> None:
        """Answer one; durable on return."""

    async def overdue(self) -> Sequence[pb.OverdueLetter]:
        """Letters to institutions whose term is over."""


@dataclass(frozen=True, slots=True)
class PostCalls:
    """`Post` over gRPC."""

    peers: Peers
    parties: Collection[str]
    """Parties whose addresses are known."""

    async def letters(self, after: int) -> Sequence[pb.PostedLetter]:
        """See `Post`."""
        try:
            return (await self._stub().FetchLetters(pb.FetchLettersRequest(after=after), timeout=_DEADLINE)).letters
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=PORTAL) from error

    async def answer(self, request: pb.AnswerPostRequest) -> None:
        """See `Post`."""
        try:
            await self._stub().AnswerPost(request, timeout=_DEADLINE)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=PORTAL) from error

    async def overdue(self) -> Sequence[pb.OverdueLetter]:
        """See `Post`."""
        try:
            return (await self._stub().ListOverdue(pb.ListOverdueRequest(), timeout=_DEADLINE)).letters
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=PORTAL) from error

    def _stub(self) -> post_pb2_grpc.PostServiceAsyncStub:
        if PORTAL not in self.parties:
            raise LinkageError(Reason.PROVIDER_UNAVAILABLE)
        return self.peers.stub(post_pb2_grpc.PostServiceStub, PORTAL)
