"""Letters of citizens to this institution: each about one exchange, answered once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.agencies.post.schema import LETTER, OWED_ANSWER
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import stamped
from warifu.portal.v1 import post_pb2

MOST: Final = 200
"""Letters in one list."""

_NEWEST = select(LETTER).order_by(LETTER.c.position.desc()).limit(MOST)
_OPEN = _NEWEST.where(LETTER.c.answer.is_(None))
_ONE = select(LETTER).where(LETTER.c.letter_id == bindparam("which"))
_LAST = select(LETTER.c.position).order_by(LETTER.c.position.desc()).limit(1)
_OWED = select(LETTER).where(OWED_ANSWER).order_by(LETTER.c.position).limit(MOST)
_ADD = insert(LETTER)
_ANSWER = (
    update(LETTER)
    .where(LETTER.c.letter_id == bindparam("which"))
    .values({name: bindparam(f"new_{name}") for name in ("answer", "answered_at", "clerk", "correction")})
)
_TOLD = update(LETTER).where(LETTER.c.letter_id == bindparam("which")).values(told=True)
_REFUSED = update(LETTER).where(LETTER.c.letter_id == bindparam("which")).values(refused=bindparam("why"))


@dataclass(frozen=True, slots=True)
class Letter:
    """A question or objection. Times are simulated, milliseconds since 1970."""

    letter_id: str
    request_id: str
    objection: bool
    text: str
    sent_at: int
    answer_by: str
    """Last simulated day of the answer, ISO."""
    answer: str | None
    answered_at: int | None
    clerk: str | None
    """Who answered."""
    correction: str | None
    """Statement of the correcting entry that was made with the answer."""
    told: bool
    """The portal has the answer."""


def listed(connection: Connection, *, open_only: bool = False) -> list[Letter]:
    """Letters, newest first, at most 200; with `open_only` those without an answer."""
    return [_letter(row) for row in connection.execute(_OPEN if open_only else _NEWEST)]


def require(connection: Connection, letter_id: str) -> Letter:
    """One letter.

    Raises:
        LinkageError: CLIENT_LETTER_UNKNOWN.
    """
    row = connection.execute(_ONE, {"which": letter_id}).one_or_none()
    if row is None:
        raise LinkageError(Reason.CLIENT_LETTER_UNKNOWN)
    return _letter(row)


def answer(
    connection: Connection, letter_id: str, text: str, at: int, clerk: str, correction: str | None = None
) -> Letter:
    """Answer a letter, in a transaction; the portal is told by the job. The same again has no effect.

    Raises:
        LinkageError: CLIENT_LETTER_UNKNOWN; CLIENT_LETTER_ANSWERED when it has another answer.
    """
    letter = require(connection, letter_id)
    if letter.answer is not None:
        if (letter.answer, letter.correction) != (text, correction):
            raise LinkageError(Reason.CLIENT_LETTER_ANSWERED)
        return letter
    new = {"new_answer": text, "new_answered_at": at, "new_clerk": clerk, "new_correction": correction}
    connection.execute(_ANSWER, {"which": letter_id, **new})
    return require(connection, letter_id)


def last_position(connection: Connection) -> int:
    """How far the portal's list has been read; 0 before the first."""
    return connection.execute(_LAST).scalar_one_or_none() or 0


def add(connection: Connection, posted: post_pb2.PostedLetter) -> bool:
    """Keep a letter that came; False when it is here already."""
    if connection.execute(_ONE, {"which": posted.letter_id}).first() is not None:
        return False
    row = {
        "letter_id": posted.letter_id,
        "position": posted.position,
        "request_id": posted.request_id,
        "objection": posted.objection,
        "text": posted.text,
        "sent_at": stamped(posted.sent_at),
        "answer_by": posted.answer_by,
        "told": False,
    }
    connection.execute(_ADD, row)
    return True


def owed(connection: Connection) -> list[Letter]:
    """Answers that the portal does not have yet, oldest letter first."""
    return [_letter(row) for row in connection.execute(_OWED)]


def mark_told(connection: Connection, letter_id: str) -> None:
    """The portal has the answer."""
    connection.execute(_TOLD, {"which": letter_id})


def mark_refused(connection: Connection, letter_id: str, reason: Reason) -> None:
    """The portal will never take the answer."""
    connection.execute(_REFUSED, {"which": letter_id, "why": str(reason)})


def _letter(row: Any) -> Letter:
    return Letter(
        letter_id=row.letter_id,
        request_id=row.request_id,
        objection=row.objection,
        text=row.text,
        sent_at=row.sent_at,
        answer_by=row.answer_by,
        answer=row.answer,
        answered_at=row.answered_at,
        clerk=row.clerk,
        correction=row.correction,
        told=row.told,
    )
