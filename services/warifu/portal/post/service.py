"""`warifu.portal.v1.PostService`: the post office's face towards institutions and the supervisor."""

from __future__ import annotations

from typing import Any

import grpc

from warifu.kernel import identity
from warifu.portal.post.applications import ApplicationPost
from warifu.portal.post.letters import LetterPost, addressee_of
from warifu.portal.v1 import post_pb2 as pb
from warifu.portal.v1 import post_pb2_grpc

Context = grpc.aio.ServicerContext[Any, Any]


class PostServicer(post_pb2_grpc.PostServiceServicer):
    """See the contract, warifu/portal/v1/post.proto. The addressee is the institution of the caller's certificate."""

    def __init__(self, applications: ApplicationPost, letters: LetterPost) -> None:
        self._applications, self._letters = applications, letters

    async def FetchApplications(  # noqa: N802 - the contract's name
        self, request: pb.FetchApplicationsRequest, context: Context
    ) -> pb.FetchApplicationsResponse:
        """Applications to the caller, from a position on."""
        del context
        found = self._applications.fetch(identity.current().code, request.after, request.limit)
        return pb.FetchApplicationsResponse(applications=found)

    async def TellProgress(  # noqa: N802 - the contract's name
        self, request: pb.TellProgressRequest, context: Context
    ) -> pb.TellProgressResponse:
        """How an application goes."""
        del context
        await self._applications.tell(identity.current().code, request)
        return pb.TellProgressResponse()

    async def FetchLetters(  # noqa: N802 - the contract's name
        self, request: pb.FetchLettersRequest, context: Context
    ) -> pb.FetchLettersResponse:
        """Letters to the caller, from a position on."""
        del context
        found = self._letters.fetch(addressee_of(identity.current()), request.after, request.limit)
        return pb.FetchLettersResponse(letters=found)

    async def AnswerPost(  # noqa: N802 - the contract's name
        self, request: pb.AnswerPostRequest, context: Context
    ) -> pb.AnswerPostResponse:
        """Answers a letter to the caller."""
        del context
        await self._letters.answer(addressee_of(identity.current()), request)
        return pb.AnswerPostResponse()

    async def ListOverdue(  # noqa: N802 - the contract's name
        self, request: pb.ListOverdueRequest, context: Context
    ) -> pb.ListOverdueResponse:
        """Letters to institutions whose term is over."""
        del request, context
        return pb.ListOverdueResponse(letters=self._letters.overdue())
