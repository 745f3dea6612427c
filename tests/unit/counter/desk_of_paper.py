"""A desk of cases without a network: it keeps one case and answers as the business system would."""

from __future__ import annotations

from dataclasses import dataclass, field

from unit.counter.lab import ADDRESSEE, Lab

from warifu.agencies.cases.procedures import handled, shown
from warifu.agency.v1 import cases_pb2 as pb
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.instants import timestamp
from warifu.linkage.v1 import linkage_pb2

NHI = "nhi-480029"
OLD_TAX, INSURER = "tax-480011", "insurer-06480016"
JOIN = "JT90000000000102"
REFERENCE = "c-000001"
AT = timestamp(1_775_435_400_000)
"""2026-04-06 09:30 in Japan."""
ACTOR = pb.Actor(office="window-1", clerk="c-0001")
TAX_RECORD = items_pb2.ItemContent(
    local_tax=items_pb2.LocalTaxInfo(
        tax_year=2025,
        municipality="480011",
        return_kind=items_pb2.TAX_RETURN_KIND_RETURN,
        gross_income_yen=4161600,
        tax_class=items_pb2.TAX_CLASS_TAXED,
    ),
    empty_fields=[
        items_pb2.EmptyField(path="pension_revenue_yen", reason=items_pb2.EMPTY_REASON_NOT_APPLICABLE),
    ],
)


def inquiry(number: int, row: str = "P07", provider: str = OLD_TAX, **state: object) -> pb.CaseInquiry:
    """An inquiry of the case, sent and nothing more unless `state` says so."""
    made = interim_pb2.InquiryState(
        request_id=f"00000000-0000-4000-8000-00000000000{number}",
        request=interim_pb2.InquireRequest(
            provider=provider, span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025))
        ),
        **state,  # type: ignore[arg-type]
    )
    return pb.CaseInquiry(row=row, provider=provider, inquiry=made, asked_at=AT, asked_by=ACTOR)


def provided(number: int, *records: items_pb2.ItemContent, row: str = "P07", provider: str = OLD_TAX) -> pb.CaseInquiry:
    """One that was answered with these records."""
    return inquiry(
        number,
        row,
        provider,
        outcome=ex.OUTCOME_ANSWERED,
        fine_outcome=ex.FINE_OUTCOME_PROVIDED,
        records=[ex.Record(record_key=str(key), content=one) for key, one in enumerate(records)],
        answered_at=AT,
    )


def nothing(number: int, fine: ex.FineOutcome.ValueType, row: str = "P07") -> pb.CaseInquiry:
    """One that was answered without records."""
    return inquiry(number, row, outcome=ex.OUTCOME_ANSWERED, fine_outcome=fine)


def denied(number: int) -> pb.CaseInquiry:
    """One that was refused."""
    denial = linkage_pb2.Denial(
        reason="CLIENT_PIA_EXPIRED",
        failed_condition="pia",
        citation="番号法第21条 / Number Act, Article 21",
        message=common_pb2.LocalizedText(ja="評価の期限が切れています。", en="The assessment has expired."),
    )
    return inquiry(number, outcome=ex.OUTCOME_DENIED, denial=denial)


@dataclass
class PaperDesk:
    """The case and the procedures of the institution."""

    lab: Lab
    case: pb.Case = field(
        default_factory=lambda: pb.Case(
            reference=REFERENCE,
            addressee_no=ADDRESSEE,
            procedure=JOIN,
            opened_at=AT,
            opened_by=ACTOR,
            state=pb.CASE_STATE_OPEN,
        )
    )

    @property
    def procedures(self) -> list[pb.Procedure]:
        """As the business system's own code makes them."""
        book = self.lab.book
        return [shown(book, one, frozenset()) for one in handled(book, NHI, self.lab.clock.today())]

    def set_up(self) -> PaperDesk:
        """Answer for the institution."""
        self.lab.stubs.desks.answers |= {
            "ListProcedures": lambda _: pb.ListProceduresResponse(procedures=self.procedures),
            "ListCases": lambda _: pb.ListCasesResponse(cases=[self.case]),
            "OpenCase": lambda _: pb.OpenCaseResponse(case=self.case),
            "GetCase": lambda _: pb.GetCaseResponse(case=self.case),
            "AskForCase": lambda _: pb.AskForCaseResponse(request_id="x"),
            "FillCase": lambda _: pb.FillCaseResponse(case=self.case),
            "RequestPaper": lambda _: pb.RequestPaperResponse(case=self.case),
            "DecideCase": lambda _: pb.DecideCaseResponse(case=self.case),
        }
        return self
