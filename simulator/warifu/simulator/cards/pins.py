"""PINs and signature passwords: wrong ones in a row lock, also when they come at once or the process dies between them.

A try is taken from the counter, and that is on the disk, before what was typed is looked at; only then is it given back. Three tries for the
PIN of a certificate for user authentication, five for the password of one for signatures, as on real cards.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, Select, Update, bindparam, select, update

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import malformed
from warifu.kernel.store import Store
from warifu.simulator.cards.schema import cards, people
from warifu.simulator.cards.words import first_password

TRIES: Final = 3
PASSWORD_TRIES: Final = 5
_PIN_FORM: Final = re.compile(r"[0-9]{4}", re.ASCII)
_PASSWORD_FORM: Final = re.compile(r"(?=.*[A-Z])(?=.*[0-9])[A-Z0-9]{6,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is typed: a PIN, or a signature password."""

    field: str
    form: re.Pattern[str]
    problem: str
    most: int
    tries: Column[int]
    kept: Column[str]
    first: Callable[[str, str], str]
    """What was handed out, from the person's handle and the PIN on the tray."""
    wrong: Reason
    locked: Reason


PIN: Final = Kind(
    "pin",
    _PIN_FORM,
    "four digits, half width",
    TRIES,
    cards.c.tries_left,
    cards.c.pin,
    lambda _person, pin: pin,
    Reason.CLIENT_PIN_WRONG,
    Reason.CLIENT_CARD_LOCKED,
)
PASSWORD: Final = Kind(
    "password",
    _PASSWORD_FORM,
    "6 to 16 capital letters and digits, at least one of each",
    PASSWORD_TRIES,
    cards.c.signature_tries_left,
    cards.c.signature_password,
    first_password,
    Reason.CLIENT_SIGNATURE_PASSWORD_WRONG,
    Reason.CLIENT_SIGNATURE_LOCKED,
)


@cache
def _statements(kind: Kind) -> tuple[Select[Any], Select[Any], Update, Update, Update]:
    tries, mine = kind.tries, cards.c.card == bindparam("handle")
    expected = (
        select(kind.kept.label("kept"), people.c.person, people.c.pin.label("first_pin"))
        .join_from(cards, people, cards.c.person == people.c.person)
        .where(mine)
    )
    return (
        expected,
        select(tries).where(mine),
        update(cards).where(mine, tries > 0).values({tries: tries - 1}),
        update(cards).where(mine).values({tries: kind.most}),
        update(cards).where(mine).values({tries: kind.most, kind.kept: bindparam("new")}),
    )


class Secrets:
    """The check of one kind on the cards of one card service. One process may check one store."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store, self._kind = store, kind
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._expected, self._left, self._take, self._give_back, self._keep = _statements(kind)

    async def check(self, card: str, typed: str) -> None:
        """Return when what was typed is the card's; every other end raises.

        Raises:
            LinkageError: CLIENT_MALFORMED (of no possible form: no try is used), CLIENT_CARD_UNKNOWN, the kind's reason for a wrong
                one with `left`, and its reason for a locked card.
        """
        self.require_form(typed)
        row = self._store.read(lambda c: c.execute(self._expected, {"handle": card}).one_or_none())
        if row is None:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
        async with self._locks[card]:  # in order: what one try gives back is never what another has just used up
            left = await self._store.write(lambda c: self._use(c, card))
            if left is None:
                raise LinkageError(self._kind.locked)
            if hmac.compare_digest(typed, self._right(row)):
                await self._store.write(lambda c: c.execute(self._give_back, {"handle": card}))
                return
        if left == 0:
            raise LinkageError(self._kind.locked)
        raise LinkageError(self._kind.wrong, metadata={"left": str(left)})

    async def change(self, card: str, typed: str, new: str) -> None:
        """Set a new one, after what is there was typed right; raises as `check`, CLIENT_MALFORMED also for a new one of no right form."""
        self.require_form(new)
        await self.check(card, typed)
        await self._store.write(lambda c: c.execute(self._keep, {"handle": card, "new": new}))

    async def reset(self, card: str) -> None:
        """Give all tries back, with what was handed out at first: what a counter does for who forgot."""
        await self._store.write(lambda c: c.execute(self._keep, {"handle": card, "new": None}))

    def require_form(self, typed: str) -> None:
        """CLIENT_MALFORMED for what can be no PIN or password."""
        if not self._kind.form.fullmatch(typed):
            raise malformed(self._kind.field, self._kind.problem)

    def _right(self, row: Row[tuple[Any, ...]]) -> str:
        return row.kept or self._kind.first(row.person, row.first_pin)

    def _use(self, connection: Connection, card: str) -> int | None:
        """Use one try up; how many are left, or None when there was none."""
        if not connection.execute(self._take, {"handle": card}).rowcount:
            return None
        left: int = connection.execute(self._left, {"handle": card}).scalar_one()
        return left


class Pins(Secrets):
    """PINs."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, PIN)


class Passwords(Secrets):
    """Passwords of signature certificates."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, PASSWORD)
