"""`warifu bench`: all that is asked for, in one run."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from warifu.simulator.bench import durable
from warifu.simulator.bench.durable import Held
from warifu.simulator.bench.field import field
from warifu.simulator.bench.hands import Stretch
from warifu.simulator.bench.network import check_path
from warifu.simulator.bench.ratios import Ratio
from warifu.simulator.bench.rows import EXCHANGES, ROWS, Exchanged, Step, steps
from warifu.simulator.bench.turns import Progress, Turn, alone, cores, echo, ratio, turns

PEOPLE: Final = 300
"""More than there are callers, so that they ask about different people."""
ALONE: Final = (1, 16, 64)
"""Callers with whom E2 is measured by itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rows: tuple[str, ...]
    pairs: int
    quick: bool = False

    @property
    def seconds(self) -> float:
        """Of a stretch."""
        return 0.5 if self.quick else 2.0

    @property
    def bulk(self) -> int:
        """Subjects of one bulk inquiry."""
        return 200 if self.quick else 1_000

    @property
    def exchanges(self) -> tuple[Exchanged, ...]:
        """The rows that are measured in turns."""
        return tuple(row for row in EXCHANGES if row.name in self.rows)


@dataclass(frozen=True, slots=True)
class Cost:
    """One step over all turns: medians."""

    step: Step
    rate: float
    p50: float
    p99: float
    cpu: Mapping[str, float]
    """CPU seconds an exchange, by process."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a run found."""

    plan: Plan
    at: datetime
    alone: Mapping[int, Stretch]
    """E2 by itself, before anything else was up; by callers."""
    held: Sequence[Held]
    turns: Sequence[Turn]
    ratios: Mapping[str, Ratio]
    notes: Mapping[str, Any]
    """Of single rows, such as how many records were behind a page."""

    @property
    def costs(self) -> list[Cost]:
        """Each step's."""
        return [_cost(step, self.turns) for step in (self.turns[0] if self.turns else ())]


def _cost(step: Step, found: Sequence[Turn]) -> Cost:
    these = [turn[step] for turn in found]
    names = these[0].cpu
    return Cost(
        step,
        median(one.stretch.rate for one in these),
        median(one.stretch.quantile(0.5) for one in these),
        median(one.stretch.quantile(0.99) for one in these),
        {name: median(one.cpu[name] / one.stretch.done for one in these) for name in names},
    )


async def compare(folder: Path, plan: Plan, progress: Progress) -> Found:
    """Measure in `folder`, which must be empty and lie on the disk that matters.

    Raises:
        ToldError: a process did not start, an exchange was not answered, or an answer was released before its record was durable.
    """
    check_path(folder / "n")
    at = datetime.now(tz=UTC)
    found: list[Turn] = []
    by_itself: Mapping[int, Stretch] = {}
    held: Sequence[Held] = ()
    if plan.exchanges:
        async with echo(folder / "e") as one:
            by_itself = await alone(one, ALONE, plan.seconds)
            async with field(folder / "n", PEOPLE, plan.bulk) as network:
                found = await turns(one, network, steps(plan.exchanges), plan.pairs, plan.seconds, progress)
                held = [*await durable.check(network, "unary"), *await durable.check(network, "connector")]
    ratios = {row.name: ratio(row, found) for row in plan.exchanges}
    return Found(plan, at, by_itself, held, found, ratios, {})


def document(found: Found) -> dict[str, Any]:
    """As `--json` prints it."""
    return {
        "at": found.at.isoformat(timespec="seconds"),
        "machine": machine(),
        "quick": found.plan.quick,
        "spread": "low and high are the quartiles of the pairs' ratios; of fewer than four pairs the smallest and the largest",
        "ratios": {name: _told(ratio) for name, ratio in found.ratios.items()},
        "goals": {
            name: {"required": goal.required, "aim": goal.aim, "met": goal.met(found.ratios[name].median)}
            for name in found.ratios
            if (goal := ROWS[name].goal) is not None
        },
        "echo_alone": {f"c{callers}": round(stretch.rate, 1) for callers, stretch in found.alone.items()},
        "steps": [_step(cost) for cost in found.costs],
        "durability": [
            {
                "held": one.side,
                "before": one.before,
                "while_held": one.released,
                "early": len(one.early),
                "after": one.after,
            }
            for one in found.held
        ],
        **found.notes,
    }


def _told(ratio: Ratio) -> dict[str, float]:
    return {
        "median": round(ratio.median, 3),
        "low": round(ratio.low, 3),
        "high": round(ratio.high, 3),
        "pairs": ratio.pairs,
    }


def _step(cost: Cost) -> dict[str, Any]:
    return {
        "call": cost.step.call,
        "callers": cost.step.callers,
        "per_second": round(cost.rate, 1),
        "p50_us": round(cost.p50 * 1e6, 1),
        "p99_us": round(cost.p99 * 1e6, 1),
        "cpu_us": {name: round(seconds * 1e6, 1) for name, seconds in cost.cpu.items()},
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cpus": cores(),
        "cpu": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("grpcio", "protobuf", "cryptography", "SQLAlchemy", "warifu")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
