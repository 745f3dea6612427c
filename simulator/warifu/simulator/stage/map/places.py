"""Where parties stand on the map, and what lies between them. Numbers are units of the drawing, 1000 wide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from warifu.law import Text

WIDE, HIGH = 1000, 440
_BOX: Final = 84
_RAIL: Final = 48
"""With a box, how far below the drawing's upper edge the rail runs that ties the counters to every agency."""
_BESIDE: Final = 46
"""From a box's middle, where its line to the gateway begins, to where the rail's ends."""
_LABELS: Final[Mapping[str, Text]] = {
    "numbering": Text("付番機関", "Numbering body"),
    "gateway": Text("ゲートウェイ", "Gateway"),
    "residency": Text("住民基本台帳", "Resident records"),
    "tax": Text("市町村の税務", "Resident tax"),
    "health_insurance": Text("医療保険", "Health insurance"),
    "welfare": Text("福祉", "Welfare"),
    "portal": Text("市民ポータル", "Citizen portal"),
    "watchdog": Text("監督機関（証人）", "Supervisor, witness"),
    "simulator": Text("カードサービス", "Card service"),
    "counter": Text("窓口", "Counters"),
}
_FIXED: Final = {
    "gateway": (390, 172, 220),
    "numbering": (20, 172, 220),
    "counter": (760, 172, 220),
    "portal": (70, 318, 250),
    "simulator": (375, 318, 250),
    "watchdog": (680, 318, 250),
}
"""Left edge, upper edge and width of those who have a place of their own; the agencies stand above in a row."""
_LINKS: Final = (
    ("numbering", "gateway"),
    ("portal", "gateway"),
    ("watchdog", "gateway"),
    ("simulator", "portal"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """One party's box."""

    name: str
    label: Text
    x: int
    y: int
    width: int
    height: int = _BOX

    @property
    def middle(self) -> tuple[int, int]:
        """Its centre."""
        return self.x + self.width // 2, self.y + self.height // 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two parties."""

    start: str
    end: str
    x1: int
    y1: int
    x2: int
    y2: int


def label(party: str) -> Text:
    """What a party is called; one that is not known here by its own name."""
    return _LABELS.get(party, Text(party, party))


def places(parties: Sequence[str], agencies: Sequence[str]) -> dict[str, Place]:
    """A box for every party: agencies, and whoever has no place of their own, in the row above."""
    above = [party for party in parties if party in agencies or party not in _FIXED]
    put = {party: Place(party, label(party), *_spot(party)) for party in parties if party not in above}
    width = min(230, (WIDE - 40) // max(len(above), 1) - 24)
    step = (WIDE - 40) // max(len(above), 1)
    for number, party in enumerate(above):
        put[party] = Place(party, label(party), 20 + number * step + (step - width) // 2, 24, width)
    return put


def _spot(party: str) -> tuple[int, int, int]:
    return _FIXED[party]


def lines(put: Mapping[str, Place], agencies: Sequence[str]) -> Iterator[Line]:
    """Who works with whom, as far as both are there: agencies by way of the gateway, the counters with every agency."""
    for start, end in [*((agency, "gateway") for agency in agencies), *_LINKS]:
        if start in put and end in put:
            yield Line(start, end, *put[start].middle, *put[end].middle)
    if "counter" in put:
        yield from _rail(put["counter"], [put[agency] for agency in agencies if agency in put])


def _rail(counter: Place, served: Sequence[Place]) -> Iterator[Line]:
    """From the counters up to a rail below the agencies, and from it to each."""
    if not served:
        return
    end, at = counter.middle[0], _BOX + _RAIL
    yield Line("counter", "counter", end, at, end, counter.y)
    for place in served:
        x = place.middle[0] + _BESIDE
        yield Line(place.name, "counter", x, place.y + place.height, x, at)
        yield Line(place.name, "counter", x, at, end, at)
