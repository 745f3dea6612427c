"""Exactly what the portal holds for one exchange, for the trainer's view (simulation only)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select

from warifu.control.v1.control_pb2 import HeldValue, Holding
from warifu.kernel.store import Store
from warifu.portal.history import corrections
from warifu.portal.kept import COLUMNS, Seals
from warifu.portal.schema import entries

_ENTRY: Final = select(*COLUMNS).where(entries.c.request_id == bindparam("request_id"))
_MESSAGES: Final = {
    "subject": "warifu.exchange.v1.SubjectReference",
    "request_record": "warifu.exchange.v1.CommittedRecord",
    "outcome_record": "warifu.exchange.v1.CommittedRecord",
}


def holdings(store: Store, seals: Seals, request_id: str) -> Sequence[Holding]:
    """The entry of this exchange, opened; empty when none was delivered."""
    row = store.read(lambda c: c.execute(_ENTRY, {"request_id": request_id}).one_or_none())
    if row is None:
        return []
    kept = seals.opened(row)
    held = [_value(name, value) for name, value in kept._asdict().items() if value is not None]
    corrected = store.read(lambda c: corrections.of(c, seals.vault, [request_id]))
    return [Holding(where="portal-main/entries", values=held), *map(_corrected, corrected)]


def _corrected(one: corrections.Correction) -> Holding:
    values = [
        HeldValue(name="event", raw=one.committed.event, decodes_to="warifu.log.v1.NetworkEvent"),
        HeldValue(name="salt", raw=one.committed.salt),
        HeldValue(name="leaf", text=str(one.leaf)),
    ]
    return Holding(where="portal-main/corrections", values=values)


def _value(name: str, value: object) -> HeldValue:
    if isinstance(value, bytes):
        return HeldValue(name=name, raw=value, decodes_to=_MESSAGES.get(name))
    return HeldValue(name=name, text=str(value))
