"""The desk of an institution's clerks over the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from warifu.agencies.cases.asking import Asking
from warifu.agencies.cases.desk import Cases
from warifu.agencies.cases.posted import Posted
from warifu.agency.v1 import cases_pb2 as pb
from warifu.agency.v1 import cases_pb2_grpc
from warifu.kernel import identity

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class CaseDesk:
    """One institution's cases as its counters see them."""

    cases: Cases
    asking: Asking
    posted: Posted


class CaseServicer(cases_pb2_grpc.CaseServiceServicer):
    """See the contract, warifu/agency/v1/cases.proto. Every call names the institution, which must be the caller's own."""

    def __init__(self, desks: Mapping[str, CaseDesk]) -> None:
        self._desks = desks

    async def ListProcedures(self, request: pb.ListProceduresRequest, context: Context) -> pb.ListProceduresResponse:  # noqa: N802 - the contract's name
        """What may be handled here."""
        del context
        return await self._desk(request.institution).cases.list_procedures()

    async def OpenCase(self, request: pb.OpenCaseRequest, context: Context) -> pb.OpenCaseResponse:  # noqa: N802
        """Opens a case."""
        del context
        return await self._desk(request.institution).cases.open(request)

    async def ListCases(self, request: pb.ListCasesRequest, context: Context) -> pb.ListCasesResponse:  # noqa: N802
        """Cases, newest first."""
        del context
        return await self._desk(request.institution).cases.list_cases(request)

    async def GetCase(self, request: pb.GetCaseRequest, context: Context) -> pb.GetCaseResponse:  # noqa: N802
        """One case."""
        del context
        return await self._desk(request.institution).cases.get(request)

    async def AskForCase(self, request: pb.AskForCaseRequest, context: Context) -> pb.AskForCaseResponse:  # noqa: N802
        """Asks another institution."""
        del context
        return await self._desk(request.institution).asking.ask(request)

    async def FillCase(self, request: pb.FillCaseRequest, context: Context) -> pb.FillCaseResponse:  # noqa: N802
        """Fills places by hand."""
        del context
        return await self._desk(request.institution).cases.fill(request)

    async def RequestPaper(self, request: pb.RequestPaperRequest, context: Context) -> pb.RequestPaperResponse:  # noqa: N802
        """Notes a paper to bring."""
        del context
        return await self._desk(request.institution).cases.request_paper(request)

    async def DecideCase(self, request: pb.DecideCaseRequest, context: Context) -> pb.DecideCaseResponse:  # noqa: N802
        """Decides a case."""
        del context
        return await self._desk(request.institution).cases.decide(request)

    async def ListApplications(  # noqa: N802
        self, request: pb.ListApplicationsRequest, context: Context
    ) -> pb.ListApplicationsResponse:
        """Applications, newest first."""
        del context
        return self._desk(request.institution).posted.list_applications(request)

    async def ListLetters(self, request: pb.ListLettersRequest, context: Context) -> pb.ListLettersResponse:  # noqa: N802
        """Letters, newest first."""
        del context
        return self._desk(request.institution).posted.list_letters(request)

    async def AnswerLetter(self, request: pb.AnswerLetterRequest, context: Context) -> pb.AnswerLetterResponse:  # noqa: N802
        """Answers a letter."""
        del context
        return await self._desk(request.institution).posted.answer_letter(request)

    def _desk(self, institution: str) -> CaseDesk:
        """The caller's own desk.

        Raises:
            LinkageError: CLIENT_NOT_YOURS.
        """
        identity.current().require(institution)
        return self._desks[institution]
