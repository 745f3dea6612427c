"""Pages of leak reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from warifu.supervision.v1.supervision_pb2 import ReportLeakRequest
from warifu.watchdog.desk import Desk, number_of
from warifu.watchdog.leaks.queries import Leaks
from warifu.web import languages


@dataclass(frozen=True, slots=True)
class LeakViews:
    """The pages."""

    desk: Desk
    leaks: Leaks

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/leaks", self.page, methods=["GET"]),
            Route("/leaks/{id}", self.one, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """All leaks; those with an overdue report first, then the newest."""
        await self.desk.staff(request)
        lines = [self._line(row, languages.of(request)) for row in self.leaks.all()]
        return await self.desk.render(request, "leaks.html", rows=sorted(lines, key=lambda line: not line["late"]))

    async def one(self, request: Request) -> Response:
        """One leak with what was reported."""
        await self.desk.staff(request)
        row = self.leaks.one(number_of(request))
        if row is None:
            raise HTTPException(404)
        reports = [
            ReportLeakRequest.FromString(content) for content in (row.preliminary, row.final) if content is not None
        ]
        return await self.desk.render(
            request, "leak.html", line=self._line(row, languages.of(request)), reports=reports
        )

    def _line(self, row: Any, language: str) -> Mapping[str, object]:
        due = self.leaks.terms(row)
        return {
            "id": row.id,
            "name": self.desk.name(row.institution, language),
            "reference": row.reference,
            "known": row.known_on,
            "wrongful": row.wrongful,
            "preliminary_due": due.preliminary_due.isoformat(),
            "preliminary_on": row.preliminary_on,
            "preliminary_late": due.preliminary_late,
            "final_due": due.final_due.isoformat(),
            "final_on": row.final_on,
            "final_late": due.final_late,
            "late": due.preliminary_late or due.final_late,
        }
