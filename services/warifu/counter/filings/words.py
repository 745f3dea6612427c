"""Filings and measures as pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from warifu.kernel.instants import datetime_at, stamped
from warifu.law import Row, Text
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.web.dates import Written, written

_STATES: Final = {
    "filed": (Text("決定を待っている", "Waits for the decision"), "waits"),
    "approved": (Text("承認された", "Approved"), "good"),
    "refused": (Text("承認されなかった", "Not approved"), "stopped"),
    "withdrawn": (Text("承認が取り消された", "Approval withdrawn"), "stopped"),
}
_KINDS: Final = {
    "guidance": Text("指導・助言", "Guidance"),
    "recommendation": Text("勧告", "Recommendation"),
    "order": Text("命令", "Order"),
}


@dataclass(frozen=True, slots=True)
class UseLine:
    """An ordinance use."""

    reference: str
    row: str
    procedure: str
    state: str
    mark: str
    filed: Written
    note: str

    @classmethod
    def of(cls, use: pb.OrdinanceUse, rows: Mapping[str, Row], language: str) -> UseLine:
        """As the supervisor tells it."""
        name, mark = _STATES[use.state]
        procedure = rows[use.row].procedure.name.to(language) if use.row in rows else ""
        filed = written(datetime_at(stamped(use.filed_at)), language)
        return cls(use.reference, use.row, procedure, name.to(language), mark, filed, use.note)


@dataclass(frozen=True, slots=True)
class LeakLine:
    """A leak with its terms; days are ISO."""

    reference: str
    known_on: str
    preliminary_due: str
    preliminary_on: str
    preliminary_late: bool
    final_due: str
    final_on: str
    final_late: bool

    @classmethod
    def of(cls, leak: pb.Leak, today: date) -> LeakLine:
        """As the supervisor tells it."""
        day = today.isoformat()
        return cls(
            leak.reference, leak.known_on,
            leak.preliminary_due, leak.preliminary_on, not leak.preliminary_on and day > leak.preliminary_due,
            leak.final_due, leak.final_on, not leak.final_on and day > leak.final_due,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeasureLine:
    """A measure; days are ISO."""

    id: int
    kind: str
    title: str
    text: str
    issued_on: str
    reply_by: str
    late: bool
    reply: str
    replied_on: str

    @classmethod
    def of(cls, measure: pb.Measure, today: date, language: str) -> MeasureLine:
        """As the supervisor tells it."""
        late = bool(measure.reply_by) and not measure.reply and today.isoformat() > measure.reply_by
        return cls(
            measure.id, _KINDS[measure.kind].to(language), measure.title, measure.text, measure.issued_on,
            measure.reply_by, late, measure.reply, measure.replied_on,
        )  # fmt: skip
