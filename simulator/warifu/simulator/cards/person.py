"""Somebody who gets a card: apart from the tray, so that whoever only looks people up loads no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from warifu.common.v1 import common_pb2


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One person of the population, as the card service needs to know them."""

    person: str
    """Handle, such as "p000123"; never a number or a code."""
    name: str
    kana: str
    traits: tuple[str, ...]
    """What a trainer may look for, such as "moved-household"; without spaces."""
    basic_items: common_pb2.BasicItems
    individual_number: str
    pin: str
    """Four digits, derived from the seed."""
    issued_on: date | None = None
    """A past day on which the card was handed out; None for a card that is handed out when it is made."""
