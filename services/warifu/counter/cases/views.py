"""The pages of cases: the list, a new one for an identified visitor, and one case with its form, inquiries and papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.agency.v1 import cases_pb2 as pb
from warifu.counter.cases.asking import Question
from warifu.counter.cases.people import looked_up
from warifu.counter.cases.sheet import LOOK_BACK, Line, Reader, Sheet
from warifu.counter.desk import HERE, Acting, Desk, filled
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, answered
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import datetime_at
from warifu.kernel.limits import FORM_VALUE, FREE_TEXT
from warifu.web import languages
from warifu.web.dates import written
from warifu.web.guard import Policy

WAIT_MS: Final = 4_000
"""How long a page waits for answers that are on their way: most come within a fraction of it."""
TURNS: Final = 60
"""How often an open page asks by itself for what came, some five minutes in all: a page that is left open keeps no session alive."""
POLICY: Final = Policy(scripts=True, connect=("'self'",))
"""A case that awaits answers renews them by htmx; without it they are read anew by a link."""
VISITS: Final = 10
"""Visitors to choose from, the latest first."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with a form, and where."""

    row: str = ""
    field: str = ""


_NONE: Final = Problem()


@dataclass(frozen=True, slots=True)
class CaseViews:
    """Cases of an institution."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        one = f"{HERE}/cases/{{reference}}"
        return [
            Route(f"{HERE}/cases", self.list, methods=["GET"]),
            Route(f"{HERE}/cases/new", self.new, methods=["GET"]),
            Route(f"{HERE}/cases/new", self.open, methods=["POST"]),
            Route(one, self.show, methods=["GET"]),
            Route(f"{one}/news", self.news, methods=["GET"]),
            Route(f"{one}/ask", self.ask, methods=["POST"]),
            Route(f"{one}/fill", self.fill, methods=["POST"]),
            Route(f"{one}/paper", self.paper, methods=["POST"]),
            Route(f"{one}/decide", self.decide, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Cases, newest first: those that are open, or all."""
        acting = await self.desk.acting(request, Right.CASES)
        every, token = "all" in request.query_params, request.query_params.get("after", "")
        asked = pb.ListCasesRequest(institution=acting.code, open_only=not every, page_token=token[:64])
        listed = await answered(self.desk.stubs.cases(acting.code).ListCases(asked, timeout=DEADLINE))
        reader = self._reader(request)
        return await self.desk.page(
            request,
            "cases/list.html",
            rows=[reader.sheet(case, None) for case in listed.cases],
            every=every,
            older=f"?{'all&' if every else ''}after={listed.next_page_token}" if listed.next_page_token else None,
        )

    async def new(self, request: Request) -> Response:
        """Choose visitor and procedure."""
        acting = await self.desk.acting(request, Right.CASES)
        return await self._asked_new(request, acting, request.query_params.get("visit", ""))

    async def open(self, request: Request) -> Response:
        """Open a case for an identified visitor."""
        acting, form = await self.desk.acting(request, Right.CASES), await request.form()
        visit, procedure = str(form.get("visit", "")), str(form.get("procedure", ""))
        row = acting.bench.visits.current(int(visit)) if visit.isascii() and visit.isdecimal() else None
        if row is None:
            return await self._asked_new(request, acting, visit, "visit")
        if procedure not in {one.procedure for one in await self._procedures(acting)}:
            return await self._asked_new(request, acting, visit, "procedure")
        asked = pb.OpenCaseRequest(
            institution=acting.code, addressee_no=row.addressee_no, procedure=procedure, actor=acting.actor
        )
        async with acting.record("open-case", row.addressee_no):
            opened = await answered(self.desk.stubs.cases(acting.code).OpenCase(asked, timeout=DEADLINE))
        return RedirectResponse(f"{acting.path}/cases/{opened.case.reference}", 303)

    async def show(self, request: Request) -> Response:
        """One case, whole."""
        acting = await self.desk.acting(request, Right.CASES)
        reference = request.path_params["reference"]
        async with acting.record("see-case", reference):
            return await self._shown(request, acting, reference)

    async def news(self, request: Request) -> Response:
        """What came since an open page was made, as the parts of it that changed; nothing new shows nothing, and is no look at the case."""
        acting = await self.desk.acting(request, Right.CASES)
        reference, turn = request.path_params["reference"], _turn(request.query_params.get("turn", ""))
        sheet = await self._sheet(request, acting, reference)
        if sheet.mark == request.query_params.get("seen"):
            return await self.desk.page(request, "cases/news.html", sheet=sheet, turn=turn, turns=TURNS, came=False)
        async with acting.record("see-case", reference):
            return await self._rendered(request, "cases/news.html", sheet, turn=turn, came=True)

    async def ask(self, request: Request) -> Response:
        """Ask another institution under one of the rows."""
        acting, form = await self.desk.acting(request, Right.CASES), await request.form()
        reference, row, question = request.path_params["reference"], str(form.get("row", "")), Question.of(form)
        line = await self._line(request, acting, reference, row)
        if wrong := question.wrong(line):
            return await self._shown(request, acting, reference, problem=Problem(row, wrong), status=400)
        asked = question.request(acting, reference, line)
        try:
            async with acting.record("ask", f"{reference} {row}"):
                await answered(self.desk.stubs.cases(acting.code).AskForCase(asked, timeout=DEADLINE))
        except LinkageError as error:
            return await self._shown(request, acting, reference, error=error)
        return _back(acting, reference, f"row-{row}")

    async def fill(self, request: Request) -> Response:
        """Fill places of the form by hand."""
        acting, form = await self.desk.acting(request, Right.CASES), await request.form()
        reference = request.path_params["reference"]
        fields, bad = _places(form)
        if bad:
            return await self._shown(request, acting, reference, problem=Problem(field=bad), status=400)
        if not fields:
            return _back(acting, reference, "form")
        asked = pb.FillCaseRequest(institution=acting.code, reference=reference, actor=acting.actor, fields=fields)
        return await self._done(request, acting, reference, "fill", "form", asked)

    async def paper(self, request: Request) -> Response:
        """Ask the person for the paper, since nothing came."""
        acting, form = await self.desk.acting(request, Right.CASES), await request.form()
        reference, row = request.path_params["reference"], str(form.get("row", ""))
        asked = pb.RequestPaperRequest(institution=acting.code, reference=reference, row=row, actor=acting.actor)
        return await self._done(request, acting, reference, "request-paper", "papers", asked)

    async def decide(self, request: Request) -> Response:
        """Grant or refuse."""
        acting, form = await self.desk.acting(request, Right.CASES), await request.form()
        reference, granted = request.path_params["reference"], form.get("decision") == "grant"
        note = filled(form, "note", FREE_TEXT)
        if (note is None and (not granted or form.get("note"))) or form.get("decision") not in {"grant", "refuse"}:
            return await self._shown(request, acting, reference, problem=Problem(field="note"), status=400)
        asked = pb.DecideCaseRequest(
            institution=acting.code, reference=reference, granted=granted, note=note or "", actor=acting.actor
        )
        return await self._done(request, acting, reference, "decide", "decision", asked)

    async def _done(
        self,
        request: Request,
        acting: Acting,
        reference: str,
        act: str,
        anchor: str,
        asked: pb.FillCaseRequest | pb.RequestPaperRequest | pb.DecideCaseRequest,
    ) -> Response:
        """Do an act of a case, on record, and lead back to where it shows; what stood against it is told on the page."""
        stub = self.desk.stubs.cases(acting.code)
        try:
            async with acting.record(act, reference):
                match asked:
                    case pb.FillCaseRequest():
                        await answered(stub.FillCase(asked, timeout=DEADLINE))
                    case pb.RequestPaperRequest():
                        await answered(stub.RequestPaper(asked, timeout=DEADLINE))
                    case pb.DecideCaseRequest():
                        await answered(stub.DecideCase(asked, timeout=DEADLINE))
        except LinkageError as error:
            return await self._shown(request, acting, reference, error=error)
        return _back(acting, reference, anchor)

    async def _asked_new(self, request: Request, acting: Acting, visit: str, problem: str = "") -> Response:
        reader, language = self._reader(request), languages.of(request)
        visits = [row for row in acting.bench.visits.today() if acting.bench.visits.counts(row)][:VISITS]
        return await self.desk.page(
            request,
            "cases/new.html",
            400 if problem else 200,
            visits=[
                (
                    row.id,
                    await self._name(acting, row.addressee_no, language),
                    row.addressee_no,
                    written(datetime_at(row.at), language),
                )
                for row in visits
            ],
            chosen=visit,
            procedures=[
                (
                    one.procedure,
                    reader.text(one.name),
                    reader.affair(one.procedure),
                    [reader.line(each, one.procedure) for each in one.inquiries],
                )
                for one in await self._procedures(acting)
            ],
            problem=problem,
        )

    async def _name(self, acting: Acting, addressee_no: str, language: str) -> str:
        async with acting.record("look-up", addressee_no):
            return (await looked_up(self.desk, acting, addressee_no, language)).name

    async def _shown(
        self,
        request: Request,
        acting: Acting,
        reference: str,
        *,
        error: LinkageError | None = None,
        problem: Problem = _NONE,
        status: int = 200,
    ) -> Response:
        sheet = await self._sheet(request, acting, reference)
        return await self._rendered(
            request,
            "cases/case.html",
            sheet,
            409 if error is not None else status,
            person=await looked_up(self.desk, acting, sheet.addressee_no, languages.of(request)),
            trouble=self.desk.trouble(request, error) if error is not None else None,
            problem=problem,
            policy=POLICY,
            turn=1,
        )

    async def _rendered(
        self, request: Request, template: str, sheet: Sheet, status: int = 200, **values: object
    ) -> Response:
        """A case, or what is new of it."""
        today = self.desk.today()
        shown: dict[str, object] = {
            "sheet": sheet,
            "years": self._reader(request).years(),
            "first": (today - LOOK_BACK).isoformat(),
            "today": today.isoformat(),
            "turns": TURNS,
            "problem": _NONE,
        }
        return await self.desk.page(request, template, status, **(shown | values))

    async def _sheet(self, request: Request, acting: Acting, reference: str, wait_ms: int = WAIT_MS) -> Sheet:
        asked = pb.GetCaseRequest(institution=acting.code, reference=reference[:64], wait_ms=wait_ms)
        case = (await answered(self.desk.stubs.cases(acting.code).GetCase(asked, timeout=DEADLINE))).case
        procedures = await self._procedures(acting)
        handled = next((one for one in procedures if one.procedure == case.procedure), None)
        return self._reader(request).sheet(case, handled)

    async def _line(self, request: Request, acting: Acting, reference: str, row: str) -> Line:
        """One of the rows that a case allows.

        Raises:
            LinkageError: CLIENT_ITEM_NOT_PERMITTED when it is none.
        """
        sheet = await self._sheet(request, acting, reference, 0)
        line = next((one for one in sheet.lines if one.row == row), None)
        if line is None:
            raise LinkageError(Reason.CLIENT_ITEM_NOT_PERMITTED)
        return line

    async def _procedures(self, acting: Acting) -> Sequence[pb.Procedure]:
        asked = pb.ListProceduresRequest(institution=acting.code)
        return (await answered(self.desk.stubs.cases(acting.code).ListProcedures(asked, timeout=DEADLINE))).procedures

    def _reader(self, request: Request) -> Reader:
        return Reader(self.desk.book(), languages.of(request), self.desk.today())


def _turn(text: str) -> int:
    """Which turn of asking a page is at; what is none is the last."""
    return min(int(text), TURNS) if text.isascii() and text.isdecimal() and len(text) <= len(str(TURNS)) else TURNS


def _back(acting: Acting, reference: str, anchor: str) -> Response:
    return RedirectResponse(f"{acting.path}/cases/{reference}#{anchor}", 303)


def _places(form: FormData) -> tuple[list[pb.FilledField], str]:
    """What was typed into places, "place-<name>", and the name of the first that cannot be kept."""
    fields = []
    for name in form:
        if not name.startswith("place-"):
            continue
        typed, value = str(form[name]).strip(), filled(form, name, FORM_VALUE)
        if typed and (value is None or "\n" in value):
            return [], name.removeprefix("place-")
        fields.append(pb.FilledField(name=name.removeprefix("place-"), value=value or ""))
    return fields, ""
