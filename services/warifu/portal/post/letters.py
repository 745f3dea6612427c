"""Letters on their way: handed to their addressee alone, with no word of who wrote them, and answered once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.identity import Caller
from warifu.kernel.instants import milliseconds, stamped, timestamp
from warifu.kernel.limits import ID, LETTER_TEXT, check_text, malformed
from warifu.kernel.store import Store
from warifu.kernel.vault import ErasedError
from warifu.portal.kept import Seals
from warifu.portal.letters import queries
from warifu.portal.letters.queries import SUPERVISOR, Letter
from warifu.portal.letters.schema import letters
from warifu.portal.notices.queries import Notices
from warifu.portal.v1 import post_pb2

OVERDUE: Final = 200
"""Letters in one list of what is overdue."""
NOTICE: Final = "letter-answered"
_DEFAULT, _MOST = 50, 100

_MONTHS: Final = select(letters.c.month).distinct()
_FETCH: Final = (
    select(letters)
    .where(letters.c.box.in_(bindparam("boxes", expanding=True)), letters.c.position > bindparam("after"))
    .order_by(letters.c.position)
    .limit(bindparam("most"))
)
_ONE: Final = select(letters).where(letters.c.letter_id == bindparam("which"))
_ANSWER: Final = (
    update(letters)
    .where(letters.c.letter_id == bindparam("which"))
    .values(answer=bindparam("new_answer"), answered_at=bindparam("new_at"))
)
_OVERDUE: Final = (
    select(letters)
    .where(letters.c.answer.is_(None), letters.c.answer_by < bindparam("today"), letters.c.to_supervisor.is_(False))
    .order_by(letters.c.answer_by, letters.c.letter_id)
    .limit(OVERDUE)
)


def addressee_of(caller: Caller) -> str:
    """Whose letters a caller may have: its institution's own, or the supervisor's."""
    return SUPERVISOR if caller.party == SUPERVISOR else caller.code


class LetterPost:
    """The letters of one portal, as their addressees see them."""

    def __init__(self, store: Store, seals: Seals, clock: Clock, notices: Notices) -> None:
        self._store, self._seals, self._clock, self._notices = store, seals, clock, notices

    def fetch(self, addressee: str, after: int, limit: int) -> Sequence[post_pb2.PostedLetter]:
        """What was written to `addressee` after a position, oldest first."""
        most = min(limit or _DEFAULT, _MOST)
        rows = self._store.read(lambda connection: self._rows(connection, addressee, after, most))
        return [_posted(queries.opened(self._seals, row)) for row in rows]

    async def answer(self, addressee: str, request: post_pb2.AnswerPostRequest) -> None:
        """Keep an answer, durable on return, and tell who wrote; the same again has no effect.

        Raises:
            LinkageError: CLIENT_LETTER_UNKNOWN, also for a letter to somebody else and one past its term; CLIENT_LETTER_ANSWERED;
                CLIENT_MALFORMED, CLIENT_TOO_LARGE naming the field.
        """
        check_text(request.letter_id, "letter_id", ID)
        check_text(request.text.replace("\n", "").strip(), "text", LETTER_TEXT)
        if not request.HasField("at"):
            raise malformed("at", "missing")
        await self._store.write(lambda connection: self._answer(connection, addressee, request))

    def overdue(self) -> Sequence[post_pb2.OverdueLetter]:
        """Letters to institutions whose term is over without an answer, oldest first."""
        today = {"today": self._clock.today().isoformat()}
        rows = self._store.read(lambda connection: connection.execute(_OVERDUE, today).all())
        return [_overdue(queries.opened(self._seals, row)) for row in rows]

    def _rows(self, connection: Connection, addressee: str, after: int, most: int) -> Sequence[Any]:
        """An addressee is another tag each month, so all months with letters are asked for at once."""
        vault, name = self._seals.vault, queries.box(addressee)
        months = [month for month in connection.execute(_MONTHS).scalars() if month >= vault.first]
        values = {"boxes": [vault.tag(month, name) for month in months], "after": after, "most": most}
        return connection.execute(_FETCH, values).all() if months else ()

    def _answer(self, connection: Connection, addressee: str, request: post_pb2.AnswerPostRequest) -> None:
        row: Any = connection.execute(_ONE, {"which": request.letter_id}).one_or_none()
        letter = self._opened(row)
        if letter is None or letter.addressee != addressee:
            raise LinkageError(Reason.CLIENT_LETTER_UNKNOWN)
        if letter.answer is not None:
            if letter.answer != request.text:
                raise LinkageError(Reason.CLIENT_LETTER_ANSWERED)
            return
        # What an addressee's clock says is told, but no answer comes before its letter or from the future.
        at = min(max(stamped(request.at), letter.sent_at), milliseconds(self._clock.network()))
        sealed = self._seals.vault.seal(row.month, request.text.encode(), queries.answer_context(letter.letter_id))
        connection.execute(_ANSWER, {"which": letter.letter_id, "new_answer": sealed, "new_at": at})
        self._notices.add(
            connection, row.account, NOTICE, f"/letters/{letter.letter_id}", {"addressee": letter.addressee}
        )

    def _opened(self, row: Any) -> Letter | None:
        try:
            return queries.opened(self._seals, row) if row is not None else None
        except ErasedError:
            return None


def _posted(letter: Letter) -> post_pb2.PostedLetter:
    return post_pb2.PostedLetter(
        position=letter.position,
        letter_id=letter.letter_id,
        request_id=letter.request_id,
        objection=letter.objection,
        text=letter.text,
        sent_at=timestamp(letter.sent_at),
        answer_by=letter.answer_by.isoformat(),
        requester=letter.requester,
        provider=letter.provider,
    )


def _overdue(letter: Letter) -> post_pb2.OverdueLetter:
    return post_pb2.OverdueLetter(
        letter_id=letter.letter_id,
        institution=letter.addressee,
        request_id=letter.request_id,
        objection=letter.objection,
        answer_by=letter.answer_by.isoformat(),
    )
