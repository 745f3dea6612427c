"""Pages of letters: to the supervisor, each with its answer; and what institutions owe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.kernel.limits import LETTER_TEXT
from warifu.watchdog.desk import PAGE, Desk, before_of, filled, typed
from warifu.watchdog.letters.queries import Letters
from warifu.web import languages
from warifu.web.dates import written

_EMPTY: Final = FormData()


@dataclass(frozen=True, slots=True)
class LetterViews:
    """The pages."""

    desk: Desk
    letters: Letters

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/letters", self.page, methods=["GET"]),
            Route("/letters/overdue", self.overdue, methods=["GET"]),
            Route("/letters/{letter_id}", self.one, methods=["GET"]),
            Route("/letters/{letter_id}", self.answer, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """Letters to the supervisor, newest first."""
        await self.desk.staff(request)
        rows, language = self.letters.page(before_of(request)), languages.of(request)
        return await self.desk.render(
            request,
            "letters.html",
            rows=[self._line(row, language) for row in rows[:PAGE]],
            older=rows[PAGE - 1].position if len(rows) > PAGE else None,
            late=self.letters.late(),
        )

    async def overdue(self, request: Request) -> Response:
        """Letters to institutions whose term is over."""
        await self.desk.staff(request)
        language = languages.of(request)
        rows = [self._overdue(row, language) for row in self.letters.overdue()]
        return await self.desk.render(request, "letters_overdue.html", rows=rows)

    async def one(self, request: Request) -> Response:
        """One letter, and its answer or the form for it."""
        await self.desk.staff(request)
        return await self._one(request)

    async def answer(self, request: Request) -> Response:
        """Answer it."""
        who = await self.desk.staff(request)
        row = self._row(request)
        form = await request.form()
        text = filled(form, "text", LETTER_TEXT)
        if text is None:
            return await self._one(request, form, ["text"], status=400)
        await self.desk.diary.note(who, "letter", row.letter_id)
        if not await self.letters.answer(row.letter_id, text):
            return await self._one(request, form, answered=True, status=409)
        return RedirectResponse(f"/letters/{row.letter_id}?done", 303)

    async def _one(
        self,
        request: Request,
        form: FormData = _EMPTY,
        wrong: Collection[str] = (),
        *,
        answered: bool = False,
        status: int = 200,
    ) -> Response:
        return await self.desk.render(
            request,
            "letter.html",
            status,
            line=self._line(self._row(request), languages.of(request)),
            longest=int(LETTER_TEXT),
            wrong=wrong,
            answered=answered,
            typed=typed(form, "text"),
            done="done" in request.query_params,
        )

    def _row(self, request: Request) -> Any:
        row = self.letters.one(request.path_params["letter_id"])
        if row is None:
            raise HTTPException(404)
        return row

    def _line(self, row: Any, language: str) -> Mapping[str, object]:
        answered = row.answered_at
        return {
            "id": row.letter_id,
            "request_id": row.request_id,
            "objection": row.objection,
            "text": row.text,
            "sent": written(datetime_at(row.sent_at), language),
            "answer_by": row.answer_by,
            "late": row.answer is None and date.fromisoformat(row.answer_by) < self.desk.today(),
            "requester": self.desk.name(row.requester, language),
            "provider": self.desk.name(row.provider, language),
            "answer": row.answer,
            "answered": written(datetime_at(answered), language) if answered is not None else None,
            "owed": bool(row.owed),
        }

    def _overdue(self, row: Any, language: str) -> Mapping[str, object]:
        last = date.fromisoformat(row.answer_by)
        return {
            "id": row.letter_id,
            "name": self.desk.name(row.institution, language),
            "institution": row.institution,
            "request_id": row.request_id,
            "objection": row.objection,
            "answer_by": row.answer_by,
            "days": (self.desk.today() - last).days,
        }
