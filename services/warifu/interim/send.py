"""One try: stored inquiries go to the gateway together, and what it says of each is taken in.

What nobody knows anything of stays as it is, to be sent again; what the gateway refuses for good is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import grpc

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.ground import Ground
from warifu.interim.inquire import Sent
from warifu.interim.kept_inquiries import Inquiry
from warifu.interim.receive import Block, Receiver, Reply, Taken
from warifu.interim.supersede import Superseded
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason, Side
from warifu.kernel.limits import EXCHANGE_DEADLINE
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

_MAY_PASS: Final = frozenset(
    {
        Reason.CLIENT_CANCELLED,
        Reason.CLIENT_CERTIFICATE_MISSING,
        Reason.CLIENT_CERTIFICATE_INVALID,
        Reason.CLIENT_CERTIFICATE_EXPIRED,
        Reason.CLIENT_CERTIFICATE_REVOKED,
        Reason.CLIENT_CALLER_NOT_ALLOWED,
        Reason.CLIENT_RATE_LIMITED,
    }
)
"""Refusals of this institution's certificate or pace, not of the inquiry: a new certificate sends the same bytes."""


class Sender:
    """Calls the gateway for one institution."""

    def __init__(self, ground: Ground, receiver: Receiver, superseded: Superseded) -> None:
        self._ground, self._receiver, self._superseded = ground, receiver, superseded

    async def send(self, batch: Sequence[Sent]) -> list[Taken | LinkageError]:
        """What became of each; an error where nothing is known or could be taken in, and the same may be sent again."""
        blocks = {id(one.query): one.query for one in batch}
        request = linkage_pb2.InquireManyRequest(
            inquiries=[one.inquiry.inquiry for one in batch], queries=blocks.values()
        )
        try:
            response = await self._stub().InquireMany(request, timeout=EXCHANGE_DEADLINE / 1000)
        except grpc.aio.AioRpcError as error:
            told = LinkageError.from_rpc(error, party="gateway")
            if len(batch) > 1:  # of the call as a whole, so of none of them yet
                return [told] * len(batch)
            return await self._told([batch[0].inquiry], [told])
        if len(response.results) != len(batch):
            return [LinkageError(Reason.GATEWAY_INTERNAL)] * len(batch)
        return await self._told([one.inquiry for one in batch], _replies(batch, response), alone=len(batch) == 1)

    async def collect(self, inquiry: Inquiry) -> Taken | LinkageError:
        """Ask for an answer that waits for a clerk."""
        request = linkage_pb2.CollectRequest(request_id=inquiry.request_id)
        try:
            state = (await self._stub().Collect(request, timeout=EXCHANGE_DEADLINE / 1000)).exchange
        except grpc.aio.AioRpcError as error:
            return LinkageError.from_rpc(error, party="gateway")
        block = Block(state.answer) if state.HasField("answer") else None
        state.ClearField("answer")
        (taken,) = await self._told([inquiry], [Reply(inquiry, state, block)])
        return taken

    async def _told(
        self, inquiries: Sequence[Inquiry], told: Sequence[Reply | LinkageError], *, alone: bool = True
    ) -> list[Taken | LinkageError]:
        final = [isinstance(one, LinkageError) and _is_final(one, alone=alone) for one in told]
        replies = [one for one in told if isinstance(one, Reply)]
        refused = [
            (inquiry, one)
            for inquiry, one, over in zip(inquiries, told, final, strict=True)
            if over and isinstance(one, LinkageError)
        ]
        taken = iter(await self._receiver.take(replies)) if replies else iter(())
        closed = iter(await self._receiver.refuse(refused)) if refused else iter(())
        results: list[Taken | LinkageError] = []
        for one, over in zip(told, final, strict=True):
            if isinstance(one, Reply):
                results.append(next(taken))
            else:
                results.append(next(closed) if over else one)
        for result in results:
            if isinstance(result, Taken):
                await self._heed(result)
        return results

    async def _heed(self, taken: Taken) -> None:
        """What an outcome tells of codes and keys."""
        if taken.received.reason == Reason.CLIENT_CODE_SUPERSEDED:
            # The code in this inquiry serves no longer: its addressee must be enrolled anew.
            await self._superseded.unbind([exchange_pb2.Inquiry.FromString(taken.inquiry.inquiry).subject])
        if taken.received.reason == Reason.CLIENT_QUERY_UNREADABLE:
            # The provider has another key by now: the next inquiry shall be sealed to that one.
            with suppress(LinkageError):
                await self._ground.directory.refresh(pb.InquireRequest.FromString(taken.inquiry.request).provider)

    def _stub(self) -> linkage_pb2_grpc.LinkageServiceAsyncStub:
        return self._ground.peers.stub(linkage_pb2_grpc.LinkageServiceStub, "gateway", self._ground.institution)


def _replies(batch: Sequence[Sent], response: linkage_pb2.InquireManyResponse) -> list[Reply | LinkageError]:
    blocks = [Block(sealed) for sealed in response.answers]
    return [_reply(one.inquiry, result, blocks) for one, result in zip(batch, response.results, strict=True)]


def _reply(inquiry: Inquiry, result: linkage_pb2.InquireResult, blocks: Sequence[Block]) -> Reply | LinkageError:
    if result.WhichOneof("result") != "exchange":
        return LinkageError.from_failure(result.failure, party="gateway")
    named = result.HasField("answer_block") and result.answer_block < len(blocks)
    return Reply(inquiry, result.exchange, blocks[result.answer_block] if named else None)


def _is_final(error: LinkageError, *, alone: bool) -> bool:
    """The client's fault is final: the same bytes would be refused again. Anything else may pass, as what is too large for many may alone."""
    if error.reason == Reason.CLIENT_TOO_LARGE and not alone:
        return False
    return not error.retryable and error.reason.side == Side.CLIENT and error.reason not in _MAY_PASS
