"""Drills in tests: begun, solved through what the faces call, graded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from running import Running

from warifu.agency.v1 import cases_pb2
from warifu.simulator.cards.client import Session
from warifu.simulator.doors import doors
from warifu.simulator.drills import Keeping, Run, answer, begin, grade
from warifu.simulator.scenarios.stage import Stage
from warifu.supervision.v1 import supervision_pb2 as filing
from warifu.supervision.v1 import supervision_pb2_grpc

T = TypeVar("T")
SEE_OTHER = 303
WITHIN = 60


@dataclass
class Drilling:
    """One drill on a running network. Each call opens its own doors."""

    running: Running
    name: str

    def on_stage(self, act: Callable[[Stage], Awaitable[T]]) -> T:
        """Do something on the network."""

        async def run() -> T:
            async with doors(self.running.file) as opened:
                return await act(Stage(self.running.file, self.running.state, opened))

        return asyncio.run(run())

    def begin(self) -> Run:
        """Begin anew, with people of its own."""
        return self.on_stage(lambda stage: begin(stage, self.name, again=True))

    @property
    def run(self) -> Run:
        """The run as it is kept."""
        run = Keeping(self.running.state).run(self.name)
        assert run is not None
        return run

    def answer(self, question: str, value: str) -> None:
        """Answer a question."""
        answer(self.running.state, self.name, question, value)

    def grade(self) -> Graded:
        """Grade it."""
        return Graded(self.on_stage(lambda stage: grade(stage, self.name)))

    # --- as an institution's staff ------------------------------------------------------------------------------------

    def answer_letter(self, institution: str, letter: str, text: str, correction: str | None = None) -> None:
        """As the counter's letter page does, once the letter has been fetched."""

        async def act(stage: Stage) -> None:
            await stage.doors.settle([stage.network.extra["kinds"][institution]])
            request = cases_pb2.AnswerLetterRequest(
                institution=institution, letter_id=letter, text=text, correction=correction,
                actor=cases_pb2.Actor(office="review", clerk="c-0003"),
            )  # fmt: skip
            await stage.clerk(institution).desk.AnswerLetter(request, timeout=15)

        self.on_stage(act)

    def report_leak(self, institution: str, reference: str, **said: Any) -> None:
        """As the counter's page of filings does."""

        async def act(stage: Stage) -> None:
            known = (await stage.clock()).date().isoformat()
            report = filing.ReportLeakRequest(reference=reference, known_on=known, **said)
            await self._filing(stage, institution).ReportLeak(report, timeout=15)

        self.on_stage(act)

    def reply(self, institution: str, text: str) -> None:
        """Reply to the newest measure, as the counter's page of filings does."""

        async def act(stage: Stage) -> None:
            stub = self._filing(stage, institution)
            newest = (await stub.ListMeasures(filing.ListMeasuresRequest(), timeout=15)).measures[0]
            await stub.ReplyToMeasure(filing.ReplyToMeasureRequest(id=newest.id, text=text), timeout=15)

        self.on_stage(act)

    def ask_anew(self, institution: str, addressee: str, case: str, row: str, provider: str, **more: Any) -> str:
        """Ask once more for the same case, as the case's page does; the request id."""

        async def act(stage: Stage) -> str:
            made = await stage.ask(institution, addressee, stage.question(row, provider, case=case, **more))
            assert made.outcome == "PROVIDED", made
            return made.request_id

        return self.on_stage(act)

    @staticmethod
    def _filing(stage: Stage, institution: str) -> Any:
        return supervision_pb2_grpc.FilingServiceStub(stage.doors.counter_at("watchdog", institution))


@dataclass
class Graded:
    """A grade, by task."""

    made: dict[str, Any]
    by_task: Mapping[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.by_task = {one["task"]: one for one in self.made["findings"]}

    @property
    def missed(self) -> dict[str, str]:
        """What was missed, in English, by task."""
        return {name: one["detail"]["en"] for name, one in self.by_task.items() if not one["done"]}


@dataclass
class Console:
    """The supervisor's console, by its own forms."""

    running: Running
    login: str = "director"
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = Session(self.running.file.urls["watchdog"])
        known = json.loads((self.running.state / "watchdog" / "secrets" / "demo-staff.json").read_text())
        self.post("/login", {"login": self.login, "password": known[self.login]})

    def post(self, path: str, form: dict[str, str]) -> str:
        """Send a form; where it leads."""
        status, location, body = self.session.post(self.session.portal_url + path, form)
        assert status == SEE_OTHER, body
        return location

    def document(self, path: str) -> dict[str, Any]:
        """A JSON twin."""
        return self.session.document(path)

    def eventually(self, path: str, there: str) -> str:
        """A page, once it shows `there`."""
        until = time.monotonic() + WITHIN
        while True:
            _, _, body = self.session.get(self.session.portal_url + path)
            if there in body or time.monotonic() > until:
                assert there in body, body
                return body
            time.sleep(0.5)
