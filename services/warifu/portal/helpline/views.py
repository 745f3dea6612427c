"""The help line's pages.

What is typed goes to the numbering body and stays nowhere here. Every report that has the right form is answered alike, whether or not
there is such a card or person; only whoever holds the card can find out, by trying to log in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.common.v1 import common_pb2
from warifu.exchange import card_number
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import ADDRESS, NAME
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.portal.card.endings import Endings
from warifu.portal.helpline.limits import Reports
from warifu.portal.ports import Numbering
from warifu.portal.sessions import Sessions
from warifu.web import languages
from warifu.web.face import problem, wants_json
from warifu.web.pages import Pages

PATH: Final = "/helpline"
LANGUAGES: Final = ("日本語", "English", "中文", "한국어", "Tiếng Việt", "Português", "Español", "Filipino")
PHONE: Final = "0000-95-0178"
FAX: Final = "0000-95-0179"
HOURS: Final = {
    "suspension": ("24時間、年中無休", "At any hour, every day"),
    "other": (
        "平日 9時30分～20時、土日祝 9時30分～17時30分",
        "Weekdays 9:30 to 20:00, weekends and holidays 9:30 to 17:30",
    ),
    "fax": ("24時間", "At any hour"),
}
"""When each is served, in both languages."""
_SEXES: Final = {"male": common_pb2.SEX_MALE, "female": common_pb2.SEX_FEMALE}
_LOST: Final = {"card": pb.LOST_THING_CARD, "phone": pb.LOST_THING_PHONE, "both": pb.LOST_THING_BOTH}
_RECEIPT: Final = re.compile(r"[0-9]{8}", re.ASCII)
_BUSY: Final = 429


@dataclass(frozen=True, slots=True)
class HelplineViews:
    """Pages that nobody need log in for."""

    pages: Pages
    clock: Clock
    sessions: Sessions
    numbering: Numbering
    endings: Endings
    reports: Reports = field(init=False)

    def __post_init__(self) -> None:
        """Count from now on."""
        object.__setattr__(self, "reports", Reports(self.clock))

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.front, methods=["GET"]),
            Route(f"/api/v1{PATH}", self.numbers, methods=["GET"]),
            Route(f"{PATH}/fax", self.fax, methods=["GET"]),
            Route(f"{PATH}/done", self.done, methods=["GET"]),
            Route(f"{PATH}/holder", self.holder, methods=["POST"]),
            Route(f"{PATH}/finder", self.finder, methods=["POST"]),
        ]

    async def front(self, request: Request) -> Response:
        """What to do, by telephone, by this page, or by fax."""
        return await self._front(request, {}, {}, 200)

    async def numbers(self, _request: Request) -> Response:
        """Where to call, when and in which languages."""
        hours = {name: {"ja": ja, "en": en} for name, (ja, en) in HOURS.items()}
        return JSONResponse({"phone": PHONE, "fax": FAX, "hours": hours, "languages": LANGUAGES})

    async def fax(self, request: Request) -> Response:
        """A form to print, for who can neither call nor type."""
        return await self._page(request, "helpline_fax.html")

    async def done(self, request: Request) -> Response:
        """What a report did, and what comes next: the same for everyone."""
        receipt = request.query_params.get("receipt", "")
        return await self._page(request, "helpline_done.html", receipt=receipt if _RECEIPT.fullmatch(receipt) else "")

    async def holder(self, request: Request) -> Response:
        """A holder's report."""
        form = await request.form()
        typed = {name: str(form.get(name, "")).strip()[:300] for name in ("name", "address", "birth", "sex", "lost")}
        wrong = _wrong(typed)
        if wrong:
            return await self._wrong(request, typed, wrong)
        items = common_pb2.BasicItems(
            name=typed["name"], address=typed["address"], birth_date=typed["birth"], sex=_SEXES[typed["sex"]]
        )
        return await self._report(request, typed, pb.SuspendRequest(holder=items, lost=_LOST[typed["lost"]]))

    async def finder(self, request: Request) -> Response:
        """A finder's report."""
        typed = {"number": _text(await request.form(), "number")}
        number = card_number.normal(typed["number"])
        if number is None:
            return await self._wrong(request, typed, {"number": "number"})
        return await self._report(request, typed, pb.SuspendRequest(card_number=number))

    async def _report(self, request: Request, typed: dict[str, str], report: pb.SuspendRequest) -> Response:
        if not self.reports.allow(request.client.host if request.client else ""):
            return await self._failed(request, typed, LinkageError(Reason.CLIENT_RATE_LIMITED))
        try:
            receipt = await self.numbering.suspend(report)
            await self.endings.learn()  # whose session it was, is out before this answer leaves
        except LinkageError as error:
            return await self._failed(request, typed, error)
        if wants_json(request):
            return JSONResponse({"receipt": receipt})
        return RedirectResponse(f"{PATH}/done?{urlencode({'receipt': receipt})}", 303)

    async def _wrong(self, request: Request, typed: dict[str, str], wrong: dict[str, str]) -> Response:
        if wants_json(request):
            return JSONResponse({"error": {"reason": "CLIENT_MALFORMED", "fields": sorted(wrong)}}, 400)
        return await self._front(request, typed, wrong, 400)

    async def _failed(self, request: Request, typed: dict[str, str], error: LinkageError) -> Response:
        busy = error.reason is Reason.CLIENT_RATE_LIMITED
        status = _BUSY if busy else 503
        if wants_json(request):
            return problem(error, status)
        return await self._front(request, typed, {"form": "busy" if busy else "unavailable"}, status)

    async def _front(self, request: Request, typed: dict[str, str], wrong: dict[str, str], status: int) -> Response:
        return await self._page(
            request,
            "helpline.html",
            status,
            typed=typed,
            wrong=wrong,
            large="large" in request.query_params,
            today=self.clock.today().isoformat(),
        )

    async def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        place = ("ja", "en").index(languages.of(request))
        hours = {name: told[place] for name, told in HOURS.items()}
        told: dict[str, Any] = {"phone": PHONE, "fax": FAX, "spoken": LANGUAGES, "hours": hours}
        session = await self.sessions.of(request, anywhere=True)
        return self.pages.render(request, template, status=status, session=session, **told, **values)


def _wrong(typed: dict[str, str]) -> dict[str, str]:
    """What of a holder's form is wrong: problem by field."""
    wrong = {}
    if not 0 < len(typed["name"]) <= NAME:
        wrong["name"] = "name"
    if not 0 < len(typed["address"]) <= ADDRESS:
        wrong["address"] = "address"
    if not _is_day(typed["birth"]):
        wrong["birth"] = "birth"
    if typed["sex"] not in _SEXES:
        wrong["sex"] = "sex"
    if typed["lost"] not in _LOST:
        wrong["lost"] = "lost"
    return wrong


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _text(form: FormData, name: str) -> str:
    return str(form.get(name, "")).strip()[:100]
