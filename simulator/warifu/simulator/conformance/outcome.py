"""How a check ends that does not pass."""

from __future__ import annotations

from collections.abc import Collection


class UnmetError(Exception):
    """The provider did not do what a requirement wants.

    Attributes:
        expected: what should have come, in words and protocol terms.
        got: what came.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


def expect(what: str, got: object, wanted: object) -> None:
    """Both must be equal.

    Raises:
        UnmetError: they are not.
    """
    if got != wanted:
        raise UnmetError(f"{what}: {shown(wanted)}", shown(got))


def shown(value: object) -> str:
    """A value as a report shows it: sets in order, bytes in hexadecimal."""
    if isinstance(value, (set, frozenset)):
        return ", ".join(sorted(map(str, value))) or "nothing"
    if isinstance(value, bytes):
        return value.hex() or "no bytes"
    if isinstance(value, Collection) and not isinstance(value, str):
        return ", ".join(map(shown, value)) or "nothing"
    return str(value)
