"""What every page of the console stands on: who is there, what the day is, who is who."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from warifu.kernel.clock import Clock
from warifu.law import Institution, LawBook, Text
from warifu.staff.sessions import Sessions
from warifu.watchdog.staff.accounts import Account
from warifu.watchdog.staff.diary import Diary
from warifu.watchdog.staff.roles import NAMES, Role
from warifu.web import languages
from warifu.web.face import wants_json
from warifu.web.pages import Pages

PAGE: Final = 20
NEWEST: Final = 2**62
"""As `before`: from the newest on."""


_PARTIES: Final = {
    "gateway": Text("ゲートウェイ", "Gateway"),
    "portal": Text("市民ポータル", "Citizen portal"),
    "watchdog": Text("監督機関", "Supervisor"),
}


class LoginNeededError(Exception):
    """The page is for staff."""


class RoleNeededError(Exception):
    """The act is for the director."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by all features."""

    pages: Pages
    sessions: Sessions[Account]
    diary: Diary
    clock: Clock
    book: Callable[[], LawBook]

    async def staff(self, request: Request) -> Account:
        """Who makes the request.

        Raises:
            LoginNeededError: nobody who is logged in.
        """
        account = await self.sessions.of(request)
        if account is None:
            raise LoginNeededError
        return account

    async def director(self, request: Request) -> Account:
        """The director, who makes the request. Raises as `staff`, and RoleNeededError."""
        account = await self.staff(request)
        if account.role is not Role.DIRECTOR:
            raise RoleNeededError
        return account

    async def render(self, request: Request, template: str, status: int = 200, **values: object) -> Response:
        """A page, with the menu of whoever is there."""
        values |= await self.frame(request)
        return self.pages.render(request, template, status=status, policy=None, easy=False, **values)

    async def frame(self, request: Request) -> Mapping[str, object]:
        """What the frame of every page knows: who is there, and whether they direct."""
        account = await self.sessions.of(request)
        directs = account is not None and account.role is Role.DIRECTOR
        return {"account": account, "role": _role(account, request), "directs": directs}

    def today(self) -> date:
        """The simulated day."""
        return self.clock.today()

    def institutions(self) -> list[Institution]:
        """All institutions, in the order of the register."""
        return list(self.book().institutions.values())

    def known(self, code: str) -> bool:
        """Whether there is such an institution."""
        return code in self.book().institutions

    def name(self, code: str, language: str) -> str:
        """The name of an institution, or of a party that is none; its code when it is unknown."""
        found = self.book().institutions.get(code)
        return (
            found.name.to(language) if found is not None else _PARTIES[code].to(language) if code in _PARTIES else code
        )

    async def login_needed(self, request: Request, _error: Exception) -> Response:
        """To the login page, which leads back."""
        if wants_json(request):
            return JSONResponse({"error": {"status": 401}}, 401)
        there = request.url.path if request.method == "GET" else "/"
        query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
        return RedirectResponse(f"/login?{urlencode({'next': there + query})}", 303)

    async def role_needed(self, request: Request, _error: Exception) -> Response:
        """Say whose act it is."""
        if wants_json(request):
            return JSONResponse({"error": {"status": 403}}, 403)
        return await self.render(request, "role.html", status=403)


def before_of(request: Request) -> int:
    """From where a page goes on; the newest where that is not said, or nonsense."""
    text = request.query_params.get("before", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else NEWEST  # noqa: PLR2004 - 64 bits


def filled(form: FormData, name: str, longest: int) -> str | None:
    """A text of a form, trimmed; None when it is missing, too long or holds control characters other than line ends."""
    text = str(form.get(name, "")).replace("\r\n", "\n").strip()
    fit = 0 < len(text) <= longest and all(letter.isprintable() or letter in "\n\u3000" for letter in text)
    return text if fit else None


def day_of_form(form: FormData, name: str) -> date | None:
    """A day of a form; None when it is none."""
    try:
        return date.fromisoformat(str(form.get(name, "")).strip())
    except ValueError:
        return None


def typed(form: FormData, *names: str) -> dict[str, str]:
    """What stands in fields of a form, to be shown again."""
    return {name: str(form.get(name, "")) for name in names}


def number_of(request: Request) -> int:
    """The number in an address; 0, which nothing has, when it is none."""
    text = str(request.path_params.get("id", ""))
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0  # noqa: PLR2004 - 64 bits


def _role(account: Account | None, request: Request) -> str:
    return NAMES[account.role].to(languages.of(request)) if account is not None else ""
