"""What is going to be asked: drawn from mix, crowd and seed alone, with the ground truth of each inquiry beside it.

The same seed, network and options give the same plan. Nothing here talks to a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from warifu.law import LawBook
from warifu.simulator.population.dice import Dice, Table
from warifu.simulator.traffic.crowd import Candidate, Crowd, tax_year
from warifu.simulator.traffic.frame import Frame, at
from warifu.simulator.traffic.mix import Asked, Mix

BULK_CLERK: Final = "batch"
"""Whom a bulk inquiry names as its clerk."""
MOST_STAFF: Final = 60
"""Clerks of one institution who ask, at most."""
_CASES: Final = 10_000_000
_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What an inquiry really is. No party is told any of it."""

    case: str
    """The case that it truly serves; empty when there is none."""
    cause: str
    """Why it is made, in a word."""
    misuse: str = ""
    """The kind of misuse; empty for none."""
    incident: int = 0
    """Inquiries of one incident have one number; 0 for none."""


@dataclass(frozen=True, slots=True)
class Intended:
    """One inquiry as it is going to be made."""

    at: datetime
    """Simulated, in Japan."""
    row: str
    """The row that whoever asks names, by affair and procedure."""
    requester: str
    """Whose counter asks."""
    provider: str
    item: str
    procedure: str
    person: str
    """Handle."""
    year: int | None
    office: str
    clerk: str
    case: str
    """The case that is named, truly or not; empty when none is."""
    consent: bool
    truth: Truth
    claims: str = ""
    """In whose name it asks, when not in the requester's own."""
    closed_case: bool = False
    """Its case is opened and decided before it is named."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Inquiries in the order of simulated time."""

    frame: Frame
    seed: int
    intended: Sequence[Intended]
    nobody: tuple[str, ...]
    """Rows that were left out, since nobody here gives cause to ask by them."""


@dataclass(slots=True)
class Draw:
    """Draws inquiries of one frame; what ordinary ones and misuse have in common."""

    crowd: Crowd
    mix: Mix
    book: LawBook
    frame: Frame
    dice: Dice
    as_of: date | None = None
    """The day whose tax year is asked for, where the network's clock does not go to the planned days."""
    _rows: dict[tuple[int, int], Table[Asked]] = field(default_factory=dict)

    def year(self, day: date) -> int:
        """The tax year that is asked for on a day."""
        return tax_year(self.as_of or day)

    def row(self, day: date) -> Asked:
        """A row by its weight on a day; those that nobody gives cause for are not drawn.

        Raises:
            NobodyError: nobody gives cause for any.
        """
        key = (day.month, self.year(day))
        if key not in self._rows:
            self._rows[key] = Table(self._weights(day))
        return self.dice.draw(self._rows[key])

    def candidate(self, day: date) -> tuple[Asked, Candidate]:
        """Somebody to ask about, and by which row."""
        row = self.row(day)
        return row, self.dice.pick(self.crowd.of(row.row, self.year(day)))

    def day(self) -> date:
        """A day of the frame, by how full days are."""
        if len(self.frame.days) == 1:
            return self.frame.days[0]
        return self.dice.draw(self._days())

    def moment(self, day: date, row: Asked) -> datetime:
        """A moment of a day, by the hours in which the row is used."""
        hour = self.dice.draw(Table(self.frame.hours(self.mix.hours[row.hours])))
        return at(day, hour, self.dice.unit() * _HOUR)

    def clerk(self, institution: str) -> str:
        """One of an institution's clerks."""
        staff = min(MOST_STAFF, max(2, self.book.institutions[institution].handlers))
        return f"s-{self.dice.whole(1, staff):04d}"

    def case(self, day: date) -> str:
        """The number of a case."""
        return f"{day.year}-{self.dice.whole(1, _CASES):08d}"

    def inquiry(self, candidate: Candidate, when: datetime, clerk: str, case: str, truth: Truth) -> Intended:
        """An inquiry in form and by the law, as the row has it."""
        row = self.book.rows[candidate.row]
        return Intended(
            at=when,
            row=row.id,
            requester=candidate.requester,
            provider=candidate.provider,
            item=row.item,
            procedure=row.procedure.code,
            person=candidate.person,
            year=candidate.year,
            office="bulk" if clerk == BULK_CLERK else f"window-{1 + int(clerk[-1]) % 4}",
            clerk=clerk,
            case=case,
            consent=row.consent_required,
            truth=truth,
        )

    def _weights(self, day: date) -> list[tuple[Asked, float]]:
        found = []
        for row in self.mix.rows:
            hours = sum(share for _, share in self.frame.hours(self.mix.hours[row.hours]))
            weight = row.in_month(day.month) * hours
            if weight > 0 and self.crowd.of(row.row, self.year(day)):
                found.append((row, weight))
        if not found:
            raise NobodyError
        return found

    def _days(self) -> Table[date]:
        if self._table is None:
            self._table = Table([(day, weight) for day in self.frame.days if (weight := self.mix.day(day)) > 0])
        return self._table

    _table: Table[date] | None = None


class NobodyError(ValueError):
    """Nobody in the population gives cause for an inquiry."""


def make(draw: Draw, seed: int, count: int, misuse: Sequence[Intended] = ()) -> Plan:
    """A plan of `count` inquiries, `misuse` among them.

    Raises:
        NobodyError: nobody gives cause for any inquiry.
    """
    ordinary = [_ordinary(draw) for _ in range(max(0, count - len(misuse)))]
    intended = sorted([*ordinary, *misuse], key=lambda one: one.at)
    years = {draw.year(day) for day in draw.frame.days}
    nobody = (row.row for row in draw.mix.rows if not any(draw.crowd.of(row.row, year) for year in years))
    return Plan(draw.frame, seed, intended, tuple(nobody))


def _ordinary(draw: Draw) -> Intended:
    day = draw.day()
    row, candidate = draw.candidate(day)
    bulk = row.hours == "bulk"
    case = draw.case(day)
    clerk = BULK_CLERK if bulk else draw.clerk(candidate.requester)
    made = draw.inquiry(candidate, draw.moment(day, row), clerk, case, Truth(case, row.cause))
    return _slipped(draw, made)


def _slipped(draw: Draw, one: Intended) -> Intended:
    """The inquiry, with at most one mistake that nobody meant."""
    slips, place = draw.mix.slips, draw.dice.unit()
    ways = (
        ("stray", slips.stray, _stray),
        ("wrong-year", slips.wrong_year, _wrong_year),
        ("no-consent", slips.no_consent, _no_consent),
        ("no-case", slips.no_case, _no_case),
        ("wrong-procedure", slips.wrong_procedure, _wrong_procedure),
    )
    for name, share, slip in ways:
        if place < share:
            changed = slip(draw, one)
            truth = one.truth if changed == one else replace(one.truth, cause=f"{one.truth.cause}/{name}")
            return replace(changed, truth=truth)
        place -= share
    return one


def _stray(draw: Draw, one: Intended) -> Intended:
    """Another office of the same kind, which need not know the person."""
    institutions = draw.book.institutions
    role, own = institutions[one.provider].role, institutions[one.requester].operator
    others = [
        code
        for code, other in institutions.items()
        if other.role == role and code != one.provider and other.operator != own
    ]
    return replace(one, provider=draw.dice.pick(others)) if others else one


def _wrong_year(_: Draw, one: Intended) -> Intended:
    return replace(one, year=one.year + 1) if one.year is not None else one


def _no_consent(_: Draw, one: Intended) -> Intended:
    return replace(one, consent=False)


def _no_case(_: Draw, one: Intended) -> Intended:
    return replace(one, case="")


def _wrong_procedure(draw: Draw, one: Intended) -> Intended:
    """One that somebody else may use."""
    asking = draw.book.institutions[one.requester].role.code
    others = [row.id for row in draw.book.rows.values() if asking not in row.requester_roles]
    other = draw.book.rows[draw.dice.pick(others)]
    return replace(one, procedure=other.procedure.code)
