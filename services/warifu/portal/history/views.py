"""The history's pages and their JSON: the same reads, the same session.

Whose history it is, the session says: its holder's, or that of a principal for whom the holder acts. What a proxy reads is traced before it
leaves (`warifu.portal.proxies.traces`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.instants import datetime_at
from warifu.portal.accounts import Accounts
from warifu.portal.history.bundle import CHECKING
from warifu.portal.history.entries import Whole
from warifu.portal.history.queries import MOST_A_PAGE, PAGE_SIZE, Entry, History, Page, Position
from warifu.portal.history.story import Teller
from warifu.portal.login.views import to_login
from warifu.portal.proxies.traces import Act, Traces
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import iso
from warifu.web.pages import Pages


@dataclass(frozen=True, slots=True)
class HistoryViews:
    """The pages and documents of the history."""

    pages: Pages
    sessions: Sessions
    accounts: Accounts
    history: History
    teller: Teller
    traces: Traces

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/history", self.listed, methods=["GET"]),
            Route("/history/{request_id}", self.detail, methods=["GET"]),
            Route("/api/v1/history", self.listed_json, methods=["GET"]),
            Route("/api/v1/history/{request_id}", self.detail_json, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """A page of the history."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        page = await self._page(request, session)
        language = languages.of(request)
        stories = [self.teller.tell(entry, language) for entry in page.entries]
        months = [(month, list(told)) for month, told in groupby(stories, key=lambda story: story.requested.month)]
        newest = not ({"before", "after"} & set(request.query_params))
        return self.pages.render(
            request,
            "history.html",
            policy=CHECKING,
            months=months,
            page=page,
            newest=newest,
            book=self.teller.version,
            session=session,
        )

    async def detail(self, request: Request) -> Response:
        """One entry. An entry of somebody else is missing in the same way as one that never was."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        whole = await self._one(request, session)
        commitments = [exchange_pb2.CommittedRecord.FromString(record).commitment.hex() for record in whole.records]
        story = self.teller.tell(whole.entry, languages.of(request))
        return self.pages.render(
            request,
            "entry.html",
            policy=CHECKING,
            story=story,
            commitments=commitments,
            book=self.teller.version,
            session=session,
        )

    async def listed_json(self, request: Request) -> Response:
        """A page of the history as JSON; `next` is the value of `before` for the page after it, `proxy_for` the principal's label."""
        session = await self._required(request)
        page = await self._page(request, session)
        entries = [self._document(entry) for entry in page.entries]
        label = session.acting.label if session.acting else None
        return JSONResponse({"entries": entries, "next": str(page.older) if page.older else None, "proxy_for": label})

    async def detail_json(self, request: Request) -> Response:
        """One entry as JSON."""
        whole = await self._one(request, await self._required(request))
        return JSONResponse(self._document(whole.entry))

    async def _required(self, request: Request) -> Session:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        return session

    async def _page(self, request: Request, session: Session) -> Page:
        page = self.history.page(
            self.accounts.subjects(session.whose),
            before=_position(request, "before"),
            after=_position(request, "after"),
            size=_size(request),
        )
        await self.traces.note(session, Act.READ_LIST)
        return page

    async def _one(self, request: Request, session: Session) -> Whole:
        found = self.history.one(self.accounts.subjects(session.whose), request.path_params["request_id"])
        if found is None:
            raise HTTPException(404)
        await self.traces.note(session, Act.READ_ENTRY)
        return found

    def _document(self, entry: Entry) -> Mapping[str, object]:
        ja, en = self.teller.tell(entry, "ja"), self.teller.tell(entry, "en")
        basis = self.teller.legal_basis(entry)
        return {
            "request_id": entry.request_id,
            "requested_at": iso(datetime_at(entry.requested_at)),
            "answered_at": iso(datetime_at(entry.answered_at)) if entry.answered_at is not None else None,
            "requester": entry.requester,
            "provider": entry.provider,
            "procedure": entry.procedure,
            "legal_basis": basis.ja if basis else None,
            "items": [entry.item],
            "outcome": entry.outcome_name,
            "texts": {
                told: {
                    "requester": story.requester,
                    "provider": story.provider,
                    "affair": story.affair,
                    "procedure": story.procedure,
                    "purpose": story.purpose,
                    "legal_basis": basis.to(told) if basis else None,
                    "items": [story.item],
                    "papers": list(story.papers),
                }
                for told, story in (("ja", ja), ("en", en))
            },
            "legal_basis_verified": ja.basis.verified if ja.basis else None,
        }


def _position(request: Request, name: str) -> Position | None:
    text = request.query_params.get(name)
    return Position.read(text) if text else None


def _size(request: Request) -> int:
    """The page size asked for, within bounds; anything else is the usual one."""
    text = request.query_params.get("limit", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):  # noqa: PLR2004 - digits of the largest
        return PAGE_SIZE
    return max(1, min(int(text), MOST_A_PAGE))
