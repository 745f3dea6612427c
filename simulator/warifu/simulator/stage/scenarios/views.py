"""The pages of scenarios: the list, the stage of one, its progress, and what is printed: script and trainee sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.errors import LinkageError, Reason
from warifu.simulator.clerk import Exchange
from warifu.simulator.scenarios import SCENARIOS, Scenario
from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.scenarios.plays import BusyError, Play
from warifu.simulator.stage.scenarios.scripts import scripts
from warifu.simulator.stage.ways import Ways

ONE: Final = "/scenarios/{name}"
MOVES_CLOCK: Final = "moved-household-may"
"""The scenario after which the clock stands in June, for good."""


@dataclass(frozen=True, slots=True)
class ScenarioViews:
    """Pages about scenarios and their plays."""

    ground: Ground

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/scenarios", self.list, methods=["GET"]),
            Route(ONE, self.one, methods=["GET"]),
            Route(f"{ONE}/play", self.play, methods=["POST"]),
            Route(f"{ONE}/stop", self.stop, methods=["POST"]),
            Route(f"{ONE}/progress", self.progress, methods=["GET"]),
            Route(f"{ONE}/script", self.script, methods=["GET"]),
            Route(f"{ONE}/sheet", self.sheet, methods=["GET"]),
            Route("/api/v1/scenarios/{name}/play", self.document, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """Every scenario with what it shows and how its newest play went."""
        told = cards(self.ground, self.ground.language(request))
        return await self.ground.render(request, "scenarios.html", here="scenarios", scenarios=told)

    async def one(self, request: Request) -> Response:
        """The stage of one scenario."""
        scenario = _asked(request)
        busy = "busy" in request.query_params
        return await self._page(request, "scenario.html", scenario, busy=busy)

    async def play(self, request: Request) -> Response:
        """Begin to play it, or say that another is being played."""
        scenario, form = _asked(request), await request.form()
        try:
            self.ground.plays.begin(scenario.name, sabotaged=form.get("fault") == "1", slow=form.get("slow") == "1")
        except BusyError:
            return RedirectResponse(f"/scenarios/{scenario.name}?busy", 303)
        return RedirectResponse(f"/scenarios/{scenario.name}#progress", 303)

    async def stop(self, request: Request) -> Response:
        """End the play that runs."""
        scenario = _asked(request)
        running = self.ground.plays.running
        if running is not None and running.scenario is scenario:
            await self.ground.plays.stop()
        return RedirectResponse(f"/scenarios/{scenario.name}#progress", 303)

    async def progress(self, request: Request) -> Response:
        """How far the newest play is: the part of the page that a browser asks for every second."""
        scenario = _asked(request)
        play, language = self.ground.plays.latest(scenario.name), self.ground.language(request)
        shown = progress(self.ground, play, language)
        response = await self.ground.render(request, "progress.html", play=play, shown=shown, scenario=scenario)
        if play is not None and not play.running:
            response.headers["HX-Refresh"] = "true"  # the page's other parts lead on from what was played
        return response

    async def script(self, request: Request) -> Response:
        """The trainer's script, to print."""
        return await self._page(request, "script.html", _asked(request))

    async def sheet(self, request: Request) -> Response:
        """The trainees' sheet, to print: questions without answers."""
        return await self._page(request, "sheet.html", _asked(request))

    async def document(self, request: Request) -> Response:
        """The newest play for a program; 404 before the first."""
        play = self.ground.plays.latest(_asked(request).name)
        if play is None:
            raise HTTPException(404)
        return JSONResponse(play.document())

    async def _page(self, request: Request, template: str, scenario: Scenario, *, busy: bool = False) -> Response:
        play, language = self.ground.plays.latest(scenario.name), self.ground.language(request)
        lesson, ways = scripts().lessons[scenario.name], Ways(self.ground.network.urls)
        here = "play" if play is not None and play.running else "scenarios"
        return await self.ground.render(
            request,
            template,
            here=here,
            scenario=scenario,
            lesson=lesson,
            purpose=scenario.purpose[1 if language == "en" else 0],
            fault=scenario.fault[1 if language == "en" else 0],
            clock_moves=scenario.name == MOVES_CLOCK,
            play=play,
            shown=progress(self.ground, play, language),
            way=lambda face: ways.of_play(face, play),
            busy=busy,
        )


def cards(ground: Ground, language: str) -> Sequence[dict[str, object]]:
    """Scenarios for a list: name, title, purpose, minutes, newest play."""
    chosen = 1 if language == "en" else 0
    return [
        {
            "name": one.name,
            "title": scripts().lessons[one.name].title.to(language),
            "minutes": scripts().lessons[one.name].minutes,
            "purpose": one.purpose[chosen],
            "clock_moves": one.name == MOVES_CLOCK,
            "play": ground.plays.latest(one.name),
        }
        for one in SCENARIOS.values()
    ]


def progress(ground: Ground, play: Play | None, language: str) -> dict[str, Any]:
    """A play in words: lines, exchanges, checks, problem, and where to look next."""
    if play is None:
        return {}
    ways = Ways(ground.network.urls)
    known = [(*scripts().check(check.name, language), check) for check in play.checks]
    asked = dict.fromkeys(one.requester for one in play.exchanges)
    answered = dict.fromkeys(one.question.provider for one in play.exchanges if one.question.provider not in asked)
    return {
        "lines": [line.to(language) for line in play.lines],
        "exchanges": [_exchange(ground, one, language) for one in play.exchanges],
        "checks": [
            {"text": text, "about": _about(ground, about, language), "passed": check.passed, "detail": check.detail}
            for text, about, check in known
        ],
        "failed": sum(not check.passed for check in play.checks),
        "problem": play.problem.to(language) if play.problem else "",
        "citizen": ways.citizen(play.person) if play.person else "",
        "counters": [
            (code, ground.name(code, language), ways.counter(code), code in asked) for code in (*asked, *answered)
        ],
        "watchdog": ways.watchdog,
        "log": ways.log,
    }


def _exchange(ground: Ground, one: Exchange, language: str) -> dict[str, object]:
    return {
        "id": one.request_id,
        "requester": ground.name(one.requester, language),
        "provider": ground.name(one.question.provider, language),
        "item": _item(ground, one.question.item, language),
        "outcome": one.outcome,
        "reason": _reason(one.reason, language) if one.reason else "",
        "ms": round(one.ms),
    }


def _item(ground: Ground, code: str, language: str) -> str:
    found = ground.book.items.get(code)
    return found.name.to(language) if found is not None else code


def _about(ground: Ground, about: str, language: str) -> str:
    return scripts().about(about, language, ground.book.items)


def _reason(reason: str, language: str) -> str:
    return LinkageError(Reason(reason)).text(language) if reason in Reason.__members__ else reason


def _asked(request: Request) -> Scenario:
    """The scenario that the address names.

    Raises:
        HTTPException: 404: there is none of this name.
    """
    found = SCENARIOS.get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return found
