"""Figures over the time of a run: throughput and percentiles, in equal slices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from warifu.simulator.traffic.drive import Made


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of the run."""

    begin: float
    """Seconds of driving."""
    seconds: float
    done: int
    p50: float | None
    """Seconds; None where nothing was answered."""
    p90: float | None
    p99: float | None

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.done / self.seconds


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed (nearest rank); None of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def slices(made: Sequence[Made], seconds: float, most: int = 40) -> list[Slice]:
    """The run in at most so many slices of a second or more, each with the latencies of what was answered in it."""
    answered = [(one.done, one.latency) for one in made if one.done is not None and one.latency is not None]
    if not answered:
        return []
    end = max(seconds, *(done for done, _ in answered))
    number = max(1, min(most, int(end)))
    width = end / number
    sorted_in: list[list[float]] = [[] for _ in range(number)]
    for done, latency in answered:
        sorted_in[min(number - 1, int(done / width))].append(latency)
    return [_slice(place * width, width, sorted(latencies)) for place, latencies in enumerate(sorted_in)]


def _slice(begin: float, width: float, ordered: Sequence[float]) -> Slice:
    p50, p90, p99 = (percentile(ordered, share) for share in (0.5, 0.9, 0.99))
    return Slice(begin, width, len(ordered), p50, p90, p99)
