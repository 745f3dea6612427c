"""First registration for use as a health-insurance card, and a clinic's terminal.

The check at a clinic (オンライン資格確認) is no linkage under art. 19(8): it goes another way, and leaves no record in the network. In
reality the payment fund's system knows which certificate belongs to which insured person from what insurers register there. Here the
ledger of that system is what people registered themselves, kept beside the portal; no insurer is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.clock import Clock
from warifu.kernel.instants import datetime_at
from warifu.law import Institution, LawBook
from warifu.portal.accounts import Accounts
from warifu.portal.card.safe import Safe
from warifu.portal.login.views import to_login
from warifu.portal.operations.queries import Operations
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import Face, wants_json
from warifu.web.guard import Policy
from warifu.web.pages import Pages

PATH: Final = "/insurance"
CLINIC: Final = "/clinic"
KIND: Final = "insurance"
INSTITUTION: Final = "99-1-0000000"
"""Code of the fictional clinic; real ones have a prefecture's number from 01 to 47 in front."""
VALID: Final = 1
UNKNOWN: Final = 4
"""QualificationValidity of the real answer: 1 有効, 4 該当なし."""
_NUMBER: Final = re.compile(r"[0-9A-Z-]{1,20}", re.ASCII)
_CONSENTS: Final = ("medicines", "checkups")


@dataclass(frozen=True, slots=True)
class InsuranceViews:
    """The pages of the person, and of the clinic."""

    face: Face
    pages: Pages
    clock: Clock
    book: Callable[[], LawBook]
    sessions: Sessions
    accounts: Accounts
    safe: Safe
    operations: Operations

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(f"/api/v1{PATH}", self.show, methods=["GET"]),
            Route(PATH, self.register, methods=["POST"]),
            Route(f"{PATH}/end", self.end, methods=["POST"]),
            Route(CLINIC, self.clinic, methods=["GET"]),
            Route(f"{CLINIC}/read", self.read, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Whether it is registered, and with which insurer."""
        session = await self._session(request)
        if isinstance(session, Response):
            return session
        if wants_json(request):
            left = self.safe.get(session.account, KIND)
            told = {"insurer": left.values["insurer"], "since": iso(datetime_at(left.since))} if left else None
            return JSONResponse({"registration": told})
        return self._page(request, session, done=request.query_params.get("done", ""))

    async def register(self, request: Request) -> Response:
        """Register, or another insurer after a change of work or home."""
        session = await self._session(request)
        if isinstance(session, Response):
            return session
        form = await request.form()
        typed = {name: str(form.get(name, "")).strip()[:100] for name in ("insurer", "number")}
        wrong = self._wrong(typed) | (set() if form.get("consent") == "yes" else {"consent"})
        if wrong:
            if wants_json(request):
                return JSONResponse({"error": {"reason": "CLIENT_MALFORMED", "fields": sorted(wrong)}}, 400)
            return self._page(request, session, typed=typed, wrong=wrong, status=400)
        await self.safe.put(session.account, KIND, typed)
        await self.operations.note(session.account, "insurance-set")
        if wants_json(request):
            return JSONResponse({"done": "set"})
        return RedirectResponse(f"{PATH}?done=set", 303)

    async def end(self, request: Request) -> Response:
        """Take the registration back."""
        session = await self._session(request)
        if isinstance(session, Response):
            return session
        if await self.safe.drop(session.account, KIND):
            await self.operations.note(session.account, "insurance-ended")
        if wants_json(request):
            return JSONResponse({"done": "ended"})
        return RedirectResponse(f"{PATH}?done=ended", 303)

    async def clinic(self, request: Request) -> Response:
        """The clinic's terminal: what the patient agrees to, then the card."""
        policy = Policy(form_targets=(self.face.origins["card"],))  # a browser follows a form's redirect nowhere else
        return self.pages.render(request, "clinic.html", policy=policy, session=None, result=None)

    async def read(self, request: Request) -> Response:
        """Have a card laid on the reader and prove itself."""
        agreed = "".join("1" if request.query_params.get(name) == "yes" else "0" for name in _CONSENTS)
        asked = {"origin": self.face.origin, "next": f"{CLINIC}/{agreed}", "lang": languages.of(request)}
        return RedirectResponse(f"{self.face.origins['card']}/?{urlencode(asked)}", 303)

    # `warifu.portal.login.views.Aside`
    def is_meant(self, then: str) -> bool:
        """Whether a challenge was made for a clinic's terminal."""
        return then.startswith(f"{CLINIC}/")

    async def arrived(self, request: Request, serial: str, then: str) -> Response:
        """What the clinic is told of the holder of a good certificate. No account is opened and nothing is kept of the visit."""
        account = self.accounts.of(serial)
        left = self.safe.get(account, KIND) if account is not None else None
        agreed = dict(zip(_CONSENTS, then.removeprefix(f"{CLINIC}/"), strict=False))
        now, language = self.clock.network(), languages.of(request)
        result = {
            "ProcessExecutionTime": iso(now),
            "QualificationConfirmationDate": self.clock.today().isoformat(),
            "MedicalInstitutionCode": INSTITUTION,
            "ReferenceClassification": 1,
            "SegmentOfResult": 1,
            "QualificationValidity": VALID if left else UNKNOWN,
            "InsurerName": self._insurer(left.values["insurer"], language) if left else None,
            "InsuredNumber": left.values["number"] if left else None,
            "MedicinesConsent": agreed.get("medicines") == "1" and left is not None,
            "CheckupsConsent": agreed.get("checkups") == "1" and left is not None,
        }
        if wants_json(request):
            return JSONResponse(result)
        return self.pages.render(request, "clinic.html", session=None, result=result, valid=left is not None)

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
        return self.pages.render(
            request,
            "insurance.html",
            status=status,
            session=session,
            registered=left is not None,
            insurer=self._insurer(left.values["insurer"], language) if left else "",
            since=written(datetime_at(left.since), language) if left else None,
            done=done,
            typed=typed or {},
            wrong=wrong,
            insurers=[(one.code, one.name.to(language)) for one in self._insurers()],
        )

    def _insurers(self) -> list[Institution]:
        return list(self.book().register.of_kind("health_insurance"))

    def _insurer(self, code: str, language: str) -> str:
        found = self.book().institutions.get(code)
        return found.name.to(language) if found is not None else code

    def _wrong(self, typed: Mapping[str, str]) -> set[str]:
        wrong = set()
        if typed["insurer"] not in {one.code for one in self._insurers()}:
            wrong.add("insurer")
        if not _NUMBER.fullmatch(typed["number"]):
            wrong.add("number")
        return wrong
