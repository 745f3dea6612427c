"""Step 1: inquiries as they came in, their form checked. What does not pass here is counted, never entered.

A call brings inquiries and the query blocks that they name. A fault of a block or of the whole is the call's; one of an inquiry is its own,
and hinders no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from warifu.exchange import form, header, sealing
from warifu.exchange.keys import SEAL_OVERHEAD
from warifu.exchange.v1.exchange_pb2 import Inquiry, RequestHeader, SealedBlock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH, SUBJECT_BYTES, check_bytes, check_items, malformed
from warifu.linkage.v1.linkage_pb2 import InquireRequest
from warifu.tlog import merkle

LARGEST_INQUIRY = header.LARGEST_HEADER + 512
"""Bytes of a serialised Inquiry: header, reference, hash, place."""
LARGEST_QUERY = 256 * 1024 + SEAL_OVERHEAD
"""Bytes of a query block's ciphertext: the size class in which a whole batch fits."""


@dataclass(frozen=True, slots=True)
class Query:
    """A well-formed query block."""

    recipient: str
    leaves: Sequence[bytes]
    wire: bytes
    """The SealedBlock, serialised: one object for all inquiries that name it."""


class Asked(NamedTuple):
    """A well-formed inquiry."""

    request_id: str
    requester: str
    """Who says to ask."""
    header: RequestHeader
    inquiry: Inquiry
    received: bytes
    """The Inquiry's bytes as received."""
    digest: bytes
    """SHA-256 of these bytes: sameness."""
    query: bytes
    """The SealedBlock that holds its query, serialised."""


def read(call: InquireRequest) -> Asked:
    """Parse and check one; raises what `read_all` raises or gives."""
    (asked,) = read_all([call.inquiry], [call.query])
    if isinstance(asked, LinkageError):
        raise asked
    return asked


def read_all(inquiries: Sequence[bytes], queries: Sequence[SealedBlock]) -> list[Asked | LinkageError]:
    """Parse and check each: CLIENT_MALFORMED or CLIENT_TOO_LARGE naming the field; CLIENT_QUERY_MISMATCH when its query is not in a block here.

    A block that no inquiry names is left aside: whose it was may be the very one that cannot be read.

    Raises:
        LinkageError: of the whole: CLIENT_TOO_MANY_ITEMS; CLIENT_TOO_LARGE and CLIENT_MALFORMED for a block, for no inquiry at all, and for one
            request id or one block twice.
    """
    check_items(inquiries, "inquiries", BATCH)
    check_items(queries, "queries", len(inquiries))
    blocks = _blocks(queries)
    read = [_attempt(one, blocks) for one in inquiries]
    _refuse_twice("inquiries", (one.request_id for one in read if isinstance(one, Asked)))
    return read


def _blocks(queries: Sequence[SealedBlock]) -> Mapping[bytes, Query]:
    """The blocks by their hashes."""
    for query in queries:
        check_bytes(query.ciphertext, "query.ciphertext", limit=LARGEST_QUERY)
        try:
            sealing.check_leaves(query.leaves)
        except sealing.LeavesError as error:
            raise malformed("query.leaves", "wrong number or size") from error
    _refuse_twice("queries", hashes := [sealing.block_hash(query) for query in queries])
    read = [Query(query.recipient, list(query.leaves), query.SerializeToString()) for query in queries]
    return dict(zip(hashes, read, strict=True))


def _refuse_twice(field: str, values: Iterable[bytes | str]) -> None:
    values = list(values)
    if len(set(values)) < len(values):
        raise malformed(field, "the same one twice")


def _attempt(received: bytes, queries: Mapping[bytes, Query]) -> Asked | LinkageError:
    try:
        return _read(received, queries)
    except LinkageError as error:
        return error


def _read(received: bytes, queries: Mapping[bytes, Query]) -> Asked:
    check_bytes(received, "inquiry", limit=LARGEST_INQUIRY)
    try:
        inquiry = form.parse_whole(Inquiry, received, "inquiry")
    except form.FormError as error:
        raise malformed(error.field, error.problem) from error
    request = header.parse(inquiry.header)
    _check_inquiry(inquiry)
    query = queries.get(inquiry.query_block_hash)
    if query is None or not _holds(query, inquiry, request):
        raise LinkageError(Reason.CLIENT_QUERY_MISMATCH)
    digest = sha256(received).digest()
    return Asked(request.request_id, request.requester, request, inquiry, received, digest, query.wire)


def _check_inquiry(inquiry: Inquiry) -> None:
    if inquiry.subject.WhichOneof("reference") is None:
        raise malformed("subject", "missing")
    check_bytes(inquiry.subject.SerializeToString(), "subject", limit=SUBJECT_BYTES)
    check_bytes(inquiry.query_block_hash, "query_block_hash", exactly=merkle.HASH_SIZE)


def _holds(query: Query, inquiry: Inquiry, request: RequestHeader) -> bool:
    """Is the inquiry's query at the place that it names."""
    return (
        query.recipient == request.provider
        and inquiry.query_index < len(query.leaves)
        and query.leaves[inquiry.query_index] == header.header_hash(inquiry.header)
    )
