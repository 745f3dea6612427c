"""Proposals of one counter. A proposal is decided once; what is done is the bytes that were proposed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from warifu.counter.schema import PROPOSAL, WAITING
from warifu.counter.staff.accounts import Account
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store

PAGE: Final = 20


class State(StrEnum):
    """How a proposal stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    """Decided, and not done yet: whom it is told could not be reached, or the process ended in between."""
    DONE = "done"
    FAILED = "failed"
    """Approved, and refused by whom it was told."""
    OVERTAKEN = "overtaken"
    """Approved, and never told in time: a later one of its kind about the same was done first, and is not undone by an older one."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


_ADD: Final = insert(PROPOSAL)
_ONE: Final = select(PROPOSAL).where(PROPOSAL.c.id == bindparam("id"))
_ALL: Final = (
    select(PROPOSAL).where(PROPOSAL.c.id < bindparam("before")).order_by(PROPOSAL.c.id.desc()).limit(bindparam("most"))
)
_OWN: Final = _ALL.where(PROPOSAL.c.proposed_by == bindparam("by"))
_OPEN: Final = select(func.count()).select_from(PROPOSAL).where(WAITING)
_WAITING_ABOUT: Final = select(PROPOSAL.c.about, PROPOSAL.c.id).where(WAITING, PROPOSAL.c.kind == bindparam("kind"))
_LAST: Final = (
    select(PROPOSAL)
    .where(
        PROPOSAL.c.kind == bindparam("kind"),
        PROPOSAL.c.about == bindparam("about"),
        PROPOSAL.c.state == State.DONE.value,
    )
    .order_by(PROPOSAL.c.id.desc())
    .limit(1)
)
_LATER: Final = select(PROPOSAL.c.id).where(
    PROPOSAL.c.id > bindparam("than"),
    PROPOSAL.c.kind == bindparam("kind"),
    PROPOSAL.c.about == bindparam("about"),
    PROPOSAL.c.state == State.DONE.value,
)
_DECIDE: Final = (
    update(PROPOSAL)
    .where(PROPOSAL.c.id == bindparam("which"), PROPOSAL.c.state == State.WAITING.value)
    .values(state=bindparam("to"), decided_at=bindparam("moment"), decided_by=bindparam("who"))
)
_CLOSE: Final = (
    update(PROPOSAL)
    .where(PROPOSAL.c.id == bindparam("which"), PROPOSAL.c.state == State.APPROVED.value)
    .values(state=bindparam("to"), result=bindparam("why_not"))
)


class Proposals:
    """The proposals of one counter."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def add(self, who: Account, kind: str, content: bytes, about: str, why: str, *, alone: bool = False) -> int:
        """Keep a proposal; its number. `content` is what will be done, `about` a code, `why` at most 200 characters.

        `alone`: where one of its kind about the same waits already, nothing is kept, and the number is that one's.
        """
        row = {
            "kind": kind,
            "content": content,
            "about": about,
            "why": why,
            "proposed_at": self._now(),
            "proposed_by": who.login,
            "state": State.WAITING,
        }

        def add(connection: Connection) -> int:
            waiting = connection.execute(_WAITING_ABOUT, {"kind": kind}) if alone else ()
            for there in waiting:
                if there.about == about:
                    return cast("int", there.id)
            return cast("int", connection.execute(_ADD, row).inserted_primary_key[0])  # type: ignore[index]

        return await self._store.write(add)

    async def decide(self, who: Account, number: int, to: State) -> bool:
        """Decide what waits; False when it does not wait any more. Of two who decide at once, one does."""
        values = {"which": number, "to": to, "moment": self._now(), "who": who.login}
        return await self._store.write(lambda connection: connection.execute(_DECIDE, values).rowcount == 1)

    async def close(self, number: int, error: LinkageError | None) -> None:
        """An approved proposal was done, or could not be."""
        to = State.DONE if error is None else State.FAILED
        values = {"which": number, "to": to, "why_not": error.reason if error is not None else None}
        await self._store.write(lambda connection: connection.execute(_CLOSE, values))

    async def overtake(self, number: int) -> bool:
        """Close an approved proposal when a later one of its kind about the same was done; whether it is so."""

        def overtake(connection: Connection) -> bool:
            row = connection.execute(_ONE, {"id": number}).one()
            later = {"than": number, "kind": row.kind, "about": row.about}
            if connection.execute(_LATER, later).first() is None:
                return False
            connection.execute(_CLOSE, {"which": number, "to": State.OVERTAKEN, "why_not": None})
            return True

        return await self._store.write(overtake)

    def one(self, number: int) -> Row[Any] | None:
        """A proposal."""
        return self._store.read(lambda connection: connection.execute(_ONE, {"id": number}).first())

    def page(self, before: int, by: str | None = None) -> Sequence[Row[Any]]:
        """Up to one more than PAGE proposals, newest first; with `by` those that somebody proposed."""
        values = {"before": before, "most": PAGE + 1} | ({} if by is None else {"by": by})
        query = _ALL if by is None else _OWN
        return self._store.read(lambda connection: connection.execute(query, values).all())

    def waiting(self) -> int:
        """How many wait."""
        return self._store.read(lambda connection: int(connection.execute(_OPEN).scalar_one()))

    def waiting_about(self, kind: str) -> dict[str, int]:
        """What the waiting proposals of a kind are about, each with its number."""
        rows = self._store.read(lambda connection: connection.execute(_WAITING_ABOUT, {"kind": kind}).all())
        return {row.about: row.id for row in rows}

    def last_done(self, kind: str, about: str) -> Row[Any] | None:
        """The newest of a kind about somebody or something that was done."""
        values = {"kind": kind, "about": about}
        return self._store.read(lambda connection: connection.execute(_LAST, values).first())

    def _now(self) -> int:
        return milliseconds(self._clock.network())


def seen_as(content: bytes) -> str:
    """What an approval names: whoever approves approves the very bytes that were shown."""
    return sha256(content).hexdigest()
