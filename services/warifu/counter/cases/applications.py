"""The page of applications that came through the citizen portal, and how one becomes a case."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from warifu.agency.v1 import agency_pb2
from warifu.agency.v1 import cases_pb2 as pb
from warifu.counter.cases.people import Person, person_of
from warifu.counter.cases.sheet import Reader
from warifu.counter.cases.values import day
from warifu.counter.desk import HERE, Acting, Desk
from warifu.counter.staff.roles import Right
from warifu.counter.stubs import DEADLINE, answered
from warifu.kernel.errors import LinkageError
from warifu.web import languages
from warifu.web.dates import Written


@dataclass(frozen=True, slots=True)
class Line:
    """An application as a page shows it."""

    application_id: str
    procedure: str
    submitted: Written
    person: Person | None
    """From the signature certificate that was checked; None when there is a problem."""
    fields: tuple[tuple[str, str], ...]
    """(label, value)."""
    problem: str
    reason: str
    case: str


@dataclass(frozen=True, slots=True)
class ApplicationViews:
    """Applications to an institution."""

    desk: Desk

    def routes(self) -> list[BaseRoute]:
        """Their routes."""
        return [
            Route(f"{HERE}/applications", self.list, methods=["GET"]),
            Route(f"{HERE}/applications/{{application}}/case", self.open, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """Applications, newest first: those without a case, or all."""
        acting = await self.desk.acting(request, Right.CASES)
        async with acting.record("see-applications"):
            return await self._shown(request, acting)

    async def open(self, request: Request) -> Response:
        """Take one up: the applicant becomes known here when they are not, and a case answers the application."""
        acting = await self.desk.acting(request, Right.CASES)
        asked = pb.ListApplicationsRequest(institution=acting.code)
        listed = (
            await answered(self.desk.stubs.cases(acting.code).ListApplications(asked, timeout=DEADLINE))
        ).applications
        found = next((one for one in listed if one.application_id == request.path_params["application"]), None)
        if found is None:
            raise HTTPException(404)
        try:
            async with acting.record("open-case", found.application_id):
                case = await self._opened(acting, found)
        except LinkageError as error:
            return await self._shown(request, acting, error=error)
        return RedirectResponse(f"{acting.path}/cases/{case.reference}", 303)

    async def _opened(self, acting: Acting, application: pb.Application) -> pb.Case:
        asked = pb.OpenCaseRequest(
            institution=acting.code,
            addressee_no=application.addressee_no or await self._known(acting, application),
            procedure=application.procedure,
            actor=acting.actor,
            application_id=application.application_id,
        )
        return (await answered(self.desk.stubs.cases(acting.code).OpenCase(asked, timeout=DEADLINE))).case

    async def _known(self, acting: Acting, application: pb.Application) -> str:
        """The applicant's addressee number here, by the items that their signature certificate vouches for."""
        asked = agency_pb2.ReceiveVisitorRequest(
            institution=acting.code, basic_items=application.applicant, clerk=acting.clerk
        )
        return (
            await answered(self.desk.stubs.agency(acting.code).ReceiveVisitor(asked, timeout=DEADLINE))
        ).addressee_no

    async def _shown(self, request: Request, acting: Acting, *, error: LinkageError | None = None) -> Response:
        every = "all" in request.query_params
        asked = pb.ListApplicationsRequest(institution=acting.code, waiting_only=not every)
        stub = self.desk.stubs.cases(acting.code)
        listed = (await answered(stub.ListApplications(asked, timeout=DEADLINE))).applications
        procedures = (
            await answered(stub.ListProcedures(pb.ListProceduresRequest(institution=acting.code), timeout=DEADLINE))
        ).procedures
        reader = Reader(self.desk.book(), languages.of(request), self.desk.today())
        labels = {(one.procedure, place.name): reader.text(place.label) for one in procedures for place in one.form}
        return await self.desk.page(
            request,
            "cases/applications.html",
            409 if error is not None else 200,
            rows=[_line(reader, one, labels) for one in listed],
            every=every,
            trouble=self.desk.trouble(request, error) if error is not None else None,
        )


def _line(reader: Reader, one: pb.Application, labels: dict[tuple[str, str], str]) -> Line:
    return Line(
        application_id=one.application_id,
        procedure=reader.procedure(one.procedure),
        submitted=reader.when(one.submitted_at),
        person=person_of(one.applicant, reader.language) if one.HasField("applicant") else None,
        fields=tuple(
            (labels.get((one.procedure, field.name), field.name), day(field.value, reader.language))
            for field in one.fields
        ),
        problem=reader.text(one.problem.message) if one.HasField("problem") else "",
        reason=one.problem.reason,
        case=one.case_reference,
    )
