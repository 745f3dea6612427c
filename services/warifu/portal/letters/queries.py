"""Letters: written about an entry of one's own, kept sealed under the entry's month, answered once."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, insert, select, tuple_, update

from warifu.kernel import packing
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import LETTER_TEXT
from warifu.kernel.months import month_at
from warifu.kernel.store import Store
from warifu.portal.history.queries import Entry
from warifu.portal.kept import Seals
from warifu.portal.letters.schema import boxes, letters
from warifu.portal.letters.terms import answer_by, is_overdue
from warifu.portal.ports import IDENTITY

SUPERVISOR: Final = "watchdog"
"""The addressee that is no institution."""
PAGE_SIZE: Final = 20
MOST_OPEN: Final = 20
"""Letters of one account that wait for an answer."""

_ADD: Final = insert(letters)
_COUNTED: Final = select(boxes.c.sent).where(boxes.c.addressee == bindparam("which"))
_COUNT: Final = update(boxes).where(boxes.c.addressee == bindparam("which")).values(sent=bindparam("new_sent"))
_COUNT_FIRST: Final = insert(boxes)
_ONE: Final = select(letters).where(letters.c.letter_id == bindparam("which"))
_OPEN: Final = (
    select(func.count())
    .select_from(letters)
    .where(letters.c.account == bindparam("account"), letters.c.answer.is_(None))
)
_NEWEST: Final = (
    select(letters)
    .where(letters.c.account == bindparam("account"))
    .order_by(letters.c.sent_at.desc(), letters.c.letter_id.desc())
    .limit(bindparam("limit"))
)
_MARKED: Final = letters.alias("marked")
_OLDER: Final = _NEWEST.where(
    tuple_(letters.c.sent_at, letters.c.letter_id)
    < (
        select(_MARKED.c.sent_at, _MARKED.c.letter_id)
        .where(_MARKED.c.letter_id == bindparam("before"), _MARKED.c.account == bindparam("account"))
        .scalar_subquery()
    )
)
_ABOUT: Final = _NEWEST.where(letters.c.request_id == bindparam("request_id"))


class Unsent(StrEnum):
    """Why a letter is not sent."""

    TEXT = "text"
    ADDRESSEE = "addressee"
    TOO_MANY = "too-many"
    CHANGED = "changed"


class UnsentError(Exception):
    """The letter is not sent."""

    def __init__(self, why: Unsent) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be sent."""

    letter_id: str
    """UUID, made with the form: so the same form sent twice is one letter."""
    addressee: str
    """Institution code of one of the entry's two, or `SUPERVISOR`."""
    objection: bool
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, opened. Times are simulated, milliseconds."""

    letter_id: str
    request_id: str
    addressee: str
    requester: str
    provider: str
    objection: bool
    text: str
    sent_at: int
    answer_by: date
    answer: str | None
    answered_at: int | None
    position: int
    """Among those to its addressee."""
    to_supervisor: bool

    def overdue(self, today: date) -> bool:
        """No answer came in time."""
        return self.answer is None and is_overdue(self.answer_by, today)


@dataclass(frozen=True, slots=True)
class Page:
    """Some letters, newest first."""

    letters: Sequence[Letter]
    older: str | None
    """Pass as `before` for the page of older ones; None at the end."""


def new_id() -> str:
    """The id of a letter that is about to be written."""
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    """Whether a text is such an id."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Letters:
    """The letters of one portal."""

    store: Store
    seals: Seals
    clock: Clock

    async def send(self, account: str, entry: Entry, draft: Draft) -> str:
        """Send a letter about an entry that `account` may read; its id. The same again is the same letter.

        Raises:
            UnsentError: TEXT: empty, longer than LETTER_TEXT or with control characters; ADDRESSEE: took no part; TOO_MANY wait;
                CHANGED: another letter has this id.
        """
        if draft.addressee not in addressees(entry):
            raise UnsentError(Unsent.ADDRESSEE)
        written = Draft(draft.letter_id, draft.addressee, draft.objection, checked(draft.text))
        refused = await self.store.write(lambda connection: self._send(connection, account, entry, written))
        if refused is not None:
            raise UnsentError(refused)
        return written.letter_id

    def page(self, account: str, before: str | None = None, size: int = PAGE_SIZE) -> Page:
        """The letters of `account`, newest first."""
        keys: dict[str, object] = {"account": account, "limit": size + 1}
        if before is not None:
            keys["before"] = before
        statement = _NEWEST if before is None else _OLDER
        found = [opened(self.seals, row) for row in self.store.read(lambda c: c.execute(statement, keys).all())]
        return Page(found[:size], found[size - 1].letter_id if len(found) > size else None)

    def about(self, account: str, request_id: str) -> Sequence[Letter]:
        """The letters that `account` wrote about an entry, newest first."""
        keys = {"account": account, "request_id": request_id, "limit": PAGE_SIZE}
        return [opened(self.seals, row) for row in self.store.read(lambda c: c.execute(_ABOUT, keys).all())]

    def one(self, account: str, letter_id: str) -> Letter | None:
        """One letter of `account`; None when there is none, also when it is somebody else's."""
        row = self.store.read(lambda c: c.execute(_ONE, {"which": letter_id}).one_or_none())
        return opened(self.seals, row) if row is not None and row.account == account else None

    def _send(self, connection: Connection, account: str, entry: Entry, draft: Draft) -> Unsent | None:
        known = connection.execute(_ONE, {"which": draft.letter_id}).one_or_none()
        if known is not None:
            same = known.account == account and _is_same(opened(self.seals, known), entry, draft)
            return None if same else Unsent.CHANGED
        if connection.execute(_OPEN, {"account": account}).scalar_one() >= MOST_OPEN:
            return Unsent.TOO_MANY
        connection.execute(_ADD, self._row(account, entry, draft, _position(connection, draft.addressee)))
        return None

    def _row(self, account: str, entry: Entry, draft: Draft, position: int) -> dict[str, object]:
        month = month_at(entry.requested_at)
        content: list[packing.Value] = [draft.addressee, entry.requester, entry.provider, draft.objection, draft.text]
        return {
            "letter_id": draft.letter_id,
            "account": account,
            "request_id": entry.request_id,
            "month": month,
            "box": self.seals.vault.tag(month, box(draft.addressee)),
            "position": position,
            "to_supervisor": draft.addressee == SUPERVISOR,
            "sealed": self.seals.vault.seal(month, packing.pack(content), text_context(draft.letter_id)),
            "sent_at": milliseconds(self.clock.network()),
            "answer_by": answer_by(self.clock.today(), objection=draft.objection).isoformat(),
        }


def addressees(entry: Entry) -> tuple[str, ...]:
    """To whom a letter about an entry may go.

    Who was not asked, since the inquiry was refused, knows nothing of it. Where one asked for one's own information this portal itself is the
    requester: it asked for nobody else, and has no staff who could answer.
    """
    asking = () if entry.requester == IDENTITY else (entry.requester,)
    asked = () if entry.outcome_name == "DENIED" else (entry.provider,)
    return (*asking, *asked, SUPERVISOR)


def checked(text: str) -> str:
    """A text as it is kept, with line ends as LF.

    Raises:
        UnsentError: TEXT.
    """
    text = text.replace("\r\n", "\n").strip()
    if not 0 < len(text) <= LETTER_TEXT or not all(letter.isprintable() or letter in "\n\u3000" for letter in text):
        raise UnsentError(Unsent.TEXT)
    return text


def box(addressee: str) -> str:
    """What the tag of an addressee's letters is made of."""
    return f"letters-to/{addressee}"


def text_context(letter_id: str) -> bytes:
    """What the seal of a letter is bound to."""
    return f"letter/{letter_id}".encode()


def answer_context(letter_id: str) -> bytes:
    """What the seal of its answer is bound to."""
    return f"letter-answer/{letter_id}".encode()


def opened(seals: Seals, row: Any) -> Letter:
    """The letter of a row.

    Raises:
        ErasedError: its term is over.
    """
    content = packing.unpack(seals.vault.unseal(row.month, row.sealed, text_context(row.letter_id)))
    addressee, requester, provider, objection, text = content
    answer = None
    if row.answer is not None:
        answer = seals.vault.unseal(row.month, row.answer, answer_context(row.letter_id)).decode()
    return Letter(
        row.letter_id,
        row.request_id,
        str(addressee),
        str(requester),
        str(provider),
        bool(objection),
        str(text),
        row.sent_at,
        date.fromisoformat(row.answer_by),
        answer,
        row.answered_at,
        row.position,
        row.to_supervisor,
    )


def _is_same(known: Letter, entry: Entry, draft: Draft) -> bool:
    sent = (known.request_id, known.addressee, known.objection, known.text)
    return sent == (entry.request_id, draft.addressee, draft.objection, draft.text)


def _position(connection: Connection, addressee: str) -> int:
    sent: int | None = connection.execute(_COUNTED, {"which": addressee}).scalar()
    if sent is None:
        connection.execute(_COUNT_FIRST, {"addressee": addressee, "sent": 1})
        return 1
    connection.execute(_COUNT, {"which": addressee, "new_sent": sent + 1})
    return sent + 1
