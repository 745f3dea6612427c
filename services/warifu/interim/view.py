"""Exactly what this institution's interim server holds and received for one exchange, for the trainer's view (simulation only)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Select, Table, select

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.interim.ground import Ground
from warifu.interim.schema import ANSWER_BLOCKS, INQUIRIES, PROMISES, PROVISIONS, RECORDS, REVIEWS

_MESSAGES: Final = {
    ("inquiries", "request"): "warifu.interim.v1.InquireRequest",
    ("inquiries", "sent"): "warifu.linkage.v1.InquireRequest",
    ("inquiries", "state"): "warifu.linkage.v1.ExchangeState",
    ("inquiries", "answer"): "warifu.exchange.v1.Answer",
    ("inquiries", "failure"): "warifu.common.v1.Failure",
    ("provisions", "permit"): "warifu.exchange.v1.Permit",
    ("provisions", "fields"): "warifu.exchange.v1.Query",
    ("answer_blocks", "sealed"): "warifu.exchange.v1.SealedAnswer",
    ("records", "record"): "warifu.exchange.v1.AccessRecord",
    ("promises", "receipt"): "warifu.linkage.v1.Receipt",
}
"""Columns that hold a message as it was made, received or committed."""


class View:
    """Reads the store; adds nothing and hides nothing."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def holdings(self, request_id: str) -> Sequence[Holding]:
        """Every row of this exchange, in its order."""
        return [holding for table, query in _queries(request_id) for holding in self._rows(table, query)]

    def _rows(self, table: Table, query: Select[tuple[object, ...]]) -> list[Holding]:
        rows = self._ground.store.read(lambda connection: connection.execute(query).mappings().all())
        return [
            Holding(
                where=f"{self._ground.institution}/{table.name}",
                values=[_value(table.name, str(name), value) for name, value in row.items() if value is not None],
            )
            for row in rows
        ]


def _queries(request_id: str) -> list[tuple[Table, Select[tuple[object, ...]]]]:
    blocks = select(PROVISIONS.c.block).where(PROVISIONS.c.permit_id == request_id)
    return [
        (INQUIRIES, select(INQUIRIES).where(INQUIRIES.c.request_id == request_id)),
        (PROVISIONS, select(PROVISIONS).where(PROVISIONS.c.permit_id == request_id)),
        (REVIEWS, select(REVIEWS).where(REVIEWS.c.permit_id == request_id)),
        (ANSWER_BLOCKS, select(ANSWER_BLOCKS).where(ANSWER_BLOCKS.c.block.in_(blocks))),
        (RECORDS, select(RECORDS).where(RECORDS.c.request_id == request_id).order_by(RECORDS.c.position)),
        (PROMISES, select(PROMISES).where(PROMISES.c.request_id == request_id)),
    ]


def _value(table: str, name: str, value: object) -> HeldValue:
    if isinstance(value, bytes):
        return HeldValue(name=name, raw=value, decodes_to=_MESSAGES.get((table, name)))
    return HeldValue(name=name, text=str(value))
