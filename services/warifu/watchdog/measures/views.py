"""Pages of measures: the staff's, where they are issued, and the public one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.limits import FILED_TEXT
from warifu.watchdog.desk import PAGE, Desk, RoleNeededError, before_of, day_of_form, filled, typed
from warifu.watchdog.measures.queries import NAMES, Kind, Measures
from warifu.watchdog.staff.roles import Role
from warifu.watchdog.stops.queries import Stops
from warifu.web import languages

TITLE: Final = 100
_FIELDS: Final = ("institution", "kind", "reply_by", "title", "text")
_EMPTY: Final = FormData()


@dataclass(frozen=True, slots=True)
class MeasureViews:
    """The pages."""

    desk: Desk
    measures: Measures
    stops: Stops

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/measures", self.page, methods=["GET"]),
            Route("/measures", self.issue, methods=["POST"]),
            Route("/public/measures", self.published, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """What was issued, newest first, and the form."""
        await self.desk.staff(request)
        return await self._page(request)

    async def issue(self, request: Request) -> Response:
        """Issue one. Guidance is every examiner's; what weighs more is the director's."""
        who = await self.desk.staff(request)
        form = await request.form()
        if wrong := self._wrong(form):
            return await self._page(request, form, wrong)
        institution, kind = str(form["institution"]), str(form["kind"])
        title, text = filled(form, "title", TITLE) or "", filled(form, "text", FILED_TEXT) or ""
        reply_by, today = day_of_form(form, "reply_by"), self.desk.today()
        if Kind(kind) is not Kind.GUIDANCE and who.role is not Role.DIRECTOR:
            raise RoleNeededError
        await self.desk.diary.note(who, "measure", institution)
        await self.measures.issue(institution, Kind(kind), title, text, today=today, reply_by=reply_by)
        return RedirectResponse("/measures?done", 303)

    async def published(self, request: Request) -> Response:
        """What was issued, with the replies, for everyone; and who is stopped."""
        language, rows = languages.of(request), self.measures.page(before_of(request))
        stopped = [
            {"name": self.desk.name(code, language), "ground": ground.value, "since": since.isoformat()}
            for code, (ground, since) in self.stops.in_force().items()
        ]
        return await self.desk.render(
            request, "public_measures.html", rows=self._lines(rows, language), older=_older(rows), stopped=stopped
        )

    def _wrong(self, form: FormData) -> list[str]:
        """The fields to mend."""
        title, due = filled(form, "title", TITLE), day_of_form(form, "reply_by")
        fit = {
            "institution": self.desk.known(str(form.get("institution", ""))),
            "kind": str(form.get("kind", "")) in set(Kind),
            "reply_by": not str(form.get("reply_by", "")).strip() or (due is not None and due >= self.desk.today()),
            "title": title is not None and "\n" not in title,
            "text": filled(form, "text", FILED_TEXT) is not None,
        }
        return [name for name, fits in fit.items() if not fits]

    async def _page(self, request: Request, form: FormData = _EMPTY, wrong: Collection[str] = ()) -> Response:
        language = languages.of(request)
        rows = self.measures.page(before_of(request))
        return await self.desk.render(
            request,
            "measures.html",
            400 if wrong else 200,
            rows=self._lines(rows, language),
            older=_older(rows),
            institutions=[(one.code, one.name.to(language)) for one in self.desk.institutions()],
            kinds=[(kind.value, name.to(language)) for kind, name in NAMES.items()],
            wrong=wrong,
            typed=typed(form, *_FIELDS),
            done="done" in request.query_params,
            title_longest=TITLE,
            text_longest=int(FILED_TEXT),
        )

    def _lines(self, rows: Sequence[Any], language: str) -> list[Mapping[str, object]]:
        today = self.desk.today().isoformat()
        return [
            {
                "id": row.id,
                "name": self.desk.name(row.institution, language),
                "kind": NAMES[Kind(row.kind)].to(language),
                "title": row.title,
                "text": row.text,
                "issued": row.issued_on,
                "reply_by": row.reply_by,
                "reply": row.reply,
                "replied": row.replied_on,
                "late": row.reply is None and row.reply_by is not None and row.reply_by < today,
            }
            for row in rows[:PAGE]
        ]


def _older(rows: Sequence[Any]) -> int | None:
    return rows[PAGE - 1].id if len(rows) > PAGE else None
