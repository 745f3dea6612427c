"""What the tests of traffic stand on: a small population, and runs made by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

import grpc

from warifu.kernel.clock import JAPAN
from warifu.law import LawBook, packaged
from warifu.simulator.called import CallError
from warifu.simulator.population import generate
from warifu.simulator.population.dice import Dice
from warifu.simulator.traffic import mix
from warifu.simulator.traffic.crowd import Crowd, gather
from warifu.simulator.traffic.drive import Made, Pace
from warifu.simulator.traffic.failure import DETECTING, Failure
from warifu.simulator.traffic.frame import Frame, a_day, a_year, the_peak
from warifu.simulator.traffic.misuse import draw_misuse
from warifu.simulator.traffic.plan import Draw, Intended, Plan, Truth, make
from warifu.simulator.traffic.run import Run, Wish
from warifu.simulator.traffic.scores import scores

NOW = datetime(2026, 4, 6, 9, tzinfo=JAPAN)
FRAMES = {"day": a_day, "peak": the_peak, "year": a_year}


@lru_cache(maxsize=1)
def crowd() -> Crowd:
    """The candidates of 1,500 people."""
    return gather(generate(1, 1500))


@lru_cache(maxsize=1)
def book() -> LawBook:
    """The law as shipped."""
    return packaged()


def frame(name: str = "day") -> Frame:
    """A frame that begins at the network's start."""
    return FRAMES[name](NOW, mix.packaged())


def draw(seed: int = 1, name: str = "day") -> Draw:
    """Dice and all that they fall on."""
    return Draw(crowd(), mix.packaged(), book(), frame(name), Dice(seed, "traffic", name))


def plan(count: int, misuse: float = 0.0, seed: int = 1, name: str = "day") -> Plan:
    """A plan as a run makes it."""
    drawn = draw(seed, name)
    return make(drawn, seed, count, draw_misuse(drawn, round(count * misuse)))


def intended(misuse: str = "", at: datetime = NOW, **more: object) -> Intended:
    """One inquiry."""
    values = {
        "at": at, "row": "P07", "requester": "nhi-480029", "provider": "tax-480011", "item": "TM90000000000001",
        "procedure": "JT90000000000101", "person": "p-000001", "year": 2025, "office": "window-1", "clerk": "s-0001", "case": "2026-1",
        "consent": False, "truth": Truth("" if misuse else "2026-1", "moved-in", misuse, 1 if misuse else 0),
    }  # fmt: skip
    return Intended(**(values | more))  # type: ignore[arg-type]


def made(
    number: int, misuse: str = "", outcome: str = "PROVIDED", due: float = 0.0, latency: float | None = 0.1
) -> Made:
    """One inquiry that was made."""
    at = NOW + timedelta(minutes=number % 60)
    return Made(intended(misuse, at, person=f"p-{number:06d}"), f"id-{number}", due, latency, outcome)


def run(
    inquiries: list[Made],
    name: str = "day",
    rate: float | None = None,
    pointed: object = (),
    stopped: bool = False,
    failed: Failure | None = None,
    unsettled: tuple[str, ...] = (),
    full: tuple[tuple[str, str], ...] = (),
    misuse: float = 0.0,
) -> Run:
    """A run that made these."""
    found = scores(inquiries, pointed, ["burst", "off-hours", "refusals", "no-case", "curiosity"])  # type: ignore[arg-type]
    wish = Wish(name, len(inquiries), 1.0, misuse, 1, Pace(rate))
    planned = Plan(frame(name), 1, [one.intended for one in inquiries], ("P27",))
    return Run(wish, planned, 100, inquiries, 10.0, 2, 3, found, NOW, stopped, failed, unsettled, full)


def failure() -> Failure:
    """What ended a run: the gateway did not settle in time."""
    empty = grpc.aio.Metadata()
    late = grpc.aio.AioRpcError(grpc.StatusCode.DEADLINE_EXCEEDED, empty, empty, "Deadline Exceeded")
    return Failure(DETECTING, CallError("Settle", "gateway", late), "gateway", 3, 5)
