"""The way in and out: password and one-time password, within duty hours."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.counter.bench import Bench
from warifu.counter.desk import HERE, Desk
from warifu.counter.staff.accounts import Account
from warifu.counter.staff.roles import NAMES, OFFICES
from warifu.staff.accounts import LockedError
from warifu.staff.totp import STEP
from warifu.web import languages

_LOCAL: Final = re.compile(r"/[A-Za-z0-9][A-Za-z0-9/_-]*(?:\?[A-Za-z0-9=&._%-]*)?", re.ASCII)
_LONGEST: Final = 300
_CODE: Final = re.compile(r"[0-9]{6}")
OFF_DUTY: Final = "OFF_DUTY"
"""How a login outside duty hours ends, on record."""


def safe_next(path: str | None, base: str) -> str:
    """`path` when it is a page of the institution whose pages begin at `base`; its first page otherwise."""
    good = path and len(path) <= _LONGEST and "//" not in path and _LOCAL.fullmatch(path)
    return path if path and good and (path == base or path.startswith((f"{base}/", f"{base}?"))) else base


def _unfit(login: str, password: str, code: str) -> Collection[str]:
    """Fields that hold what no account could have: that much may be said of each. Nothing is looked up for it, and no try is counted."""
    fits = {"login": login, "password": password, "code": _CODE.fullmatch("".join(code.split()))}
    return [name for name, fit in fits.items() if not fit]


@dataclass(frozen=True, slots=True)
class LoginViews:
    """Login and log-out."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/login", self.login, methods=["GET"]),
            Route(f"{HERE}/login", self.log_in, methods=["POST"]),
            Route(f"{HERE}/logout", self.logout, methods=["POST"]),
        ]

    async def login(self, request: Request) -> Response:
        """Ask for staff code, password and one-time password."""
        bench = self.desk.bench(request)
        then = safe_next(request.query_params.get("next"), bench.path)
        if await bench.sessions.of(request):
            return RedirectResponse(then, 303)
        return await self._asked(request, then)

    async def log_in(self, request: Request) -> Response:
        """Check them, and the hour, and open a session."""
        bench, form = self.desk.bench(request), await request.form()
        then, login = safe_next(str(form.get("next", "")), bench.path), str(form.get("login", "")).strip()
        password, code = await self._shown(bench, login, form)
        if wrong := _unfit(login, password, code):
            return await self._asked(request, then, login, "unfit", wrong)
        try:
            account = await bench.accounts.check(login, password, code)
        except LockedError:
            return await self._asked(request, then, login, "locked")
        if account is None:
            return await self._asked(request, then, login, "wrong")
        if not account.on_duty(self.desk.clock.network()):
            await bench.acts.end(await bench.acts.note(account, "off-duty"), OFF_DUTY)
            hours = account.duty.words.to(languages.of(request))
            return await self.desk.page(request, "off_duty.html", 403, hours=hours)
        return await self._welcome(bench, account, then)

    async def logout(self, request: Request) -> Response:
        """End the session."""
        bench = self.desk.bench(request)
        response, account = RedirectResponse(f"{bench.path}/login?out", 303), await bench.sessions.of(request)
        if account is not None:
            async with bench.acts.during(account, "logout"):
                await bench.sessions.close(request, response)
        return response

    async def _welcome(self, bench: Bench, account: Account, then: str) -> Response:
        response = RedirectResponse(then, 303)
        async with bench.acts.during(account, "login"):
            await bench.sessions.open(account.login, response)
        return response

    async def _asked(
        self, request: Request, then: str, login: str = "", problem: str = "", wrong: Collection[str] = ()
    ) -> Response:
        return await self.desk.page(
            request,
            "login.html",
            {"": 200, "unfit": 400}.get(problem, 403),
            wrong=wrong,
            then=then,
            login=login[:64],
            problem=problem,
            demo=await self._quick(request),
            seconds=STEP,
            out="out" in request.query_params,
        )

    async def _shown(self, bench: Bench, login: str, form: FormData) -> tuple[str, str]:
        """Password and one-time password: as typed, or by the quick login as a simulation shows them at this moment."""
        passwords = await self._demo(bench)
        if "quick" in form and login in passwords:
            used = next((one.used_step for one in bench.accounts.all() if one.login == login), 0)
            code = self.desk.benches.codes.shown(bench.code, login, now=self.desk.clock.machine(), after=used)
            return passwords[login], code or ""
        return str(form.get("password", "")), str(form.get("code", ""))

    async def _demo(self, bench: Bench) -> dict[str, str]:
        """Passwords of the simulation's accounts, by login; empty outside a simulation."""
        demo = self.desk.benches.demo
        if demo is None:
            return {}
        return dict(await demo.passwords(bench.code, bench.institution.role.kind, bench.accounts))

    async def _quick(self, request: Request) -> list[dict[str, Any]]:
        """The simulation's accounts, each with what logs in now."""
        bench, language = self.desk.bench(request), languages.of(request)
        codes, passwords = self.desk.benches.codes, await self._demo(bench)
        now, network = self.desk.clock.machine(), self.desk.clock.network()
        return [
            {
                "login": one.login,
                "password": passwords[one.login],
                "code": codes.shown(bench.code, one.login, now=now, after=one.used_step),
                "role": NAMES[one.role].to(language),
                "office": OFFICES[one.office].to(language),
                "hours": one.duty.words.to(language),
                "on_duty": one.on_duty(network),
            }
            for one in bench.accounts.all()
            if one.login in passwords
        ]
