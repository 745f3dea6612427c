"""The register's page: what each institution needs, what it published, and whether that stands in the way of linkage today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.law import Institution, Stopped, pia_state
from warifu.law.pia import LEVEL_NAMES
from warifu.watchdog.desk import Desk
from warifu.watchdog.stops.queries import Stops
from warifu.web import languages


@dataclass(frozen=True, slots=True)
class PiaViews:
    """The page. Everyone may read it, as assessments are published."""

    desk: Desk
    stops: Stops

    def routes(self) -> list[BaseRoute]:
        """Its route."""
        return [Route("/pia", self.page, methods=["GET"])]

    async def page(self, request: Request) -> Response:
        """All institutions, in the order of the register."""
        language = languages.of(request)
        lines = [self._line(one, language) for one in self.desk.institutions()]
        return await self.desk.render(request, "pia.html", rows=lines, today=self.desk.today().isoformat())

    def _line(self, one: Institution, language: str) -> Mapping[str, object]:
        breach = self.stops.in_force().get(one.code, (None, None))[0] is Stopped.ART_28
        return {
            "code": one.code,
            "name": one.name.to(language),
            "size": f"{one.declared_size:,}",
            "required": LEVEL_NAMES[one.pia_required].to(language),
            "level": LEVEL_NAMES[one.pia.level].to(language) if one.pia else None,
            "published": one.pia.published_on.isoformat() if one.pia else None,
            "expires": one.pia.expires_on.isoformat() if one.pia else None,
            "state": "breach" if breach else pia_state(one, self.desk.today()).value,
        }
