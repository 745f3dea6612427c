"""Letters to the supervisor: kept as they came, answered once, the answer owed to the portal until it has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds, stamped, timestamp
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_at, month_of
from warifu.kernel.store import Store
from warifu.portal.v1 import post_pb2
from warifu.watchdog.desk import PAGE
from warifu.watchdog.letters.schema import LETTER, OVERDUE

_ADD: Final = insert(LETTER)
_ONE: Final = select(LETTER).where(LETTER.c.letter_id == bindparam("which"))
_LAST: Final = select(func.max(LETTER.c.position))
_PAGE: Final = (
    select(LETTER)
    .where(LETTER.c.position < bindparam("before"))
    .order_by(LETTER.c.position.desc())
    .limit(bindparam("most"))
)
_OPEN: Final = select(func.count()).select_from(LETTER).where(LETTER.c.answer.is_(None))
_ANSWER: Final = (
    update(LETTER)
    .where(LETTER.c.letter_id == bindparam("which"), LETTER.c.answer.is_(None))
    .values(answer=bindparam("said"), answered_at=bindparam("at"), owed=1)
)
_OWED: Final = select(LETTER).where(LETTER.c.owed == 1).order_by(LETTER.c.position).limit(100)
_PAID: Final = update(LETTER).where(LETTER.c.letter_id == bindparam("which")).values(owed=0)
_FORGET: Final = delete(OVERDUE)
_NOTE: Final = insert(OVERDUE)
_OVERDUE: Final = select(OVERDUE).order_by(OVERDUE.c.answer_by, OVERDUE.c.letter_id)
_COUNT: Final = select(func.count()).select_from(OVERDUE)
_OLDEST: Final = select(LETTER.c.letter_id, LETTER.c.sent_at).order_by(LETTER.c.position).limit(100)
_DROP: Final = delete(LETTER).where(LETTER.c.letter_id.in_(bindparam("which", expanding=True)))


class Letters:
    """The letters of one supervisor."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def last(self) -> int:
        """The position up to which letters were fetched; 0 before the first."""
        return self._store.read(lambda connection: connection.execute(_LAST).scalar()) or 0

    async def keep(self, posted: Sequence[post_pb2.PostedLetter]) -> int:
        """Keep what came; how many were new."""
        return await self._store.write(lambda connection: sum(_keep(connection, one) for one in posted))

    def page(self, before: int) -> Sequence[Any]:
        """Up to one more than a page before a position, newest first."""
        values = {"before": before, "most": PAGE + 1}
        return self._store.read(lambda connection: connection.execute(_PAGE, values).all())

    def one(self, letter_id: str) -> Any | None:
        """One letter; None when there is none."""
        return self._store.read(lambda connection: connection.execute(_ONE, {"which": letter_id}).one_or_none())

    def waiting(self) -> int:
        """How many have no answer."""
        return self._store.read(lambda connection: connection.execute(_OPEN).scalar_one())

    async def answer(self, letter_id: str, text: str) -> bool:
        """Answer a letter, durable on return; False when it has another answer already, or there is none such."""
        values = {"which": letter_id, "said": text, "at": milliseconds(self._clock.network())}
        return await self._store.write(lambda connection: _answer(connection, values))

    def owed(self) -> Sequence[post_pb2.AnswerPostRequest]:
        """Answers that the portal does not have yet, oldest letter first."""
        rows = self._store.read(lambda connection: connection.execute(_OWED).all())
        return [
            post_pb2.AnswerPostRequest(letter_id=row.letter_id, text=row.answer, at=timestamp(row.answered_at))
            for row in rows
        ]

    async def paid(self, letter_id: str) -> None:
        """The portal has the answer, or will never take it."""
        await self._store.write(lambda connection: connection.execute(_PAID, {"which": letter_id}))

    async def note_overdue(self, listed: Sequence[post_pb2.OverdueLetter]) -> int:
        """Replace what is overdue; how many it is now."""
        rows = [
            {
                "letter_id": one.letter_id,
                "institution": one.institution,
                "request_id": one.request_id,
                "objection": one.objection,
                "answer_by": one.answer_by,
            }
            for one in listed
        ]
        if [row._asdict() for row in self.overdue()] != sorted(rows, key=_due):
            await self._store.write(lambda connection: _replace(connection, rows))
        return len(rows)

    def overdue(self) -> Sequence[Any]:
        """What is overdue, oldest first."""
        return self._store.read(lambda connection: connection.execute(_OVERDUE).all())

    def late(self) -> int:
        """How many letters to institutions are overdue."""
        return self._store.read(lambda connection: connection.execute(_COUNT).scalar_one())

    def today(self) -> date:
        """The simulated day."""
        return self._clock.today()

    async def purge(self) -> int:
        """Drop letters whose term (RETENTION) is over; how many."""
        first = month_of(self._clock.today()) - RETENTION
        oldest = self._store.read(lambda connection: connection.execute(_OLDEST).all())
        over = [row.letter_id for row in oldest if month_at(row.sent_at) < first]
        if over:
            await self._store.write(lambda connection: connection.execute(_DROP, {"which": over}))
        return len(over)


def _keep(connection: Connection, posted: post_pb2.PostedLetter) -> int:
    if connection.execute(_ONE, {"which": posted.letter_id}).first() is not None:
        return 0
    row = {
        "letter_id": posted.letter_id,
        "position": posted.position,
        "request_id": posted.request_id,
        "objection": posted.objection,
        "text": posted.text,
        "sent_at": stamped(posted.sent_at),
        "answer_by": posted.answer_by,
        "requester": posted.requester,
        "provider": posted.provider,
        "owed": 0,
    }
    connection.execute(_ADD, row)
    return 1


def _answer(connection: Connection, values: dict[str, Any]) -> bool:
    if connection.execute(_ANSWER, values).rowcount:
        return True
    row = connection.execute(_ONE, {"which": values["which"]}).one_or_none()
    return row is not None and row.answer == values["said"]


def _replace(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(_FORGET)
    if rows:
        connection.execute(_NOTE, rows)


def _due(row: dict[str, Any]) -> tuple[str, str]:
    return row["answer_by"], row["letter_id"]
