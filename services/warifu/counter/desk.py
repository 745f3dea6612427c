"""What every page of the counter stands on: which institution, who works there, what they may do, and on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from warifu.agency.v1 import cases_pb2
from warifu.counter.bench import Bench, Benches
from warifu.counter.staff.accounts import Account
from warifu.counter.staff.roles import NAMES, OFFICES, Right, roles_with
from warifu.counter.stubs import Stubs
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Side
from warifu.law import Institution, LawBook, Text
from warifu.web import languages
from warifu.web.pages import Pages

NOWHERE: Final[Mapping[str, object]] = MappingProxyType(
    {"institution": "", "base": "", "account": None, "role": "", "office": "", "menu": ()}
)
"""What a frame knows of a page that is no institution's."""
NEWEST: Final = 2**62
"""As `before`: from the newest on."""
_LONGEST_NUMBER: Final = 18
"""Digits of what fits into 64 bits."""


class _Code(Convertor[str]):
    """An institution code in an address, and no other first part of one."""

    regex = "[a-z][a-z_]{0,31}-[a-z0-9-]{1,31}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("institution", _Code())
HERE: Final = "/{institution:institution}"
"""Where the pages of an institution begin: `Route(f"{HERE}/cases", …)`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the menu."""

    path: str
    """Below the institution's own address, such as "/visitors"."""
    name: Text
    right: Right | None
    """Whose entry it is; None: everybody's."""
    about: Text
    """What one does there, for the first page."""


class LoginNeededError(Exception):
    """The page is for the institution's staff."""


class RightNeededError(Exception):
    """It is not the account's work."""

    def __init__(self, right: Right) -> None:
        super().__init__(right)
        self.right = right


class OffDutyError(Exception):
    """The account may not work now."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody who works at an institution, now, within their rights."""

    bench: Bench
    account: Account

    @property
    def institution(self) -> Institution:
        """Where."""
        return self.bench.institution

    @property
    def code(self) -> str:
        """The institution's code, as requests name it."""
        return self.bench.code

    @property
    def path(self) -> str:
        """Where the institution's pages begin: `f"{acting.path}/cases"`."""
        return self.bench.path

    @property
    def clerk(self) -> str:
        """The staff code that requests name."""
        return self.account.login

    @property
    def actor(self) -> cases_pb2.Actor:
        """Who acts, for the case service."""
        return cases_pb2.Actor(office=self.account.office, clerk=self.clerk)

    def record(self, act: str, about: str = "") -> AbstractAsyncContextManager[None]:
        """Do something on record (`Acts.during`): `async with acting.record("receive"): …`. `about` is a code, never a name."""
        return self.bench.acts.during(self.account, act, about)

    async def propose(self, kind: str, content: bytes, about: str, why: str, *, alone: bool = False) -> int:
        """Ask a second person, on record (`Proposals.add`); the proposal's number, whose page is `f"{path}/proposals/{number}"`."""
        async with self.record("propose", about):
            return await self.bench.proposals.add(self.account, kind, content, about, why, alone=alone)

    def sees(self, proposal: int) -> bool:
        """Whether a proposal is theirs to look at: their own, or one that they may decide."""
        row = self.bench.proposals.one(proposal)
        return row is not None and (row.proposed_by == self.clerk or self.account.may(Right.APPROVE))


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failed call in words, for `parts.trouble`."""

    reason: str
    text: str
    again: bool
    """The same may succeed later."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by all features."""

    pages: Pages
    benches: Benches
    stubs: Stubs
    clock: Clock
    book: Callable[[], LawBook]
    menu: Sequence[Entry]

    def bench(self, request: Request) -> Bench:
        """The institution of a request's address.

        Raises:
            HTTPException: 404: it has no counter here.
        """
        bench = self.benches.find(request.path_params["institution"])
        if bench is None:
            raise HTTPException(404)
        return bench

    async def acting(self, request: Request, right: Right | None = None) -> Acting:
        """Who works here and makes the request; with `right`, only when it is their work.

        Raises:
            LoginNeededError, OffDutyError, RightNeededError: answered with the page that says what to do.
        """
        bench = self.bench(request)
        account = await bench.sessions.of(request)
        if account is None:
            raise LoginNeededError
        if not account.on_duty(self.clock.network()):
            raise OffDutyError
        if right is not None and not account.may(right):
            raise RightNeededError(right)
        return Acting(bench, account)

    async def page(self, request: Request, template: str, status: int = 200, **values: object) -> Response:
        """A page of an institution, with the menu of whoever is there. Templates extend "counter.html" and set `here` to a menu path."""
        known: dict[str, Any] = {**await self._framed(request, self.bench(request)), **values}
        return self.pages.render(request, template, status=status, **known)

    async def frame(self, request: Request) -> Mapping[str, object]:
        """What the frame knows of a page that no feature made, whose institution only its address tells: often there is none."""
        bench = self.benches.find(request.url.path.split("/")[1])
        return await self._framed(request, bench) if bench is not None else NOWHERE

    async def _framed(self, request: Request, bench: Bench) -> Mapping[str, object]:
        account, language = await bench.sessions.of(request), languages.of(request)
        return {
            "institution": bench.institution.name.to(language),
            "base": bench.path,
            "account": account,
            "role": NAMES[account.role].to(language) if account is not None else "",
            "office": OFFICES[account.office].to(language) if account is not None else "",
            "menu": [(entry.path, entry.name.to(language)) for entry in self.entries(account)],
        }

    def entries(self, account: Account | None) -> list[Entry]:
        """What of the menu is somebody's work."""
        return open_to(account, self.menu)

    def trouble(self, request: Request, error: LinkageError) -> Trouble:
        """A failed call in words, as a region of a page: `{{ parts.trouble(trouble) }}`."""
        return Trouble(error.reason, error.text(languages.of(request)), error.retryable)

    def today(self) -> date:
        """The simulated day."""
        return self.clock.today()

    def name(self, code: str, language: str) -> str:
        """An institution's name; its code when it is unknown."""
        found = self.book().institutions.get(code)
        return found.name.to(language) if found is not None else code

    async def login_needed(self, request: Request, _error: Exception) -> Response:
        """To the login page, which leads back."""
        bench = self.bench(request)
        there = request.url.path if request.method == "GET" else bench.path
        query = f"?{request.url.query}" if request.method == "GET" and request.url.query else ""
        return RedirectResponse(f"{bench.path}/login?{urlencode({'next': there + query})}", 303)

    async def right_needed(self, request: Request, error: Exception) -> Response:
        """Say whose work it is."""
        assert isinstance(error, RightNeededError)
        language = languages.of(request)
        roles = [NAMES[role].to(language) for role in roles_with(error.right)]
        return await self.page(request, "right.html", 403, roles=roles)

    async def off_duty(self, request: Request, _error: Exception) -> Response:
        """Say when the account may work, and who may let it work now."""
        account = await self.bench(request).sessions.of(request)
        hours = account.duty.words.to(languages.of(request)) if account is not None else ""
        return await self.page(request, "off_duty.html", 403, hours=hours)

    async def failed(self, request: Request, error: Exception) -> Response:
        """A call failed and the page had no place for it."""
        assert isinstance(error, LinkageError)
        status = 409 if error.reason.side is Side.CLIENT else 502
        return await self.page(request, "trouble.html", status, trouble=self.trouble(request, error))


def open_to(account: Account | None, entries: Sequence[Entry]) -> list[Entry]:
    """Those of the entries that are somebody's work."""
    if account is None:
        return []
    return [entry for entry in entries if entry.right is None or account.may(entry.right)]


def before_of(request: Request) -> int:
    """From where a page goes on; the newest where that is not said, or nonsense."""
    return _number(request.query_params.get("before", ""), NEWEST)


def number_of(request: Request) -> int:
    """The number in an address; 0, which nothing has, when it is none."""
    return _number(str(request.path_params.get("id", "")), 0)


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


def _number(text: str, otherwise: int) -> int:
    fit = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if fit else otherwise
