"""The way in and out, and the diary."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.law import Text
from warifu.staff.accounts import Accounts, LockedError
from warifu.watchdog.desk import Desk, before_of
from warifu.watchdog.staff.accounts import Account
from warifu.watchdog.staff.diary import PAGE
from warifu.watchdog.staff.roles import NAMES, Role
from warifu.web import languages
from warifu.web.dates import written

_LOCAL: Final = re.compile(r"/(?:[A-Za-z0-9_-][A-Za-z0-9/_-]*)?(?:\?[A-Za-z0-9=&._%-]*)?", re.ASCII)
_LONGEST: Final = 300
ACTS: Final = {
    "login": Text("ログイン", "Logged in"),
    "search": Text("記録の検索", "Searched the records"),
    "open": Text("発見・兆候を開いた", "Opened a finding or suspicion"),
    "stop": Text("情報連携を止めた", "Stopped exchanges"),
    "free": Text("停止を解いた", "Lifted a stop"),
    "measure": Text("指導・勧告・命令", "Issued a measure"),
    "letter": Text("住民の質問・異議に回答した", "Answered a citizen's letter"),
    "approve": Text("独自利用事務を承認した", "Approved an ordinance use"),
    "refuse": Text("独自利用事務を承認しなかった", "Refused an ordinance use"),
    "withdraw": Text("独自利用事務の承認を取り消した", "Withdrew an approval"),
    "audit": Text("突合を行った", "Ran a reconciliation"),
}


def safe_next(path: str | None) -> str:
    """`path` when it is a page of this console; the first page otherwise."""
    good = path and len(path) <= _LONGEST and "//" not in path and _LOCAL.fullmatch(path)
    return path if path and good else "/"


@dataclass(frozen=True, slots=True)
class StaffViews:
    """The pages about staff themselves."""

    desk: Desk
    accounts: Accounts[Account]
    demo: Mapping[str, str]
    """Passwords of the simulation's accounts, by login; empty outside a simulation."""

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/login", self.login, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/diary", self.diary, methods=["GET"]),
        ]

    async def login(self, request: Request) -> Response:
        """Ask for name and password."""
        then = safe_next(request.query_params.get("next"))
        if await self.desk.sessions.of(request):
            return RedirectResponse(then, 303)
        return await self._asked(request, then)

    async def log_in(self, request: Request) -> Response:
        """Check them and open a session."""
        form = await request.form()
        then, login = safe_next(str(form.get("next", ""))), str(form.get("login", "")).strip()
        password = str(form.get("password", ""))
        if wrong := [name for name, typed in (("login", login), ("password", password)) if not typed]:
            return await self._asked(request, then, login, "unfit", wrong)
        try:
            account = await self.accounts.check(login, password)
        except LockedError:
            return await self._asked(request, then, login, "locked")
        if account is None:
            return await self._asked(request, then, login, "wrong")
        return await self._welcome(account, then)

    async def logout(self, request: Request) -> Response:
        """End the session."""
        response = RedirectResponse("/login?out", 303)
        await self.desk.sessions.close(request, response)
        return response

    async def diary(self, request: Request) -> Response:
        """What staff did, newest first."""
        await self.desk.staff(request)
        rows, language = self.desk.diary.page(before_of(request)), languages.of(request)
        shown = [
            {
                "when": written(datetime_at(row.network_at), language),
                "who": NAMES[Role(row.role)].to(language),
                "what": ACTS[row.act].to(language),
                "about": row.about,
                "owed": bool(row.owed),
                "log": row.act in {"open", "search"},
            }
            for row in rows[:PAGE]
        ]
        more = rows[PAGE - 1].id if len(rows) > PAGE else None
        return await self.desk.render(
            request, "diary.html", rows=shown, older=more, first="before" not in request.query_params
        )

    async def _welcome(self, account: Account, then: str) -> Response:
        await self.desk.diary.note(account, "login", "")
        response = RedirectResponse(then, 303)
        await self.desk.sessions.open(account.login, response)
        return response

    async def _asked(
        self, request: Request, then: str, login: str = "", problem: str = "", wrong: Collection[str] = ()
    ) -> Response:
        language = languages.of(request)
        demo = [(login, password, NAMES[Role(login)].to(language)) for login, password in self.demo.items()]
        return await self.desk.render(
            request,
            "login.html",
            {"": 200, "unfit": 400}.get(problem, 403),
            wrong=wrong,
            then=then,
            login=login[:64],
            problem=problem,
            demo=demo,
            out="out" in request.query_params,
        )
