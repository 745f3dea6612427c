"""Measures and their replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import FILED_TEXT, check_text, malformed
from warifu.kernel.store import Store
from warifu.law import Text
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.desk import PAGE
from warifu.watchdog.schema import MEASURE


class Kind(StrEnum):
    """What is addressed to an institution, in rising weight."""

    GUIDANCE = "guidance"
    RECOMMENDATION = "recommendation"
    ORDER = "order"


NAMES: Final = {
    Kind.GUIDANCE: Text("指導・助言（第33条）", "Guidance and advice (Article 33)"),
    Kind.RECOMMENDATION: Text("勧告（第34条）", "Recommendation (Article 34)"),
    Kind.ORDER: Text("命令（第34条）", "Order (Article 34)"),
}
_ADD: Final = insert(MEASURE)
_ONE: Final = select(MEASURE).where(MEASURE.c.id == bindparam("id"))
_PAGE: Final = (
    select(MEASURE).where(MEASURE.c.id < bindparam("before")).order_by(MEASURE.c.id.desc()).limit(bindparam("most"))
)
_OF: Final = (
    select(MEASURE).where(MEASURE.c.institution == bindparam("institution")).order_by(MEASURE.c.id.desc()).limit(500)
)
_REPLY: Final = (
    update(MEASURE)
    .where(MEASURE.c.id == bindparam("which"), MEASURE.c.reply.is_(None))
    .values(reply=bindparam("said"), replied_on=bindparam("day"))
)
_LATE: Final = select(MEASURE).where(MEASURE.c.reply.is_(None), MEASURE.c.reply_by < bindparam("today"))


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of one supervisor. A measure once issued, and a reply once given, never change."""

    store: Store

    async def issue(
        self, institution: str, kind: Kind, title: str, text: str, *, today: date, reply_by: date | None
    ) -> int:
        """Issue one; its number."""
        row = {
            "institution": institution,
            "kind": kind,
            "title": title,
            "text": text,
            "issued_on": today.isoformat(),
            "reply_by": reply_by.isoformat() if reply_by else None,
        }
        made = await self.store.write(lambda connection: connection.execute(_ADD, row).inserted_primary_key)
        return int(made[0])  # type: ignore[index] # an insert of one row has one

    def page(self, before: int) -> Sequence[Any]:
        """Up to one more than a page before a number, newest first."""
        values = {"before": before, "most": PAGE + 1}
        return self.store.read(lambda connection: connection.execute(_PAGE, values).all())

    def of(self, institution: str) -> Sequence[Any]:
        """An institution's, newest first."""
        return self.store.read(lambda connection: connection.execute(_OF, {"institution": institution}).all())

    def late(self, today: date) -> Sequence[Any]:
        """Those whose reply is overdue."""
        return self.store.read(lambda connection: connection.execute(_LATE, {"today": today.isoformat()}).all())

    async def reply(self, institution: str, number: int, text: str, today: date) -> None:
        """Keep an institution's reply; the same again changes nothing.

        Raises:
            LinkageError: CLIENT_MALFORMED: no such measure of this institution, or no text; CLIENT_TOO_LARGE; CLIENT_REFERENCE_CHANGED:
                it was replied to in other words.
        """
        check_text(text.replace("\n", ""), "text", FILED_TEXT)
        await self.store.write(lambda connection: _reply(connection, institution, number, text, today))


def _reply(connection: Connection, institution: str, number: int, text: str, today: date) -> None:
    row = connection.execute(_ONE, {"id": min(number, 2**62)}).first()
    if row is None or row.institution != institution:
        raise malformed("id", "no measure of the caller's")
    if row.reply is not None and row.reply != text:
        raise LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
    connection.execute(_REPLY, {"which": number, "said": text, "day": today.isoformat()})


def told(row: Any) -> pb.Measure:
    """A measure as its institution is told."""
    return pb.Measure(
        id=row.id,
        kind=row.kind,
        title=row.title,
        text=row.text,
        issued_on=row.issued_on,
        reply_by=row.reply_by,
        reply=row.reply,
        replied_on=row.replied_on,
    )
