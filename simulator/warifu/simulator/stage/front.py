"""The first page: the map, the scenarios, and the way into every face."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.simulator.scenarios import SCENARIOS
from warifu.simulator.stage.ground import Ground


@dataclass(frozen=True, slots=True)
class FrontViews:
    """The page that `warifu demo` opens."""

    ground: Ground

    def routes(self) -> list[BaseRoute]:
        """Its route."""
        return [Route("/", self.front, methods=["GET"])]

    async def front(self, request: Request) -> Response:
        """What can be played, and where things stand."""
        return await self.ground.render(request, "front.html", here="front", scenarios=SCENARIOS.values())
