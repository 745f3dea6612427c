"""Pages of the reconciliation: begin one, see what the last ones came to. To open one is an opening like a finding's."""

from __future__ import annotations

import json
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.watchdog.audit.findings import TEXTS, Kind
from warifu.watchdog.desk import Desk, number_of
from warifu.watchdog.reconciliation.queries import KEPT, Reconciliations
from warifu.web import languages
from warifu.web.dates import iso, written


@dataclass(frozen=True, slots=True)
class ReconciliationViews:
    """The pages."""

    desk: Desk
    runs: Reconciliations

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/reconciliations", self.page, methods=["GET"]),
            Route("/reconciliations", self.begin, methods=["POST"]),
            Route("/reconciliations/{id}", self.one, methods=["GET"]),
            Route("/api/v1/reconciliations/{id}", self.one_json, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """What the last ones came to."""
        await self.desk.staff(request)
        language = languages.of(request)
        rows = [
            {"id": row.id, "when": written(datetime_at(row.at), language), "entries": row.entries, "found": row.found,
             "trouble": row.trouble}
            for row in self.runs.all()
        ]  # fmt: skip
        return await self.desk.render(
            request, "reconciliations.html", rows=rows, running=self.runs.running, done="done" in request.query_params
        )

    async def begin(self, request: Request) -> Response:
        """Begin one, unless one is under way."""
        who = await self.desk.staff(request)
        if self.runs.start():
            await self.desk.diary.note(who, "audit", "")
        return RedirectResponse("/reconciliations?done", 303)

    async def one(self, request: Request) -> Response:
        """One, with its findings in words."""
        who = await self.desk.staff(request)
        row, language = self.runs.one(number_of(request)), languages.of(request)
        if row is None:
            raise HTTPException(404)
        entered = await self.desk.diary.opened(who, f"reconciliation-{row.id}")
        findings = [
            {**one, "says": TEXTS[Kind(one["kind"])][language], "party": self.desk.name(one["party"], language)}
            for one in json.loads(row.findings)
        ]
        return await self.desk.render(
            request,
            "reconciliation.html",
            number=row.id,
            when=written(datetime_at(row.at), language),
            entries=row.entries,
            found=row.found,
            trouble=row.trouble,
            findings=findings,
            kept=KEPT,
            entered=entered,
        )

    async def one_json(self, request: Request) -> Response:
        """The same for programs, as `warifu audit --json` has it."""
        who = await self.desk.staff(request)
        row = self.runs.one(number_of(request))
        if row is None:
            raise HTTPException(404)
        entered = await self.desk.diary.opened(who, f"reconciliation-{row.id}")
        document = {"id": row.id, "at": iso(datetime_at(row.at)), "entries": row.entries, "trouble": row.trouble}
        return JSONResponse(document | {"findings": json.loads(row.findings), "found": row.found, "entered": entered})
