"""Step 2, first part: may this be asked? By the law book, for the caller of the certificate, on the network's day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from warifu import law
from warifu.common.v1.common_pb2 import LocalizedText
from warifu.exchange.lawbook import CurrentLaw
from warifu.exchange.v1.exchange_pb2 import RequestHeader
from warifu.gateway.convert import Converted
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1 import linkage_pb2 as pb

SUBJECT_CONDITION = "subject"
"""`failed_condition` of a code that does not serve; the others are the law's."""


class Allowed(NamedTuple):
    """May be provided."""

    row: str
    table_version: str


@dataclass(frozen=True, slots=True)
class Refused:
    """May not, and why."""

    denial: pb.Denial
    table_version: str

    @property
    def row(self) -> str | None:
        """The row that came nearest."""
        return self.denial.nearest_row if self.denial.HasField("nearest_row") else None


class Decisions:
    """Decides, and says beforehand what would be decided."""

    def __init__(self, current: CurrentLaw, clock: Clock, rulings: Callable[[], law.Rulings] = law.Rulings) -> None:
        """`rulings`: what the supervisor has in force."""
        self._law, self._clock, self._rulings = current, clock, rulings

    def decide(self, inquiries: Sequence[tuple[RequestHeader, Converted]], day: date) -> list[Allowed | Refused]:
        """Permit or refuse inquiries whose requesters are their callers. What the law says goes before what the code says.

        `day` is that of the exchange's time, by which the provider will decide as well: the clock is not read anew.
        """
        book, rulings = self._law.book(), self._rulings()
        known: dict[law.Ask, law.Decision] = {}
        """Inquiries that go together mostly ask the same of many people."""
        decided: list[Allowed | Refused] = []
        for header, converted in inquiries:
            ask = _ask(header, day)
            decision = known.get(ask)
            if decision is None:
                decision = known[ask] = law.decide(book, ask, rulings)
            decided.append(_decided(book, decision, converted))
        return decided

    def try_out(self, caller: str, request: pb.DecideRequest) -> pb.DecideResponse:
        """Would `caller` be allowed this? Nothing is asked, sent or recorded."""
        book, today = self._law.book(), self._clock.today()
        ask = law.Ask(
            caller, request.provider, request.affair, request.procedure, request.item, today, consent=request.consent
        )
        decision = law.decide(book, ask, self._rulings())
        if isinstance(decision, law.Deny):
            return pb.DecideResponse(table_version=book.version, denied=_denial(decision, book))
        row = _row(book, decision.row, decision.requester.role.code, decision.provider.role.code, today)
        return pb.DecideResponse(table_version=book.version, permitted=row)

    def list_permissions(self, caller: str) -> pb.ListPermissionsResponse:
        """What `caller` may ask at all today; a row that names several roles to ask appears once for each.

        A row by ordinance is among them once the supervisor has approved its use.
        """
        book, today = self._law.book(), self._clock.today()
        asking = book.institutions.get(caller)
        if asking is None:
            raise LinkageError(Reason.CLIENT_INSTITUTION_UNKNOWN, metadata={"institution": caller})
        rows = [
            _row(book, one.row, asking.role.code, role, today)
            for one in law.askable(book, caller, today)
            if self._rulings().approves(asking, one.row, today)
            for role in one.row.provider_roles
        ]
        rows.sort(key=lambda row: (row.row, row.provider_role))
        return pb.ListPermissionsResponse(table_version=book.version, rows=rows)

    def table_version(self) -> str:
        """Version of the law book in force."""
        return self._law.book().version

    def kind_of(self, institution: str) -> str:
        """The party that serves an institution.

        Raises:
            LinkageError: CLIENT_INSTITUTION_UNKNOWN.
        """
        found = self._law.book().institutions.get(institution)
        if found is None:
            raise LinkageError(Reason.CLIENT_INSTITUTION_UNKNOWN, metadata={"institution": institution})
        return found.kind


def _decided(book: law.LawBook, decision: law.Decision, converted: Converted) -> Allowed | Refused:
    if isinstance(decision, law.Deny):
        return Refused(_denial(decision, book), book.version)
    if converted.refused is not None:
        return Refused(_code_denial(converted.refused), book.version)
    return Allowed(decision.row.id, book.version)


def _ask(header: RequestHeader, day: date) -> law.Ask:
    return law.Ask(
        requester=header.requester,
        provider=header.provider,
        affair=header.affair,
        procedure=header.procedure,
        item=header.item,
        on=day,
        # Consent that is to be given tomorrow is none today.
        consent=header.HasField("consent") and header.consent.given_on <= day.isoformat(),
    )


def _denial(deny: law.Deny, book: law.LawBook) -> pb.Denial:
    refusal = law.explain_denial(deny, book)
    return pb.Denial(
        reason=deny.reason,
        failed_condition=deny.failed_condition,
        nearest_row=deny.nearest_row.id if deny.nearest_row else None,
        citation=f"{refusal.citation.ja} / {refusal.citation.en}",
        message=LocalizedText(
            ja=refusal.message.ja + refusal.what_to_do.ja, en=f"{refusal.message.en} {refusal.what_to_do.en}"
        ),
    )


def _code_denial(reason: Reason) -> pb.Denial:
    return pb.Denial(reason=reason, failed_condition=SUBJECT_CONDITION, message=LinkageError(reason).failure().message)


def _row(book: law.LawBook, row: law.Row, requester_role: str, provider_role: str, today: date) -> pb.PermissionRow:
    citation = row.citation_on(today)
    return pb.PermissionRow(
        row=row.id,
        affair=row.affair.code,
        procedure=row.procedure.code,
        item=row.item,
        requester_role=requester_role,
        provider_role=provider_role,
        fields=row.fields,
        effective_from=row.effective_from.isoformat(),
        effective_to=row.effective_to.isoformat() if row.effective_to else None,
        origin=row.origin,
        consent_required=row.consent_required,
        procedure_name=_text(row.procedure.name),
        item_name=_text(book.items[row.item].name),
        purpose=LocalizedText(ja=row.purpose.ja, en=row.purpose.en),
        citation=_text(law.legal_basis(row, today)),
        citation_verified=citation.verified,
        papers_saved=[_text(paper) for paper in row.papers],
    )


def _text(text: law.Text) -> LocalizedText:
    return LocalizedText(ja=text.ja, en=text.en)
