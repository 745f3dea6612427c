"""The first pages: which institution, and what waits there."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.counter.desk import HERE, Desk
from warifu.counter.staff.roles import Right
from warifu.web import languages


@dataclass(frozen=True, slots=True)
class FrontViews:
    """The institutions, and the first page of each."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [Route("/", self.institutions, methods=["GET"]), Route(HERE, self.front, methods=["GET"])]

    async def institutions(self, request: Request) -> Response:
        """Every institution with a counter, by its body."""
        language = languages.of(request)
        bodies: dict[str, list[tuple[str, str]]] = {}
        for one in self.desk.benches.all():
            bodies.setdefault(one.operator.name.to(language), []).append((one.code, one.name.to(language)))
        return self.desk.pages.render(request, "institutions.html", bodies=bodies)

    async def front(self, request: Request) -> Response:
        """What there is to do; the login for whoever is not logged in."""
        bench = self.desk.bench(request)
        if await bench.sessions.of(request) is None:
            return RedirectResponse(f"{bench.path}/login", 303)
        acting = await self.desk.acting(request)
        language = languages.of(request)
        work = [
            (entry.path, entry.name.to(language), entry.about.to(language))
            for entry in self.desk.entries(acting.account)
        ]
        waiting = bench.proposals.waiting() if acting.account.may(Right.APPROVE) else 0
        return await self.desk.page(request, "front.html", work=work, waiting=waiting)
