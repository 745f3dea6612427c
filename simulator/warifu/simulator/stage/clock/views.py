"""The page of the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.simulator.stage.clock.work import ClockError, Clockwork
from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.scenarios.plays import BusyError
from warifu.web.dates import written

_STEPS: Final = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True)
class ClockViews:
    """What time it is in the network, and how to move it."""

    ground: Ground

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [Route("/clock", self.show, methods=["GET"]), Route("/clock", self.move, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """The time, and whether it stands still."""
        return await self._page(request, request.query_params.get("problem", ""))

    async def move(self, request: Request) -> Response:
        """Move it as the pressed button says."""
        form = await request.form()
        try:
            await _moved(self.ground.clockwork, form)
        except BusyError:
            return RedirectResponse("/clock?problem=busy", 303)
        except (ClockError, ValueError):
            return await self._page(request, "day", status=422, typed=str(form.get("day", ""))[:20])
        return RedirectResponse("/clock?done", 303)

    async def _page(self, request: Request, problem: str, *, status: int = 200, typed: str = "") -> Response:
        known, language = await self.ground.clockwork.now(), self.ground.language(request)
        work = self.ground.clockwork
        return await self.ground.render(
            request,
            "clock.html",
            status=status,
            here="clock",
            now=written(known[0], language) if known else None,
            stopped=known[1] if known else False,
            first=(known[0].date() + timedelta(days=1)).isoformat() if known else "",
            typed=typed,
            working=work.working,
            trouble=work.problem.to(language) if work.problem else "",
            problem=problem,
            done="done" in request.query_params and not work.problem,
        )


async def _moved(work: Clockwork, form: FormData) -> None:
    """What the pressed button asks for.

    Raises:
        ClockError, BusyError: it cannot be.
        ValueError: no button of the page, or no date.
    """
    match str(form.get("move", "")):
        case "day" | "week" as step:
            await work.by_days(_STEPS[step])
        case "month":
            await work.by_month()
        case "date":
            await work.to(date.fromisoformat(str(form.get("day", "")).strip()))
        case "stop" | "run" as how:
            await work.stand(still=how == "stop")
        case _:
            raise ValueError("no such move")
