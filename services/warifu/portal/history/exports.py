"""The history to take away: every entry that a filter lets through, as CSV or JSON, written while it is read.

What is read is traced and noted before the first line leaves. A file is as long as what its reader may read; what is withheld is not here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from warifu.portal.accounts import Accounts
from warifu.portal.history.documents import BOM, Documents, heading
from warifu.portal.history.entries import Entry, Position
from warifu.portal.history.filters import Filter
from warifu.portal.history.queries import MOST_A_PAGE, History
from warifu.portal.login.views import to_login
from warifu.portal.operations.queries import Operations
from warifu.portal.proxies.traces import Act, Traces
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages

ACT: Final = "history-exported"


@dataclass(frozen=True, slots=True)
class ExportViews:
    """The two files."""

    sessions: Sessions
    accounts: Accounts
    history: History
    documents: Documents
    traces: Traces
    operations: Operations

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/history.csv", self.csv, methods=["GET"]),
            Route("/history.json", self.json, methods=["GET"]),
        ]

    async def csv(self, request: Request) -> Response:
        """CSV in UTF-8 with a byte order mark, in the language of the page."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        pages = await self._pages(request, session, "csv")
        return _file(self._csv(pages, languages.of(request)), "text/csv; charset=utf-8", "csv")

    async def json(self, request: Request) -> Response:
        """One JSON document, `{"entries": [...]}`, each entry as in `/api/v1/history`."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        pages = await self._pages(request, session, "json")
        return _file(self._json(pages), "application/json", "json")

    async def _pages(self, request: Request, session: Session, form: str) -> AsyncIterator[Sequence[Entry]]:
        """All that the session may read and the address wishes, a page at a time; traced and noted before anything is read."""
        subjects, wanted = self.accounts.subjects(session.whose), Filter.read(request.query_params)
        await self.traces.note(session, Act.READ_LIST)
        await self.operations.note_by(session, ACT, form)
        return self._read(subjects, wanted)

    async def _read(self, subjects: Sequence[bytes], wanted: Filter) -> AsyncIterator[Sequence[Entry]]:
        before: Position | None = None
        while True:
            page = self.history.page(subjects, before=before, size=MOST_A_PAGE, wanted=wanted)
            yield page.entries
            if page.older is None:
                return
            before = page.older
            await asyncio.sleep(0)  # others are served between two pages

    async def _csv(self, pages: AsyncIterator[Sequence[Entry]], language: str) -> AsyncIterator[str]:
        yield BOM + heading(language)
        async for entries in pages:
            yield self.documents.lines(entries, language)

    async def _json(self, pages: AsyncIterator[Sequence[Entry]]) -> AsyncIterator[str]:
        yield '{"entries": ['
        between = ""
        async for entries in pages:
            for entry in entries:
                yield between + json.dumps(self.documents.entry(entry), ensure_ascii=False)
                between = ",\n"
        yield "]}\n"


def _file(content: AsyncIterator[str], kind: str, suffix: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="warifu-history.{suffix}"'}
    return StreamingResponse(content, media_type=kind, headers=headers)
