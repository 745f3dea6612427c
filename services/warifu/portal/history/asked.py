"""What an address of the history asks for: where the page begins, how long it is, and what is wanted.

It follows from the query alone, and most queries come again and again, so what was read of one is kept: the same for whoever asks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple, Self

from starlette.datastructures import QueryParams

from warifu.portal.history.entries import Position
from warifu.portal.history.filters import Filter
from warifu.portal.history.queries import MOST_A_PAGE, PAGE_SIZE

_KEPT: Final = 256


class Asked(NamedTuple):
    """A page of the history."""

    before: Position | None
    after: Position | None
    size: int
    wanted: Filter

    @classmethod
    @lru_cache(maxsize=_KEPT)
    def read(cls, query: bytes) -> Self:
        """Of an address's query; what is malformed there is not asked for."""
        told = QueryParams(query)
        return cls(
            _position(told.get("before")), _position(told.get("after")), _size(told.get("limit", "")), Filter.read(told)
        )


def _position(text: str | None) -> Position | None:
    return Position.read(text) if text else None


def _size(text: str) -> int:
    """The page size asked for, within bounds; anything else is the usual one."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):  # noqa: PLR2004 - digits of the largest
        return PAGE_SIZE
    return max(1, min(int(text), MOST_A_PAGE))
