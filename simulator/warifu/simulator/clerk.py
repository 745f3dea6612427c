"""A clerk at an institution's counter: everything a scenario or `warifu inquire` does at an agency goes through here, by the counter's certificate."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from warifu.agency.v1 import agency_pb2, agency_pb2_grpc, cases_pb2, cases_pb2_grpc
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.kernel.limits import BULK, COLLECT_WAIT
from warifu.simulator.doors import Doors

WAIT_MS = 15_000
"""For which a clerk waits for an answer."""
UNANSWERED: Final = "UNANSWERED"
"""In place of an outcome, as long as there is none: the interim server goes on trying."""
STAFF = "c-0001"
"""Staff code that demo clerks claim."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a clerk asks of another institution."""

    provider: str
    affair: str
    procedure: str
    item: str
    span: common_pb2.Span = field(default_factory=common_pb2.Span)
    fields: Sequence[str] = ()
    office: str = "window-1"
    clerk: str = STAFF
    non_disclosure: bool = False
    consent: exchange_pb2.Consent | None = None
    case_reference: str = "lesson"
    """The case that it is for; empty shows what the supervisor's rules say of an inquiry without one."""
    row: str = ""
    """Permission row, where it is asked at the desk for that very case; without it the interim server is asked directly."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One exchange as its requester holds it."""

    request_id: str
    requester: str
    question: Question
    state: interim_pb2.InquiryState
    ms: float

    @property
    def outcome(self) -> str:
        """The fine outcome where there is one, else the gateway's: PROVIDED, NO_RECORD, …, DENIED, ERROR, EXPIRED, or UNANSWERED."""
        if self.state.fine_outcome:
            return exchange_pb2.FineOutcome.Name(self.state.fine_outcome).removeprefix("FINE_OUTCOME_")
        if not self.state.outcome:
            return UNANSWERED
        return exchange_pb2.Outcome.Name(self.state.outcome).removeprefix("OUTCOME_")

    @property
    def reason(self) -> str | None:
        """Reason code of a denial or error."""
        if self.state.HasField("denial"):
            return self.state.denial.reason
        return self.state.error.reason if self.state.HasField("error") else None

    def document(self) -> dict[str, object]:
        """The shape of `warifu play --json`."""
        return {
            "request_id": self.request_id, "requester": self.requester, "provider": self.question.provider,
            "procedure": self.question.procedure, "item": self.question.item,
            "outcome": self.outcome, "reason": self.reason, "ms": round(self.ms, 1),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clerk:
    """A clerk of one institution.

    Every method raises `grpc.aio.AioRpcError` when the call as a whole failed, `LinkageError` when its one item did.
    """

    doors: Doors
    institution: str

    @property
    def agency(self) -> agency_pb2_grpc.AgencyServiceAsyncStub:
        """The institution's business system."""
        return agency_pb2_grpc.AgencyServiceStub(self.doors.counter(self.institution))

    @property
    def desk(self) -> cases_pb2_grpc.CaseServiceAsyncStub:
        """The business system's cases."""
        return cases_pb2_grpc.CaseServiceStub(self.doors.counter(self.institution))

    @property
    def interim(self) -> interim_pb2_grpc.InterimServiceAsyncStub:
        """The institution's interim server."""
        return interim_pb2_grpc.InterimServiceStub(self.doors.counter(self.institution))

    async def receive(
        self, items: common_pb2.BasicItems, individual_number: str | None = None
    ) -> agency_pb2.ReceiveVisitorResponse:
        """Identify a visitor by document and number."""
        request = agency_pb2.ReceiveVisitorRequest(institution=self.institution, basic_items=items, clerk=STAFF)
        if individual_number is not None:
            request.individual_number = individual_number
        return await self.agency.ReceiveVisitor(request, timeout=15)

    async def find(self, items: common_pb2.BasicItems) -> str | None:
        """The addressee number here of the person with these items."""
        found = await self.agency.FindSubject(
            agency_pb2.FindSubjectRequest(institution=self.institution, basic_items=items), timeout=15
        )
        return found.addressee_no if found.HasField("addressee_no") else None

    async def find_many(self, people: Sequence[common_pb2.BasicItems]) -> list[str | None]:
        """The same of many, in their order; None as well where several people share their items."""
        found: list[str | None] = []
        for start in range(0, len(people), BULK):
            request = agency_pb2.FindSubjectsRequest(institution=self.institution, people=people[start : start + BULK])
            results = (await self.agency.FindSubjects(request, timeout=60)).results
            found += [one.addressee_no if one.HasField("addressee_no") else None for one in results]
        return found

    async def local_uses(self) -> Sequence[agency_pb2.LocalUse]:
        """The published list of uses inside the body (庁内連携)."""
        answer = await self.agency.ListLocalUses(
            agency_pb2.ListLocalUsesRequest(institution=self.institution), timeout=15
        )
        return answer.uses

    async def record(self, changes: Iterable[agency_pb2.RecordRequest]) -> list[agency_pb2.RecordResponse]:
        """Record changes of life; every one must succeed."""
        answers = [answer async for answer in self.stream(changes)]
        for answer in answers:
            if answer.HasField("error"):
                raise LinkageError.from_failure(answer.error)
        return answers

    async def stream(self, changes: Iterable[agency_pb2.RecordRequest]) -> AsyncIterator[agency_pb2.RecordResponse]:
        """Record changes of life in bulk; answers come in the order asked, failures among them."""

        async def requests() -> AsyncIterator[agency_pb2.RecordRequest]:
            for change in changes:
                change.institution = self.institution
                yield change

        async for answer in self.agency.Record(requests()):
            yield answer

    async def inquire(
        self, addressee_no: str, question: Question, request_id: str | None = None, wait_ms: int = WAIT_MS
    ) -> Exchange:
        """Ask, and wait for what can be known at once: an answer, a refusal, or that a clerk there must look first."""
        request = interim_pb2.InquireRequest(
            institution=self.institution, addressee_no=addressee_no, provider=question.provider, affair=question.affair,
            procedure=question.procedure, item=question.item, span=question.span, fields=question.fields,
            office=question.office, clerk=question.clerk, non_disclosure=question.non_disclosure, consent=question.consent,
            case_reference=question.case_reference, request_id=request_id,
        )  # fmt: skip
        began = time.perf_counter()
        sent = await (self._ask_for_case(question) if question.row else self.interim.Inquire(request, timeout=15))
        state = await self.collect(sent.request_id, wait_ms)
        return Exchange(sent.request_id, self.institution, question, state, (time.perf_counter() - began) * 1000)

    async def open_case(self, addressee_no: str, procedure: str, office: str = "window-1") -> str:
        """Open a case about an addressee; its reference."""
        opened = await self.desk.OpenCase(
            cases_pb2.OpenCaseRequest(
                institution=self.institution, addressee_no=addressee_no, procedure=procedure,
                actor=cases_pb2.Actor(office=office, clerk=STAFF),
            ),
            timeout=15,
        )  # fmt: skip
        return opened.case.reference

    async def _ask_for_case(self, question: Question) -> cases_pb2.AskForCaseResponse:
        return await self.desk.AskForCase(
            cases_pb2.AskForCaseRequest(
                institution=self.institution, reference=question.case_reference, row=question.row,
                provider=question.provider, span=question.span, idempotency_key=str(uuid.uuid4()),
                actor=cases_pb2.Actor(office=question.office, clerk=question.clerk),
            ),
            timeout=15,
        )  # fmt: skip

    async def collect(self, request_id: str, wait_ms: int = WAIT_MS) -> interim_pb2.InquiryState:
        """The inquiry's state; waits so long for one."""
        until = time.monotonic() + wait_ms / 1000
        while True:
            left = max(1, min(round(1000 * (until - time.monotonic())), int(COLLECT_WAIT)))
            request = interim_pb2.CollectRequest(institution=self.institution, request_id=request_id, wait_ms=left)
            state = (await self.interim.Collect(request, timeout=15 + left / 1000)).inquiry
            if state.outcome or time.monotonic() >= until:
                return state

    async def review(self, permit_id: str, decision: interim_pb2.ReviewDecision.ValueType) -> None:
        """Decide on an answer that waits here."""
        await self.interim.ReleaseReview(
            interim_pb2.ReleaseReviewRequest(
                institution=self.institution, permit_id=permit_id, decision=decision, clerk=STAFF
            ),
            timeout=15,
        )


async def ask(
    doors: Doors,
    requester: str,
    addressee_no: str,
    question: Question,
    request_id: str | None = None,
    *,
    decided: bool = True,
    wait_ms: int = WAIT_MS,
) -> Exchange:
    """Ask to the end: where the provider's clerk must look first (PROTO §6), the clerk there looks and provides.

    With `decided` false nobody does, and what waits is left waiting: whoever is the provider decides by itself.
    Ordinary answers wait for a clerk too, by rules that have nothing to do with the person, so whoever asks must be ready for it.
    `wait_ms`: for which an answer is waited for.
    """
    clerk = Clerk(doors, requester)
    exchange = await clerk.inquire(addressee_no, question, request_id, wait_ms)
    if exchange.state.outcome != exchange_pb2.OUTCOME_PENDING or not decided:
        return exchange
    await Clerk(doors, question.provider).review(exchange.request_id, interim_pb2.REVIEW_DECISION_PROVIDE)
    await doors.settle([doors.network.extra["kinds"][requester]])
    state = await clerk.collect(exchange.request_id)
    return Exchange(exchange.request_id, requester, question, state, exchange.ms)
