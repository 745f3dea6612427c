"""Names of what lies on the tray, and the secrets that it was handed out with."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

PHONE: Final = ".phone"
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_HALF: Final = 4


def phone_of(person: str) -> str:
    """The handle of someone's phone."""
    return person + PHONE


def is_phone(card: str) -> bool:
    """Whether a handle is a phone's."""
    return card.endswith(PHONE)


def person_of(card: str) -> str:
    """Whose card or phone it is."""
    return card.removesuffix(PHONE)


def first_password(person: str, pin: str) -> str:
    """The signature password that a card is handed out with: four letters and four digits, the same whenever the network is set up anew."""
    drawn = hmac.digest(pin.encode(), f"signature password/{person}".encode(), sha256)
    letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in drawn[:_HALF])
    return letters + "".join(str(byte % 10) for byte in drawn[_HALF : 2 * _HALF])
