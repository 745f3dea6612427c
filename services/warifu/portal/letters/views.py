"""Pages of letters and their JSON. Letters are one's own: a proxy neither writes nor reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.clock import JAPAN, Clock
from warifu.kernel.instants import datetime_at
from warifu.kernel.limits import LETTER_TEXT
from warifu.portal.accounts import Accounts
from warifu.portal.history.entries import Entry
from warifu.portal.history.queries import History
from warifu.portal.history.story import Teller
from warifu.portal.letters.queries import SUPERVISOR, Draft, Letter, Letters, UnsentError, addressees, is_id, new_id
from warifu.portal.letters.terms import OBJECTION, QUESTION
from warifu.portal.login.views import to_login
from warifu.portal.operations.queries import Operations
from warifu.portal.proxies.refusals import own
from warifu.portal.sessions import Session, Sessions
from warifu.web import languages
from warifu.web.dates import iso, written
from warifu.web.face import wants_json
from warifu.web.pages import Pages

ACT: Final = "letter-sent"


@dataclass(frozen=True, slots=True)
class LetterViews:
    """Writing, and what was written."""

    pages: Pages
    sessions: Sessions
    accounts: Accounts
    history: History
    teller: Teller
    letters: Letters
    operations: Operations
    clock: Clock

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/letters", self.listed, methods=["GET"]),
            Route("/letters/{letter_id}", self.one, methods=["GET"]),
            Route("/history/{request_id}/letter", self.form, methods=["GET"]),
            Route("/history/{request_id}/letter", self.send, methods=["POST"]),
            Route("/api/v1/letters", self.listed_json, methods=["GET"]),
            Route("/api/v1/letters/{letter_id}", self.one_json, methods=["GET"]),
        ]

    async def listed(self, request: Request) -> Response:
        """A page of one's letters, newest first."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        page, language = self.letters.page(session.account, request.query_params.get("before")), languages.of(request)
        return self.pages.render(
            request,
            "letters.html",
            session=session,
            lines=[self._line(letter, language) for letter in page.letters],
            older=page.older,
            first="before" not in request.query_params,
        )

    async def one(self, request: Request) -> Response:
        """One letter with its answer."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        letter, language = self._letter(request, session), languages.of(request)
        entry = self._entry(session, letter.request_id)
        return self.pages.render(
            request,
            "letter.html",
            session=session,
            line=self._line(letter, language),
            story=self.teller.tell(entry, language) if entry else None,
            sent="sent" in request.query_params,
        )

    async def form(self, request: Request) -> Response:
        """The form for a letter about an entry."""
        session = await self.sessions.of(request)
        if session is None:
            return to_login(request)
        own(session)
        return self._form(
            request, session, self._about(request, session), Draft(new_id(), "", objection=False, text="")
        )

    async def send(self, request: Request) -> Response:
        """Send it."""
        session = await self.sessions.of(request)
        if session is None:
            if wants_json(request):
                raise HTTPException(401)
            return to_login(request)
        own(session)
        entry = self._about(request, session)
        draft = _draft(await request.form())
        try:
            letter_id = await self.letters.send(session.account, entry, draft)
        except UnsentError as error:
            if wants_json(request):
                return JSONResponse({"error": {"status": 400, "problem": error.why}}, 400)
            return self._form(request, session, entry, replace(draft, letter_id=new_id()), problem=error.why)
        await self.operations.note(session.account, ACT)
        if wants_json(request):
            return JSONResponse({"letter_id": letter_id}, 201)
        return RedirectResponse(f"/letters/{letter_id}?sent", 303)

    async def listed_json(self, request: Request) -> Response:
        """Letters as JSON; `next` is the value of `before` for the page after it."""
        session = await self._required(request)
        page = self.letters.page(session.account, request.query_params.get("before"))
        return JSONResponse({"letters": [self._document(letter) for letter in page.letters], "next": page.older})

    async def one_json(self, request: Request) -> Response:
        """One letter as JSON."""
        return JSONResponse(self._document(self._letter(request, await self._required(request))))

    def _form(self, request: Request, session: Session, entry: Entry, draft: Draft, problem: str = "") -> Response:
        language = languages.of(request)
        return self.pages.render(
            request,
            "letter_form.html",
            status=400 if problem else 200,
            session=session,
            story=self.teller.tell(entry, language),
            draft=draft,
            choices=[(code, self._name(code, language)) for code in addressees(entry)],
            supervisor=SUPERVISOR,
            question_days=QUESTION.days,
            objection_days=OBJECTION.days,
            longest=int(LETTER_TEXT),
            problem=problem,
        )

    def _about(self, request: Request, session: Session) -> Entry:
        entry = self._entry(session, request.path_params["request_id"])
        if entry is None:
            raise HTTPException(404)
        return entry

    def _entry(self, session: Session, request_id: str) -> Entry | None:
        found = self.history.one(self.accounts.subjects(session.account), request_id)
        return found.entry if found is not None else None

    def _letter(self, request: Request, session: Session) -> Letter:
        own(session)
        found = self.letters.one(session.account, request.path_params["letter_id"])
        if found is None:
            raise HTTPException(404)
        return found

    async def _required(self, request: Request) -> Session:
        session = await self.sessions.of(request)
        if session is None:
            raise HTTPException(401)
        own(session)
        return session

    def _name(self, code: str, language: str) -> str:
        """An addressee's name; the supervisor's is in the templates."""
        return "" if code == SUPERVISOR else self.teller.institution(code, language)

    def _line(self, letter: Letter, language: str) -> Mapping[str, object]:
        return {
            "id": letter.letter_id,
            "request_id": letter.request_id,
            "addressee": self._name(letter.addressee, language),
            "objection": letter.objection,
            "text": letter.text,
            "sent": written(datetime_at(letter.sent_at), language),
            "answer_by": _day(letter.answer_by, language),
            "answer": letter.answer,
            "answered": written(datetime_at(letter.answered_at), language) if letter.answered_at is not None else None,
            "overdue": letter.overdue(self.clock.today()),
            "to_supervisor": letter.to_supervisor,
        }

    def _document(self, letter: Letter) -> Mapping[str, object]:
        return {
            "letter_id": letter.letter_id,
            "request_id": letter.request_id,
            "addressee": letter.addressee,
            "kind": "objection" if letter.objection else "question",
            "text": letter.text,
            "sent_at": iso(datetime_at(letter.sent_at)),
            "answer_by": letter.answer_by.isoformat(),
            "overdue": letter.overdue(self.clock.today()),
            "answer": letter.answer,
            "answered_at": iso(datetime_at(letter.answered_at)) if letter.answered_at is not None else None,
        }


def _draft(form: FormData) -> Draft:
    """What was typed; an id that is none is a new one."""
    letter_id = str(form.get("letter_id", ""))
    return Draft(
        letter_id if is_id(letter_id) else new_id(),
        str(form.get("addressee", "")),
        str(form.get("kind", "")) == "objection",
        str(form.get("text", "")),
    )


def _day(day: date, language: str) -> str:
    return written(datetime.combine(day, time(), JAPAN), language).day
