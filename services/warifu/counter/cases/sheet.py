"""A case as a page shows it: the form with what fills each place and where it came from, its inquiries, its papers. Values alone, no calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from typing import Final

from warifu.agency.v1 import cases_pb2 as pb
from warifu.common.v1 import common_pb2
from warifu.counter.cases import values
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.kernel.instants import datetime_at, stamped
from warifu.law import LawBook
from warifu.law.explain import citation_text
from warifu.web.dates import Written, written

YEARS: Final = 6
"""Fiscal years that a clerk may choose from."""
LOOK_BACK: Final = timedelta(days=60)
"""How far back an insurer is asked unless the clerk says otherwise: a present state would not show what has ended."""
_PUBLISHED: Final = (6, 10)
"""From this day of a fiscal year its tax records are provided as a rule."""


class State(StrEnum):
    """What an inquiry came to."""

    UNSENT = "unsent"
    """It never left."""
    SENT = "sent"
    """The gateway has not answered."""
    PENDING = "pending"
    """A clerk there must look first."""
    PROVIDED = "provided"
    NO_RECORD = "no-record"
    NOT_REGISTERED = "not-registered"
    WITHHELD = "withheld"
    DENIED = "denied"
    ERROR = "error"
    EXPIRED = "expired"


class Ask(StrEnum):
    """How what is asked for in time is chosen."""

    YEAR = "year"
    PERIOD = "period"
    PRESENT = "present"


_FINE: Final = {
    ex.FINE_OUTCOME_PROVIDED: State.PROVIDED,
    ex.FINE_OUTCOME_NO_RECORD: State.NO_RECORD,
    ex.FINE_OUTCOME_NOT_REGISTERED: State.NOT_REGISTERED,
    ex.FINE_OUTCOME_WITHHELD: State.WITHHELD,
}
_OUTCOMES: Final = {
    ex.OUTCOME_UNSPECIFIED: State.SENT,
    ex.OUTCOME_PENDING: State.PENDING,
    ex.OUTCOME_DENIED: State.DENIED,
    ex.OUTCOME_ERROR: State.ERROR,
    ex.OUTCOME_EXPIRED: State.EXPIRED,
}
_SPANS: Final = {"local_tax": Ask.YEAR, "medical_insurance": Ask.PERIOD}
"""How an item is asked for, by its content; the present state for others."""


@dataclass(frozen=True, slots=True)
class Source:
    """From where and when a value came."""

    row: str
    institution: str
    when: Written | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the form."""

    name: str
    label: str
    value: str
    source: Source | None = None
    """The answer that fills it."""
    by_hand: Written | None = None
    """When it was filled by hand."""
    clerk: str = ""
    """Who filled it by hand; empty for the applicant."""
    row: str = ""
    """The row whose answer would fill it."""

    @property
    def is_open(self) -> bool:
        """A clerk may type here: no answer stands here."""
        return self.source is None


@dataclass(frozen=True, slots=True)
class Segment:
    """Places of the form that follow each other and have one source."""

    source: Source | None
    row: str
    """The row whose answer would fill them, where none did yet."""
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One inquiry."""

    request_id: str
    row: str
    provider: str
    provider_code: str
    span: str
    when: Written
    clerk: str
    state: State
    answered: Written | None = None
    says: str = ""
    """Why not, in words with what to do next, where somebody said so."""
    reason: str = ""
    citation: str = ""
    values: tuple[tuple[str, str], ...] = ()
    """(label, value): what came, whole."""

    @property
    def is_under_way(self) -> bool:
        """Something may still come."""
        return self.state in {State.SENT, State.PENDING}


@dataclass(frozen=True, slots=True)
class Line:
    """One inquiry that the procedure allows."""

    row: str
    item: str
    purpose: str
    procedure: str
    """Name of the row's procedure, where it is another than the case's."""
    basis: str
    fields: tuple[str, ...]
    papers: tuple[str, ...]
    providers: tuple[tuple[str, str], ...]
    """(code, name)."""
    ask: Ask
    consent: bool
    awaits_approval: bool
    asked: tuple[Asked, ...]
    paper_asked: bool
    """The person was asked for its paper."""

    @property
    def key(self) -> str:
        """Of the next inquiry under this row: pressing twice asks once."""
        return f"{self.row}-{len(self.asked) + 1}"

    @property
    def is_answered(self) -> bool:
        """A record came."""
        return any(one.state is State.PROVIDED for one in self.asked)

    @property
    def is_under_way(self) -> bool:
        """Something may still come."""
        return any(one.is_under_way for one in self.asked)

    @property
    def wants_paper(self) -> bool:
        """It was asked, nothing came, and nothing will."""
        return bool(self.asked and self.papers) and not (self.is_answered or self.is_under_way)


class Fate(StrEnum):
    """What became of a paper."""

    SAVED = "saved"
    BRING = "bring"
    WAITING = "waiting"
    """An answer may still save it."""
    MISSED = "missed"
    """Nothing came that would save it."""
    OPEN = "open"
    """Nobody was asked yet."""


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper certificate and what became of it."""

    name: str
    fate: Fate
    sources: tuple[str, ...] = ()
    """Institutions whose answers saved it."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A case."""

    reference: str
    addressee_no: str
    procedure: str
    affair: str
    state: str
    """Name of the CaseState, in lower case."""
    opened: Written
    opened_by: str
    from_application: bool
    segments: tuple[Segment, ...]
    lines: tuple[Line, ...]
    papers: tuple[Paper, ...]
    """In the order of the lines."""
    note: str = ""
    decided: Written | None = None
    decided_by: str = ""

    @property
    def is_open(self) -> bool:
        """Not decided."""
        return self.state in {"open", "awaits_paper"}

    @property
    def is_under_way(self) -> bool:
        """An answer may come any moment."""
        return any(one.state is State.SENT for line in self.lines for one in line.asked)

    @property
    def awaits(self) -> bool:
        """An answer may still come, now or once a clerk elsewhere has looked."""
        return self.is_open and any(line.is_under_way for line in self.lines)

    @property
    def mark(self) -> str:
        """What a page shows of the answers, as a short mark: another one when something came."""
        stands = [self.state, *(f"{one.request_id} {one.state}" for line in self.lines for one in line.asked)]
        return sha256("\n".join(stands).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads cases in one language, against one law book."""

    book: LawBook
    language: str
    today: date

    def sheet(self, case: pb.Case, procedure: pb.Procedure | None) -> Sheet:
        """The page's case. `procedure` is None when it is not handled any more; what was asked is shown all the same."""
        asked = [self.asked(one) for one in case.inquiries]
        bring = tuple(self.text(paper) for paper in case.papers_to_bring)
        lines, decided = self._lines(case, procedure, asked, bring), case.HasField("decided_at")
        return Sheet(
            reference=case.reference,
            addressee_no=case.addressee_no,
            procedure=self.procedure(case.procedure),
            affair=self.affair(case.procedure),
            state=pb.CaseState.Name(case.state).removeprefix("CASE_STATE_").lower(),
            opened=self.when(case.opened_at),
            opened_by=case.opened_by.clerk,
            from_application=case.HasField("application_id"),
            segments=_segments(self._places(case, procedure)),
            lines=lines,
            papers=self._papers(case, lines, bring),
            note=case.note,
            decided=self.when(case.decided_at) if decided else None,
            decided_by=case.decided_by.clerk,
        )

    def asked(self, one: pb.CaseInquiry) -> Asked:
        """One inquiry of a case, with what came."""
        state = _state(one)
        says, reason, citation = self._refusal(one)
        inquiry = one.inquiry
        return Asked(
            request_id=inquiry.request_id,
            row=one.row,
            provider=self.institution(one.provider),
            provider_code=one.provider,
            span=self.span(inquiry.request.span),
            when=self.when(one.asked_at),
            clerk=one.asked_by.clerk,
            state=state,
            answered=self.when(inquiry.answered_at) if inquiry.HasField("answered_at") else None,
            says=says,
            reason=reason,
            citation=citation,
            values=self._values(one),
        )

    def line(
        self, allowed: pb.AllowedInquiry, own: str, asked: Sequence[Asked] = (), bring: Sequence[str] = ()
    ) -> Line:
        """One inquiry that a procedure with the code `own` allows."""
        row, item = self.book.rows[allowed.row], self.book.items[allowed.item]
        papers = tuple(self.text(paper) for paper in allowed.papers)
        return Line(
            row=allowed.row,
            item=self.text(allowed.name),
            purpose=self.text(allowed.purpose),
            procedure=self.procedure(allowed.procedure) if allowed.procedure != own else "",
            basis=citation_text(row.citation_on(self.today), row).to(self.language),
            fields=tuple(item.field(path).label.to(self.language) for path in allowed.fields),
            papers=papers,
            providers=tuple((code, self.institution(code)) for code in allowed.providers),
            ask=_SPANS.get(item.content, Ask.PRESENT),
            consent=allowed.consent_required,
            awaits_approval=allowed.awaits_approval,
            asked=tuple(one for one in asked if one.row == allowed.row),
            paper_asked=any(paper in bring for paper in papers),
        )

    def years(self) -> list[tuple[int, str, bool]]:
        """Fiscal years to choose from: (year, words, chosen at first), newest first."""
        newest = self.today.year if (self.today.month, self.today.day) >= (4, 1) else self.today.year - 1
        chosen = self.today.year if (self.today.month, self.today.day) >= _PUBLISHED else self.today.year - 1
        return [
            (year, values.fiscal_year(year, self.language), year == chosen)
            for year in range(newest, newest - YEARS, -1)
        ]

    def text(self, text: common_pb2.LocalizedText) -> str:
        """A text of the network's."""
        return text.en if self.language == "en" else text.ja

    def institution(self, code: str) -> str:
        """An institution's name; its code when it is unknown."""
        found = self.book.institutions.get(code)
        return found.name.to(self.language) if found is not None else code

    def procedure(self, code: str) -> str:
        """A procedure's name; its code when it is unknown."""
        rows = self.book.rows.values()
        found = next((row.procedure.name for row in rows if row.procedure.code == code), None)
        return found.to(self.language) if found is not None else code

    def affair(self, code: str) -> str:
        """The affair of a procedure; empty when it is unknown."""
        rows = self.book.rows.values()
        found = next((row.affair.name for row in rows if row.procedure.code == code), None)
        return found.to(self.language) if found is not None else ""

    def when(self, stamp: object) -> Written:
        """A protobuf timestamp in words."""
        return written(datetime_at(stamped(stamp)), self.language)  # type: ignore[arg-type]

    def span(self, span: common_pb2.Span) -> str:
        """What was asked for in time."""
        en = self.language == "en"
        match span.WhichOneof("span"):
            case "fiscal_year":
                return values.fiscal_year(span.fiscal_year.year, self.language)
            case "period":
                first, last = (values.day(day, self.language) for day in (span.period.first_day, span.period.last_day))
                return f"{first} to {last}" if en else f"{first}から{last}まで"
            case _:
                return "as it stands now" if en else "現在の状態"

    def _places(self, case: pb.Case, procedure: pb.Procedure | None) -> tuple[Place, ...]:
        if procedure is None:
            return ()
        answers = {one.row: one for one in case.inquiries if _state(one) is State.PROVIDED}  # the newest of each row
        hand = {one.name: one for one in case.filled}
        return tuple(self._place(field, answers, hand) for field in procedure.form)

    def _place(
        self, field: pb.FormField, answers: Mapping[str, pb.CaseInquiry], hand: Mapping[str, pb.HandFilled]
    ) -> Place:
        label = self.text(field.label)
        answer = answers.get(field.row) if field.HasField("row") else None
        if answer is not None:
            when = self.when(answer.inquiry.answered_at) if answer.inquiry.HasField("answered_at") else None
            source = Source(field.row, self.institution(answer.provider), when, answer.inquiry.request_id)
            return Place(field.name, label, self._value(answer, field.field), source, row=field.row)
        filled = hand.get(field.name)
        if filled is None:
            return Place(field.name, label, "", row=field.row)
        by = filled.filled_by.clerk if filled.HasField("filled_by") else ""
        return Place(field.name, label, filled.value, by_hand=self.when(filled.filled_at), clerk=by, row=field.row)

    def _value(self, answer: pb.CaseInquiry, path: str) -> str:
        """Of several records the newest, by key."""
        item = self.book.items[self.book.rows[answer.row].item]
        record = max(answer.inquiry.records, key=lambda one: one.record_key)
        return values.read(self.book, item, record.content, path, self.language)

    def _values(self, one: pb.CaseInquiry) -> tuple[tuple[str, str], ...]:
        row = self.book.rows[one.row]
        item = self.book.items[row.item]
        return tuple(
            (
                item.field(path).label.to(self.language),
                values.read(self.book, item, record.content, path, self.language),
            )
            for record in one.inquiry.records
            for path in row.fields
        )

    def _lines(
        self, case: pb.Case, procedure: pb.Procedure | None, asked: Sequence[Asked], bring: Sequence[str]
    ) -> tuple[Line, ...]:
        allowed = list(procedure.inquiries) if procedure is not None else []
        known = {one.row for one in allowed}
        ended = dict.fromkeys(one.row for one in asked if one.row not in known)
        allowed += [self._ended(row) for row in ended]
        return tuple(self.line(one, case.procedure, asked, bring) for one in allowed)

    def _ended(self, row_id: str) -> pb.AllowedInquiry:
        """A row that may not be asked under any more."""
        row = self.book.rows[row_id]
        both = (
            common_pb2.LocalizedText(ja=text.ja, en=text.en) for text in (self.book.items[row.item].name, row.purpose)
        )
        name, purpose = both
        return pb.AllowedInquiry(
            row=row_id,
            item=row.item,
            name=name,
            purpose=purpose,
            fields=row.fields,
            papers=[common_pb2.LocalizedText(ja=paper.ja, en=paper.en) for paper in row.papers],
            procedure=row.procedure.code,
        )

    def _papers(self, case: pb.Case, lines: Sequence[Line], bring: Sequence[str]) -> tuple[Paper, ...]:
        saved = {self.text(paper) for paper in case.papers_saved}
        by_name = {name: line for line in lines for name in line.papers}
        names = dict.fromkeys([*by_name, *saved, *bring])
        return tuple(
            self._paper(name, by_name.get(name), case, saved=name in saved, bring=name in bring) for name in names
        )

    def _paper(self, name: str, line: Line | None, case: pb.Case, *, saved: bool, bring: bool) -> Paper:
        if saved:
            return Paper(name, Fate.SAVED, self._savers(name, case))
        if bring:
            return Paper(name, Fate.BRING)
        if line is not None and line.is_under_way:
            return Paper(name, Fate.WAITING)
        return Paper(name, Fate.MISSED if line is not None and line.wants_paper else Fate.OPEN)

    def _savers(self, paper: str, case: pb.Case) -> tuple[str, ...]:
        """The institutions whose answers stand for a paper."""
        found = (
            self.institution(one.provider)
            for one in case.inquiries
            if _state(one) is State.PROVIDED
            and paper in {name.to(self.language) for name in self.book.rows[one.row].papers}
        )
        return tuple(dict.fromkeys(found))

    def _refusal(self, one: pb.CaseInquiry) -> tuple[str, str, str]:
        """(words, reason code, citation) of what stood against an inquiry."""
        inquiry = one.inquiry
        if one.HasField("not_sent"):
            return self.text(one.not_sent.message), one.not_sent.reason, ""
        if inquiry.HasField("denial"):
            return self.text(inquiry.denial.message), inquiry.denial.reason, self._half(inquiry.denial.citation)
        if inquiry.HasField("error"):
            return self.text(inquiry.error.message), inquiry.error.reason, ""
        return "", "", ""

    def _half(self, both: str) -> str:
        """A text that the network gives in both languages, "日本語 / English"."""
        ja, _, en = both.partition(" / ")
        return en if self.language == "en" and en else ja


def _segments(places: Sequence[Place]) -> tuple[Segment, ...]:
    """Places in order, those of one source together."""
    grouped = groupby(places, key=lambda place: (place.source, "" if place.source else place.row))
    return tuple(Segment(source, row, tuple(those)) for (source, row), those in grouped)


def _state(one: pb.CaseInquiry) -> State:
    if one.HasField("not_sent"):
        return State.UNSENT
    if one.inquiry.outcome == ex.OUTCOME_ANSWERED:
        return _FINE.get(one.inquiry.fine_outcome, State.ERROR)
    return _OUTCOMES.get(one.inquiry.outcome, State.ERROR)
