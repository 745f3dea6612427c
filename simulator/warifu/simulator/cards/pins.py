"""PINs: three wrong ones in a row lock a card, also when they come at once or the process dies between them.

A try is taken from the counter, and that is on the disk, before the PIN is looked at; only then is it given back.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections import defaultdict
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import malformed
from warifu.kernel.store import Store
from warifu.simulator.cards.schema import cards, people
from warifu.simulator.cards.tray import TRIES

_FORM: Final = re.compile(r"[0-9]{4}", re.ASCII)
_PIN: Final = select(people.c.pin).where(people.c.person == bindparam("handle"))
_LEFT: Final = select(cards.c.tries_left).where(cards.c.person == bindparam("handle"))
_TAKE: Final = (
    update(cards)
    .where(cards.c.person == bindparam("handle"), cards.c.tries_left > 0)
    .values(tries_left=cards.c.tries_left - 1)
)
_RESET: Final = update(cards).where(cards.c.person == bindparam("handle")).values(tries_left=TRIES)


class Pins:
    """The PIN check of one card service. One process may check one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def check(self, person: str, pin: str) -> None:
        """Return when the PIN is the card's; every other end raises.

        Raises:
            LinkageError: CLIENT_MALFORMED (field pin; not four ASCII digits: no try is used), CLIENT_CARD_UNKNOWN,
                CLIENT_PIN_WRONG with `left`, CLIENT_CARD_LOCKED.
        """
        if not _FORM.fullmatch(pin):
            raise malformed("pin", "four digits, half width")
        expected = self._store.read(lambda c: c.execute(_PIN, {"handle": person}).scalar_one_or_none())
        if expected is None:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
        async with self._locks[person]:  # in order: what one try gives back is never what another has just used up
            left = await self._store.write(lambda c: _take(c, person))
            if left is None:
                raise LinkageError(Reason.CLIENT_CARD_LOCKED)
            if hmac.compare_digest(pin, expected):
                await self._store.write(lambda c: c.execute(_RESET, {"handle": person}))
                return
        if left == 0:
            raise LinkageError(Reason.CLIENT_CARD_LOCKED)
        raise LinkageError(Reason.CLIENT_PIN_WRONG, metadata={"left": str(left)})


def _take(connection: Connection, person: str) -> int | None:
    """Use one try up; how many are left, or None when there was none."""
    if not connection.execute(_TAKE, {"handle": person}).rowcount:
        return None
    left: int = connection.execute(_LEFT, {"handle": person}).scalar_one()
    return left
