"""The pages on which own information is asked for and read, and their JSON.

Whose information it is, the session says: its holder's, or that of a principal whose mandate reaches so far (`proxies.scopes`). What a proxy
asks for, reads or saves is traced before it happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import datetime_at
from warifu.kernel.limits import OWN_INFORMATION
from warifu.law import Text
from warifu.portal.information import export, words
from warifu.portal.information.queries import MOST_AT_ONCE, MOST_OPEN, Category, Information, Request
from warifu.portal.information.refusals import Refusal, RefusedError
from warifu.portal.information.requester import State
from warifu.portal.information.words import Sheet
from warifu.portal.login.views import to_login
from warifu.portal.operations.queries import Operations
from warifu.portal.proxies.traces import Act, Traces
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import wants_json
from warifu.web.pages import Pages

PATH: Final = "/information"
_ASK: Final = f"{PATH}/ask/{{row}}"
_API: Final = f"/api/v1{PATH}"


@dataclass(frozen=True, slots=True)
class InformationViews:
    """The pages and documents of own information."""

    pages: Pages
    sessions: Sessions
    information: Information
    operations: Operations
    traces: Traces

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(PATH, self.listed, methods=["GET"]),
            Route(_ASK, self.form, methods=["GET"]),
            Route(_ASK, self.ask, methods=["POST"]),
            Route(f"{PATH}/{{request_id}}", self.shown, methods=["GET"]),
            Route(f"{PATH}/{{request_id}}/answer.csv", self.csv, methods=["GET"]),
            Route(f"{PATH}/{{request_id}}/answer.json", self.json, methods=["GET"]),
            Route(_API, self.listed_json, methods=["GET"]),
            Route(f"{_API}/{{request_id}}", self.shown_json, methods=["GET"]),
        ]

    async def listed(self, request: WebRequest) -> Response:
        """What can be asked for, and what was."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        page = self.information.page(session.whose, request.query_params.get("before"))
        await self.traces.note(session, Act.READ_INFORMATION)
        first = "before" not in request.query_params
        return self.pages.render(
            request,
            "information.html",
            session=session,
            categories=self.information.categories(),
            told=[(one, *self._told(request, one)) for one in page.requests],
            older=page.older,
            first=first,
            asked="asked" in request.query_params,
            days=int(OWN_INFORMATION),
        )

    async def form(self, request: WebRequest) -> Response:
        """What is asked, of whom, and what it means."""
        session = await self.sessions.of(request)
        return to_login(request) if session is None else self._form(request, session, self._category(request))

    async def ask(self, request: WebRequest) -> Response:
        """Ask."""
        session = await self.sessions.of(request)
        if session is None and wants_json(request):
            raise HTTPException(401)
        if session is None:
            return RedirectResponse(f"/login?next={PATH}", 303)
        category, form = self._category(request), await request.form()
        try:
            asked = await self._asked(session, category, form)
        except RefusedError as error:
            return self._refused(request, session, category, form, error.refusal)
        if wants_json(request):
            return JSONResponse({"requests": list(asked)}, 202)
        return RedirectResponse(f"{PATH}?asked", 303)

    async def shown(self, request: WebRequest) -> Response:
        """One request with its answer. Somebody else's is missing like one that never was."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        found, sheets = await self._one(request, session, Act.READ_INFORMATION)
        language = languages.of(request)
        when, until, item, provider = self._told(request, found)
        return self.pages.render(
            request,
            "information_answer.html",
            session=session,
            one=found,
            when=when,
            until=until,
            item=item,
            sheets=sheets,
            reason=LinkageError.from_reason(found.answer.reason).text(language) if found.answer.reason else "",
            answered=written(datetime_at(found.answer.answered_at), language) if found.answer.answered_at else None,
            provider=provider,
            year=words.year(found.year).to(language) if found.year is not None else "",
            days=int(OWN_INFORMATION),
        )

    async def csv(self, request: WebRequest) -> Response:
        """The answer for a spreadsheet."""
        found, sheets = await self._exported(request)
        headers = {"content-disposition": f'attachment; filename="warifu-{found.request_id}.csv"'}
        content = export.written(sheets, languages.of(request))
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    async def json(self, request: WebRequest) -> Response:
        """The answer for a program, as a file."""
        found, sheets = await self._exported(request)
        headers = {"content-disposition": f'attachment; filename="warifu-{found.request_id}.json"'}
        return JSONResponse(self._document(found, sheets), headers=headers)

    async def listed_json(self, request: WebRequest) -> Response:
        """`categories`, each `{row, item, providers, years}`, and `requests` without their records; `next` as `before` for the page after."""
        session = await self._required(request)
        page = self.information.page(session.whose, request.query_params.get("before"))
        await self.traces.note(session, Act.READ_INFORMATION)
        return JSONResponse(
            {
                "categories": [_offered(one) for one in self.information.categories()],
                "requests": [self._document(one) for one in page.requests],
                "next": page.older,
            }
        )

    async def shown_json(self, request: WebRequest) -> Response:
        """One request: `{request_id, row, provider, year, requested_at, state, answered_at, until, reason, records}`."""
        found, sheets = await self._one(request, await self._required(request), Act.READ_INFORMATION)
        return JSONResponse(self._document(found, sheets))

    async def _asked(self, session: Session, category: Category, form: FormData) -> Sequence[str]:
        if form.get("consent") != "yes":
            raise RefusedError(Refusal.CONSENT)
        typed = str(form.get("year", ""))
        year = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) == 4 else None  # noqa: PLR2004 - a year's digits
        await self.traces.note(session, Act.ASK_INFORMATION)
        mandate = session.acting.mandate if session.acting else ""
        providers = [str(one) for one in form.getlist("provider")]
        asked = await self.information.ask(session.whose, category, providers, year, mandate)
        await self.operations.note_by(session, "information-ask", category.row.id)
        return asked

    async def _exported(self, request: WebRequest) -> tuple[Request, Sequence[Sheet]]:
        session = await self._required(request)
        found, sheets = await self._one(request, session, Act.SAVE_INFORMATION)
        if found.answer.state is not State.ARRIVED:
            raise HTTPException(404)
        await self.operations.note_by(session, "information-export", found.row)
        return found, sheets

    async def _one(self, request: WebRequest, session: Session, act: Act) -> tuple[Request, Sequence[Sheet]]:
        found = self.information.one(session.whose, request.path_params["request_id"])
        if found is None:
            raise HTTPException(404)
        await self.traces.note(session, act)
        book = self.information.book()
        return found, words.sheets(book, book.rows[found.row], found.answer.records)

    async def _required(self, request: WebRequest) -> Session:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        return session

    def _category(self, request: WebRequest) -> Category:
        found = self.information.category(request.path_params["row"])
        if found is None:
            raise HTTPException(404)
        return found

    def _form(
        self,
        request: WebRequest,
        session: Session,
        category: Category,
        refusal: Refusal | None = None,
        chosen: Sequence[str] = (),
        year: str = "",
    ) -> Response:
        language = languages.of(request)
        return self.pages.render(
            request,
            "information_ask.html",
            status=400 if refusal else 200,
            session=session,
            category=category,
            years=[(one, words.year(one).to(language)) for one in category.years],
            refusal=refusal.name if refusal else "",
            problem=refusal.value.to(language) if refusal else "",
            chosen=chosen,
            year=year or str(category.usual),
            most=MOST_AT_ONCE,
            most_open=MOST_OPEN,
            days=int(OWN_INFORMATION),
        )

    def _refused(
        self, request: WebRequest, session: Session, category: Category, form: FormData, refusal: Refusal
    ) -> Response:
        if wants_json(request):
            text = {"ja": refusal.value.ja, "en": refusal.value.en}
            return JSONResponse({"error": {"reason": refusal.name, "message": text}}, 400)
        chosen = [str(one) for one in form.getlist("provider")]
        return self._form(request, session, category, refusal, chosen, str(form.get("year", "")))

    def _told(self, request: WebRequest, one: Request) -> tuple[object, str, str, str]:
        """When it was asked, until when it can be read, what it is about, and who was asked."""
        language, book = languages.of(request), self.information.book()
        until = words.day(one.until).to(language) if one.until else ""
        item = book.items[book.rows[one.row].item].name.to(language)
        return written(datetime_at(one.at), language), until, item, self._provider(one).to(language)

    def _provider(self, one: Request) -> Text:
        return self.information.book().institutions[one.provider].name

    def _document(self, one: Request, sheets: Sequence[Sheet] | None = None) -> Mapping[str, object]:
        answered = one.answer.answered_at
        document: dict[str, object] = {
            "request_id": one.request_id,
            "row": one.row,
            "provider": one.provider,
            "year": one.year,
            "requested_at": iso(datetime_at(one.at)),
            "state": one.answer.state,
            "answered_at": iso(datetime_at(answered)) if answered is not None else None,
            "until": one.until.isoformat() if one.until else None,
            "reason": one.answer.reason or None,
        }
        return document if sheets is None else {**document, "records": export.document(sheets)}


def _offered(category: Category) -> Mapping[str, object]:
    return {
        "row": category.row.id,
        "item": {"ja": category.item.name.ja, "en": category.item.name.en},
        "providers": [{"code": one.code, "name": {"ja": one.name.ja, "en": one.name.en}} for one in category.providers],
        "years": list(category.years),
    }
