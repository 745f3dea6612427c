"""The gateway that we play towards a requester: it relays the entries that it is given, remembers what it was asked, and says what a check wants."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, cast

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from warifu.common.v1 import common_pb2
from warifu.exchange.form import FormError, parse_whole
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import STATUS_KEY, LinkageError, Reason
from warifu.kernel.party import Context, Party, Service
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc

_DOMAIN = "warifu.example"


@dataclass(frozen=True, slots=True)
class Asked:
    """An inquiry as it came."""

    inquiry: bytes
    block: pb.SealedBlock
    metadata: str
    """What the call said beside it."""
    message: bytes
    """The whole message in which it came."""

    @property
    def parsed(self) -> pb.Inquiry:
        """The inquiry."""
        return pb.Inquiry.FromString(self.inquiry)

    @property
    def head(self) -> bytes:
        """Its header's bytes."""
        return self.parsed.header

    @property
    def header(self) -> pb.RequestHeader:
        """Its header."""
        return pb.RequestHeader.FromString(self.head)


class Failing(Exception):  # noqa: N818 - what a check wants said, no error of ours
    """The gateway says a failure; its reason may be one that nobody knows."""

    def __init__(self, reason: str, *, retryable: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.retryable = reason, retryable

    def failure(self) -> common_pb2.Failure:
        """Of one of many."""
        text = common_pb2.LocalizedText(ja=self.reason, en=self.reason)
        return common_pb2.Failure(reason=self.reason, message=text, retryable=self.retryable)

    async def end(self, context: Any) -> None:
        """End a call with it."""
        code = grpc.StatusCode.UNAVAILABLE if self.retryable else grpc.StatusCode.FAILED_PRECONDITION
        status = status_pb2.Status(code=code.value[0], message=self.reason)
        for detail in (
            error_details_pb2.ErrorInfo(reason=self.reason, domain=_DOMAIN),
            *([error_details_pb2.RetryInfo()] if self.retryable else []),
        ):
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        await context.abort(code, self.reason, trailing_metadata=((STATUS_KEY, status.SerializeToString()),))


Reply = Callable[[Asked], Awaitable[linkage_pb2.ExchangeState]]
"""What the gateway says of an inquiry; raises Failing."""


@dataclass(slots=True)
class PlayedGateway:
    """What the played gateway holds."""

    entries: dict[str, pb.SignedDirectoryEntry] = field(default_factory=dict)
    """What it relays, by owner."""
    published: list[pb.SignedDirectoryEntry] = field(default_factory=list)
    """What the requester published, in order."""
    asked: list[Asked] = field(default_factory=list)
    """Every inquiry that came, also each time that it came again."""
    replies: dict[str, Reply] = field(default_factory=dict)
    """By request id; what nobody planned is UNAVAILABLE."""
    beside: Sequence[Service] = ()
    """Services at the same address that another plays."""

    def of(self, request_id: str) -> list[Asked]:
        """What came under a request id."""
        return [one for one in self.asked if one.header.request_id == request_id]

    async def build(self, _: Context) -> Party:
        """The party that a server runs. What a requester has no need of is not offered."""
        return Party(
            services=[
                Service(
                    "warifu.linkage.v1.LinkageService",
                    linkage_pb2_grpc.add_LinkageServiceServicer_to_server,
                    cast("Any", _Linkage)(self),
                ),
                Service(
                    "warifu.linkage.v1.DirectoryService",
                    linkage_pb2_grpc.add_DirectoryServiceServicer_to_server,
                    _Directory(self),
                ),
                *self.beside,
            ]
        )

    async def hear(self, inquiry: bytes, block: pb.SealedBlock, call: bytes, context: Any) -> linkage_pb2.ExchangeState:
        """Note an inquiry and say what is planned for it.

        Raises:
            Failing: that is what is planned, or the inquiry cannot be read.
        """
        said = " ".join(f"{key}={value!r}" for key, value in context.invocation_metadata() or ())
        try:
            header = parse_whole(pb.RequestHeader, parse_whole(pb.Inquiry, inquiry, "inquiry").header, "header")
        except FormError as error:
            raise Failing("CLIENT_MALFORMED") from error
        asked = Asked(inquiry, block, said, call)
        self.asked.append(asked)
        if header.request_id not in self.replies:
            raise Failing("GATEWAY_UNAVAILABLE", retryable=True)
        return await self.replies[header.request_id](asked)


class _Linkage(linkage_pb2_grpc.LinkageServiceServicer):
    def __init__(self, gateway: PlayedGateway) -> None:
        self._gateway = gateway

    async def Inquire(self, request: linkage_pb2.InquireRequest, context: Any) -> linkage_pb2.InquireResponse:  # noqa: N802 - the contract's name
        try:
            state = await self._gateway.hear(request.inquiry, request.query, request.SerializeToString(), context)
        except Failing as failing:
            await failing.end(context)
            raise
        return linkage_pb2.InquireResponse(exchange=state)

    async def InquireMany(  # noqa: N802 - the contract's name
        self, request: linkage_pb2.InquireManyRequest, context: Any
    ) -> linkage_pb2.InquireManyResponse:
        results, answers = await self._many(request.inquiries, request.queries, request.SerializeToString(), context)
        return linkage_pb2.InquireManyResponse(results=results, answers=answers)

    async def InquireBulk(  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[linkage_pb2.InquireBulkRequest], context: Any
    ) -> AsyncIterator[linkage_pb2.InquireBulkResponse]:
        chunk = 0
        async for request in requests:
            call = request.SerializeToString()
            results, answers = await self._many(request.inquiries, request.queries, call, context)
            yield linkage_pb2.InquireBulkResponse(chunk=chunk, results=results, answers=answers)
            chunk += 1

    async def _many(
        self, inquiries: Sequence[bytes], blocks: Sequence[pb.SealedBlock], call: bytes, context: Any
    ) -> tuple[list[linkage_pb2.InquireResult], list[pb.SealedAnswer]]:
        results: list[linkage_pb2.InquireResult] = []
        answers: list[pb.SealedAnswer] = []
        for inquiry in inquiries:
            result = linkage_pb2.InquireResult()
            try:
                result.exchange.CopyFrom(await self._gateway.hear(inquiry, _block_of(inquiry, blocks), call, context))
                if result.exchange.HasField("answer"):
                    result.answer_block = len(answers)
                    answers.append(pb.SealedAnswer.FromString(result.exchange.answer.SerializeToString()))
                    result.exchange.ClearField("answer")
            except Failing as failing:
                result.failure.CopyFrom(failing.failure())
            results.append(result)
        return results, answers

    async def Collect(self, request: linkage_pb2.CollectRequest, context: Any) -> linkage_pb2.CollectResponse:  # noqa: N802 - the contract's name
        asked = self._gateway.of(request.request_id)
        if not asked:
            raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
        try:
            return linkage_pb2.CollectResponse(exchange=await self._gateway.replies[request.request_id](asked[0]))
        except Failing as failing:
            await failing.end(context)
            raise


def _block_of(inquiry: bytes, blocks: Sequence[pb.SealedBlock]) -> pb.SealedBlock:
    """The block that holds an inquiry's query, by its leaf; the first when none does."""
    try:
        leaf = sha256(pb.Inquiry.FromString(inquiry).header).digest()
    except ValueError:
        leaf = b""
    return next((one for one in blocks if leaf in one.leaves), blocks[0] if blocks else pb.SealedBlock())


class _Directory(linkage_pb2_grpc.DirectoryServiceServicer):
    def __init__(self, gateway: PlayedGateway) -> None:
        self._gateway = gateway

    async def PublishEntry(self, request: linkage_pb2.PublishEntryRequest, _: Any) -> linkage_pb2.PublishEntryResponse:  # noqa: N802 - the contract's name
        owner = pb.DirectoryEntry.FromString(request.entry.entry).owner
        self._gateway.published.append(request.entry)
        self._gateway.entries[owner] = request.entry
        return linkage_pb2.PublishEntryResponse()

    async def GetEntry(self, request: linkage_pb2.GetEntryRequest, _: Any) -> linkage_pb2.GetEntryResponse:  # noqa: N802 - the contract's name
        if request.owner not in self._gateway.entries:
            raise LinkageError(Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN)
        return linkage_pb2.GetEntryResponse(entry=self._gateway.entries[request.owner])
