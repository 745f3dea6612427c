"""The form by which a clerk asks another institution, read and judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from starlette.datastructures import FormData

from warifu.agency.v1 import cases_pb2 as pb
from warifu.common.v1 import common_pb2
from warifu.counter.cases.sheet import Ask, Line
from warifu.counter.desk import Acting, day_of_form


@dataclass(frozen=True, slots=True)
class Question:
    """What a clerk chose."""

    provider: str
    year: int | None
    first: date | None
    last: date | None
    consent: date | None
    key: str

    @classmethod
    def of(cls, form: FormData) -> Question:
        """Read a form."""
        year = str(form.get("year", ""))
        return cls(
            provider=str(form.get("provider", "")),
            year=int(year) if year.isascii() and year.isdecimal() and len(year) == len("2026") else None,
            first=day_of_form(form, "first"),
            last=day_of_form(form, "last"),
            consent=day_of_form(form, "consent_on") if form.get("consent") else None,
            key=str(form.get("key", ""))[:64],
        )

    def wrong(self, line: Line) -> str:
        """Name of the first field that keeps it from being asked; empty when nothing does."""
        if self.provider not in {code for code, _ in line.providers}:
            return "provider"
        if line.ask is Ask.YEAR and self.year is None:
            return "year"
        if line.ask is Ask.PERIOD and (self.first is None or self.last is None or self.first > self.last):
            return "period"
        return "consent" if line.consent and self.consent is None else ""

    def request(self, acting: Acting, reference: str, line: Line) -> pb.AskForCaseRequest:
        """As it is asked."""
        return pb.AskForCaseRequest(
            institution=acting.code,
            reference=reference,
            row=line.row,
            provider=self.provider,
            span=self._span(line),
            consent_given_on=self.consent.isoformat() if line.consent and self.consent is not None else None,
            actor=acting.actor,
            idempotency_key=self.key,
        )

    def _span(self, line: Line) -> common_pb2.Span | None:
        if line.ask is Ask.YEAR:
            return common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=self.year or 0))
        if line.ask is Ask.PERIOD and self.first is not None and self.last is not None:
            period = common_pb2.Period(first_day=self.first.isoformat(), last_day=self.last.isoformat())
            return common_pb2.Span(period=period)
        return None
