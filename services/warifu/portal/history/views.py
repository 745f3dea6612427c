"""The history's pages and their JSON: the same reads, the same session.

Whose history it is, the session says: its holder's, or that of a principal for whom the holder acts. What a proxy reads is traced before it
leaves (`warifu.portal.proxies.traces`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.clock import JAPAN
from warifu.kernel.instants import datetime_at
from warifu.portal.accounts import Accounts
from warifu.portal.history import easy, holds
from warifu.portal.history.allowed import Allowed, judge
from warifu.portal.history.asked import Asked
from warifu.portal.history.bundle import CHECKING
from warifu.portal.history.corrections import Correction
from warifu.portal.history.documents import Documents
from warifu.portal.history.entries import Page, Whole
from warifu.portal.history.filters import OUTCOMES
from warifu.portal.history.queries import History
from warifu.portal.history.story import Teller
from warifu.portal.letters.queries import Letters
from warifu.portal.login.views import to_login
from warifu.portal.proxies.traces import Act, Traces
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import written
from warifu.web.face import Direct, Document
from warifu.web.pages import Pages


@dataclass(frozen=True, slots=True)
class HistoryViews:
    """The pages and documents of the history."""

    pages: Pages
    sessions: Sessions
    accounts: Accounts
    history: History
    documents: Documents
    letters: Letters
    traces: Traces
    secure: bool
    """The portal is served over HTTPS."""

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/history", self.listed, methods=["GET"]),
            Route("/history/{request_id}", self.detail, methods=["GET"]),
            Route("/history/{request_id}/allowed", self.allowed, methods=["GET"]),
            Route("/api/v1/history", Direct(self.listed_json), methods=["GET"]),
            Route("/api/v1/history/{request_id}", self.detail_json, methods=["GET"]),
            Route("/api/v1/history/{request_id}/allowed", self.allowed_json, methods=["GET"]),
        ]

    @property
    def teller(self) -> Teller:
        """By whom entries are told."""
        return self.documents.teller

    async def listed(self, request: Request) -> Response:
        """A page of the history, by what the address wishes."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        asked = Asked.read(request.scope["query_string"])
        wanted = asked.wanted
        page = await self._page(session, asked)
        language, simple = languages.of(request), easy.wished(request)
        stories = [self.teller.tell(entry, language, easy=simple) for entry in page.entries]
        return self._render(
            request,
            "history.html",
            session,
            months=[(month, list(told)) for month, told in groupby(stories, key=lambda story: story.requested.month)],
            page=page,
            wanted=wanted,
            older=wanted.query(before=str(page.older)) if page.older else None,
            newer=wanted.query(after=str(page.newer)) if page.newer else None,
            corrected=self.history.corrected([entry.request_id for entry in page.entries]),
            newest=not ({"before", "after"} & set(request.query_params)),
            choices=self._choices(language),
        )

    async def detail(self, request: Request) -> Response:
        """One entry. An entry of somebody else is missing in the same way as one that never was."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        whole = await self._one(request, session)
        language, simple = languages.of(request), easy.wished(request)
        own = session.acting is None
        return self._render(
            request,
            "entry.html",
            session,
            commitments=[exchange_pb2.CommittedRecord.FromString(part).commitment.hex() for part in whole.records],
            story=self.teller.tell(whole.entry, language, easy=simple),
            corrections=[self._corrected(one, language) for one in whole.corrections],
            letters=self.letters.about(session.account, whole.entry.request_id) if own else (),
            names=lambda code: self.teller.institution(code, language),
            written=lambda at: written(datetime_at(at), language),
            own=own,
        )

    async def allowed(self, request: Request) -> Response:
        """By which row, and how each of its conditions was met."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        whole = await self._one(request, session)
        language = languages.of(request)
        return self._render(
            request,
            "allowed.html",
            session,
            story=self.teller.tell(whole.entry, language, easy=easy.wished(request)),
            answer=self._judged(whole, language),
            day=lambda iso: written(datetime.combine(date.fromisoformat(iso), time(), JAPAN), language).day,
        )

    async def listed_json(self, request: Request) -> Response:
        """A page of the history as JSON; `next` is the value of `before` for the page after it, `proxy_for` the principal's label."""
        session, own = self.sessions.beside(request, holds.BESIDE)
        if session is None:
            raise HTTPException(401)
        page = await self._page(session, Asked.read(request.scope["query_string"]), own)
        label = session.acting.label if session.acting else None
        told = self.documents.page(page.entries, str(page.older) if page.older else None, label)
        return Document(told)

    async def detail_json(self, request: Request) -> Response:
        """One entry as JSON, with its `corrections`."""
        whole = await self._one(request, await self._required(request))
        corrected = [self.documents.correction(one) for one in whole.corrections]
        return JSONResponse({**self.documents.entry(whole.entry), "corrections": corrected})

    async def allowed_json(self, request: Request) -> Response:
        """The answer as JSON: `verdict`, `row`, `legal_basis` and the `conditions` with how each stands."""
        whole = await self._one(request, await self._required(request))
        ja, en = self._judged(whole, "ja"), self._judged(whole, "en")
        return JSONResponse(
            {
                "verdict": ja.verdict,
                "row": ja.row,
                "on": ja.day,
                "in_force": {"from": ja.first or None, "to": ja.last or None},
                "legal_basis": {"ja": ja.law, "en": en.law, "verified": ja.verified, "invented": ja.invented},
                "table_version": ja.table_version,
                "same_version": ja.same_version,
                "conditions": [{"condition": one.condition, "how": one.how} for one in ja.checks],
                "reason": {"ja": ja.reason, "en": en.reason} if ja.reason else None,
            }
        )

    def _render(self, request: Request, template: str, session: Session, **values: Any) -> Response:
        simple = easy.wished(request)
        page = self.pages.render(
            request,
            template,
            policy=CHECKING,
            easy=simple,
            simple=simple,
            session=session,
            book=self.teller.version,
            **values,
        )
        return easy.remember(request, page, secure=self.secure)

    def _judged(self, whole: Whole, language: str) -> Allowed:
        return judge(self.teller.book, whole.entry, whole.records[1], language)

    def _corrected(self, one: Correction, language: str) -> Mapping[str, object]:
        return {
            "who": self.teller.institution(one.institution, language),
            "institution": one.institution,
            "statement": one.statement,
            "when": written(datetime_at(one.at), language),
            "at": one.at,
            "commitment": one.committed.commitment.hex(),
        }

    def _choices(self, language: str) -> Mapping[str, Sequence[tuple[str, str]]]:
        """What can be filtered by: all that the law book knows, whoever reads."""
        book = self.teller.book
        return {
            "institution": [(one.code, one.name.to(language)) for one in book.institutions.values()],
            "procedure": [(one.code, one.name.to(language)) for one in book.table.procedures.values()],
            "outcome": [(name, name) for name in OUTCOMES],
        }

    async def _required(self, request: Request) -> Session:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        return session

    async def _page(self, session: Session, asked: Asked, own: holds.Rows | None = None) -> Page:
        page = self.history.page_of(session.whose if own is None else own, *asked)
        await self.traces.note(session, Act.READ_LIST)
        return page

    async def _one(self, request: Request, session: Session) -> Whole:
        found = self.history.one(self.accounts.subjects(session.whose), request.path_params["request_id"])
        if found is None:
            raise HTTPException(404)
        await self.traces.note(session, Act.READ_ENTRY)
        return found
