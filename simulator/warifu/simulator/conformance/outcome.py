"""How a check ends that does not pass."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

_NOTHING = "–"


class Text(NamedTuple):
    """What a person reads, in both languages."""

    ja: str
    en: str


def plain(value: object) -> Text:
    """A value that is the same in every language."""
    return Text(shown(value), shown(value))


class UnmetError(Exception):
    """The provider did not do what a requirement wants.

    Attributes:
        expected: what should have come, in words and protocol terms.
        got: what came.
    """

    def __init__(self, expected: Text, got: Text) -> None:
        super().__init__(f"expected {expected.en}, got {got.en}")
        self.expected = expected
        self.got = got


def expect(what: Text, got: object, wanted: object) -> None:
    """Both must be equal.

    Raises:
        UnmetError: they are not.
    """
    if got != wanted:
        raise UnmetError(Text(f"{what.ja}：{shown(wanted)}", f"{what.en}: {shown(wanted)}"), plain(got))


def shown(value: object) -> str:
    """A value as a report shows it: sets in order, bytes in hexadecimal."""
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(str, value))) or _NOTHING
    if isinstance(value, bytes):
        return value.hex() or _NOTHING
    if isinstance(value, Collection) and not isinstance(value, str):
        return ", ".join(map(shown, value)) or _NOTHING
    return str(value)
