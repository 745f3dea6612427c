"""Which procedures an institution handles today, and which inquiries each of them allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from warifu import law
from warifu.agencies.cases.forms import Form, form_of
from warifu.agency.v1 import cases_pb2
from warifu.common.v1 import common_pb2


@dataclass(frozen=True, slots=True)
class Handled:
    """One procedure as its institution handles it."""

    affair: law.model.Coded
    procedure: law.model.Coded
    allowed: tuple[law.Askable, ...]
    """Inquiries that a case of it may make: its own rows' and those of procedures handled in one with it."""
    form: Form

    def row(self, row: str) -> law.Askable | None:
        """The inquiry under this row, when it is allowed."""
        return next((one for one in self.allowed if one.row.id == row), None)


def handled(book: law.LawBook, institution: str, today: date) -> tuple[Handled, ...]:
    """The procedures of which a row is open to the institution today, in the order of the permission table."""
    open_rows = law.askable(book, institution, today)
    codes = dict.fromkeys(one.row.procedure.code for one in open_rows)
    return tuple(_handled(code, open_rows) for code in codes)


def _handled(code: str, open_rows: tuple[law.Askable, ...]) -> Handled:
    form = form_of(code)
    own = [one for one in open_rows if one.row.procedure.code == code]
    others = [one for one in open_rows if one.row.procedure.code in form.together]
    return Handled(own[0].row.affair, own[0].row.procedure, (*own, *others), form)


def find(book: law.LawBook, institution: str, today: date, procedure: str) -> Handled | None:
    """One of the procedures; None when no row of it is open to the institution today."""
    every = handled(book, institution, today)
    return next((one for one in every if one.procedure.code == procedure), None)


def shown(book: law.LawBook, one: Handled, awaiting: frozenset[str]) -> cases_pb2.Procedure:
    """A procedure as it is told; `awaiting` are the ordinance rows that the supervisor has not approved."""
    return cases_pb2.Procedure(
        affair=one.affair.code,
        procedure=one.procedure.code,
        name=text(one.procedure.name),
        inquiries=[_inquiry(book, askable, awaiting) for askable in one.allowed],
        form=one.form.places,
    )


def _inquiry(book: law.LawBook, askable: law.Askable, awaiting: frozenset[str]) -> cases_pb2.AllowedInquiry:
    row = askable.row
    return cases_pb2.AllowedInquiry(
        row=row.id,
        item=row.item,
        name=text(book.items[row.item].name),
        purpose=common_pb2.LocalizedText(ja=row.purpose.ja, en=row.purpose.en),
        providers=[provider.code for provider in askable.providers],
        fields=row.fields,
        consent_required=row.consent_required,
        papers=texts(row.papers),
        awaits_approval=row.id in awaiting,
        procedure=row.procedure.code,
    )


def text(value: law.Text) -> common_pb2.LocalizedText:
    """A text of the law book, as it is told."""
    return common_pb2.LocalizedText(ja=value.ja, en=value.en)


def texts(values: Iterable[law.Text]) -> list[common_pb2.LocalizedText]:
    """Several."""
    return [text(value) for value in values]
