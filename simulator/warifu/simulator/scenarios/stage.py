"""What a scenario plays on: a running network, its people, and the notebook of exchanges and checks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc

from warifu.common.v1 import common_pb2
from warifu.control.v1 import control_pb2
from warifu.law import LawBook, packaged
from warifu.simulator import lives
from warifu.simulator.cards.client import Session, login
from warifu.simulator.clerk import Clerk, Exchange, Question, ask
from warifu.simulator.doors import Doors
from warifu.simulator.people import People
from warifu.simulator.population import Person
from warifu.simulator.state import NetworkFile
from warifu.simulator.told import ToldError

JAPAN = timezone(timedelta(hours=9))


class NotPlayableError(ToldError):
    """The network cannot play this scenario as it stands; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at after the play."""

    name: str
    passed: bool
    detail: str

    def document(self) -> dict[str, object]:
        """The shape of `warifu play --json`."""
        return {"name": self.name, "passed": self.passed, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A play with its purpose, its checks, and one fault that the checks must notice."""

    name: str
    purpose: tuple[str, str]
    """For a trainer: Japanese, English."""
    play: Callable[[Stage], Awaitable[None]]
    fault: tuple[str, str]
    """What the sabotage twin plants: Japanese, English."""


@dataclass(slots=True)
class Stage:
    """One play. Scenarios read as a story because the stage does the talking to the network."""

    network: NetworkFile
    state: Path
    doors: Doors
    sabotaged: bool = False
    """Plant the scenario's one fault."""
    narrate: Callable[[str, str], None] = lambda _ja, _en: None
    pace: float = 0.0
    """Seconds to wait before each inquiry, so that a room can follow."""
    book: LawBook = field(default_factory=packaged)
    exchanges: list[Exchange] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    person: str = ""
    """Handle of the person whom the play is about."""
    _people: People | None = None
    _sessions: dict[str, Session] = field(default_factory=dict)

    # --- people -----------------------------------------------------------------------------------------------------

    def use(self, people: People) -> None:
        """Play with a population that was drawn already."""
        self._people = people

    @property
    def people(self) -> People:
        """The population of this network, made again from its seed."""
        if self._people is None:
            self._people = People.of(self.network)
        return self._people

    def cast(self, role: str) -> Person:
        """The person who plays `role`: the population's own choice, or the next who could, once that one has played.

        Raises:
            NotPlayableError: everyone who could has played already.
        """
        for candidate in self.people.candidates(role):
            if candidate.person not in self.played():
                return candidate
        raise NotPlayableError(
            f"{role} を演じられる人は全員演じ終えました。新しいネットワークを始めてください: warifu demo",
            f"everyone who could play {role} has played. Start a new network: warifu demo",
        )

    def has_played(self, *handles: str) -> None:
        """Note that these people's lives were changed, so that the next play takes others."""
        played = sorted(self.played() | set(handles))
        (self.state / "simulator" / "played.json").write_text(json.dumps(played), encoding="utf-8")

    def now_true(self, handle: str, **facts: str) -> None:
        """Note what is true of a person from now on, such as a new address."""
        lives.note(self.state, handle, **facts)

    def played(self) -> set[str]:
        """People whose lives a play or drill has changed."""
        path = self.state / "simulator" / "played.json"
        return set(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else set()

    # --- acting -----------------------------------------------------------------------------------------------------

    def clerk(self, institution: str) -> Clerk:
        """A clerk at an institution's counter."""
        return Clerk(self.doors, institution)

    def question(
        self, row: str, provider: str, span: common_pb2.Span | None = None, *, case: str = "", **more: Any
    ) -> Question:
        """A question under a permission row; with the reference of a `case` it is asked at the desk, for that case."""
        found = self.book.rows[row]
        if case:
            more |= {"row": row, "case_reference": case}
        return Question(
            provider, found.affair.code, found.procedure.code, found.item, span or common_pb2.Span(), **more
        )

    async def ask(self, requester: str, addressee_no: str, question: Question) -> Exchange:
        """Ask to the end and note the exchange."""
        if self.pace:
            await asyncio.sleep(self.pace)
        exchange = await ask(self.doors, requester, addressee_no, question)
        self.exchanges.append(exchange)
        return exchange

    async def clock(self) -> datetime:
        """The network's time, in Japan."""
        now, _ = await self.doors.clock()
        return now.astimezone(JAPAN)

    async def at_least(self, day: date) -> None:
        """Move the clock to 9 o'clock of `day` in Japan, if it is not that late yet, and let the day's jobs run."""
        wanted = datetime.combine(day, time(9), JAPAN)
        if await self.clock() < wanted:
            await self.doors.set_clock(wanted, stopped=False)
        await self.doors.settle()

    async def before(self, day: date, reason: str) -> None:
        """Insist that the network's day is before `day`: simulated time only moves forward.

        Raises:
            NotPlayableError: it is later.
        """
        if (await self.clock()).date() >= day:
            raise NotPlayableError(
                f"ネットワークの時計は {day.isoformat()} を過ぎており、先にしか進みません。新しいネットワークを始めてください: warifu demo",
                f"{reason}: the network's clock is past {day.isoformat()} and only moves forward. Start a new network: warifu demo",
            )

    # --- looking ----------------------------------------------------------------------------------------------------

    def check(self, name: str, passed: bool, detail: str = "") -> None:
        """Note one check."""
        self.checks.append(Check(name, bool(passed), detail))

    async def history(self, person: str) -> list[dict[str, Any]]:
        """The person's history as the portal's API gives it, after everything due was delivered."""
        await self.doors.settle(["gateway", "portal"])
        session = await self.session(person)
        entries: list[dict[str, Any]] = await asyncio.to_thread(session.history)
        return entries

    async def page(self, person: str, path: str = "/history", language: str = "ja") -> str:
        """A page of the portal as the person's browser gets it."""
        session = await self.session(person)
        text: str = await asyncio.to_thread(session.page, path, language)
        return text

    async def session(self, person: str) -> Session:
        """The person's login at the portal, with their card; one and the same for the whole play."""
        if person not in self._sessions:
            demo = self.people.demo(person)
            urls = self.network.urls
            self._sessions[person] = await asyncio.to_thread(login, urls["portal"], urls["simulator"], person, demo.pin)
        return self._sessions[person]

    async def view(self, party: str, request_id: str) -> Sequence[control_pb2.Holding]:
        """Exactly what a party holds for one exchange."""
        answer = await self.doors.control(party).View(control_pb2.ViewRequest(request_id=request_id), timeout=10)
        return answer.holdings

    def forget_login(self, person: str) -> None:
        """Log in anew before the next look at this person's history."""
        self._sessions.pop(person, None)

    def city_name(self, city: str) -> str:
        """Prefecture and municipality as addresses begin, by local-government code."""
        return next(
            p.present.address.area_ja for p in self.people.all() if p.present and p.present.municipality == city
        )

    async def someone_known_at(self, institution: str) -> str:
        """The addressee number of anyone whom an institution knows and who plays no role of their own.

        Raises:
            NotPlayableError: it knows nobody.
        """
        kind, _, code = institution.partition("-")
        extras = (p for p in self.people.all() if not any(trait.startswith("cast:") for trait in p.traits))
        for person in extras:
            known = {
                "tax": any(a.municipality == code for a in person.assessments),
                "residency": any(s.municipality == code for s in person.residency),
            }.get(kind, any(i.institution == institution for i in person.insurance))
            if known and (found := await self.clerk(institution).find(self.people.items(person.person))):
                return found
        raise NotPlayableError(
            f"{institution} が知っている人がいません。人数を増やして始めてください。",
            f"{institution} knows nobody. Start a network with more people.",
        )

    async def refusal(self, call: Awaitable[Any]) -> str | None:
        """The reason code with which a call is refused; None when it is not."""
        from warifu.kernel.errors import LinkageError  # noqa: PLC0415

        try:
            await call
        except grpc.aio.AioRpcError as error:
            return str(LinkageError.from_rpc(error).failure().reason)
        except LinkageError as error:
            return str(error.failure().reason)
        return None

    def document(self, scenario: str) -> Mapping[str, object]:
        """The shape of `warifu play --json`."""
        return {
            "scenario": scenario,
            "passed": bool(self.checks) and all(c.passed for c in self.checks),
            "checks": [c.document() for c in self.checks],
            "exchanges": [e.document() for e in self.exchanges],
            "person": self.person,
        }


def tax_year(year: int) -> common_pb2.Span:
    """The span of one tax year."""
    return common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=year))
