"""The pages of one exchange. Every step has an address of its own, so that it can be linked to, and needs no script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.simulator.stage.exchange.document import document
from warifu.simulator.stage.exchange.look import digest, look
from warifu.simulator.stage.ground import Ground
from warifu.simulator.stage.picture import STEPS, Picture, draw
from warifu.simulator.stage.picture.narration import SHORT, STATES
from warifu.simulator.stage.picture.reading import Views
from warifu.simulator.stage.scenarios.scripts import scripts
from warifu.simulator.stage.words import Words

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
TEMPLATE: Final = "picture/exchange.html"
SHOWN_BYTES: Final = 256
"""Of anything held, so many bytes are on the page; all of them are in the JSON document."""
PACE: Final = 8
"""Seconds for which a step stands while the exchange plays by itself."""


@dataclass(frozen=True, slots=True)
class ExchangeViews:
    """Draws exchanges from what the parties hold at the moment of looking."""

    ground: Ground

    def routes(self) -> list[BaseRoute]:
        """Its routes."""
        return [
            Route("/exchange", self.find, methods=["GET"]),
            Route("/exchange/{request_id}.json", self.data, methods=["GET"]),
            Route("/exchange/{request_id}", self.page, methods=["GET"]),
        ]

    async def find(self, request: Request) -> Response:
        """To the exchange whose id was typed; without one, where ids are to be found."""
        wanted = request.query_params.get("id", "").strip().lower()
        if _ID.fullmatch(wanted):
            return RedirectResponse(f"/exchange/{wanted}", 303)
        return await self.ground.render(request, "picture/find.html", here="map", wanted=wanted[:100])

    async def page(self, request: Request) -> Response:
        """The exchange at one step; nothing at all (204) for a page that shows the present state already."""
        request_id, views, picture = await self._seen(request)
        known = digest(views)
        if request.query_params.get("since") == known:
            return Response(status_code=204)
        if not picture.exists:
            return await self.ground.render(request, "picture/none.html", here="map", status=404, request_id=request_id)
        playing = request.query_params.get("play") == "1"
        return await self.ground.render(
            request,
            TEMPLATE,
            here="map",
            digest=known,
            scenario=self._scenario(request_id),
            **values(picture, _step(request), playing=playing),
        )

    async def data(self, request: Request) -> Response:
        """The same as JSON, with all bytes."""
        _, _, picture = await self._seen(request)
        if not picture.exists:
            raise HTTPException(404)
        return JSONResponse(document(picture))

    def _scenario(self, request_id: str) -> tuple[str, Words] | None:
        """Name and title of the scenario in whose play the exchange was."""
        play = self.ground.plays.of(request_id)
        return (play.scenario.name, scripts().lessons[play.scenario.name].title) if play is not None else None

    async def _seen(self, request: Request) -> tuple[str, Views, Picture]:
        request_id = request.path_params["request_id"]
        if not _ID.fullmatch(request_id):
            raise HTTPException(404)
        views = await look(self.ground.doors, request_id)
        kinds = self.ground.network.extra.get("kinds", {})
        return request_id, views, draw(request_id, views, kinds, self.ground.book)


def values(picture: Picture, step: int, *, playing: bool) -> dict[str, Any]:
    """What the template shows of a picture at one step."""
    return {
        "picture": picture,
        "step": picture.step(step),
        "steps": STEPS,
        "short": SHORT,
        "states": STATES,
        "playing": playing and step < STEPS[-1],
        "pace": PACE,
        "shown_bytes": SHOWN_BYTES,
    }


def _step(request: Request) -> int:
    asked = request.query_params.get("step", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 1 else STEPS[0]
    return min(max(number, STEPS[0]), STEPS[-1])
