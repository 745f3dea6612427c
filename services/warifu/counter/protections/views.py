"""Setting and lifting a person's protection: proposed for an identified visitor, done when a second person approves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.counter.desk import HERE, Acting, Desk, filled
from warifu.counter.proposals.kinds import ProposalKind
from warifu.counter.protections.flags import FLAGS, names_of, told
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, Stubs, answered
from warifu.interim.v1 import interim_pb2
from warifu.kernel.limits import FREE_TEXT
from warifu.law import Text
from warifu.web import languages

KIND: Final = "protection"
_LONGEST_ID: Final = 18


def protection_kind(stubs: Stubs) -> ProposalKind:
    """What is done when a protection is approved: the interim server is told."""

    async def do(acting: Acting, content: bytes, _proposer: str) -> None:
        request = interim_pb2.SetProtectionRequest.FromString(content)
        await answered(stubs.interim(acting.code).SetProtection(request, timeout=DEADLINE))

    return ProposalKind(Text("保護の設定・解除", "Protection of a person"), "protect", told, do)


@dataclass(frozen=True, slots=True)
class ProtectionViews:
    """Protections of all institutions."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/protections", self.ask, methods=["GET"]),
            Route(f"{HERE}/protections", self.propose, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """The form for an identified visitor; without one, where to begin."""
        acting = await self.desk.acting(request, Right.PROTECT)
        visit = _visit(acting, request.query_params.get("visit", ""))
        return await self._form(request, acting, visit)

    async def propose(self, request: Request) -> Response:
        """Ask a second person."""
        acting = await self.desk.acting(request, Right.PROTECT)
        form = await request.form()
        visit, why = _visit(acting, str(form.get("visit", ""))), filled(form, "why", FREE_TEXT)
        chosen = frozenset(str(flag) for flag in form.getlist("flags"))
        if visit is None or why is None or "\n" in why:
            return await self._form(request, acting, visit, chosen, wrong=visit is not None, status=400)
        asked = interim_pb2.SetProtectionRequest(
            institution=acting.code,
            addressee_no=visit.addressee_no,
            reason=why,
            **{flag.code: flag.code in chosen for flag in FLAGS},
        )
        number = await acting.propose(KIND, asked.SerializeToString(deterministic=True), visit.addressee_no, why)
        return RedirectResponse(f"{acting.path}/proposals/{number}", 303)

    async def _form(
        self,
        request: Request,
        acting: Acting,
        visit: Row[Any] | None,
        chosen: frozenset[str] | None = None,
        *,
        wrong: bool = False,
        status: int = 200,
    ) -> Response:
        language = languages.of(request)
        before = _last(acting, visit.addressee_no) if visit is not None else None
        set_now = {flag.code for flag in FLAGS if before is not None and getattr(before, flag.code)}
        return await self.desk.page(
            request,
            "protection.html",
            status,
            visit=visit,
            flags=[(flag.code, flag.name.to(language), flag.about.to(language)) for flag in FLAGS],
            chosen=set_now if chosen is None else chosen,
            known=before is not None,
            now=names_of(before, language) if before is not None else (),
            wrong=wrong,
            longest=int(FREE_TEXT),
        )


def _visit(acting: Acting, text: str) -> Row[Any] | None:
    """The visit of that number, where it counts."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else 0
    return acting.bench.visits.current(number)


def _last(acting: Acting, addressee_no: str) -> interim_pb2.SetProtectionRequest | None:
    """What this counter set last for somebody."""
    row = acting.bench.proposals.last_done(KIND, addressee_no)
    return interim_pb2.SetProtectionRequest.FromString(row.content) if row is not None else None
