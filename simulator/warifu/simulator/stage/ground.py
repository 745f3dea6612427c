"""What every page of the stage stands on: the network, its doors, the plays, and rendering."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from warifu.law import LawBook
from warifu.simulator.doors import Doors
from warifu.simulator.stage.clock.work import Clockwork
from warifu.simulator.stage.faults.desk import FaultDesk
from warifu.simulator.stage.people.crowd import Crowd
from warifu.simulator.stage.scenarios.plays import Plays
from warifu.simulator.state import NetworkFile
from warifu.web import languages
from warifu.web.face import Face
from warifu.web.pages import Pages

PROJECTOR_COOKIE: Final = "warifu_projector"
_PROJECTOR_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Ground:
    """Shared by all features of the stage. Use from the launcher's event loop."""

    face: Face
    pages: Pages
    network: NetworkFile
    state: Path
    doors: Doors
    book: LawBook
    plays: Plays
    crowd: Crowd
    clockwork: Clockwork
    faults: FaultDesk

    def name(self, institution: str, language: str) -> str:
        """An institution's name; its code when it is unknown."""
        found = self.book.institutions.get(institution)
        return found.name.to(language) if found is not None else institution

    def played(self) -> set[str]:
        """People whose lives a play has changed."""
        path = self.state / "simulator" / "played.json"
        return set(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else set()

    async def render(
        self, request: Request, template: str, *, status: int = 200, here: str = "", **values: object
    ) -> Response:
        """A page of the stage in the request's language. `here` names the menu's entry that the page belongs to."""
        known = {**self.frame(request), "here": here, "faces": self.network.urls, **values}
        response = self.pages.render(request, template, status=status, policy=None, easy=False, **known)
        asked = request.query_params.get("projector")
        if asked in {"0", "1"}:
            response.set_cookie(PROJECTOR_COOKIE, asked, _PROJECTOR_SECONDS, httponly=True, samesite="lax")
        return response

    def frame(self, request: Request) -> Mapping[str, object]:
        """What the frame of every page knows: the menu's place, the type's size, what is being played."""
        asked = request.query_params.get("projector")
        projector = (asked if asked in {"0", "1"} else request.cookies.get(PROJECTOR_COOKIE)) == "1"
        return {
            "here": "",
            "projector": projector,
            "projector_link": _with_projector(request, on=not projector),
            "running": self.plays.running,
        }

    async def framed(self, request: Request) -> Mapping[str, object]:
        """The same, for pages that no feature makes."""
        return self.frame(request)

    def language(self, request: Request) -> str:
        """The language of the response."""
        return languages.of(request)


def _with_projector(request: Request, *, on: bool) -> str:
    """This very page, larger or as usual; of a page that answers a form, the front page."""
    if request.method != "GET":
        return f"/?projector={int(on)}"
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "projector"]
    return f"{request.url.path}?{urlencode([*kept, ('projector', int(on))])}"
