"""The pages of proposals: what waits, what exactly would be done, and the second person's decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.counter.desk import HERE, Acting, Desk, RightNeededError, before_of, number_of
from warifu.counter.proposals.kinds import ProposalKind
from warifu.counter.proposals.queries import PAGE, State, seen_as
from warifu.counter.staff.roles import Right
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import datetime_at
from warifu.law import Text
from warifu.web import languages
from warifu.web.dates import Written, written

STATES: Final = {
    State.WAITING: Text("承認を待っている", "Waits for approval"),
    State.APPROVED: Text("承認済み・実行待ち", "Approved, not done yet"),
    State.DONE: Text("承認して実行した", "Approved and done"),
    State.FAILED: Text("承認したが、実行できなかった", "Approved, but could not be done"),
    State.OVERTAKEN: Text("承認したが、あとの承認が先に実行された", "Approved, but a later one was done first"),
    State.REFUSED: Text("承認しなかった", "Not approved"),
    State.WITHDRAWN: Text("取り下げた", "Withdrawn"),
}
_MARKS: Final = {
    State.WAITING: "waits",
    State.APPROVED: "waits",
    State.DONE: "good",
    State.FAILED: "stopped",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A proposal as a page shows it."""

    id: int
    name: str
    about: str
    why: str
    proposed: Written
    proposed_by: str
    state: str
    state_name: str
    mark: str
    decided: Written | None
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class ProposalViews:
    """Proposals of all features."""

    desk: Desk
    kinds: Mapping[str, ProposalKind]

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        one = f"{HERE}/proposals/{{id}}"
        return [
            Route(f"{HERE}/proposals", self.index, methods=["GET"]),
            Route(one, self.show, methods=["GET"]),
            Route(f"{one}/approve", self.approve, methods=["POST"]),
            Route(f"{one}/again", self.again, methods=["POST"]),
            Route(f"{one}/refuse", self.refuse, methods=["POST"]),
            Route(f"{one}/withdraw", self.withdraw, methods=["POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """All, for who may approve; one's own otherwise."""
        acting = await self.desk.acting(request)
        rows = acting.bench.proposals.page(before_of(request), None if _approves(acting) else acting.clerk)
        language = languages.of(request)
        return await self.desk.page(
            request,
            "proposals.html",
            rows=[self._line(row, language) for row in rows[:PAGE]],
            older=rows[PAGE - 1].id if len(rows) > PAGE else None,
            approves=_approves(acting),
        )

    async def show(self, request: Request) -> Response:
        """One, with what exactly would be done."""
        acting = await self.desk.acting(request)
        return await self._shown(request, acting, self._row(acting, request))

    async def approve(self, request: Request) -> Response:
        """Approve the very content that was shown, and do it."""
        acting = await self.desk.acting(request, Right.APPROVE)
        row, form = self._row(acting, request), await request.form()
        if row.proposed_by == acting.clerk:
            return await self._shown(request, acting, row, problem="own", status=403)
        if form.get("seen") != seen_as(row.content):
            return await self._shown(request, acting, row, problem="changed", status=409)
        async with acting.record("approve", _about(row)):
            decided = await acting.bench.proposals.decide(acting.account, row.id, State.APPROVED)
        if decided:
            await self._carry_out(acting, row)
        return self._back(acting, row)

    async def again(self, request: Request) -> Response:
        """Do what was approved and could not be told yet."""
        acting = await self.desk.acting(request, Right.APPROVE)
        row = self._row(acting, request)
        if row.state == State.APPROVED and not await acting.bench.proposals.overtake(row.id):
            await self._carry_out(acting, row)
        return self._back(acting, row)

    async def refuse(self, request: Request) -> Response:
        """Do not approve."""
        acting = await self.desk.acting(request, Right.APPROVE)
        row = self._row(acting, request)
        if row.proposed_by == acting.clerk:
            return await self._shown(request, acting, row, problem="own", status=403)
        async with acting.record("refuse", _about(row)):
            await acting.bench.proposals.decide(acting.account, row.id, State.REFUSED)
        return self._back(acting, row)

    async def withdraw(self, request: Request) -> Response:
        """Take one's own back."""
        acting = await self.desk.acting(request)
        row = self._row(acting, request)
        if row.proposed_by != acting.clerk:
            raise HTTPException(404)
        async with acting.record("withdraw", _about(row)):
            await acting.bench.proposals.decide(acting.account, row.id, State.WITHDRAWN)
        return self._back(acting, row)

    async def _carry_out(self, acting: Acting, row: Row[Any]) -> None:
        """Do it; what may succeed later stays approved."""
        kind, failed = self.kinds[row.kind], None
        try:
            async with acting.record(kind.act, row.about):
                await kind.do(acting, row.content, row.proposed_by)
        except LinkageError as error:
            if error.retryable:
                return
            failed = error
        await acting.bench.proposals.close(row.id, failed)

    def _row(self, acting: Acting, request: Request) -> Row[Any]:
        """The proposal of the address, where it is the account's to see."""
        row = acting.bench.proposals.one(number_of(request))
        if row is None:
            raise HTTPException(404)
        if row.proposed_by != acting.clerk and not _approves(acting):
            raise RightNeededError(Right.APPROVE)
        return row

    async def _shown(
        self, request: Request, acting: Acting, row: Row[Any], problem: str = "", status: int = 200
    ) -> Response:
        language = languages.of(request)
        failed = LinkageError(Reason(row.result)) if row.result else None
        return await self.desk.page(
            request,
            "proposal.html",
            status,
            line=self._line(row, language),
            told=self.kinds[row.kind].told(row.content, language),
            seen=seen_as(row.content),
            own=row.proposed_by == acting.clerk,
            approves=_approves(acting),
            trouble=self.desk.trouble(request, failed) if failed is not None else None,
            problem=problem,
        )

    def _line(self, row: Row[Any], language: str) -> Line:
        state = State(row.state)
        decided = written(datetime_at(row.decided_at), language) if row.decided_at is not None else None
        proposed = written(datetime_at(row.proposed_at), language)
        return Line(
            row.id, self.kinds[row.kind].name.to(language), row.about, row.why, proposed, row.proposed_by,
            state.value, STATES[state].to(language), _MARKS.get(state, "plain"), decided, row.decided_by,
        )  # fmt: skip

    def _back(self, acting: Acting, row: Row[Any]) -> Response:
        return RedirectResponse(f"{acting.path}/proposals/{row.id}", 303)


def _approves(acting: Acting) -> bool:
    return acting.account.may(Right.APPROVE)


def _about(row: Row[Any]) -> str:
    """What a decision is about: the proposal."""
    return f"proposal-{row.id}"
