"""Audit: this institution's records in the order of commitment, for reconciliation with the gateway's and the other side's.

Beside each record stands what it can be checked by: the gateway's promise, and digests of the answer *as it is stored now*, so that
content which was altered after it was recorded no longer fits. None of it tells a value, a code or a name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Connection, Integer, Row, bindparam, select

from warifu.exchange.answer import answer_digest
from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_blocks, kept_inquiries, kept_provisions, records
from warifu.interim.contents import Contents
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import Inquiry
from warifu.interim.kept_provisions import Provided
from warifu.interim.logged import promised
from warifu.interim.schema import ANSWER_BLOCKS, INQUIRIES, PROMISES, PROVISIONS, RECORDS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.limits import PAGE, check_page
from warifu.kernel.vault import VaultError
from warifu.linkage.v1 import linkage_pb2

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_AFTER = (
    select(RECORDS, PROMISES.c.receipt)
    .select_from(RECORDS.outerjoin(PROMISES, PROMISES.c.position == RECORDS.c.position))
    .where(RECORDS.c.position > bindparam("after"), RECORDS.c.month >= bindparam("first"))
    .order_by(RECORDS.c.position)
    .limit(bindparam("limit", type_=Integer()))
)
_IDS: BindParameter[str] = bindparam("ids", expanding=True)
_ASKED = select(INQUIRIES).where(INQUIRIES.c.request_id.in_(_IDS))
_BLOCKS = select(ANSWER_BLOCKS).where(ANSWER_BLOCKS.c.block.in_(bindparam("blocks", expanding=True)))
_PROVIDED = select(PROVISIONS).where(PROVISIONS.c.permit_id.in_(_IDS))


class Audit:
    """Pages through the records."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def list_records(self, request: pb.ListRecordsRequest) -> pb.ListRecordsResponse:
        """Records after a position, with what opens their commitments.

        Raises:
            LinkageError: CLIENT_NOT_YOURS.
        """
        self._ground.require(request.institution)
        limit = check_page(request.limit, PAGE)
        contents = self._ground.contents
        values = {"after": request.after, "first": contents.vault.first, "limit": limit + 1}
        return self._ground.store.read(lambda connection: _page(connection, contents, values, limit))


def _page(connection: Connection, contents: Contents, values: Mapping[str, int], limit: int) -> pb.ListRecordsResponse:
    rows = connection.execute(_AFTER, values).all()
    page = rows[:limit]
    asking = connection.execute(_ASKED, {"ids": _ids(page, "requester")}).all()
    asked = _readable({row.request_id: partial(kept_inquiries.opened, contents, row) for row in asking})
    providing = connection.execute(_PROVIDED, {"ids": _ids(page, "provider")}).all()
    provided = _readable({row.permit_id: partial(kept_provisions.opened, contents, row) for row in providing})
    received = _received(connection, contents, asked)
    sealed = _sealed(connection, contents, provided)
    response = pb.ListRecordsResponse()
    for row in page:
        committed = _committed(contents, row)
        if row.side == "requester":
            first = _readable({row.position: partial(promised, contents, row)})
            evidence = _of_requester(
                row, first.get(row.position), asked.get(row.request_id), received.get(row.request_id)
            )
        else:
            evidence = _of_provider(committed, row.kind, provided.get(row.request_id), sealed)
        response.records.add(
            position=row.position,
            record=committed,
            permit_hash=row.permit_hash,
            evidence=evidence,
        )
    if len(rows) > limit:
        response.next = page[-1].position
    return response


def _ids(rows: Sequence[Row[Any]], side: str) -> list[str]:
    return [row.request_id for row in rows if row.side == side]


def _readable(kept: Mapping[K, Callable[[], V]]) -> dict[K, V]:
    """What opens. A row that was altered in the file is evidence of nothing, and keeps an auditor from no other."""
    found: dict[K, V] = {}
    for key, opened in kept.items():
        with suppress(VaultError):
            found[key] = opened()
    return found


def _committed(contents: Contents, row: Row[Any]) -> exchange_pb2.CommittedRecord:
    """The record; of one that was altered in the file the commitment alone, which nothing opens."""
    try:
        return records.opened(contents, row)
    except VaultError:
        return exchange_pb2.CommittedRecord(commitment=row.commitment)


def _sealed(connection: Connection, contents: Contents, provided: Mapping[str, Provided]) -> dict[int, bytes]:
    """The hash of each answer block that these provisions are in."""
    rows = connection.execute(_BLOCKS, {"blocks": list({one.block for one in provided.values()})}).all()
    blocks = _readable({row.block: partial(kept_provisions.block_of, contents, row) for row in rows})
    return {number: block_hash(answer.block) for number, answer in blocks.items()}


def _received(connection: Connection, contents: Contents, asked: Mapping[str, Inquiry]) -> dict[str, bytes]:
    """The hash of the sealed answer that each inquiry got, by id."""
    numbers = {one.answer_block for one in asked.values() if one.answer_block is not None}
    rows = {number: partial(kept_blocks.find, connection, contents, [number]) for number in numbers}
    blocks = {number: found[number] for number, found in _readable(rows).items()}
    hashes: dict[bytes, bytes] = {}
    found = {}
    for request_id, inquiry in asked.items():
        kept = kept_inquiries.answer_block(contents, inquiry, blocks.get(inquiry.answer_block or 0))
        if kept is not None:
            if kept not in hashes:
                hashes[kept] = block_hash(exchange_pb2.SealedAnswer.FromString(kept).block)
            found[request_id] = hashes[kept]
    return found


def _of_requester(
    row: Row[Any], first: bytes | None, inquiry: Inquiry | None, sealed: bytes | None
) -> linkage_pb2.Evidence:
    evidence = linkage_pb2.Evidence()
    if inquiry is None or inquiry.state is None:
        return evidence
    state = linkage_pb2.ExchangeState.FromString(inquiry.state)
    if row.kind == exchange_pb2.RECORD_KIND_REQUEST:
        # The first receipt, when it is kept apart by now; a later state may have brought another.
        receipt = linkage_pb2.Receipt.FromString(first) if first is not None else state.receipt
        evidence.receipt.CopyFrom(receipt)
        evidence.promised = receipt.commitment
    elif state.outcome == exchange_pb2.OUTCOME_ANSWERED and inquiry.answer is not None:
        if sealed is not None:
            evidence.sealed_hash = sealed
        evidence.answer_digest = answer_digest(inquiry.answer)
    return evidence


def _of_provider(
    committed: exchange_pb2.CommittedRecord, kind: int, provision: Provided | None, sealed: Mapping[int, bytes]
) -> linkage_pb2.Evidence:
    evidence = linkage_pb2.Evidence()
    if provision is None:
        return evidence
    if kind == exchange_pb2.RECORD_KIND_REQUEST:
        evidence.promised = exchange_pb2.Permit.FromString(provision.permit).commitment
        return evidence
    outcome = exchange_pb2.AccessRecord.FromString(committed.record).outcome
    if outcome == exchange_pb2.OUTCOME_ANSWERED and provision.block in sealed:
        evidence.sealed_hash = sealed[provision.block]
    return evidence
