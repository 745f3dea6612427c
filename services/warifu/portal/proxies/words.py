"""Pairing words: shown once, typed once, kept as a hash.

Twelve letters of Crockford's base 32 (no I, L, O, U) carry 60 random bits, so that a plain SHA-256 suffices: whoever reads the hash cannot
try them all within the word's ten minutes. Typed, a word may be in any case and width and with any separators.
"""

from __future__ import annotations

import secrets
import unicodedata
from hashlib import sha256
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SIZE: Final = 12
_GROUP: Final = 4
_MEANT: Final = str.maketrans("ILO", "110")
_LONGEST: Final = 100
"""Letters that are looked at: more is no word, however it is spaced."""


def make() -> str:
    """A new word as it is shown, such as "7QK2-M0XD-93FA"."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_SIZE))
    return "-".join(letters[start : start + _GROUP] for start in range(0, _SIZE, _GROUP))


def word_hash(typed: str) -> bytes | None:
    """The hash by which a word is kept, from what somebody typed; None when it cannot be a word."""
    folded = unicodedata.normalize("NFKC", typed[:_LONGEST]).upper()
    letters = "".join(letter for letter in folded if not _separates(letter)).translate(_MEANT)
    if len(typed) > _LONGEST or len(letters) != _SIZE or any(letter not in _ALPHABET for letter in letters):
        return None
    return sha256(letters.encode("ascii")).digest()


def _separates(letter: str) -> bool:
    """Spaces and dashes of every kind; a Japanese keyboard's are letters by category."""
    return letter in "ー−" or unicodedata.category(letter)[0] in "PZ"
