"""One run from beginning to end: whom it is about, what is planned, made, looked at and found."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final

from warifu.exchange.detection import GATEWAY, RULES
from warifu.kernel.clock import JAPAN
from warifu.law import LawBook, packaged
from warifu.simulator.called import CallError
from warifu.simulator.doors import Doors, doors
from warifu.simulator.population import Household, generate, load_world
from warifu.simulator.population.dice import Dice
from warifu.simulator.state import NetworkFile
from warifu.simulator.told import ToldError
from warifu.simulator.traffic import crowd, desks, detectors, frame, known, mix
from warifu.simulator.traffic.drive import Driver, Made, Pace
from warifu.simulator.traffic.failure import DETECTING, DRIVING, REVIEWING, Failure
from warifu.simulator.traffic.frame import Frame
from warifu.simulator.traffic.misuse import BY_NAME as KINDS
from warifu.simulator.traffic.misuse import draw_misuse
from warifu.simulator.traffic.plan import Draw, Intended, NobodyError, Plan, make
from warifu.simulator.traffic.scores import Score, scores
from warifu.simulator.traffic.series import Slice, percentile, slices

FRAMES: Final[Mapping[str, Callable[[datetime, mix.Mix], Frame]]] = {
    "day": frame.a_day,
    "peak": frame.the_peak,
    "year": frame.a_year,
}
POOL: Final = 60_000
"""Of a larger population the first so many people are asked about: a working day is then about some 25,000 of them, and they are drawn in a quarter of a minute."""
LOOK_AFTER: Final = 17_000
"""Inquiries after which the rules are asked at the latest, at the gateway of all and at an institution of its own: they look at the newest
20,000 records."""
MOST: Final = 5_000_000
"""Inquiries of one run, whose plan and outcome are held in memory, some kilobyte each."""
SETTLES: Final = ("gateway",)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a run."""

    frame: str
    count: int | None
    """How many inquiries; None: by `scale`."""
    scale: float
    """Of what the whole country makes in that time."""
    misuse: float
    """Share of all inquiries."""
    seed: int
    pace: Pace
    keep_clock: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `done` of `total`, of what `doing` says."""

    doing: str
    """"people", "addressees", "driving", "reviewing" or "detecting"."""
    done: int
    total: int | None
    at: datetime | None = None
    """Simulated time, while driving."""
    rate: float = 0.0
    """Answers a second so far, while driving."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it."""

    wish: Wish
    plan: Plan
    people: int
    """Of the population, from whom subjects were drawn."""
    made: Sequence[Made]
    seconds: float
    """Of driving."""
    unknown: int
    reviews: int
    scores: Sequence[Score]
    begun: datetime
    """Machine time."""
    stopped: bool
    """It was ended early."""
    failed: Failure | None = None
    """What ended it though nobody wanted that; what was made until then is told."""
    unsettled: tuple[str, ...] = ()
    """Parties that had still to do when the rules of detection were asked: the newest records may be missing from what these point at."""
    full: tuple[tuple[str, str], ...] = ()
    """Rule, and the party at which it pointed at as many groups as are told at once: older groups may have gone untold."""

    @property
    def slices(self) -> Sequence[Slice]:
        """The run over its time."""
        return slices(self.made, self.seconds)

    @property
    def latencies(self) -> list[float]:
        """Seconds, in rising order."""
        return sorted(one.latency for one in self.made if one.latency is not None)

    @property
    def kinds_left_out(self) -> list[str]:
        """Kinds of misuse that have no inquiry in the plan though misuse was wanted: there was no room for an incident, or nobody whom one could be about."""
        planned = {one.truth.misuse for one in self.plan.intended}
        return [name for name in KINDS if name not in planned] if self.wish.misuse else []

    def counted(self, what: Callable[[Made], str]) -> dict[str, int]:
        """How many inquiries are what, the most frequent first."""
        return dict(Counter(map(what, self.made)).most_common())


@dataclass(slots=True)
class Runner:
    """Makes one run. `stop` ends it early, whole."""

    network: NetworkFile
    wish: Wish
    told: Callable[[Progress], None] = lambda _: None
    book: LawBook = field(default_factory=packaged)
    mix: mix.Mix = field(default_factory=mix.packaged)
    stopping: bool = False
    _driver: Driver | None = None

    def stop(self) -> None:
        """Begin nothing more; what is under way is waited for."""
        self.stopping = True
        if self._driver is not None:
            self._driver.stopping = True

    async def run(self) -> Run:
        """See the module.

        Raises:
            ToldError: nobody gives cause for an inquiry; more are wanted than a run holds.
            CallError: a party cannot be reached, and nothing was made yet.
        """
        begun = datetime.now(tz=JAPAN)
        async with doors(self.network) as opened:
            now, _ = await opened.clock()
            self.wanted(now.astimezone(JAPAN))  # what cannot be is said before the work
            people = await asyncio.to_thread(crowd.gather, self._households(), self._telling("people"))
            plan = self.planned(people, now.astimezone(JAPAN))
            told = self._telling_of("addressees")
            numbers = await known.find(opened, plan.intended, people.items, told, lambda: self.stopping)
            inspector = detectors.Detectors(self.network)
            try:
                return await self._driven(opened, inspector, plan, numbers, people.people, begun)
            finally:
                await inspector.close()

    def wanted(self, now: datetime) -> tuple[Frame, int]:
        """The frame at a simulated time, and how many inquiries in it.

        Raises:
            ToldError: more than a run holds.
        """
        wish, chosen = self.wish, FRAMES[self.wish.frame](now, self.mix)
        count = wish.count if wish.count is not None else max(1, round(chosen.whole * wish.scale))
        if count > MOST:
            raise ToldError(
                f"{count:,} 件は一度に流せる件数（{MOST:,} 件）を超えています。--count か、もっと小さい --scale を指定してください。",
                f"{count:,} inquiries are more than one run can hold ({MOST:,}). Name a number with --count, or a smaller --scale.",
            )
        return chosen, count

    def planned(self, people: crowd.Crowd, now: datetime) -> Plan:
        """The plan of this run, at a simulated time.

        Raises:
            ToldError: nobody gives cause for an inquiry; more are wanted than a run holds.
        """
        wish = self.wish
        chosen, count = self.wanted(now)
        try:
            as_of = now.date() if wish.keep_clock else None
            draw = Draw(people, self.mix, self.book, chosen, Dice(wish.seed, "traffic", wish.frame), as_of)
            return make(draw, wish.seed, count, draw_misuse(draw, round(count * wish.misuse)))
        except NobodyError as error:
            raise ToldError(
                "この人口には、照会の対象になる人がいません。人数を増やして始めてください: warifu demo --people 2000",
                "nobody in this population gives cause for an inquiry. Start a network with more people: warifu demo --people 2000",
            ) from error

    async def _driven(
        self,
        opened: Doors,
        inspector: detectors.Detectors,
        plan: Plan,
        numbers: Mapping[known.Wanted, str],
        people: int,
        begun: datetime,
    ) -> Run:
        await inspector.begin()
        now, _ = await opened.clock()
        first = min(now.astimezone(JAPAN).date(), plan.frame.days[0])
        driver = self._driver = Driver(
            opened, self.book, plan, numbers, self.wish.pace, self.wish.keep_clock, self._told_driving
        )
        driver.stopping = self.stopping
        driver.between = between = _Between(opened, inspector, driver, first, self.told)
        failed: Failure | None = None
        found: Sequence[Score] = ()
        try:
            await driver.run()
            between.begin(DETECTING)
            found = _scored(driver.made, await inspector.pointed_at())
        except CallError as error:
            if not driver.made:
                raise
            failed = self._failure(
                between.doing, error, driver
            )  # hours of inquiries are not lost by what happens after them
        return Run(
            self.wish,
            plan,
            people,
            driver.made,
            driver.seconds,
            driver.unknown,
            between.reviews,
            found,
            begun,
            driver.stopping,
            failed,
            tuple(sorted(between.unsettled)),
            tuple(sorted(inspector.full)),
        )

    def _failure(self, doing: str, error: CallError, driver: Driver) -> Failure:
        party = self.network.extra["kinds"].get(error.called, error.called)
        return Failure(doing, error, party, len(driver.made), len(driver.plan.intended))

    def _households(self) -> Iterator[Household]:
        seen = 0
        for household in generate(self.network.seed, self.network.people, load_world()):
            yield household
            seen += len(household.people)
            if seen >= POOL or self.stopping:
                return

    def _telling(self, doing: str) -> Callable[[int], None]:
        total = min(POOL, self.network.people)
        return lambda done: self.told(Progress(doing, done, total)) if done % 200 < 5 else None  # noqa: PLR2004 - not for each

    def _telling_of(self, doing: str) -> Callable[[int, int], None]:
        return lambda done, total: self.told(Progress(doing, done, total))

    def _told_driving(self, driver: Driver) -> None:
        at = driver.made[-1].intended.at if driver.made else None
        spent = max(driver.seconds, driver.made[-1].due) if driver.made else 0.0
        total = len(driver.plan.intended)
        self.told(Progress("driving", driver.answered, total, at, driver.answered / spent if spent else 0.0))


def _scored(made: Sequence[Made], suspicions: Sequence[detectors.Suspicion]) -> Sequence[Score]:
    rules = [rule.name for rule in RULES if rule.name != "table-change"]
    return scores(made, [(one.rule, one.told) for one in suspicions if one.rule in rules], rules)


@dataclass(slots=True)
class _Between:
    """What is done while nothing is under way.

    Providers' clerks look at the end of each simulated day, since a review has its term; the rules are asked before what they look at is too much.
    """

    doors: Doors
    inspector: detectors.Detectors
    driver: Driver
    first: date
    """Simulated day of the first inquiry that is made."""
    told: Callable[[Progress], None] = lambda _: None
    reviews: int = 0
    doing: str = DRIVING
    """What the run is doing just now, as `failure` names it."""
    unsettled: set[str] = field(default_factory=set)
    """Parties that were asked for what they saw before they had done all that was due."""
    _reviewed: int = 0
    _counted: int = 0
    _fresh: Counter[str] = field(default_factory=Counter)
    """Inquiries since the last look: of all, under the gateway's name, and of each requester."""

    async def __call__(self, following: Intended | None) -> None:
        """Before the step that begins with an inquiry, or after the last."""
        made = self.driver.made
        if not made:
            return
        if following is None or following.at.date() != made[-1].intended.at.date():
            self.begin(REVIEWING)
            self.reviews += await desks.look(self.doors, made[self._reviewed :])
            self._reviewed = len(made)
        new = made[self._counted :]
        self._counted = len(made)
        self._fresh.update(one.intended.requester for one in new)
        self._fresh[GATEWAY] += len(new)
        await self.look(1 if following is None else LOOK_AFTER)
        self.doing = DRIVING

    def begin(self, doing: str) -> None:
        """Say what is done now."""
        self.doing = doing
        self.told(Progress(doing, 0, None))

    async def look(self, least: int) -> None:
        """Ask what the rules point at, wherever there are so many inquiries that they did not look at."""
        asked = sorted(name for name, count in self._fresh.items() if count >= least)
        if not asked:
            return
        self.begin(DETECTING)
        self.unsettled.update(await self.doors.settle(SETTLES))
        for name in asked:
            del self._fresh[name]
        await self.inspector.look(self.first, asked)


def summary(run: Run, files: Sequence[Path]) -> dict[str, object]:
    """The shape of `warifu traffic --json`."""
    latencies = run.latencies
    return {
        "frame": run.wish.frame,
        "seed": run.wish.seed,
        "days": [run.plan.frame.days[0].isoformat(), run.plan.frame.days[-1].isoformat()],
        "planned": len(run.plan.intended),
        "made": len(run.made),
        "answered": len(latencies),
        "unknown": run.unknown,
        "subjects": len({one.intended.person for one in run.made}),
        "people": run.people,
        "seconds": round(run.seconds, 3),
        "rate": round(len(latencies) / run.seconds, 2) if run.seconds else 0.0,
        "latency_ms": {
            name: None if (value := percentile(latencies, share)) is None else round(1000 * value, 2)
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
        },
        "outcomes": run.counted(lambda one: one.outcome),
        "rows": run.counted(lambda one: one.intended.row),
        "rows_without_anyone": list(run.plan.nobody),
        "reviews": run.reviews,
        "misuse": {kind: count for kind, count in run.counted(lambda one: one.intended.truth.misuse).items() if kind},
        "misuse_left_out": run.kinds_left_out,
        "detectors": [one.document() for one in run.scores],
        "stopped": run.stopped,
        "failed": None if run.failed is None else str(run.failed.error.linkage.reason),
        "failed_at": None if run.failed is None else run.failed.document(),
        "unsettled": list(run.unsettled),
        "full_lists": [{"detector": rule, "at": source} for rule, source in run.full],
        "files": [str(path) for path in files],
    }
