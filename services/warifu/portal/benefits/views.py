"""Registering the account for benefits (公金受取口座), changing it and ending it.

Banks are invented. Whose account it is, the portal cannot check: it knows no name. Whoever pays compares the name in kana; in 2022 and 2023
that comparison was missing in reality, and thousands of accounts stood with another member of the family.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.law import Text
from warifu.portal.card.safe import Left, Safe
from warifu.portal.login.views import to_login
from warifu.portal.operations.queries import Operations
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import wants_json
from warifu.web.pages import Pages

PATH: Final = "/benefits"
KIND: Final = "benefits"
BANKS: Final = {
    "aonagi": Text("青凪銀行（架空）", "Aonagi Bank (fictional)"),
    "shiomi": Text("汐見信用金庫（架空）", "Shiomi Shinkin Bank (fictional)"),
    "mizuhara": Text("瑞原農業協同組合（架空）", "Mizuhara Agricultural Cooperative (fictional)"),
    "net": Text("わりふネット銀行（架空）", "Warifu Net Bank (fictional)"),
}
TYPES: Final = {"ordinary": Text("普通", "Ordinary"), "current": Text("当座", "Current")}
_FORMS: Final = {
    "branch": re.compile(r"[0-9]{3}", re.ASCII),
    "number": re.compile(r"[0-9]{7}", re.ASCII),
    "holder": re.compile(r"[ァ-ヶー・ 　]{1,48}"),
}
_SHOWN: Final = 3
"""Last digits of the account's number that are shown."""


@dataclass(frozen=True, slots=True)
class BenefitViews:
    """The pages of the account for benefits."""

    pages: Pages
    sessions: Sessions
    safe: Safe
    operations: Operations

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(f"/api/v1{PATH}", self.show, methods=["GET"]),
            Route(PATH, self.register, methods=["POST"]),
            Route(f"{PATH}/end", self.end, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """What is registered, as little of it as tells it apart."""
        session = await self._session(request)
        if isinstance(session, Response):
            return session
        if wants_json(request):
            left = self.safe.get(session.account, KIND)
            return JSONResponse({"account": _document(left) if left else None})
        return self._page(request, session, done=request.query_params.get("done", ""))

    async def register(self, request: Request) -> Response:
        """Register an account, or another in its place."""
        session = await self._session(request)
        if isinstance(session, Response):
            return session
        form = await request.form()
        fields = ("bank", "branch", "type", "number", "holder")
        typed = {name: str(form.get(name, "")).strip()[:100] for name in fields}
        wrong = _wrong(typed) | (set() if form.get("consent") == "yes" else {"consent"})
        if wrong:
            if wants_json(request):
                return JSONResponse({"error": {"reason": "CLIENT_MALFORMED", "fields": sorted(wrong)}}, 400)
            return self._page(request, session, typed=typed, wrong=wrong, status=400)
        await self.safe.put(session.account, KIND, typed)
        await self.operations.note(session.account, "benefits-set")
        if wants_json(request):
            return JSONResponse({"done": "set"})
        return RedirectResponse(f"{PATH}?done=set", 303)

    async def end(self, request: Request) -> Response:
        """Forget the account."""
        session = await self._session(request)
        if isinstance(session, Response):
            return session
        if await self.safe.drop(session.account, KIND):
            await self.operations.note(session.account, "benefits-ended")
        if wants_json(request):
            return JSONResponse({"done": "ended"})
        return RedirectResponse(f"{PATH}?done=ended", 303)

    async def _session(self, request: Request) -> Session | Response:
        session = await self.sessions.of(request)
        if session is not None:
            return session
        if wants_json(request):
            raise HTTPException(401)
        return to_login(request)

    def _page(
        self,
        request: Request,
        session: Session,
        *,
        done: str = "",
        typed: Mapping[str, str] | None = None,
        wrong: frozenset[str] | set[str] = frozenset(),
        status: int = 200,
    ) -> Response:
        language = languages.of(request)
        left = self.safe.get(session.account, KIND)
        shown: dict[str, Any] = {
            "bank": BANKS[left.values["bank"]].to(language) if left else "",
            "type": TYPES[left.values["type"]].to(language) if left else "",
            "number": left.values["number"][-_SHOWN:] if left else "",
            "since": written(datetime_at(left.since), language) if left else None,
        }
        return self.pages.render(
            request,
            "benefits.html",
            status=status,
            session=session,
            registered=left is not None,
            shown=shown,
            done=done,
            typed=typed or {},
            wrong=wrong,
            banks=[(code, name.to(language)) for code, name in BANKS.items()],
            types=[(code, name.to(language)) for code, name in TYPES.items()],
        )


def _document(left: Left) -> dict[str, str]:
    values = left.values
    return {
        "bank": values["bank"],
        "branch": values["branch"],
        "type": values["type"],
        "last_digits": values["number"][-_SHOWN:],
        "since": iso(datetime_at(left.since)),
    }


def _wrong(typed: Mapping[str, str]) -> set[str]:
    wrong = {name for name, form in _FORMS.items() if not form.fullmatch(typed[name])}
    if typed["bank"] not in BANKS:
        wrong.add("bank")
    if typed["type"] not in TYPES:
        wrong.add("type")
    return wrong
