"""The pages of drills: the list, one drill with its tasks as they stand, and its sheets to print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.simulator.drills import DRILLS, DrillError, Run, answer, document, hint
from warifu.simulator.drills.conduct import OPEN
from warifu.simulator.drills.texts import texts
from warifu.simulator.stage.drills.desk import DrillDesk, Seen
from warifu.simulator.stage.drills.places import Places
from warifu.simulator.stage.drills.sheets import laws, sheet
from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.scenarios.plays import BusyError, told
from warifu.simulator.stage.ways import Ways
from warifu.simulator.stage.words import Words

ONE: Final = "/drills/{name}"
_LONGEST_ANSWER: Final = 200


@dataclass(frozen=True, slots=True)
class DrillViews:
    """Pages about drills. What they show of parties is read by the drills' own checks, and said in no more words than trainees may have."""

    ground: Ground
    desk: DrillDesk = field(init=False)

    def __post_init__(self) -> None:
        """The drills of this network."""
        ground = self.ground
        desk = DrillDesk(ground.network, ground.state, ground.doors, ground.crowd, ground.plays)
        object.__setattr__(self, "desk", desk)

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/drills", self.list, methods=["GET"]),
            Route(ONE, self.one, methods=["GET"]),
            Route(f"{ONE}/begin", self.begin, methods=["POST"]),
            Route(f"{ONE}/hints", self.hint, methods=["POST"]),
            Route(f"{ONE}/answers", self.answer, methods=["POST"]),
            Route(f"{ONE}/grade", self.grade, methods=["POST"]),
            Route(f"{ONE}/state", self.state, methods=["GET"]),
            Route(f"{ONE}/sheet", self.trainees, methods=["GET"]),
            Route(f"{ONE}/script", self.trainer, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """Every drill with what it is about and how its newest run went."""
        language = self.ground.language(request)
        return await self.ground.render(request, "drills.html", here="drills", shown=self._cards(language))

    async def one(self, request: Request) -> Response:
        """One drill."""
        return await self._page(request, _asked(request), busy="busy" in request.query_params)

    async def begin(self, request: Request) -> Response:
        """Plant the incident, or say why not."""
        name, form = _asked(request), await request.form()
        try:
            await self.desk.begin(name, again=form.get("again") == "1")
        except BusyError:
            return RedirectResponse(f"/drills/{name}?busy", 303)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page says so and the stage goes on
            return await self._page(request, name, problem=told(error), status=409)
        return RedirectResponse(f"/drills/{name}#briefing", 303)

    async def hint(self, request: Request) -> Response:
        """Give the next hint of a task."""
        name, form = _asked(request), await request.form()
        task = str(form.get("task", ""))
        try:
            hint(self.ground.state, name, task)
        except DrillError as error:
            return await self._page(request, name, problem=told(error), status=400)
        return RedirectResponse(f"/drills/{name}#task-{task}", 303)

    async def answer(self, request: Request) -> Response:
        """Keep the answer to a question."""
        name, form = _asked(request), await request.form()
        task, value = str(form.get("task", "")), str(form.get("value", ""))[:_LONGEST_ANSWER]
        try:
            answer(self.ground.state, name, task, value)
        except DrillError as error:
            wrong = task if value.strip() == "" and task in texts(name).tasks else ""
            return await self._page(request, name, problem=None if wrong else told(error), wrong=wrong, status=400)
        self.desk.forget(name)
        return RedirectResponse(f"/drills/{name}#task-{task}", 303)

    async def grade(self, request: Request) -> Response:
        """Grade it as it stands now."""
        name = _asked(request)
        try:
            await self.desk.grade(name)
        except BusyError:
            return RedirectResponse(f"/drills/{name}?busy", 303)
        except Exception as error:  # noqa: BLE001 - see `begin`
            return await self._page(request, name, problem=told(error), status=409)
        return RedirectResponse(f"/drills/{name}#grade", 303)

    async def state(self, request: Request) -> Response:
        """How the tasks stand: the marks of the page that a browser asks for every few seconds."""
        name = _asked(request)
        if self.desk.run(name) is None:
            raise HTTPException(404)
        seen = await self.desk.look(name)
        language = self.ground.language(request)
        return await self.ground.render(
            request,
            "drill_state.html",
            name=name,
            tasks=_states(seen),
            problem=_text(seen.problem, language),
            swap=True,
        )

    async def trainees(self, request: Request) -> Response:
        """The trainees' sheet, to print."""
        return await self._sheet(request, trainer=False)

    async def trainer(self, request: Request) -> Response:
        """The trainer's sheet, to print: with everything that had happened, and what to do."""
        return await self._sheet(request, trainer=True)

    async def _sheet(self, request: Request, *, trainer: bool) -> Response:
        name, language = _asked(request), self.ground.language(request)
        run = self.desk.run(name)
        told_of = sheet(name, run, self.ground.book, language, trainer=trainer)
        return await self.ground.render(
            request, "drill_sheet.html", here="drills", name=name, drill=told_of, begun=run is not None, trainer=trainer
        )

    async def _page(
        self,
        request: Request,
        name: str,
        *,
        problem: Words | None = None,
        wrong: str = "",
        busy: bool = False,
        status: int = 200,
    ) -> Response:
        language, run = self.ground.language(request), self.desk.run(name)
        seen = await self.desk.look(name) if run is not None else Seen([])
        return await self.ground.render(
            request,
            "drill.html",
            status=status,
            here="drills",
            name=name,
            drill=document(run, name, seen.standing, self.ground.book),
            tasks=_states(seen),
            places=self._places(run, language),
            law=laws(texts(name), language),
            said=lambda both: both["en" if language == "en" else "ja"],
            refused=_text(problem, language),
            problem=_text(seen.problem, language),
            wrong=wrong,
            busy=busy,
        )

    def _places(self, run: Run | None, language: str) -> Places:
        ways = Ways(self.ground.network.urls)
        shown = run.shown if run is not None else {}
        return Places.of(ways, shown, self.ground.book, lambda code: self.ground.name(code, language))

    def _cards(self, language: str) -> Sequence[Mapping[str, object]]:
        return [
            {
                "name": name,
                "title": texts(name).title.to(language),
                "summary": texts(name).summary.to(language),
                "minutes": texts(name).minutes,
                "lasting": drill.lasting,
                "begun": (run := self.desk.run(name)) is not None,
                "grade": run.grades[-1] if run is not None and run.grades else None,
            }
            for name, drill in DRILLS.items()
        ]


def _states(seen: Seen) -> list[dict[str, object]]:
    """State by task, without a word on what is missing."""
    return [{"task": one.task.id, "state": one.state, "open": one.state == OPEN} for one in seen.standing]


def _text(words: Words | None, language: str) -> str:
    return words.to(language) if words is not None else ""


def _asked(request: Request) -> str:
    """The drill that the address names.

    Raises:
        HTTPException: 404: there is none of this name.
    """
    name = str(request.path_params["name"])
    if name not in DRILLS:
        raise HTTPException(404)
    return name
