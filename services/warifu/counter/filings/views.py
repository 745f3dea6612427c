"""What the institution files with the supervisor, and what the supervisor addressed to it. Kept there, not here: each page asks anew."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.counter.desk import HERE, Acting, Desk, day_of_form, filled, number_of
from warifu.counter.filings.words import LeakLine, MeasureLine, UseLine
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, SUPERVISOR, answered
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import FILED_TEXT, FREE_TEXT, ID
from warifu.law import Institution, Origin, Row
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.supervision.v1 import supervision_pb2_grpc
from warifu.web import languages

TESTS: Final = ("same_aim", "similar_content", "no_wider")
"""The three tests of an ordinance use (art. 19(9))."""
_PERSONS: Final = 9
"""Digits of a number of persons."""


@dataclass(frozen=True, slots=True)
class FilingViews:
    """Filings of all institutions."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        here = f"{HERE}/filings"
        return [
            Route(here, self.index, methods=["GET"]),
            Route(f"{here}/uses/new", self.ask_use, methods=["GET"]),
            Route(f"{here}/uses", self.file_use, methods=["POST"]),
            Route(f"{here}/leaks/new", self.ask_leak, methods=["GET"]),
            Route(f"{here}/leaks", self.report_leak, methods=["POST"]),
            Route(f"{here}/measures/{{id}}/reply", self.reply, methods=["POST"]),
        ]

    async def index(self, request: Request) -> Response:
        """Everything that was filed, and the measures."""
        acting = await self.desk.acting(request, Right.FILE)
        return await self._listed(request, acting)

    async def ask_use(self, request: Request) -> Response:
        """The form for an ordinance use."""
        acting = await self.desk.acting(request, Right.FILE)
        return await self._use_form(request, acting)

    async def file_use(self, request: Request) -> Response:
        """File an ordinance use."""
        acting, form = await self.desk.acting(request, Right.FILE), await request.form()
        filing = _use(form)
        if isinstance(filing, frozenset):
            return await self._use_form(request, acting, form, wrong=filing, status=400)
        try:
            async with acting.record("file-use", filing.row):
                await answered(self._stub(acting).FileOrdinanceUse(filing, timeout=DEADLINE), SUPERVISOR)
        except LinkageError as error:
            return await self._use_form(request, acting, form, error, status=409)
        return RedirectResponse(f"{acting.path}/filings?done=use", 303)

    async def ask_leak(self, request: Request) -> Response:
        """The form for a leak report; with `reference` and `known_on` for the final report of a leak."""
        await self.desk.acting(request, Right.FILE)
        return await self._leak_form(request)

    async def report_leak(self, request: Request) -> Response:
        """Report a leak."""
        acting, form = await self.desk.acting(request, Right.FILE), await request.form()
        report = _leak(form)
        if isinstance(report, frozenset):
            return await self._leak_form(request, form, wrong=report, status=400)
        try:
            async with acting.record("report-leak", report.reference):
                await answered(self._stub(acting).ReportLeak(report, timeout=DEADLINE), SUPERVISOR)
        except LinkageError as error:
            return await self._leak_form(request, form, error, status=409)
        return RedirectResponse(f"{acting.path}/filings?done=leak", 303)

    async def reply(self, request: Request) -> Response:
        """Reply to a measure; the reply is published."""
        acting, form = await self.desk.acting(request, Right.FILE), await request.form()
        number, text = number_of(request), filled(form, "text", FILED_TEXT)
        if text is None:
            return await self._listed(request, acting, wrong=number, status=400)
        try:
            async with acting.record("reply", f"measure-{number}"):
                call = self._stub(acting).ReplyToMeasure(
                    pb.ReplyToMeasureRequest(id=number, text=text), timeout=DEADLINE
                )
                await answered(call, SUPERVISOR)
        except LinkageError as error:
            return await self._listed(request, acting, error, status=409)
        return RedirectResponse(f"{acting.path}/filings?done=reply", 303)

    async def _listed(
        self, request: Request, acting: Acting, error: LinkageError | None = None, *, wrong: int = 0, status: int = 200
    ) -> Response:
        language, today = languages.of(request), self.desk.today()
        uses: list[UseLine] = []
        leaks: list[LeakLine] = []
        measures: list[MeasureLine] = []
        try:
            async with acting.record("list-filings"):
                stub = self._stub(acting)
                listed = await answered(
                    stub.ListOrdinanceUses(pb.ListOrdinanceUsesRequest(), timeout=DEADLINE), SUPERVISOR
                )
                told = await answered(stub.ListLeaks(pb.ListLeaksRequest(), timeout=DEADLINE), SUPERVISOR)
                issued = await answered(stub.ListMeasures(pb.ListMeasuresRequest(), timeout=DEADLINE), SUPERVISOR)
        except LinkageError as failed:
            error = error or failed
        else:
            rows = self.desk.book().table.rows
            uses = [UseLine.of(use, rows, language) for use in listed.uses]
            leaks = [LeakLine.of(leak, today) for leak in told.leaks]
            measures = [MeasureLine.of(measure, today, language) for measure in issued.measures]
        return await self.desk.page(
            request,
            "filings.html",
            status,
            trouble=self.desk.trouble(request, error) if error is not None else None,
            uses=uses,
            leaks=leaks,
            measures=measures,
            wrong=wrong,
            done=request.query_params.get("done", ""),
            longest=int(FILED_TEXT),
        )

    async def _use_form(
        self,
        request: Request,
        acting: Acting,
        form: FormData | None = None,
        error: LinkageError | None = None,
        *,
        wrong: frozenset[str] = frozenset(),
        status: int = 200,
    ) -> Response:
        language = languages.of(request)
        affairs = {
            row.affair.code: row.affair.name.to(language) for row in self._rows(acting.institution, Origin.STATUTE)
        }
        return await self.desk.page(
            request,
            "filing_use.html",
            status,
            rows=[
                (row.id, row.procedure.name.to(language)) for row in self._rows(acting.institution, Origin.ORDINANCE)
            ],
            affairs=sorted(affairs.items()),
            typed=_typed(form, "row", "ordinance", "statutory_affair", *TESTS),
            reference=_reference(form, "use", self.desk.today()),
            wrong=wrong,
            trouble=self.desk.trouble(request, error) if error is not None else None,
            longest=int(FILED_TEXT),
            longest_name=int(FREE_TEXT),
        )

    async def _leak_form(
        self,
        request: Request,
        form: FormData | None = None,
        error: LinkageError | None = None,
        *,
        wrong: frozenset[str] = frozenset(),
        status: int = 200,
    ) -> Response:
        asked = form if form is not None else _linked(request)
        typed = _typed(asked, "known_on", "persons", "what", "cause", "done", "wrongful", "final")
        if asked is None:
            typed["known_on"] = self.desk.today().isoformat()
        return await self.desk.page(
            request,
            "filing_leak.html",
            status,
            typed=typed,
            reference=_reference(asked, "leak", self.desk.today()),
            follows="reference" in request.query_params,
            wrong=wrong,
            trouble=self.desk.trouble(request, error) if error is not None else None,
            longest=int(FILED_TEXT),
        )

    def _rows(self, institution: Institution, origin: Origin) -> list[Row]:
        """Rows by statute, or those by ordinance that name the institution's role."""
        rows = self.desk.book().table.rows.values()
        mine = origin is Origin.ORDINANCE
        return [
            row for row in rows if row.origin is origin and (not mine or institution.role.code in row.requester_roles)
        ]

    def _stub(self, acting: Acting) -> supervision_pb2_grpc.FilingServiceAsyncStub:
        return self.desk.stubs.filing(acting.code)


def _use(form: FormData) -> pb.FileOrdinanceUseRequest | frozenset[str]:
    """The filing of a form; the fields that are missing or too long otherwise."""
    longest = {"reference": ID, "row": ID, "statutory_affair": ID, "ordinance": FREE_TEXT} | dict.fromkeys(
        TESTS, FILED_TEXT
    )
    values = {name: filled(form, name, limit) for name, limit in longest.items()}
    if wrong := frozenset(name for name, value in values.items() if value is None):
        return wrong
    return pb.FileOrdinanceUseRequest(**{name: _line(text or "") for name, text in values.items()})


def _leak(form: FormData) -> pb.ReportLeakRequest | frozenset[str]:
    """The report of a form; the fields that are missing or wrong otherwise."""
    reference, known = filled(form, "reference", ID), day_of_form(form, "known_on")
    final, persons = form.get("final") == "1", str(form.get("persons", ""))
    texts = {name: filled(form, name, FILED_TEXT) for name in ("what", "cause", "done")}
    needed = texts if final else {"what": texts["what"]}
    wrong = {name for name, text in needed.items() if text is None}
    wrong |= set() if persons.isascii() and persons.isdecimal() and len(persons) <= _PERSONS else {"persons"}
    if known is None or reference is None or wrong:
        return frozenset(wrong | ({"known_on"} if known is None else set()))
    return pb.ReportLeakRequest(
        reference=reference,
        is_final=final,
        known_on=known.isoformat(),
        wrongful_purpose=form.get("wrongful") == "1",
        persons=int(persons),
        what=texts["what"] or "",
        cause=texts["cause"] or "",
        done=texts["done"] or "",
    )


def _linked(request: Request) -> FormData | None:
    """What a link to the form fills in: a leak that has its preliminary report."""
    given: list[tuple[str, str | UploadFile]] = [*request.query_params.multi_items()]
    return FormData(given) if "reference" in request.query_params else None


def _line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split("\n"))


def _typed(form: FormData | None, *names: str) -> dict[str, str]:
    """What a form said, to be shown again."""
    return {name: str(form.get(name, "")) if form is not None else "" for name in names}


def _reference(form: FormData | None, kind: str, today: date) -> str:
    """The form's reference, or a new one: it goes with the form, so the same sent twice is one filing."""
    given = filled(form, "reference", ID) if form is not None else None
    return given or f"{kind}-{today.isoformat()}-{secrets.token_hex(2)}"
