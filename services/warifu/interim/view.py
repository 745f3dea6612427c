"""Exactly what this institution's interim server holds and received for one exchange, for the trainer's view (simulation only)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, select

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_blocks, kept_inquiries, kept_provisions, kept_reviews, records
from warifu.interim.contents import Contents
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import Inquiry
from warifu.interim.logged import promised
from warifu.interim.schema import ADDRESSEES, ANSWER_BLOCKS, COPIES, PROMISES, PROVISIONS, RECORDS
from warifu.interim.v1 import interim_pb2
from warifu.linkage.v1 import linkage_pb2

_MESSAGES: Final = {
    ("inquiries", "request"): "warifu.interim.v1.InquireRequest",
    ("inquiries", "inquiry"): "warifu.exchange.v1.Inquiry",
    ("inquiries", "sent"): "warifu.linkage.v1.InquireRequest",
    ("inquiries", "state"): "warifu.linkage.v1.ExchangeState",
    ("inquiries", "answer"): "warifu.exchange.v1.Answer",
    ("inquiries", "failure"): "warifu.common.v1.Failure",
    ("addressees", "subject"): "warifu.exchange.v1.SubjectReference",
    ("provisions", "permit"): "warifu.exchange.v1.Permit",
    ("provisions", "fields"): "warifu.exchange.v1.Query",
    ("copies", "content"): "warifu.items.v1.ItemContent",
    ("answer_blocks", "sealed"): "warifu.exchange.v1.SealedAnswer",
    ("records", "record"): "warifu.exchange.v1.AccessRecord",
    ("promises", "receipt"): "warifu.linkage.v1.Receipt",
}
"""Values that are a message as it was made, received or committed."""

_BLOCKS = (
    select(ANSWER_BLOCKS)
    .join(PROVISIONS, PROVISIONS.c.block == ANSWER_BLOCKS.c.block)
    .where(PROVISIONS.c.permit_id == bindparam("asked"))
)
_ADDRESSEE = select(ADDRESSEES).where(ADDRESSEES.c.addressee_no == bindparam("addressee_no"))
_COPIES = (
    select(COPIES)
    .where(COPIES.c.addressee_no == bindparam("addressee_no"), COPIES.c.item == bindparam("item"))
    .order_by(COPIES.c.record_key)
)
_RECORDS = select(RECORDS).where(RECORDS.c.request_id == bindparam("asked")).order_by(RECORDS.c.position)
_PROMISES = select(PROMISES).where(PROMISES.c.request_id == bindparam("asked"))

Held = tuple[str, Mapping[Any, object]]


class View:
    """Reads the store and opens what is sealed there; adds nothing and hides nothing."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def holdings(self, request_id: str) -> Sequence[Holding]:
        """Every row of this exchange, in its order; with the person's binding, and the copies that an answer came from, as they are now."""
        held = self._ground.store.read(lambda connection: list(_held(connection, self._ground.contents, request_id)))
        return [
            Holding(
                where=f"{self._ground.institution}/{table}",
                values=[_value(table, str(name), value) for name, value in values.items() if value is not None],
            )
            for table, values in held
        ]


def _held(connection: Connection, contents: Contents, request_id: str) -> Iterator[Held]:
    inquiry = kept_inquiries.find(connection, contents, request_id)
    if inquiry is not None:
        yield "inquiries", _travelled(connection, contents, inquiry)
        yield from _addressee(connection, interim_pb2.InquireRequest.FromString(inquiry.request).addressee_no)
    for row in kept_provisions.known(connection, [request_id]).values():
        provided = asdict(kept_provisions.opened(contents, row))
        yield "provisions", provided | provided.pop("told")
        yield from _looked_up(connection, provided["addressee_no"], provided["permit"])
    reviewed = kept_reviews.find(connection, contents, request_id)
    if reviewed is not None:
        yield "reviews", asdict(reviewed[0])
    asked = {"asked": request_id}
    for row in connection.execute(_BLOCKS, asked):
        sealed = kept_provisions.block_of(contents, row).SerializeToString()
        yield "answer_blocks", {"block": row.block, "sealed": sealed}
    for row in connection.execute(_RECORDS, asked):
        yield "records", _record(contents, row)
    for row in connection.execute(_PROMISES, asked):
        plain = {column.name: getattr(row, column.name) for column in PROMISES.columns}
        yield "promises", {**plain, "receipt": promised(contents, row)}


def _travelled(connection: Connection, contents: Contents, inquiry: Inquiry) -> Mapping[Any, object]:
    """An inquiry with what was sent and received put together again out of row and blocks."""
    numbers = [number for number in (inquiry.query_block, inquiry.answer_block) if number is not None]
    blocks = kept_blocks.find(connection, contents, numbers)
    query = exchange_pb2.SealedBlock.FromString(blocks[inquiry.query_block])
    sent = linkage_pb2.InquireRequest(inquiry=inquiry.inquiry, query=query)
    values = {**inquiry._asdict(), "sent": sent.SerializeToString()}
    answer = kept_inquiries.answer_block(contents, inquiry, blocks.get(inquiry.answer_block or 0))
    if inquiry.state is not None and answer is not None:
        state = linkage_pb2.ExchangeState.FromString(inquiry.state)
        state.answer.ParseFromString(answer)
        values["state"] = state.SerializeToString()
    return values


def _looked_up(connection: Connection, addressee_no: str | None, permit: bytes) -> Iterator[Held]:
    if addressee_no is None:
        return
    yield from _addressee(connection, addressee_no)
    header = exchange_pb2.Permit.FromString(permit).header
    values = {"addressee_no": addressee_no, "item": exchange_pb2.RequestHeader.FromString(header).item}
    for row in connection.execute(_COPIES, values).mappings():
        yield "copies", row


def _addressee(connection: Connection, addressee_no: str) -> Iterator[Held]:
    for row in connection.execute(_ADDRESSEE, {"addressee_no": addressee_no}).mappings():
        yield "addressees", row


def _record(contents: Contents, row: Row[Any]) -> dict[str, object]:
    kept = records.opened(contents, row)
    names = ("position", "request_id", "kind", "side", "commitment", "permit_hash")
    return {**{name: getattr(row, name) for name in names}, "record": kept.record, "salt": kept.salt}


def _value(table: str, name: str, value: object) -> HeldValue:
    if isinstance(value, bytes):
        return HeldValue(name=name, raw=value, decodes_to=_MESSAGES.get((table, name)))
    return HeldValue(name=name, text=str(value))
