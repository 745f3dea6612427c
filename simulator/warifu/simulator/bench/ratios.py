"""Blocks of exchanges and their ratios, pair by pair: what the machine does besides hits both of a pair alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Block:
    """One uninterrupted stretch of exchanges."""

    latencies: tuple[float, ...]
    """Seconds of each exchange."""
    seconds: float
    """Wall time of all."""
    cpu_seconds: float
    """What the measured process spent on them, afterwork included."""

    @property
    def p50(self) -> float:
        """Median latency in seconds."""
        return median(self.latencies)

    @property
    def throughput(self) -> float:
        """Exchanges a second."""
        return len(self.latencies) / self.seconds

    @property
    def cpu(self) -> float:
        """CPU seconds an exchange."""
        return self.cpu_seconds / len(self.latencies)


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the ratios of pairs, and between which values the middle half of them lies."""

    median: float
    low: float
    """Lower quartile; the smallest, of fewer than four pairs."""
    high: float
    """Upper quartile; the largest, of fewer than four pairs."""
    pairs: int


Pair = tuple[Block, Block]
"""With and without what is measured, one right after the other."""
FEW = 4


def ratio_of(pairs: Sequence[Pair], value: Callable[[Block], float]) -> Ratio:
    """With ÷ without."""
    return spread([value(one) / value(other) for one, other in pairs])


def spread(values: Sequence[float]) -> Ratio:
    """Ratios that were measured one after the other."""
    found = sorted(values)
    low, high = found[0], found[-1]
    if len(found) >= FEW:
        low, _, high = quantiles(found, n=4, method="inclusive")
    return Ratio(median(found), low, high, len(found))
