"""The party `simulator`: the card service with its web face.

It has no right at any other party but to ask for card certificates and to read what counters ordered for cards.
"""

from __future__ import annotations

from warifu.kernel.party import Context, Party
from warifu.simulator.cards.app import assemble
from warifu.simulator.cards.card import Cards, storage_key
from warifu.simulator.cards.issuer import IssuerCalls
from warifu.simulator.cards.orders import Orders
from warifu.simulator.cards.pins import Passwords, Pins
from warifu.simulator.cards.stock import Stock
from warifu.simulator.cards.tray import STORE_NAME, open_store
from warifu.web.face import Face


async def build(context: Context) -> Party:
    """The simulator's own party, with people and cards in its folder.

    Raises:
        ValueError: the configuration has no web face, or the cards' storage key is damaged.
    """
    config = context.config
    if config.web is None:
        raise ValueError("the simulator needs a web face for its card service (web)")
    store = open_store(config.folder, config.database_url)
    cards = Cards(store, context.clock, IssuerCalls(context.peers), storage_key(config.folder / "secrets"))

    async def close() -> None:
        store.close()

    return Party(
        services=(),
        jobs={
            "cards": Stock(cards).issue,
            "orders": Orders(store, cards, Pins(store), Passwords(store)).carry_out,
        },
        checks={STORE_NAME: store.check},
        close=close,
        web=assemble(Face.of(config.web, "card"), store, cards),
    )
