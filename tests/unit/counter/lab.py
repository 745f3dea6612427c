"""A counter without a network: the real one over databases of its own, beside services of paper."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from google.protobuf.message import Message
from ports import free_port

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.counter.app import Counter, assemble
from warifu.counter.bench import Bench, Benches
from warifu.interim.v1 import interim_pb2
from warifu.kernel.config import Config, Simulation, Web
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.web import serve_web
from warifu.law import LawBook, packaged
from warifu.supervision.v1 import supervision_pb2
from warifu.web.face import Face

T = TypeVar("T")
START = datetime(2026, 4, 6, 0, 30, tzinfo=UTC)
"""Network time: Monday 6 April 2026, 9:30 in Japan."""
CITY, TAX = "residency-480011", "tax-480011"
CLERK, AFTERNOON, REVIEWER, CHIEF, CARD_CLERK = "c-0001", "c-0002", "c-0003", "c-0004", "c-0005"
NUMBER = "999000000008"
HANA = common_pb2.BasicItems(
    name="見本 花", address="瑞原県青凪市1番地", birth_date="1984-06-12", sex=common_pb2.SEX_FEMALE
)
ADDRESSEE = "123456789012345"
GOOD = {
    "number_paper": "card",
    "number": NUMBER,
    "papers": ["card"],
    "seen": ["original", "in-date", "agrees", "face"],
    "name": HANA.name,
    "address": HANA.address,
    "born": HANA.birth_date,
    "sex": "female",
}
"""A form by which a visitor is received."""


class PaperClock:
    """Two times that stand still until they are moved."""

    def __init__(self) -> None:
        self.now, self.moment = START, datetime(2026, 11, 22, 8, tzinfo=UTC)

    def machine(self) -> datetime:
        """See `Clock`."""
        return self.moment

    def network(self) -> datetime:
        """See `Clock`."""
        return self.now

    def today(self) -> date:
        """See `Clock`."""
        return (self.now + timedelta(hours=9)).date()


@dataclass
class Service:
    """Answers each method with what was put there, and remembers what it was asked."""

    answers: dict[str, Message | LinkageError | Callable[[Any], Message]] = field(default_factory=dict)
    asked: list[tuple[str, Message]] = field(default_factory=list)

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Message]]:
        """The method of a stub."""
        if method.startswith("_"):
            raise AttributeError(method)

        async def call(request: Message, *, timeout: float) -> Message:  # noqa: ASYNC109 - as stubs have it
            assert timeout > 0
            self.asked.append((method, request))
            answer = self.answers.get(method, LinkageError(Reason.PROVIDER_UNAVAILABLE))
            if isinstance(answer, LinkageError):
                raise answer
            return answer(request) if callable(answer) else answer

        return call

    def requests(self, method: str) -> list[Any]:
        """What a method was asked."""
        return [request for name, request in self.asked if name == method]


@dataclass
class PaperStubs:
    """The services behind every institution."""

    agencies: Service = field(default_factory=Service)
    desks: Service = field(default_factory=Service)
    interims: Service = field(default_factory=Service)
    supervisor: Service = field(default_factory=Service)
    card_desk: Service = field(default_factory=Service)

    def agency(self, _institution: str) -> Any:
        """See `Stubs`."""
        return self.agencies

    def cases(self, _institution: str) -> Any:
        """See `Stubs`."""
        return self.desks

    def interim(self, _institution: str) -> Any:
        """See `Stubs`."""
        return self.interims

    def filing(self, _institution: str) -> Any:
        """See `Stubs`."""
        return self.supervisor

    def cards(self, _institution: str) -> Any:
        """See `Stubs`."""
        return self.card_desk


@dataclass
class Lab:
    """The counters of a city and what stands behind them."""

    origin: str
    clock: PaperClock
    stubs: PaperStubs
    benches: Benches
    counter: Counter
    book: LawBook

    def bench(self, institution: str = CITY) -> Bench:
        """An institution's bench."""
        bench = self.benches.find(institution)
        assert bench is not None
        return bench

    def acts(self, institution: str = CITY) -> list[tuple[str, str, str, str | None]]:
        """(act, staff code, about, result), oldest first."""
        rows = self.bench(institution).acts.page(2**62)
        return [(row.act, row.login, row.about, row.result) for row in reversed(rows)]

    def code(self, login: str, institution: str = CITY) -> str:
        """A one-time password that is accepted now."""
        account = self.bench(institution).accounts.find(login)
        after = account.used_step if account is not None else 0
        shown = self.benches.codes.shown(institution, login, now=self.clock.moment, after=after)
        assert shown is not None
        return shown


def open_lab(folder: Path, *, port: int = 8174) -> Lab:
    """Counters in `folder`, whose people are known to the business system as HANA."""
    clock, stubs, book = PaperClock(), PaperStubs(), packaged()
    stubs.agencies.answers |= {
        "ReceiveVisitor": agency_pb2.ReceiveVisitorResponse(addressee_no=ADDRESSEE, registered=HANA, created=True),
        "GetSubject": agency_pb2.GetSubjectResponse(basic_items=HANA),
    }
    stubs.interims.answers["SetProtection"] = interim_pb2.SetProtectionResponse()
    stubs.supervisor.answers |= {
        "ListOrdinanceUses": supervision_pb2.ListOrdinanceUsesResponse(),
        "ListLeaks": supervision_pb2.ListLeaksResponse(),
        "ListMeasures": supervision_pb2.ListMeasuresResponse(),
    }
    codes = tuple(one.code for one in book.register.institutions.values() if one.role.kind != "portal")
    config = Config("counter", "", {}, codes, simulation=Simulation(7, START.isoformat(), stopped=True), folder=folder)
    benches = Benches(config, clock, lambda: book, secure=False)
    face = Face.of(Web("counter.localhost", port), "counter")
    counter = assemble(face, benches, stubs, clock, lambda: book)
    return Lab(face.origin, clock, stubs, benches, counter, book)


class Browser:
    """Somebody at a counter, without pictures."""

    def __init__(self, lab: Lab, institution: str = CITY, language: str = "ja") -> None:
        self.lab, self.institution = lab, institution
        transport = httpx2.ASGITransport(lab.counter.web, raise_app_exceptions=False)
        headers = {"accept": "text/html", "accept-language": language}
        # Nothing leaves the process: reading the machine's certificates would cost as much as the lab.
        self.client = httpx2.AsyncClient(mounts={lab.origin: transport}, headers=headers, verify=False)

    def address(self, path: str) -> str:
        """Where a page of the institution is; "//…" is a page of the face."""
        return self.lab.origin + (path[1:] if path.startswith("//") else f"/{self.institution}{path}")

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """A page of the institution."""
        return await self.client.get(self.address(path), headers=headers)

    async def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """Send a form from a page of the institution."""
        sent = {"origin": self.lab.origin, "sec-fetch-site": "same-origin"} | headers
        return await self.client.post(self.address(path), data=form or {}, headers=sent)

    async def log_in(
        self, login: str = CLERK, *, password: str | None = None, code: str | None = None
    ) -> httpx2.Response:
        """Log in."""
        bench = self.lab.bench(self.institution)
        demo = self.lab.benches.demo
        assert demo is not None
        known = await demo.passwords(bench.code, bench.institution.role.kind, bench.accounts)
        form = {"login": login, "password": password or known[login], "code": code or self.lab.code(login, bench.code)}
        return await self.post("/login", form)

    async def receive(self, **changes: Any) -> httpx2.Response:
        """Receive HANA."""
        return await self.post("/visitors", GOOD | changes)


def visible(html: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


class ServedLab:
    """Counters behind a real socket."""

    def __init__(self, lab: Lab, loop: asyncio.AbstractEventLoop) -> None:
        self.lab, self.loop = lab, loop

    def run(self, work: Awaitable[T]) -> T:
        """Run something in the counters' own loop."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(20)


@contextmanager
def served_lab(folder: Path) -> Iterator[ServedLab]:
    """Serve counters in a thread of their own while the block lasts."""
    ready: dict[str, ServedLab] = {}
    up, down = threading.Event(), asyncio.Event()

    async def main() -> None:
        port = free_port()
        lab = open_lab(folder, port=port)
        async with serve_web(lab.counter.web, Web("counter.localhost", port)):
            ready["served"] = ServedLab(lab, asyncio.get_running_loop())
            up.set()
            await down.wait()
        lab.benches.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert up.wait(20)
    try:
        yield ready["served"]
    finally:
        ready["served"].loop.call_soon_threadsafe(down.set)
        thread.join(20)
