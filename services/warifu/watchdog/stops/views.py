"""The page of stops. What is decided here is in force at the gateway when the page says so, or says that the gateway could not be told yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.limits import FREE_TEXT
from warifu.law import Stopped
from warifu.watchdog.desk import Desk, filled, number_of, typed
from warifu.watchdog.rulings import RulingsDesk
from warifu.watchdog.stops.queries import Stops
from warifu.web import languages

_EMPTY: Final = FormData()


@dataclass(frozen=True, slots=True)
class StopViews:
    """The pages."""

    desk: Desk
    stops: Stops
    rulings: RulingsDesk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/stops", self.page, methods=["GET"]),
            Route("/stops", self.stop, methods=["POST"]),
            Route("/stops/{id}/lift", self.lift, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """Stops in force and past ones, and the form."""
        await self.desk.staff(request)
        return await self._page(request)

    async def stop(self, request: Request) -> Response:
        """Stop an institution."""
        who = await self.desk.director(request)
        form = await request.form()
        if wrong := self._wrong(form):
            return await self._page(request, form, wrong, status=400)
        institution, ground, why = str(form["institution"]), str(form["ground"]), filled(form, "why", FREE_TEXT) or ""
        await self.desk.diary.note(who, "stop", institution)
        if not await self.stops.stop(institution, Stopped(ground), why, self.desk.today()):
            return await self._page(request, form, already=True, status=409)
        return await self._told("stopped")

    async def lift(self, request: Request) -> Response:
        """Free an institution again."""
        who = await self.desk.director(request)
        freed = await self.stops.lift(number_of(request), self.desk.today())
        if freed is None:
            raise HTTPException(404)
        await self.desk.diary.note(who, "free", freed)
        return await self._told("lifted")

    async def _told(self, done: str) -> Response:
        return RedirectResponse(f"/stops?done={done}" if await self.rulings.tell() else "/stops?done=later", 303)

    def _wrong(self, form: FormData) -> list[str]:
        """The fields to mend."""
        why = filled(form, "why", FREE_TEXT)
        fit = {
            "institution": self.desk.known(str(form.get("institution", ""))),
            "ground": str(form.get("ground", "")) in set(Stopped),
            "why": why is not None and "\n" not in why,
        }
        return [name for name, fits in fit.items() if not fits]

    async def _page(
        self,
        request: Request,
        form: FormData = _EMPTY,
        wrong: Collection[str] = (),
        *,
        already: bool = False,
        status: int = 200,
    ) -> Response:
        language = languages.of(request)
        rows = [
            {"id": row.id, "name": self.desk.name(row.institution, language), "ground": row.ground, "why": row.why,
             "since": row.since_on, "lifted": row.lifted_on}
            for row in self.stops.all()
        ]  # fmt: skip
        return await self.desk.render(
            request,
            "stops.html",
            status,
            rows=rows,
            institutions=[(one.code, one.name.to(language)) for one in self.desk.institutions()],
            wrong=wrong,
            already=already,
            typed=typed(form, "institution", "ground", "why"),
            done=request.query_params.get("done", "") if request.method == "GET" else "",
            longest=int(FREE_TEXT),
        )
