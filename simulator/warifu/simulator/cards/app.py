"""The card service's web application."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from warifu.kernel.store import Store
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.care import CareViews
from warifu.simulator.cards.pins import Passwords, Pins
from warifu.simulator.cards.signature import SignatureViews
from warifu.simulator.cards.views import CardViews
from warifu.simulator.readings import reading
from warifu.web.face import Face, Unopened, application
from warifu.web.pages import Pages

HERE: Final = Path(__file__).parent
DOMAIN: Final = "cards"


def assemble(face: Face, store: Store, cards: Cards) -> ASGIApp:
    """The pages over one store."""
    return Unopened(lambda: _opened(face, store, cards))


def _opened(face: Face, store: Store, cards: Cards) -> ASGIApp:
    pages = Pages.of(HERE, DOMAIN, reading=reading)
    pins, passwords = Pins(store), Passwords(store)
    features = (
        CardViews(face, pages, store, pins, cards),
        SignatureViews(face, pages, store, passwords, cards),
        CareViews(face, pages, store, pins, passwords, cards),
    )
    return application(face, pages, [route for feature in features for route in feature.routes()])
