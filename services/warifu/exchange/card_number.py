"""The number on a card's face: "WF" and twelve digits, the last of them a check digit (Luhn, ISO/IEC 7812-1 annex B).

A synthetic number with no meaning: it is drawn, never derived, and is no individual number. The check digit lets a form say that a number was
mistyped without asking anybody whether there is such a card.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from warifu.kernel.ids import Ids

PREFIX: Final = "WF"
_DIGITS: Final = 11
_FORM: Final = re.compile(rf"{PREFIX}[0-9]{{{_DIGITS + 1}}}", re.ASCII)
_SEPARATORS: Final = re.compile(r"[\s\-‐-―−ー]")


def draw(ids: Ids, scope: str) -> str:
    """A number that in all likelihood no card has yet: one of 10¹¹."""
    body = f"{int.from_bytes(ids.token(scope)) % 10**_DIGITS:0{_DIGITS}}"
    return f"{PREFIX}{body}{_check_digit(body)}"


def normal(typed: str) -> str | None:
    """The number that somebody typed, in its own form; None for what is none. Width, case, spaces and hyphens do not matter."""
    number = _SEPARATORS.sub("", unicodedata.normalize("NFKC", typed[:100])).upper()
    if not _FORM.fullmatch(number) or _check_digit(number[len(PREFIX) : -1]) != number[-1]:
        return None
    return number


def written(number: str) -> str:
    """As printed on the card: "WF 1234 5678 9012"."""
    body = number.removeprefix(PREFIX)
    return " ".join([PREFIX, *(body[start : start + 4] for start in range(0, len(body), 4))])


def _check_digit(body: str) -> str:
    doubled = (int(digit) * 2 if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(body)))
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)
