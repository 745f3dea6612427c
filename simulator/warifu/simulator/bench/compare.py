"""`warifu bench`: all that is asked for, in one run."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from dataclasses import field as field_
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from warifu.simulator.bench import durable, nginx, population
from warifu.simulator.bench.durable import Held
from warifu.simulator.bench.field import field
from warifu.simulator.bench.hands import Hand, Stretch
from warifu.simulator.bench.network import check_path
from warifu.simulator.bench.ratios import Ratio
from warifu.simulator.bench.rows import (
    BY_NGINX,
    ECHO,
    EXCHANGES,
    NGINX,
    POPULATION,
    ROWS,
    SHARED,
    STORES,
    Row,
    Step,
    steps,
)  # fmt: skip
from warifu.simulator.bench.stock import Stock
from warifu.simulator.bench.turns import Progress, Side, Turn, alone, cores, echo, ratio, sides_of, turns
from warifu.simulator.told import ToldError

PEOPLE: Final = 300
"""More than there are callers, so that they ask about different people."""
BYTES_EACH: Final = 1_800
"""Of the disk, for one record of the history and one of the bare table, with their indexes."""
LOADED_PEOPLE: Final = 1_000
MOST_LOADS: Final = 3
ALONE: Final = (1, 16, 64)
"""Callers with whom E2 is measured by itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rows: tuple[str, ...]
    pairs: int
    quick: bool = False
    named: bool = False
    """Just these rows are asked for: one that cannot be measured here is an error, and not left out."""
    history: int | None = None
    """Records behind a page; by default as many as the kind of run has."""
    kept: Path | None = None
    """Where the records of the history are, or will be, for further runs; by default they are made anew and go with the run."""

    @property
    def seconds(self) -> float:
        """Of a stretch."""
        return 0.4 if self.quick else 2.0

    @property
    def bulk(self) -> int:
        """Subjects of one bulk inquiry."""
        return 200 if self.quick else 1_000

    @property
    def records(self) -> int:
        """Behind a page of the history."""
        return self.history or (100_000 if self.quick else 10_000_000)

    def of(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Those of the rows that are wanted."""
        return tuple(row for row in rows if row.name in self.rows)


@dataclass(frozen=True, slots=True)
class Cost:
    """One step over all turns: medians."""

    step: Step
    rate: float
    p50: float
    p99: float
    cpu: Mapping[str, float]
    """CPU seconds an exchange, by process."""


@dataclass(slots=True)
class Found:
    """What a run found, as it goes on."""

    plan: Plan
    at: datetime
    alone: dict[int, Stretch] = field_(default_factory=dict)
    """E2 by itself, before anything else was up; by callers."""
    held: dict[str, Sequence[Held]] = field_(default_factory=dict)
    """What was seen while stores were held, by how the requester asked."""
    ratios: dict[str, Ratio] = field_(default_factory=dict)
    costs: list[Cost] = field_(default_factory=list)
    """Of each step."""
    notes: dict[str, Any] = field_(default_factory=dict)
    """Of single rows, such as how many records were behind a page."""

    def add(self, rows: Sequence[Row], measured: Sequence[Turn]) -> None:
        """Take in the turns that measured these rows."""
        self.ratios |= {row.name: ratio(row, measured) for row in rows}
        self.costs += [_cost(step, measured) for step in measured[0]]


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
    if plan.named and plan.of([BY_NGINX]) and nginx.installed() is None:
        raise ToldError(
            f"{BY_NGINX.name} は nginx がなければ測れません。apt install nginx で入れるか、ほかの行を測ってください。",
            f"{BY_NGINX.name} cannot be measured without nginx: apt install nginx, or measure other rows.",
        )
    found = Found(plan, datetime.now(tz=UTC))
    if plan.of((*EXCHANGES, BY_NGINX)):
        await _exchanges(folder, found, progress)
    for names in SHARED:
        if rows := plan.of([row for row in STORES if row.name in names]):
            await _STORES[names[0]](folder, rows, found, progress)
    if plan.of([POPULATION]):
        await _people(folder, found)
    return found


async def _exchanges(folder: Path, found: Found, progress: Progress) -> None:
    plan = found.plan
    program = nginx.installed()
    rows = plan.of(EXCHANGES if program is None else (*EXCHANGES, BY_NGINX))
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(echo(folder / "e"))
        found.alone.update(await alone(one, ALONE, plan.seconds))
        network = await stack.enter_async_context(field(folder / "n", PEOPLE, plan.bulk))
        sides = sides_of(one, network)
        if BY_NGINX in rows and program is not None:
            end = one.hands["echo-end"]
            worker, hands = await stack.enter_async_context(nginx.proxied(folder / "e", end, program))
            sides[NGINX] = Side(worker, ECHO, hands)
        found.add(rows, await turns(sides, steps(rows), plan.pairs, plan.seconds, progress))
        for call in dict.fromkeys("unary" if row.over.call == "unary" else "connector" for row in rows):
            found.held[call] = await durable.check(network, call)


async def _people(folder: Path, found: Found) -> None:
    """A network each pair: a few are enough."""
    pairs = await population.measure(folder / "p", LOADED_PEOPLE, min(found.plan.pairs, MOST_LOADS))
    found.ratios[POPULATION.name] = population.ratio(pairs)
    found.notes["population"] = population.document(pairs)


async def _ledger(folder: Path, rows: Sequence[Row], found: Found, progress: Progress) -> None:
    (folder / "l").mkdir()
    worker = await Hand.start("ledger", "warifu.simulator.bench.ledger", folder / "l")
    await _stores(worker, rows, found, progress)


async def _history(folder: Path, rows: Sequence[Row], found: Found, progress: Progress) -> None:
    records, folder = found.plan.records, found.plan.kept or folder
    if not (there := Stock(folder / "h", records).is_there()) and shutil.disk_usage(folder).free < records * BYTES_EACH:
        raise ToldError(
            f"{folder} のあるディスクに空きが {records * BYTES_EACH >> 30} GB 要ります。--disk で選ぶか、--records で減らしてください。",
            f"the disk of {folder} needs {records * BYTES_EACH >> 30} GB of free space: choose one with --disk, or fewer --records.",
        )
    (folder / "h").mkdir(exist_ok=True)
    worker = await Hand.start("portal", "warifu.simulator.bench.pages", folder / "h", records)
    found.notes["history_records"] = records
    found.notes["history_kept"] = there
    await _stores(worker, rows, found, progress, filled=lambda done: progress(done, 2 * records))


async def _stores(
    worker: Hand, rows: Sequence[Row], found: Found, progress: Progress, filled: Callable[[int], None] | None = None
) -> None:
    """All loads are made in one process, which has a store to itself."""
    try:
        await worker.ready(filled)
        of = steps(rows)
        sides = {step.call: Side(worker, step.call, {worker.name: worker}) for step in of}
        found.add(rows, await turns(sides, of, found.plan.pairs, found.plan.seconds, progress))
    finally:
        await worker.end()


_STORES: Final = {"ledger_c64": _ledger, "history_p50": _history}


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
                "call": call,
                "held": one.side,
                "before": one.before,
                "while_held": one.released,
                "early": len(one.early),
                "after": one.after,
            }
            for call, held in found.held.items()
            for one in held
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
