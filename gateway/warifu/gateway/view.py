"""Exactly what the gateway holds and received for one exchange, for the trainer's view (simulation only)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, union, union_all

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.gateway import corrections
from warifu.gateway.books import Books
from warifu.gateway.log import heads
from warifu.gateway.schema import ENTRY, EXCHANGE, OUTBOX, RECORD, REFUSED

_OF_ASKED = EXCHANGE.c.request_id == bindparam("asked")
_OWN = select(ENTRY.c.position).where(
    ENTRY.c.commitment.in_(
        union_all(
            select(EXCHANGE.c.commitment).where(_OF_ASKED), select(EXCHANGE.c.outcome_commitment).where(_OF_ASKED)
        )
    )
)
"""Where the exchange's own records are."""
_REFUSED = select(RECORD.c.position).where(RECORD.c.request_id == bindparam("asked"), REFUSED)
"""And those of what was refused under its id, also of whoever asked in another's name."""
_RECORDS = (
    select(RECORD, ENTRY.c.commitment, ENTRY.c.leaf_index)
    .join(ENTRY, ENTRY.c.position == RECORD.c.position)
    .where(RECORD.c.position.in_(union(_OWN, _REFUSED)))
    .order_by(RECORD.c.position)
)
_OUTBOX = select(OUTBOX).where(OUTBOX.c.request_id == bindparam("asked"))
_MESSAGES = {
    "inquiry": "warifu.exchange.v1.Inquiry",
    "query": "warifu.exchange.v1.SealedBlock",
    "permit": "warifu.exchange.v1.Permit",
    "answer": "warifu.exchange.v1.SealedAnswer",
    "denial": "warifu.linkage.v1.Denial",
    "failure": "warifu.common.v1.Failure",
    "record": "warifu.exchange.v1.AccessRecord",
    "event": "warifu.log.v1.NetworkEvent",
}
"""Columns that hold a message as it was received or committed."""


class View:
    """Reads the store and opens what is sealed there; adds nothing and hides nothing."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def holdings(self, request_id: str) -> Sequence[Holding]:
        """Every row of this request id, in the order of the exchange, with the log entries of its records and the log's head."""
        return self._books.store.read(lambda connection: list(self._rows(connection, request_id)))

    def _rows(self, connection: Connection, request_id: str) -> Iterator[Holding]:
        exchange = self._books.exchanges.find(connection, request_id)
        if exchange is not None:
            yield _holding("exchange", exchange._asdict())
        recorded = connection.execute(_RECORDS, {"asked": request_id}).all()
        for row in recorded:
            yield _holding("record", self._record(row))
        head = heads.read(connection)
        if recorded and head is not None:
            yield _holding("log_head", {field.name: getattr(head, field.name) for field in fields(head)})
        for one in corrections.of(connection, self._books.vault, request_id):
            yield _holding(
                "correction", {"event": one.committed.event, "salt": one.committed.salt, "leaf_index": one.leaf}
            )
        for waiting in connection.execute(_OUTBOX, {"asked": request_id}).mappings():
            yield _holding("outbox", waiting)

    def _record(self, row: Row[Any]) -> dict[str, object]:
        kept = self._books.records.opened(row)
        names = ("position", "request_id", "kind", "commitment", "permit_hash", "leaf_index")
        return {**{name: getattr(row, name) for name in names}, "record": kept.record, "salt": kept.salt}


def _holding(table: str, values: Mapping[Any, object]) -> Holding:
    held = [_value(str(name), value) for name, value in values.items() if value is not None]
    return Holding(where=f"gateway/{table}", values=held)


def _value(name: str, value: object) -> HeldValue:
    if isinstance(value, bytes):
        return HeldValue(name=name, raw=value, decodes_to=_MESSAGES.get(name))
    return HeldValue(name=name, text=str(value))
