"""The record of look-ups: who, how, with what success, when. Never what was searched, nor who was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import Connection, insert

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.numbering.schema import LOOKUP

_ADD = insert(LOOKUP)


class Kind(StrEnum):
    """How somebody was looked for."""

    MATCH = "match"
    LOOK_UP = "look-up"
    ENROL_BY_NUMBER = "enrol-by-number"
    ENROL_BY_ITEMS = "enrol-by-items"
    ENROL_BY_CERTIFICATE = "enrol-by-certificate"
    CHANGE = "change"
    CARD = "card"
    CARD_DESK = "card-desk"
    HELP_LINE = "help-line"


class Outcome(StrEnum):
    """With what success."""

    FOUND = "found"
    NOT_FOUND = "not-found"
    AMBIGUOUS = "ambiguous"
    RETIRED = "retired"
    REFUSED = "refused"


Look = tuple[Kind, Outcome]


class Journal:
    """Writes look-ups down; an awaited `note` is durable."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def note(self, institution: str, *looks: Look) -> None:
        """One row for each sort of look, with how many there were."""
        rows = self._rows(institution, looks)
        if rows:
            await self._store.write(lambda connection: _add(connection, rows))

    def _rows(self, institution: str, looks: Iterable[Look]) -> list[dict[str, object]]:
        at = milliseconds(self._clock.network())
        return [
            {"institution": institution, "kind": kind, "outcome": outcome, "times": times, "looked_at": at}
            for (kind, outcome), times in Counter(looks).items()
        ]


def _add(connection: Connection, rows: list[dict[str, object]]) -> None:
    connection.execute(_ADD, rows)
