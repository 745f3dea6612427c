"""The map's page, and the part of it that renews itself."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.map.live import Live
from warifu.simulator.stage.map.places import HIGH, WIDE


@dataclass(frozen=True, slots=True)
class MapViews:
    """The map of one network."""

    ground: Ground
    live: Live

    @classmethod
    def of(cls, ground: Ground) -> MapViews:
        """With eyes of its own."""
        return cls(ground, Live(ground.network, ground.doors, ground.book))

    def routes(self) -> list[BaseRoute]:
        """Its routes."""
        return [Route("/map", self.page, methods=["GET"]), Route("/map/now", self.part, methods=["GET"])]

    async def page(self, request: Request) -> Response:
        """The whole page; `?still=1` renews nothing by itself."""
        return await self._render(request, "picture/map_page.html", still=request.query_params.get("still") == "1")

    async def part(self, request: Request) -> Response:
        """The part that renews itself."""
        return await self._render(request, "picture/map.html", still=False)

    async def _render(self, request: Request, template: str, *, still: bool) -> Response:
        now = await self.live.now()
        return await self.ground.render(request, template, here="map", map=now, still=still, wide=WIDE, high=HIGH)
