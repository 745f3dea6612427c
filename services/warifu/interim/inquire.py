"""Step 1: the business system's question becomes an inquiry, stored whole before anything is sent.

Header in the clear, query sealed for the provider, the own code beside it; a retry, also after a restart, sends the same bytes.
"""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from warifu.exchange import header, query, sealing
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_inquiries
from warifu.interim.addressees import Addressees
from warifu.interim.contents import Contents
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import Inquiry
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CODE, FIELDS, ID, check_items, check_text
from warifu.linkage.v1 import linkage_pb2


def find(connection: Connection, contents: Contents, request_id: str) -> Inquiry:
    """The inquiry with this id.

    Raises:
        LinkageError: CLIENT_REQUEST_UNKNOWN.
    """
    inquiry = kept_inquiries.find(connection, contents, request_id)
    if inquiry is None:
        raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
    return inquiry


class Inquiries:
    """Makes and stores inquiries of one institution."""

    def __init__(self, ground: Ground, addressees: Addressees) -> None:
        self._ground, self._addressees = ground, addressees

    async def store(self, request: pb.InquireRequest) -> tuple[str, bool]:
        """The request id, durable, and whether it is new. The same request under the same id again has no effect.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_ADDRESSEE_UNKNOWN, CLIENT_NOT_ENROLLED, CLIENT_MALFORMED naming the field,
                CLIENT_REQUEST_CHANGED, or why the provider's key cannot be had.
        """
        self._ground.require(request.institution)
        asked = pb.InquireRequest()
        asked.CopyFrom(request)
        if not request.HasField("request_id"):
            asked.request_id = self._ground.ids.uuid(f"inquiry/{self._ground.institution}")
        if request.HasField("request_id") and self._is_stored(asked):
            return asked.request_id, False
        row = kept_inquiries.row_of(self._ground.contents, await self._made(asked))
        try:
            await self._ground.store.write(lambda connection: kept_inquiries.add(connection, row))
        except IntegrityError:  # the same request came twice at once
            if not self._is_stored(asked):
                raise
            return asked.request_id, False
        return asked.request_id, True

    def _is_stored(self, asked: pb.InquireRequest) -> bool:
        contents, request_id = self._ground.contents, asked.request_id
        kept = self._ground.store.read(lambda connection: kept_inquiries.find(connection, contents, request_id))
        if kept is not None and kept.request != asked.SerializeToString(deterministic=True):
            raise LinkageError(Reason.CLIENT_REQUEST_CHANGED)
        return kept is not None

    async def _made(self, asked: pb.InquireRequest) -> Inquiry:
        check_items(asked.fields, "fields", FIELDS, required=False)
        for path in asked.fields:
            check_text(path, "fields", CODE)
        check_text(asked.case_reference, "case_reference", ID, required=False)
        subject, hidden = self._addressees.asked_about(asked.addressee_no)
        head = header.build(_header(asked, hidden=hidden))
        sent = await self._sealed(head, subject, asked)
        return Inquiry(
            request_id=asked.request_id,
            month=self._ground.contents.month(self._ground.network()),
            made_at=self._ground.machine(),
            request=asked.SerializeToString(deterministic=True),
            sent=sent.SerializeToString(),
        )

    async def _sealed(
        self, head: bytes, subject: exchange_pb2.SubjectReference, asked: pb.InquireRequest
    ) -> linkage_pb2.InquireRequest:
        provider = await self._ground.directory.entry(asked.provider)
        wanted = exchange_pb2.Query(header_hash=header.header_hash(head), fields=asked.fields)
        block = query.seal_queries([wanted], provider.sealing)
        inquiry = exchange_pb2.Inquiry(
            header=head, subject=subject, query_block_hash=sealing.block_hash(block), query_index=0
        )
        return linkage_pb2.InquireRequest(inquiry=inquiry.SerializeToString(deterministic=True), query=block)


def _header(asked: pb.InquireRequest, *, hidden: bool) -> exchange_pb2.RequestHeader:
    return exchange_pb2.RequestHeader(
        request_id=asked.request_id,
        requester=asked.institution,
        provider=asked.provider,
        affair=asked.affair,
        procedure=asked.procedure,
        item=asked.item,
        span=asked.span if asked.HasField("span") else None,
        office=asked.office,
        clerk=asked.clerk,
        # A protected person's exchanges are hidden whether or not the clerk thought of it.
        non_disclosure=asked.non_disclosure or hidden,
        consent=asked.consent if asked.HasField("consent") else None,
    )
