"""Exactly what the gateway holds and received for one exchange, for the trainer's view (simulation only)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Select, Table, bindparam, select

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.gateway.schema import ENTRY, EXCHANGE, OUTBOX, RECORD
from warifu.kernel.store import Store

_ASKED: BindParameter[str] = bindparam("asked")
_ROWS = (
    (EXCHANGE, select(EXCHANGE).where(EXCHANGE.c.request_id == _ASKED)),
    (RECORD, select(RECORD).where(RECORD.c.request_id == _ASKED).order_by(RECORD.c.position)),
    (
        ENTRY,
        select(ENTRY)
        .join(RECORD, RECORD.c.position == ENTRY.c.position)
        .where(RECORD.c.request_id == _ASKED)
        .order_by(ENTRY.c.position),
    ),
    (OUTBOX, select(OUTBOX).where(OUTBOX.c.request_id == _ASKED)),
)
_MESSAGES = {
    "inquiry": "warifu.exchange.v1.Inquiry",
    "query": "warifu.exchange.v1.SealedBlock",
    "permit": "warifu.exchange.v1.Permit",
    "answer": "warifu.exchange.v1.SealedAnswer",
    "denial": "warifu.linkage.v1.Denial",
    "failure": "warifu.common.v1.Failure",
    "record": "warifu.exchange.v1.AccessRecord",
}
"""Columns that hold a message as it was received or committed."""


class View:
    """Reads the store; adds nothing and hides nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def holdings(self, request_id: str) -> Sequence[Holding]:
        """Every row of this request id, in the order of the exchange, with the log entries of its records."""
        return [holding for table, query in _ROWS for holding in self._rows(table, query, request_id)]

    def _rows(self, table: Table, query: Select[Any], request_id: str) -> list[Holding]:
        rows = self._store.read(lambda connection: connection.execute(query, {"asked": request_id}).mappings().all())
        return [
            Holding(
                where=f"gateway/{table.name}",
                values=[_value(str(name), value) for name, value in row.items() if value is not None],
            )
            for row in rows
        ]


def _value(name: str, value: object) -> HeldValue:
    if isinstance(value, bytes):
        return HeldValue(name=name, raw=value, decodes_to=_MESSAGES.get(name))
    return HeldValue(name=name, text=str(value))
