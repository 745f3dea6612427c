"""What municipal counters ordered for cards: new tries, and new cards. A periodic job reads the orders and carries them out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.pins import Secrets
from warifu.simulator.cards.schema import positions

_NAME: Final = "orders"
_READ: Final = select(positions.c.position).where(positions.c.name == _NAME)
_ADVANCE: Final = update(positions).where(positions.c.name == _NAME).values(position=bindparam("to"))
_BEGIN: Final = insert(positions)
_DONE_BEFORE: Final = frozenset({Reason.CLIENT_CARD_UNKNOWN, Reason.CLIENT_PERSON_NOT_MATCHED})
"""Refusals that no later try will change: the card was made out before, or its holder died."""


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders for the cards of one card service."""

    store: Store
    cards: Cards
    pins: Secrets
    passwords: Secrets

    async def carry_out(self) -> int:
        """Do what was ordered since the last time; how many orders that were. Without the authority nothing, and none is lost."""
        after = self.store.read(lambda c: c.execute(_READ).scalar_one_or_none()) or 0
        try:
            orders = await self.cards.issuer.orders(after)
            for order in orders:
                await self._do(order)
                await self.store.write(lambda c, to=order.position: _advance(c, to))  # type: ignore[misc]
        except LinkageError:
            return 0
        return len(orders)

    async def _do(self, order: pb.CardOrder) -> None:
        card = self.cards.by_number(order.card_number)
        if card is None:
            return
        if order.act == pb.CARD_ACT_UNLOCK_PIN:
            await self.pins.reset(card)
        elif order.act == pb.CARD_ACT_UNLOCK_SIGNATURE:
            await self.passwords.reset(card)
        elif order.act == pb.CARD_ACT_REISSUE:
            try:
                await self.cards.make_anew(order.card_number, order.order_id)
            except LinkageError as error:
                if error.reason not in _DONE_BEFORE:
                    raise


def _advance(connection: Connection, to: int) -> None:
    if not connection.execute(_ADVANCE, {"to": to}).rowcount:
        connection.execute(_BEGIN, {"name": _NAME, "position": to})
