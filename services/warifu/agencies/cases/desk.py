"""A clerk's work on cases: open, list, show, fill, ask for a paper, decide. Each act is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from warifu import law
from warifu.agencies import subjects
from warifu.agencies.cases import kept, looking, procedures
from warifu.agencies.cases.forms import form_of
from warifu.agencies.cases.kept import File
from warifu.agencies.cases.ports import Ground, who
from warifu.agencies.post import applications
from warifu.agency.v1 import cases_pb2 as pb
from warifu.kernel.clock import JAPAN
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import (
    CODE,
    COLLECT_WAIT,
    FIELDS,
    FORM_VALUE,
    FREE_TEXT,
    ID,
    RETENTION,
    check_items,
    check_text,
    malformed,
)
from warifu.kernel.months import month_of

PAGE: Final = 20
LARGEST_PAGE: Final = 100


class Cases:
    """The cases of one institution."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._swept: date | None = None

    async def list_procedures(self) -> pb.ListProceduresResponse:
        """What may be handled here today."""
        ground, book = self._ground, self._ground.book()
        every = procedures.handled(book, ground.business.institution, ground.business.clock.today())
        awaiting = await self._awaiting(one.row for each in every for one in each.allowed)
        return pb.ListProceduresResponse(procedures=[procedures.shown(book, one, awaiting) for one in every])

    async def open(self, request: pb.OpenCaseRequest) -> pb.OpenCaseResponse:
        """Open a case; for an application the same again returns the same case.

        Raises:
            LinkageError: CLIENT_PROCEDURE_NOT_PERMITTED when it is not handled here today; CLIENT_ADDRESSEE_UNKNOWN; what stands against
                the application.
        """
        acting = who(request.actor)
        check_text(request.procedure, "procedure", CODE)
        values = {
            "addressee_no": request.addressee_no,
            "procedure": request.procedure,
            "application_id": request.application_id or None,
            "opened_at": self._ground.now(),
            **acting,
        }
        reference = await self._ground.business.store.write(lambda connection: self._open(connection, values))
        return pb.OpenCaseResponse(case=await self._shown(reference))

    async def list_cases(self, request: pb.ListCasesRequest) -> pb.ListCasesResponse:
        """Cases without their inquiries, newest first.

        Raises:
            LinkageError: CLIENT_CASE_UNKNOWN for a token that is none.
        """
        limit = min(request.page_size or PAGE, LARGEST_PAGE)
        before = kept.position_of(request.page_token) if request.page_token else None
        files = self._ground.business.store.read(
            lambda c: kept.newest(c, before, limit + 1, open_only=request.open_only)
        )
        token = files[limit - 1].reference if len(files) > limit else ""
        return pb.ListCasesResponse(cases=[self._listed(file) for file in files[:limit]], next_page_token=token)

    async def get(self, request: pb.GetCaseRequest) -> pb.GetCaseResponse:
        """One case with its inquiries and what came of them.

        Raises:
            LinkageError: CLIENT_CASE_UNKNOWN.
        """
        return pb.GetCaseResponse(case=await self._shown(request.reference, min(request.wait_ms, COLLECT_WAIT)))

    async def fill(self, request: pb.FillCaseRequest) -> pb.FillCaseResponse:
        """Fill places of the form by hand.

        Raises:
            LinkageError: CLIENT_CASE_UNKNOWN, CLIENT_CASE_CLOSED, CLIENT_MALFORMED for a place that the form does not have.
        """
        acting = who(request.actor)
        check_items(request.fields, "fields", FIELDS)
        for field in request.fields:
            check_text(field.value, "fields.value", FORM_VALUE, required=False)
        await self._ground.business.store.write(lambda connection: self._fill(connection, request, acting))
        return pb.FillCaseResponse(case=await self._shown(request.reference))

    async def request_paper(self, request: pb.RequestPaperRequest) -> pb.RequestPaperResponse:
        """Note a paper that the person is asked to bring; the same again has no effect.

        Raises:
            LinkageError: CLIENT_CASE_UNKNOWN, CLIENT_CASE_CLOSED, CLIENT_ITEM_NOT_PERMITTED for a row that is none of the case's.
        """
        acting = who(request.actor)

        def change(connection: Connection) -> None:
            file = kept.require_open(connection, request.reference)
            handled = self._ground.handled(file.case.procedure)
            asked = {inquiry.row for inquiry in file.inquiries}
            if request.row not in asked and (handled is None or handled.row(request.row) is None):
                raise LinkageError(Reason.CLIENT_ITEM_NOT_PERMITTED)
            kept.add_paper(connection, file, request.row, self._ground.now(), acting)

        await self._ground.business.store.write(change)
        return pb.RequestPaperResponse(case=await self._shown(request.reference))

    async def decide(self, request: pb.DecideCaseRequest) -> pb.DecideCaseResponse:
        """Decide a case, once; the same decision again has no effect.

        Raises:
            LinkageError: CLIENT_CASE_UNKNOWN; CLIENT_CASE_CLOSED when it was decided otherwise.
        """
        acting = who(request.actor)
        check_text(request.note, "note", FREE_TEXT, required=not request.granted)
        values = {
            "state": pb.CASE_STATE_GRANTED if request.granted else pb.CASE_STATE_REFUSED,
            "note": request.note,
            "decided_at": self._ground.now(),
            **{f"decided_{name}": value for name, value in acting.items()},
        }

        def change(connection: Connection) -> None:
            file = kept.require(connection, request.reference)
            if (file.case.state, file.case.note) != (values["state"], values["note"]):
                kept.decide(connection, file, values)

        await self._ground.business.store.write(change)
        return pb.DecideCaseResponse(case=await self._shown(request.reference))

    async def forget(self) -> int:
        """Once a day: drop cases older than what the interim server keeps of their inquiries; how many."""
        today = self._ground.business.clock.today()
        if self._swept == today:
            return 0
        months = month_of(today) - RETENTION
        before = milliseconds(datetime(months // 12, months % 12 + 1, 1, tzinfo=JAPAN))
        dropped = await self._ground.business.store.write(lambda connection: kept.forget(connection, before))
        if dropped == 0:
            self._swept = today
        return dropped

    def _open(self, connection: Connection, values: dict[str, str | int | None]) -> str:
        application = values["application_id"]
        if application and (there := kept.of_application(connection, str(application))) is not None:
            return there.reference
        if self._ground.handled(str(values["procedure"])) is None:
            raise LinkageError(Reason.CLIENT_PROCEDURE_NOT_PERMITTED)
        subjects.require(connection, str(values["addressee_no"]))
        reference = kept.add(connection, values)
        if application:
            self._take_up(connection, str(application), reference, str(values["procedure"]))
        return reference

    def _take_up(self, connection: Connection, application_id: str, reference: str, procedure: str) -> None:
        """Note which case answers the application, and what the applicant filled in."""
        application = applications.require(connection, application_id)
        if application.procedure != procedure:
            raise malformed("procedure", "not the application's")
        applications.assign(connection, application_id, reference)
        names = form_of(procedure).names
        told = [(name, value[:FORM_VALUE]) for name, value in application.fields if name in names]
        kept.fill(connection, kept.position_of(reference), told, application.submitted_at, None)

    def _fill(self, connection: Connection, request: pb.FillCaseRequest, acting: dict[str, str]) -> None:
        file = kept.require_open(connection, request.reference)
        names = form_of(file.case.procedure).names
        if any(field.name not in names for field in request.fields):
            raise malformed("fields.name", "no place of this form")
        held = {field.name: field.value for field in file.fields}
        fields = [(field.name, field.value) for field in request.fields if held.get(field.name, "") != field.value]
        kept.fill(connection, file.case.position, fields, self._ground.now(), acting)

    def _listed(self, file: File) -> pb.Case:
        looks = [looking.known(self._ground, inquiry) for inquiry in file.inquiries]
        return looking.shown(self._ground, file, looks, with_inquiries=False)

    async def _shown(self, reference: str, wait_ms: int = 0) -> pb.Case:
        check_text(reference, "reference", ID)
        file = self._ground.business.store.read(lambda connection: kept.require(connection, reference))
        return looking.shown(self._ground, file, await looking.looked_up(self._ground, file, wait_ms))

    async def _awaiting(self, rows: Iterable[law.Row]) -> frozenset[str]:
        """Rows by ordinance that the supervisor has not approved, as far as can be known."""
        institution = self._ground.book().institutions[self._ground.business.institution]
        today, waiting = self._ground.business.clock.today(), set()
        for row in rows:
            if row.origin is not law.Origin.ORDINANCE:
                continue
            try:
                rulings = await self._ground.interim.rulings_for(institution.code, row.id)
            except LinkageError:
                rulings = law.NOTHING_RULED
            if not rulings.approves(institution, row, today):
                waiting.add(row.id)
        return frozenset(waiting)
