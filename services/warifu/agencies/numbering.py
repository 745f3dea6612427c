"""What a business system asks and tells the numbering body, over gRPC. A typed number passes through here and is kept nowhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import grpc

from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import CALL_DEADLINE
from warifu.kernel.peers import Peers
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc

_PARTY: Final = "numbering"
_SECONDS: Final = CALL_DEADLINE / 1000
_SECONDS_EACH: Final = 0.1
"""Time that registering one person may take, above the deadline of a call."""


class Numbering:
    """The numbering body, asked in one institution's name. Every method raises LinkageError when the call failed."""

    def __init__(self, peers: Peers, institution: str) -> None:
        self._peers, self._institution = peers, institution

    async def match(self, number: str, items: common_pb2.BasicItems) -> common_pb2.BasicItems | None:
        """The items as registered, when number and items belong together."""
        request = numbering_pb2.MatchRequest(institution=self._institution, individual_number=number, basic_items=items)
        try:
            answer = await self._people().Match(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        return answer.registered if answer.matched else None

    async def look_up(self, items: common_pb2.BasicItems) -> tuple[int, common_pb2.BasicItems]:
        """How many people have these items, and the items as registered when it is one."""
        request = numbering_pb2.LookUpRequest(institution=self._institution, basic_items=items)
        try:
            answer = await self._people().LookUp(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        return answer.matches, answer.registered

    async def register(self, people: Sequence[common_pb2.BasicItems]) -> list[LinkageError | None]:
        """Register people; None for each who is registered, else why not."""

        async def requests() -> AsyncIterator[numbering_pb2.RegisterRequest]:
            for items in people:
                yield numbering_pb2.RegisterRequest(institution=self._institution, basic_items=items)

        timeout = _SECONDS + len(people) * _SECONDS_EACH
        results: list[LinkageError | None] = []
        try:
            async for answer in self._register().Register(requests(), timeout=timeout):
                failed = LinkageError.from_failure(answer.error, party=_PARTY) if answer.HasField("error") else None
                results.append(failed)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        return results

    async def note_change(self, before: common_pb2.BasicItems, after: common_pb2.BasicItems) -> None:
        """Tell other basic items of a person."""
        request = numbering_pb2.NoteChangeRequest(institution=self._institution, before=before, after=after)
        try:
            await self._register().NoteChange(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error

    async def note_death(self, items: common_pb2.BasicItems, died_on: str) -> None:
        """Tell a death."""
        request = numbering_pb2.NoteDeathRequest(institution=self._institution, basic_items=items, died_on=died_on)
        try:
            await self._register().NoteDeath(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error

    async def change_number(self, number: str, items: common_pb2.BasicItems, reason: str) -> str:
        """A new individual number for a person whose number leaked."""
        request = numbering_pb2.ChangeIndividualNumberRequest(
            institution=self._institution, individual_number=number, basic_items=items, reason=reason
        )
        try:
            answer = await self._register().ChangeIndividualNumber(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error
        return answer.individual_number

    async def change_code(self, items: common_pb2.BasicItems) -> None:
        """A new resident code for a person."""
        request = numbering_pb2.ChangeResidentCodeRequest(institution=self._institution, basic_items=items)
        try:
            await self._register().ChangeResidentCode(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_PARTY) from error

    def _people(self) -> numbering_pb2_grpc.NumberingServiceAsyncStub:
        return self._peers.stub(numbering_pb2_grpc.NumberingServiceStub, _PARTY, self._institution)

    def _register(self) -> numbering_pb2_grpc.RegisterServiceAsyncStub:
        return self._peers.stub(numbering_pb2_grpc.RegisterServiceStub, _PARTY, self._institution)
