"""Step 1: the business system's question becomes an inquiry, stored whole before anything is sent.

Header in the clear, query sealed for the provider, the own code beside it; a retry, also after a restart, sends the same bytes.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from warifu.exchange import header, query, sealing
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.addressees import Addressees
from warifu.interim.ground import Ground
from warifu.interim.schema import INQUIRIES
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CODE, FIELDS, check_items, check_text
from warifu.linkage.v1 import linkage_pb2

_ADD = insert(INQUIRIES)
_FIND = select(INQUIRIES).where(INQUIRIES.c.request_id == bindparam("request_id"))


def find(connection: Connection, request_id: str) -> Row[Any]:
    """The inquiry's row.

    Raises:
        LinkageError: CLIENT_REQUEST_UNKNOWN.
    """
    row = connection.execute(_FIND, {"request_id": request_id}).first()
    if row is None:
        raise LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
    return row


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
        digest = sha256(asked.SerializeToString(deterministic=True)).digest()
        if request.HasField("request_id") and self._is_stored(asked.request_id, digest):
            return asked.request_id, False
        row = await self._row(asked, digest)
        try:
            await self._ground.store.write(lambda connection: connection.execute(_ADD, row))
        except IntegrityError:  # the same request came twice at once
            if not self._is_stored(asked.request_id, digest):
                raise
            return asked.request_id, False
        return asked.request_id, True

    def _is_stored(self, request_id: str, digest: bytes) -> bool:
        row = self._ground.store.read(lambda connection: connection.execute(_FIND, {"request_id": request_id}).first())
        if row is not None and row.digest != digest:
            raise LinkageError(Reason.CLIENT_REQUEST_CHANGED)
        return row is not None

    async def _row(self, asked: pb.InquireRequest, digest: bytes) -> dict[str, object]:
        check_items(asked.fields, "fields", FIELDS, required=False)
        for path in asked.fields:
            check_text(path, "fields", CODE)
        subject, hidden = self._addressees.asked_about(asked.addressee_no)
        head = header.build(_header(asked, hidden=hidden))
        sent = await self._sealed(head, subject, asked)
        return {
            "request_id": asked.request_id,
            "request": asked.SerializeToString(deterministic=True),
            "digest": digest,
            "addressee_no": asked.addressee_no,
            "sent": sent.SerializeToString(),
            "made_at": self._ground.machine(),
            "outcome": exchange_pb2.OUTCOME_UNSPECIFIED,
            "fine_outcome": exchange_pb2.FINE_OUTCOME_UNSPECIFIED,
        }

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
