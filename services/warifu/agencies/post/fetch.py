"""The postman of one institution: fetches what citizens sent and tells what they are to know. Each of its two jobs may be run twice."""

from __future__ import annotations

from typing import Final, Protocol

import grpc
from sqlalchemy import Connection

from warifu.agencies.office import Business
from warifu.agencies.post import applications, letters, progress
from warifu.agencies.post.letters import Letter
from warifu.agencies.post.progress import Owed
from warifu.interim.applications import OpenedApplication
from warifu.kernel import basic_items
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import stamped, timestamp
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.portal.v1 import post_pb2, post_pb2_grpc

PORTAL: Final = "portal"
_SECONDS: Final = CALL_DEADLINE / 1000


class Opener(Protocol):
    """Who opens and checks an application: the interim server (`warifu.interim.institution.Interim`)."""

    async def open_application(self, sealed: post_pb2.SealedApplication) -> OpenedApplication:
        """The application, with why it cannot be taken when that is so."""


class Postman:
    """The post of one business system."""

    def __init__(self, business: Business, opener: Opener, peers: Peers) -> None:
        self._business, self._opener, self._peers = business, opener, peers

    async def fetch(self) -> int:
        """Take in what is new; how much. Nothing while the portal cannot be reached."""
        try:
            return await self._applications() + await self._letters()
        except LinkageError as error:
            if error.retryable:
                return 0
            raise

    async def tell(self) -> int:
        """Tell what is owed; how much of it the portal has now."""
        done = 0
        for owed in self._business.store.read(progress.owed):
            done += await self._told(owed)
        for letter in self._business.store.read(letters.owed):
            done += await self._answered(letter)
        return done

    async def _applications(self) -> int:
        after = self._business.store.read(applications.last_position)
        request = post_pb2.FetchApplicationsRequest(after=after)
        try:
            found = (await self._post().FetchApplications(request, timeout=_SECONDS)).applications
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=PORTAL) from error
        for sealed in found:  # in order: the position of the last one kept is where the next fetch begins
            opened = await self._opener.open_application(sealed)
            await self._business.store.write(lambda c, s=sealed, o=opened: self._keep(c, s, o))  # type: ignore[misc]
        return len(found)

    def _keep(self, connection: Connection, sealed: post_pb2.SealedApplication, opened: OpenedApplication) -> None:
        applicant = opened.applicant
        row = {
            "application_id": sealed.application_id,
            "position": sealed.position,
            "procedure": sealed.procedure,
            "submitted_at": stamped(sealed.submitted_at),
            "signed": opened.signed,
            "applicant": None if applicant is None else applicant.SerializeToString(),
            "digest": None if applicant is None else basic_items.digest(applicant),
            "problem": None if opened.problem is None else str(opened.problem),
        }
        if applications.add(connection, row):
            progress.owe(connection, self._received(sealed.application_id, opened))

    def _received(self, application_id: str, opened: OpenedApplication) -> post_pb2.TellProgressRequest:
        good = opened.problem is None
        request = post_pb2.TellProgressRequest(
            application_id=application_id,
            state=post_pb2.APPLICATION_STATE_RECEIVED if good else post_pb2.APPLICATION_STATE_RETURNED,
        )
        request.at.FromDatetime(self._business.clock.network())
        return request

    async def _letters(self) -> int:
        after = self._business.store.read(letters.last_position)
        request = post_pb2.FetchLettersRequest(after=after)
        try:
            found = (await self._post().FetchLetters(request, timeout=_SECONDS)).letters
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=PORTAL) from error
        if not found:
            return 0

        def keep(connection: Connection) -> int:
            return sum(letters.add(connection, posted) for posted in found)

        return await self._business.store.write(keep)

    async def _told(self, owed: Owed) -> int:
        error = None
        try:
            await self._post().TellProgress(owed.request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as failed:
            error = LinkageError.from_rpc(failed, party=PORTAL)
        if error is not None and error.retryable:
            return 0
        write = self._business.store.write
        if error is None:
            await write(lambda connection: progress.mark_told(connection, owed))
        else:
            await write(lambda connection: progress.mark_refused(connection, owed, error.reason))
        return int(error is None)

    async def _answered(self, letter: Letter) -> int:
        assert letter.answer is not None and letter.answered_at is not None  # noqa: PT018 - what `letters.owed` selects
        request = post_pb2.AnswerPostRequest(
            letter_id=letter.letter_id, text=letter.answer, at=timestamp(letter.answered_at)
        )
        error = None
        try:
            await self._post().AnswerPost(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as failed:
            error = LinkageError.from_rpc(failed, party=PORTAL)
        if error is not None and error.retryable:
            return 0
        write = self._business.store.write
        if error is None:
            await write(lambda connection: letters.mark_told(connection, letter.letter_id))
        else:
            await write(lambda connection: letters.mark_refused(connection, letter.letter_id, error.reason))
        return int(error is None)

    def _post(self) -> post_pb2_grpc.PostServiceAsyncStub:
        return self._peers.stub(post_pb2_grpc.PostServiceStub, PORTAL, self._business.institution)
