"""The first page: what can be played, what time it is in the network, what is out of order, and the way into every face."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.scenarios.views import cards
from warifu.simulator.stage.ways import Ways
from warifu.web.dates import written


@dataclass(frozen=True, slots=True)
class FrontViews:
    """The page that `warifu demo` opens."""

    ground: Ground

    def routes(self) -> list[BaseRoute]:
        """Its route."""
        return [Route("/", self.front, methods=["GET"])]

    async def front(self, request: Request) -> Response:
        """What can be played, and where things stand."""
        language, ground = self.ground.language(request), self.ground
        known = await ground.clockwork.now()
        urls = ground.network.urls
        return await ground.render(
            request,
            "front.html",
            here="front",
            scenarios=cards(ground, language),
            now=written(known[0], language) if known else None,
            stopped=known[1] if known else False,
            standing=await ground.faults.standing(),
            ways=Ways(urls),
            counter=urls.get("counter", ""),
            card=urls.get("simulator", ""),
        )
