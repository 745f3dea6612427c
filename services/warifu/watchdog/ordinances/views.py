"""Pages of ordinance uses: the staff's, where they are decided, and the public one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.kernel.instants import datetime_at
from warifu.kernel.limits import FREE_TEXT
from warifu.supervision.v1.supervision_pb2 import FileOrdinanceUseRequest
from warifu.watchdog.desk import Desk, filled, number_of, typed
from warifu.watchdog.ordinances.queries import FOLLOWS, OrdinanceUses, State
from warifu.watchdog.rulings import RulingsDesk
from warifu.web import languages
from warifu.web.dates import written

_ACTS = {State.APPROVED: "approve", State.REFUSED: "refuse", State.WITHDRAWN: "withdraw"}
_EMPTY: Final = FormData()


@dataclass(frozen=True, slots=True)
class OrdinanceViews:
    """The pages."""

    desk: Desk
    uses: OrdinanceUses
    rulings: RulingsDesk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route("/ordinances", self.page, methods=["GET"]),
            Route("/ordinances/{id}", self.one, methods=["GET"]),
            Route("/ordinances/{id}/decide", self.decide, methods=["POST"]),
            Route("/public/ordinances", self.published, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """All filings, newest first."""
        await self.desk.staff(request)
        rows = [self._line(row, languages.of(request)) for row in self.uses.all()]
        return await self.desk.render(request, "ordinances.html", rows=rows)

    async def one(self, request: Request) -> Response:
        """One filing with its three tests, and the decision."""
        await self.desk.staff(request)
        return await self._one(request)

    async def decide(self, request: Request) -> Response:
        """Approve, refuse, withdraw."""
        who = await self.desk.director(request)
        form = await request.form()
        to, note = str(form.get("to", "")), filled(form, "note", FREE_TEXT)
        wrong = [name for name, fits in (("to", to in _ACTS), ("note", note is not None)) if not fits]
        if wrong or note is None:
            return await self._one(request, form, wrong, status=400)
        row = self._row(request)
        await self.desk.diary.note(who, _ACTS[State(to)], f"ordinance-{row.id}")
        if not await self.uses.decide(row.id, State(to), note):
            return await self._one(request, form, decided=True, status=409)
        done = to if await self.rulings.tell() else "later"
        return RedirectResponse(f"/ordinances/{row.id}?done={done}", 303)

    async def published(self, request: Request) -> Response:
        """What is approved, for everyone."""
        language = languages.of(request)
        rows = [self._line(row, language) for row in self.uses.all() if row.state == State.APPROVED]
        return await self.desk.render(request, "public_ordinances.html", rows=rows)

    async def _one(
        self,
        request: Request,
        form: FormData = _EMPTY,
        wrong: Collection[str] = (),
        *,
        decided: bool = False,
        status: int = 200,
    ) -> Response:
        row = self._row(request)
        return await self.desk.render(
            request,
            "ordinance.html",
            status,
            line=self._line(row, languages.of(request)),
            filing=FileOrdinanceUseRequest.FromString(row.filing),
            affair=self._affair(row, languages.of(request)),
            follows=[state.value for state in FOLLOWS[State(row.state)]],
            wrong=wrong,
            decided=decided,
            typed=typed(form, "note"),
            done=request.query_params.get("done", "") if request.method == "GET" else "",
            longest=int(FREE_TEXT),
        )

    def _row(self, request: Request) -> Any:
        row = self.uses.one(number_of(request))
        if row is None:
            raise HTTPException(404)
        return row

    def _affair(self, row: Any, language: str) -> str:
        code = FileOrdinanceUseRequest.FromString(row.filing).statutory_affair
        affairs = {one.affair.code: one.affair.name.to(language) for one in self.desk.book().rows.values()}
        return affairs.get(code, code)

    def _line(self, row: Any, language: str) -> Mapping[str, object]:
        rule = self.desk.book().rows.get(row.row)
        return {
            "id": row.id,
            "name": self.desk.name(row.institution, language),
            "reference": row.reference,
            "row": row.row,
            "procedure": rule.procedure.name.to(language) if rule is not None else row.row,
            "ordinance": FileOrdinanceUseRequest.FromString(row.filing).ordinance,
            "state": row.state,
            "filed": written(datetime_at(row.filed_at), language),
            "decided": written(datetime_at(row.decided_at), language) if row.decided_at is not None else None,
            "note": row.note,
        }
