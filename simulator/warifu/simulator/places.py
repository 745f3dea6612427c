"""Where in its stream each chunk of a network's population ended when it was loaded: `population.json` in the state folder.

The last place is how far the loading came, from which it goes on after an interruption. All of them lead to a person without drawing
everybody before them. If the file is lost, a loaded network finds its people more slowly, and a half-loaded one begins again at the first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from warifu.simulator.population import START, Place

_NAME: Final = "population.json"


def load(state: Path) -> list[Place]:
    """The places in their order; none before the first chunk is loaded, or when the file cannot be read."""
    try:
        pairs = json.loads((state / _NAME).read_text(encoding="ascii"))["chunks"]
        return [Place(int(household), int(people)) for household, people in pairs]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def save(state: Path, places: Sequence[Place]) -> None:
    """Write them down, atomically."""
    fresh = state / f".{_NAME}.new"
    fresh.write_text(json.dumps({"chunks": [(one.household, one.people) for one in places]}), encoding="ascii")
    fresh.replace(state / _NAME)


def before(places: Sequence[Place], person: int) -> Place:
    """The last known place from which the stream leads to the `person`-th of the population, counted from 0."""
    return max((one for one in places if one.people <= person), key=lambda one: one.people, default=START)
