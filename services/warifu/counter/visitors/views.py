"""The pages by which visitors are received, and the page of a visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.counter.cases.values import day
from warifu.counter.desk import HERE, Acting, Desk, Entry, number_of, open_to
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, answered
from warifu.counter.visitors.forms import Received
from warifu.counter.visitors.papers import NUMBER_PAPERS, PAPERS, SEEN, Seen
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import datetime_at
from warifu.web import languages
from warifu.web.dates import Written, written

NUMBERS = "numbering"
"""Whose side an unexplained failure is on while somebody is identified."""


@dataclass(frozen=True, slots=True)
class Line:
    """A visit as a page shows it."""

    id: int
    at: Written
    clerk: str
    addressee_no: str
    created: bool
    counts: bool
    number_paper: str
    papers: Sequence[str]
    seen: Sequence[str]


@dataclass(frozen=True, slots=True)
class VisitorViews:
    """Visitors of all institutions."""

    desk: Desk
    next_steps: Sequence[Entry]
    """What can be done for an identified visitor; the visit's number is appended to each path as `?visit=`."""

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/visitors", self.index, methods=["GET"]),
            Route(f"{HERE}/visitors", self.receive, methods=["POST"]),
            Route(f"{HERE}/visitors/new", self.ask, methods=["GET"]),
            Route(f"{HERE}/visitors/{{id}}", self.show, methods=["GET"]),
            Route(f"{HERE}/visitors/{{id}}/end", self.end, methods=["POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """Today's visits."""
        acting = await self.desk.acting(request, Right.VISITORS)
        rows = [self._line(acting, row, languages.of(request)) for row in acting.bench.visits.today()]
        return await self.desk.page(request, "visitors.html", rows=rows)

    async def ask(self, request: Request) -> Response:
        """An empty form."""
        await self.desk.acting(request, Right.VISITORS)
        return await self._form(request)

    async def receive(self, request: Request) -> Response:
        """Identify a visitor: nothing is asked of anybody before everything was seen and typed."""
        acting = await self.desk.acting(request, Right.VISITORS)
        received = Received.of(await request.form())
        if received.wrong:
            return await self._form(request, received, status=400)
        try:
            async with acting.record("receive", received.proofing.number_paper):
                number = await self._identified(acting, received)
        except LinkageError as error:
            return await self._form(request, received, error, status=409)
        return RedirectResponse(f"{acting.path}/visitors/{number}", 303)

    async def show(self, request: Request) -> Response:
        """A visit, with the particulars as the business system has them: looked up each time, and on record each time."""
        acting = await self.desk.acting(request, Right.VISITORS)
        row, language = self._row(acting, request), languages.of(request)
        line = self._line(acting, row, language)
        subject = await self._subject(acting, row) if line.counts else None
        steps = open_to(acting.account, self.next_steps) if line.counts else []
        return await self.desk.page(
            request,
            "visit.html",
            line=line,
            items=subject.basic_items if subject is not None else None,
            born=day(subject.basic_items.birth_date, language) if subject is not None else "",
            female=common_pb2.SEX_FEMALE,
            steps=[(f"{step.path}?visit={line.id}", step.name.to(language), step.about.to(language)) for step in steps],
        )

    async def end(self, request: Request) -> Response:
        """The visitor leaves: nothing more is done on this identification."""
        acting = await self.desk.acting(request, Right.VISITORS)
        row = self._row(acting, request)
        async with acting.record("end-visit", row.addressee_no):
            await acting.bench.visits.end(row.id)
        return RedirectResponse(f"{acting.path}/visitors", 303)

    async def _identified(self, acting: Acting, received: Received) -> int:
        """The visit of somebody whose number and items belong together.

        Raises:
            LinkageError: they do not, or nobody could tell.
        """
        request = agency_pb2.ReceiveVisitorRequest(
            institution=acting.code,
            individual_number=received.number,
            basic_items=received.items,
            clerk=acting.clerk,
        )
        call = self.desk.stubs.agency(acting.code).ReceiveVisitor(request, timeout=DEADLINE)
        answer = await answered(call, NUMBERS)
        return await acting.bench.visits.add(
            acting.account, answer.addressee_no, received.proofing, created=answer.created
        )

    async def _subject(self, acting: Acting, row: Row[Any]) -> agency_pb2.GetSubjectResponse:
        async with acting.record("look-up", row.addressee_no):
            request = agency_pb2.GetSubjectRequest(institution=acting.code, addressee_no=row.addressee_no)
            return await answered(self.desk.stubs.agency(acting.code).GetSubject(request, timeout=DEADLINE))

    async def _form(
        self,
        request: Request,
        received: Received | None = None,
        error: LinkageError | None = None,
        *,
        status: int = 200,
    ) -> Response:
        language = languages.of(request)
        number_error = received.number_error if received is not None else None
        return await self.desk.page(
            request,
            "visitor_new.html",
            status,
            typed=received,
            wrong=received.wrong if received is not None else frozenset(),
            number_wrong=(number_error.en if language == "en" else number_error.ja) if number_error else "",
            trouble=self.desk.trouble(request, error) if error is not None else None,
            number_papers=[(code, name.to(language)) for code, name in NUMBER_PAPERS.items()],
            papers=[(paper.code, paper.name.to(language), paper.photo) for paper in PAPERS],
            seen=[(code.value, name.to(language)) for code, name in SEEN.items()],
        )

    def _row(self, acting: Acting, request: Request) -> Row[Any]:
        row = acting.bench.visits.one(number_of(request))
        if row is None:
            raise HTTPException(404)
        return row

    def _line(self, acting: Acting, row: Row[Any], language: str) -> Line:
        names = {paper.code: paper.name for paper in PAPERS}
        return Line(
            row.id,
            written(datetime_at(row.at), language),
            row.login,
            row.addressee_no,
            bool(row.created),
            acting.bench.visits.counts(row),
            NUMBER_PAPERS[row.number_paper].to(language),
            [names[code].to(language) for code in row.papers.split()],
            [SEEN[Seen(code)].to(language) for code in row.seen.split()],
        )
