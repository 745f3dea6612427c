"""Cards handed out before anyone asks for one.

A card carries its holder as the register knew them on the day it was made, and outlives a move or a new number. Were every card made at its
first use, someone who moved before that day could have none: the tray knows them as they were. So the stock is made in the background,
the cast of the scenarios first.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, select

from warifu.kernel.errors import LinkageError
from warifu.kernel.store import Store
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.labels import ROLE
from warifu.simulator.cards.schema import cards, people

FIRST: Final = 5000
"""So many people from the tray's beginning have a card ready: all whom plays take. Whoever comes later in a large population gets theirs at its first use."""

BATCH: Final = 16
"""Cards a second: the cast of the scenarios has theirs within moments, and nobody else notices."""

PATIENCE: Final = timedelta(seconds=15)
"""Machine time until someone whom the authority refused is asked for again."""

_WITHOUT: Final = (
    select(people.c.person)
    .join_from(people, cards, people.c.person == cards.c.card)
    .where(
        people.c.position < FIRST,
        cards.c.certificate.is_(None),
        people.c.person.not_in(bindparam("skipped", expanding=True)),
    )
    .order_by(people.c.traits.not_like(f"%{ROLE}%"), people.c.position)
    .limit(BATCH)
)


def lacking(store: Store) -> bool:
    """Whether the card of anyone who shall have one is still to be made."""
    return store.read(lambda c: c.execute(_WITHOUT, {"skipped": []}).first()) is not None


class Stock:
    """A periodic job."""

    def __init__(self, made: Cards) -> None:
        self._cards = made
        self._served = False
        self._refused: dict[str, datetime] = {}

    async def issue(self) -> int:
        """Make some of the cards that are missing. Returns 0: none of it is due, so nobody who settles the network waits for all.

        Whom the authority refuses is asked for again later, so that nobody is held up by them. Until it has served anyone, the
        register may not be filled yet, and everyone is asked for again at once.
        """
        now = self._cards.clock.machine()
        waiting = [person for person, since in self._refused.items() if now - since < PATIENCE]
        wanted = self._cards.store.read(lambda c: c.execute(_WITHOUT, {"skipped": waiting}).scalars().all())
        tried = await asyncio.gather(*map(self._try, wanted))
        self._served = self._served or any(issued for _, issued in tried)
        if self._served:
            self._refused = {person: self._refused[person] for person in waiting}
            self._refused.update((person, now) for person, issued in tried if not issued)
        return 0

    async def _try(self, person: str) -> tuple[str, bool]:
        try:
            await self._cards.make(person)
        except LinkageError:
            return person, False
        return person, True
