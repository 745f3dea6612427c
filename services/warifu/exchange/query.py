"""Queries: what the requester wants of the provider, sealed past the gateway (docs/PROTOCOL.md §4)."""

from __future__ import annotations

from collections.abc import Sequence

from warifu.exchange import sealing
from warifu.exchange.form import FormError, parse_whole
from warifu.exchange.keys import InstitutionKeys, OpenError, SealingKey
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CODE, FIELDS


def seal_queries(queries: Sequence[exchange_pb2.Query], provider: SealingKey) -> exchange_pb2.SealedBlock:
    """Seal queries to one provider; the header hashes are the leaves.

    Raises:
        ValueError: no queries, more than a batch, or over 16 MiB.
    """
    leaves = [query.header_hash for query in queries]
    plaintext = exchange_pb2.QueryBlock(queries=queries).SerializeToString()
    return sealing.seal(Purpose.QUERY, provider, leaves, plaintext)


def open_queries(block: exchange_pb2.SealedBlock, own: InstitutionKeys) -> list[exchange_pb2.Query]:
    """The queries of a block for this provider, each the one that its leaf names.

    Raises:
        LinkageError: CLIENT_QUERY_UNREADABLE: sealed for another or to a key that is gone, altered, or not as the leaves say.
    """
    try:
        plaintext = sealing.open_block(Purpose.QUERY, block, own)
        queries = list(parse_whole(exchange_pb2.QueryBlock, plaintext, "queries").queries)
        _check(queries, block)
    except (OpenError, FormError) as error:
        raise LinkageError(Reason.CLIENT_QUERY_UNREADABLE) from error
    return queries


def _check(queries: list[exchange_pb2.Query], block: exchange_pb2.SealedBlock) -> None:
    if [query.header_hash for query in queries] != list(block.leaves):
        raise FormError("queries", "not as the leaves say")
    for query in queries:
        if len(query.fields) > FIELDS or any(not 0 < len(path) <= CODE for path in query.fields):
            raise FormError("fields", "too many or out of form")
