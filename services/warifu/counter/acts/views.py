"""The page of what staff did."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.counter.acts.queries import DONE, PAGE
from warifu.counter.acts.words import named
from warifu.counter.desk import HERE, Desk, before_of
from warifu.counter.staff.roles import NAMES, OFFICES, Right, Role
from warifu.kernel.instants import datetime_at
from warifu.web import languages
from warifu.web.dates import written


@dataclass(frozen=True, slots=True)
class ActViews:
    """The acts of all institutions' staff."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their route."""
        return [Route(f"{HERE}/acts", self.index, methods=["GET"])]

    async def index(self, request: Request) -> Response:
        """What staff did, newest first."""
        acting = await self.desk.acting(request, Right.SUPERVISE)
        language = languages.of(request)
        rows = acting.bench.acts.page(before_of(request))
        shown = [
            {
                "when": written(datetime_at(row.at), language),
                "login": row.login,
                "role": NAMES[Role(row.role)].to(language),
                "office": OFFICES[row.office].to(language),
                "act": row.act,
                "what": named(row.act, language),
                "about": row.about,
                "result": row.result,
                "done": row.result == DONE,
            }
            for row in rows[:PAGE]
        ]
        older = rows[PAGE - 1].id if len(rows) > PAGE else None
        return await self.desk.page(request, "acts.html", rows=shown, older=older)
