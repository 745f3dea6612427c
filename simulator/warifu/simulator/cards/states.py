"""How a card on the tray stands, as far as it shows on itself: whether it was suspended, only the card authority knows."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from warifu.simulator.cards.tray import Found

RENEWAL: Final = timedelta(days=92)
"""How long before its end a certificate may be renewed: three months."""


class State(StrEnum):
    """What a trainer should know before choosing it."""

    READY = "ready"
    LOCKED = "locked"
    RENEWABLE = "renewable"
    """Its certificate ends within three months."""
    EXPIRED = "expired"


def state_of(card: Found, now: datetime) -> State:
    """The state of a card at a network time."""
    if card.locked:
        return State.LOCKED
    if card.ends is None or now < card.ends - RENEWAL:
        return State.READY
    return State.EXPIRED if now > card.ends else State.RENEWABLE
