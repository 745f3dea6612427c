"""How long things took, by name, in a fixed number of classes: what a histogram of metrics is made of. No library, no lock: one event loop."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the classes in seconds; what is longer falls into a last one without end."""


@dataclass(slots=True)
class Spread:
    """Durations of one name."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """By class; the last is longer than every bound."""
    seconds: float = 0.0
    """All together."""

    def note(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def add(self, other: Spread) -> None:
        """All of another."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds

    @property
    def count(self) -> int:
        """How many."""
        return sum(self.counts)

    def up_to(self) -> list[tuple[str, int]]:
        """(upper end, how many were no longer), as OpenMetrics wants buckets; the last end is "+Inf"."""
        told, so_far = [], 0
        for end, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            so_far += count
            told.append((end, so_far))
        return told


class Durations:
    """Durations by name. Names come from a closed list, such as methods of contracts."""

    def __init__(self) -> None:
        self._spreads: dict[str, Spread] = {}

    def note(self, name: str, seconds: float) -> None:
        """One more."""
        spread = self._spreads.get(name)
        if spread is None:
            spread = self._spreads[name] = Spread()
        spread.note(seconds)

    @property
    def spreads(self) -> Mapping[str, Spread]:
        """By name."""
        return self._spreads
