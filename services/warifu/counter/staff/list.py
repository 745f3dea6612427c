"""The page of an institution's staff: who may do what, when, and an hour more where work is urgent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.counter.desk import HERE, Desk
from warifu.counter.staff.roles import NAMES, OFFICES, RIGHT_NAMES, RIGHTS, Right
from warifu.kernel.instants import datetime_at, milliseconds
from warifu.web import languages
from warifu.web.dates import written

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StaffViews:
    """The staff of all institutions."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/staff", self.index, methods=["GET"]),
            Route(f"{HERE}/staff/{{login}}/hour", self.grant, methods=["POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """Who works here."""
        acting = await self.desk.acting(request, Right.SUPERVISE)
        language, now = languages.of(request), self.desk.clock.network()
        staff = [
            {
                "login": one.login,
                "role": NAMES[one.role].to(language),
                "office": OFFICES[one.office].to(language),
                "hours": one.duty.words.to(language),
                "rights": [RIGHT_NAMES[right].to(language) for right in Right if right in RIGHTS[one.role]],
                "on_duty": one.on_duty(now),
                "until": written(datetime_at(one.granted_until), language)
                if milliseconds(now) < one.granted_until
                else None,
            }
            for one in acting.bench.accounts.all()
        ]
        return await self.desk.page(request, "staff.html", staff=staff, done=request.query_params.get("done") == "hour")

    async def grant(self, request: Request) -> Response:
        """Let somebody work for an hour from now, on record; nobody grants it to themselves."""
        acting = await self.desk.acting(request, Right.SUPERVISE)
        login = str(request.path_params["login"])
        if acting.bench.accounts.find(login) is None or login == acting.clerk:
            raise HTTPException(404)
        until = milliseconds(self.desk.clock.network() + HOUR)
        async with acting.record("grant-hour", login):
            await acting.bench.accounts.change(login, granted_until=until)
        return RedirectResponse(f"{acting.path}/staff?done=hour", 303)
