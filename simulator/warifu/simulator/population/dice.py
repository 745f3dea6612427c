"""Random choices that come out the same on every Python version.

Only ``random.Random.random`` and seeding are promised to be reproducible across versions, so everything here is built
on that one method.
"""

import math
from bisect import bisect
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Table(Generic[T]):
    """Things with weights, to draw from."""

    __slots__ = ("_cumulated", "items")

    def __init__(self, rows: Iterable[tuple[T, float]]) -> None:
        """``rows`` are (thing, weight); weights are positive and need not add up to one."""
        pairs = tuple(rows)
        self.items = tuple(item for item, _ in pairs)
        self._cumulated = tuple(accumulate(weight for _, weight in pairs))

    def at(self, place: float) -> T:
        """The thing at ``place`` (0 to below 1) of the total weight."""
        position = bisect(self._cumulated, place * self._cumulated[-1])
        return self.items[min(position, len(self.items) - 1)]


class Dice:
    """One stream of random choices."""

    __slots__ = ("_random", "seed")

    def __init__(self, *parts: object) -> None:
        """The stream is fixed by ``parts``: a seed and what the stream is for."""
        self.seed = str(parts[0])
        self._random = Random("|".join(map(str, parts))).random  # noqa: S311 - a simulation, not a secret

    def unit(self) -> float:
        """A number from 0 to below 1."""
        return self._random()

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self._random() < probability

    def whole(self, low: int, high: int) -> int:
        """An integer from ``low`` to ``high``, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, all alike."""
        return items[int(self._random() * len(items))]

    def draw(self, table: Table[T]) -> T:
        """One of the table's things, by weight."""
        return table.at(self._random())

    def day(self, first: date, last: date) -> date:
        """A day from ``first`` to ``last``, both included; ``first`` when the span is empty."""
        return first + timedelta(days=max(0, int(self._random() * ((last - first).days + 1))))

    def years(self, yearly_rate: float) -> float:
        """How many years pass until something that happens at that rate."""
        return -math.log(1.0 - self._random()) / yearly_rate

    def spread(self, sigma: float) -> float:
        """A factor around one, between about 1 - 2 sigma and 1 + 2 sigma, bell-shaped (sum of four)."""
        r = self._random
        return 1.0 + sigma * 1.732 * (r() + r() + r() + r() - 2.0)
