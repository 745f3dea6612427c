"""What the public log costs an exchange: the same exchanges by turns through a gateway as it is and through one that integrates nothing.

Both commit the same records and entries. One of them also places the entries in the tree, signs each head, has it witnessed, and lets no
exchange pass while the log stands still; the other does none of that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from warifu.simulator.bench.network import Network, check_path, network
from warifu.simulator.bench.ratios import Block, Pair, Ratio, ratio_of
from warifu.simulator.told import ToldError

SIDES: Final = ("with", "without")
CALLERS: Final = (1, 16)
ENTRIES_EACH: Final = 2
"""Entries of an answered exchange: request and outcome."""
WARM_UP: Final = 10
"""Exchanges of each network before anything is measured."""
WITNESSED_WITHIN: Final = 30.0
"""Seconds for the log to take in a block's entries; it is at it while they come."""

FIGURES: Final[dict[str, Callable[[Block], float]]] = {
    "latency_p50": lambda block: block.p50,
    "throughput": lambda block: block.throughput,
    "gateway_cpu": lambda block: block.cpu,
}
Progress = Callable[[int, int], None]
"""Told after each block: how many are done, of how many."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    pairs: int
    """Of blocks, for each number of callers."""
    exchanges: int
    """In a block of one caller; several callers together make four times as many."""

    def count(self, callers: int) -> int:
        """Exchanges in a block."""
        return self.exchanges if callers == 1 else 4 * self.exchanges


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was measured, by the number of callers."""

    pairs: dict[int, list[Pair]]
    entries: int
    """How many the log took in, all of them witnessed."""

    def ratios(self) -> dict[str, Ratio]:
        """With the log ÷ without, by figure and callers: `latency_p50_c1`, `throughput_c16` and so on."""
        return {
            f"{name}_c{callers}": ratio_of(pairs, value)
            for callers, pairs in self.pairs.items()
            for name, value in FIGURES.items()
        }

    def median(self, name: str, callers: int) -> tuple[float, float]:
        """A figure with the log and without, over all blocks: seconds, or exchanges a second."""
        value = FIGURES[name]
        with_log, without = zip(*self.pairs[callers], strict=True)
        return median(map(value, with_log)), median(map(value, without))


async def compare(folder: Path, plan: Plan, progress: Progress) -> Comparison:
    """Measure in `folder`, which must be empty and lie on the disk that matters.

    Raises:
        ToldError: a network did not start, or an exchange was not answered, or the log did not take in what it should.
    """
    people = max(CALLERS)
    for name in SIDES:
        check_path(folder / name)
    done, total = 0, 2 * plan.pairs * len(CALLERS)
    pairs: dict[int, list[Pair]] = {callers: [] for callers in CALLERS}
    async with AsyncExitStack() as stack:
        logged = await stack.enter_async_context(network(folder / SIDES[0], "gateway", people, witnessed=True))
        plain = await stack.enter_async_context(network(folder / SIDES[1], "unlogged", people, witnessed=False))
        for one in (logged, plain):
            await _block(one, max(CALLERS), WARM_UP, _settle if one is logged else _nothing)
        for turn in range(plan.pairs):
            for callers in CALLERS:
                # Who comes first changes with every pair.
                order = (logged, plain) if turn % 2 == 0 else (plain, logged)
                measured = {}
                for one in order:
                    after = _settle if one is logged else _nothing
                    measured[one is logged] = await _block(one, callers, plan.count(callers), after)
                    progress(done := done + 1, total)
                pairs[callers].append((measured[True], measured[False]))
        (size, witnessed), unlogged = await logged.head(), await plain.head()
    expected = ENTRIES_EACH * (WARM_UP + sum(plan.pairs * plan.count(callers) for callers in CALLERS))
    if witnessed < expected or size != witnessed or unlogged != (0, 0):
        raise ToldError(
            f"測定になりません。ログの {expected} 件以上のはずが {size} 件、証人署名を得たのは {witnessed} 件です。",
            f"this was no measurement: of {expected} entries or more the log has {size}, and {witnessed} are witnessed.",
        )
    return Comparison(pairs, size)


async def _block(one: Network, callers: int, exchanges: int, afterwork: Callable[[Network, int], Any]) -> Block:
    """Callers who take the next exchange as soon as they are done with one."""
    latencies: list[float] = []
    left = iter(range(exchanges))
    size, _ = await one.head()

    async def call() -> None:
        for _ in left:
            begun = time.perf_counter()
            await one.ask()
            latencies.append(time.perf_counter() - begun)

    cpu, begun = one.gateway.cpu(), time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(callers):
            tasks.create_task(call())
    seconds = time.perf_counter() - begun
    await afterwork(one, size + ENTRIES_EACH * exchanges)
    return Block(tuple(latencies), seconds, one.gateway.cpu() - cpu)


async def _settle(one: Network, size: int) -> None:
    """Until the log has so many entries, all witnessed: what is still to do when the last answer is there belongs to its cost."""
    with suppress(TimeoutError):  # what is missing is told at the end
        async with asyncio.timeout(WITNESSED_WITHIN):
            while (await one.head())[1] < size:  # noqa: ASYNC110 - another process' work has no event here
                await asyncio.sleep(0.05)


async def _nothing(one: Network, size: int) -> None:
    """There is no afterwork."""
    del one, size


def document(found: Comparison, plan: Plan) -> dict[str, Any]:
    """The comparison for programs: ratios, and the medians that they come from in microseconds and exchanges a second."""
    units = {
        "latency_p50": ("latency_p50_us", 1e6),
        "throughput": ("exchanges_per_second", 1.0),
        "gateway_cpu": ("gateway_cpu_us", 1e6),
    }
    medians = []
    for callers in found.pairs:
        row: dict[str, Any] = {"callers": callers, "exchanges": plan.count(callers) * plan.pairs}
        for name, (unit, factor) in units.items():
            with_log, without = found.median(name, callers)
            row[unit] = {"with": round(with_log * factor, 1), "without": round(without * factor, 1)}
        medians.append(row)
    ratios = {
        name: {"median": round(r.median, 3), "low": round(r.low, 3), "high": round(r.high, 3), "pairs": r.pairs}
        for name, r in found.ratios().items()
    }
    return {"ratios": ratios, "medians": medians, "log_entries": found.entries}
