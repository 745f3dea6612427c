"""What an institution may ask at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from warifu.law.book import LawBook
from warifu.law.model import Institution, Row


@dataclass(frozen=True, slots=True)
class Askable:
    """A row that is open to an institution, and the institutions of other bodies that it may ask under it."""

    row: Row
    providers: tuple[Institution, ...]


def askable(book: LawBook, institution: str, on: date) -> tuple[Askable, ...]:
    """The rows in force on `on` that name the institution's role, in the order of the table; empty for an unknown code.

    Consent and assessments are asked about by `decide`, when there is something to decide.
    """
    asking = book.register.institutions.get(institution)
    if asking is None:
        return ()
    rows = (row for row in book.table.rows.values() if asking.role.code in row.requester_roles and row.in_force(on))
    return tuple(Askable(row, _others(book, asking, row)) for row in rows)


def _others(book: LawBook, asking: Institution, row: Row) -> tuple[Institution, ...]:
    return tuple(
        one for one in book.register.with_roles(row.provider_roles) if one.operator.code != asking.operator.code
    )
