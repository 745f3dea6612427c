"""Step 1: an inquiry as it came in, its form checked. What does not pass here is counted, never entered."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from warifu.exchange import form, header, sealing
from warifu.exchange.v1.exchange_pb2 import Inquiry, RequestHeader, SealedBlock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import SUBJECT_BYTES, check_bytes, malformed
from warifu.linkage.v1.linkage_pb2 import InquireRequest
from warifu.tlog import merkle

LARGEST_INQUIRY = header.LARGEST_HEADER + 512
"""Bytes of a serialised Inquiry: header, reference, hash, place."""
LARGEST_QUERY = 256 * 1024
"""Bytes of a query block's ciphertext."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed inquiry."""

    header: RequestHeader
    inquiry: Inquiry
    received: bytes
    """The Inquiry's bytes as received."""
    digest: bytes
    """SHA-256 of these bytes: sameness."""
    query: bytes
    """The SealedBlock, serialised."""

    @property
    def request_id(self) -> str:
        """The request id."""
        return self.header.request_id


def read(call: InquireRequest) -> Asked:
    """Parse and check.

    Raises:
        LinkageError: CLIENT_MALFORMED or CLIENT_TOO_LARGE naming the field; CLIENT_QUERY_MISMATCH when the sealed query is not the
            one that the inquiry names.
    """
    check_bytes(call.inquiry, "inquiry", limit=LARGEST_INQUIRY)
    check_bytes(call.query.ciphertext, "query.ciphertext", limit=LARGEST_QUERY)
    try:
        inquiry = form.parse_whole(Inquiry, call.inquiry, "inquiry")
    except form.FormError as error:
        raise malformed(error.field, error.problem) from error
    request = header.parse(inquiry.header)
    _check_inquiry(inquiry)
    _check_query(inquiry, request, call.query)
    return Asked(request, inquiry, call.inquiry, sha256(call.inquiry).digest(), call.query.SerializeToString())


def _check_inquiry(inquiry: Inquiry) -> None:
    if inquiry.subject.WhichOneof("reference") is None:
        raise malformed("subject", "missing")
    check_bytes(inquiry.subject.SerializeToString(), "subject", limit=SUBJECT_BYTES)
    check_bytes(inquiry.query_block_hash, "query_block_hash", exactly=merkle.HASH_SIZE)


def _check_query(inquiry: Inquiry, request: RequestHeader, query: SealedBlock) -> None:
    try:
        sealing.check_leaves(query.leaves)
    except sealing.LeavesError as error:
        raise malformed("query.leaves", "wrong number or size") from error
    named = (
        query.recipient == request.provider
        and sealing.block_hash(query) == inquiry.query_block_hash
        and inquiry.query_index < len(query.leaves)
        and query.leaves[inquiry.query_index] == header.header_hash(inquiry.header)
    )
    if not named:
        raise LinkageError(Reason.CLIENT_QUERY_MISMATCH)
