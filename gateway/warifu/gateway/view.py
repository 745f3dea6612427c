"""Exactly what the gateway holds and received for one exchange, for the trainer's view (simulation only)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table, select

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.gateway.schema import EXCHANGE, OUTBOX, RECORD
from warifu.kernel.store import Store

_TABLES = ((EXCHANGE, EXCHANGE.c.request_id), (RECORD, RECORD.c.position), (OUTBOX, OUTBOX.c.position))
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
        """Every row with this request id, in the order of the exchange."""
        return [holding for table, order in _TABLES for holding in self._rows(table, order, request_id)]

    def _rows(self, table: Table, order: object, request_id: str) -> list[Holding]:
        query = select(table).where(table.c.request_id == request_id).order_by(order)  # type: ignore[arg-type] # a column
        rows = self._store.read(lambda connection: connection.execute(query).mappings().all())
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
