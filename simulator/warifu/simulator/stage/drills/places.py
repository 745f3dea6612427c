"""Where a drill's tasks are solved: ways into the other faces, chosen by whom and which institutions the drill has told of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from warifu.law import LawBook
from warifu.simulator.stage.ways import Ways

_PERSON: Final = re.compile(r"p-[0-9]{6,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """One way: where it leads, and for which of the texts of `drill_parts.html`."""

    kind: str
    """counter, citizen, portal, card, slip, watchdog, log, or people."""
    address: str
    about: str = ""
    """Name of the institution, or handle of the person."""


@dataclass(frozen=True, slots=True)
class Places:
    """The ways of one run."""

    ways: Ways
    institutions: Sequence[tuple[str, str]]
    """Code and name of those that the briefing names."""
    persons: Sequence[str]

    @classmethod
    def of(cls, ways: Ways, shown: Mapping[str, Any], book: LawBook, name: Callable[[str], str]) -> Places:
        """From the facts that trainees are told."""
        values = list(dict.fromkeys(_values(shown.values())))
        institutions = [(value, name(value)) for value in values if value in book.institutions]
        return cls(ways, institutions, [value for value in values if _PERSON.fullmatch(value)])

    def to(self, face: str) -> list[Place]:
        """Into one face; nothing where the network has no such face, or a command line is meant."""
        match face:
            case "counter":
                found = [Place("counter", self.ways.counter(code), name) for code, name in self.institutions]
            case "portal":
                found = [Place("citizen", self.ways.citizen(one), one) for one in self.persons]
                found.append(Place("portal", self.ways.portal))
            case "card":
                found = [Place("card", self.ways.card(one), one) for one in self.persons]
            case "stage":
                found = [Place("slip", f"/slip/{one}", one) for one in self.persons] or [Place("people", "/people")]
            case "watchdog":
                found = [Place("watchdog", self.ways.watchdog)]
            case _:
                found = []
        return [place for place in found if place.address]

    def all(self, *faces: str) -> list[Place]:
        """Into several faces, each way once."""
        return list(dict.fromkeys(place for face in faces for place in self.to(face)))


def _values(values: Any) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | tuple):
            yield from _values(value)
