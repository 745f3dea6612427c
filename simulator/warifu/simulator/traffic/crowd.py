"""Whom an institution can sensibly ask whom about, by row of the permission table: read from people's lives, never from a party."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.simulator.population import CLOCK_START, Household, InsuranceSpell, Person, Scheme, age_on
from warifu.simulator.translate import basic_items

TAX_YEARS: Final = (2025, 2026)
"""Newest tax years that the population has; the later one is published on a day in June 2026."""
_CHILD: Final = 18
_BY_YEAR: Final = frozenset({"P07", "P09", "P10", "P10B", "P13", "P01", "P21", "P27"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person about whom a row lets one institution ask another, for a reason of this person's life."""

    row: str
    requester: str
    provider: str
    person: str
    """Handle."""
    year: int | None
    """Tax year; None of rows that ask about today."""


@dataclass(slots=True)
class Crowd:
    """Candidates by row and tax year, and what reaches them: their four items, and who shares a household with whom."""

    by_row: dict[tuple[str, int | None], list[Candidate]] = field(default_factory=dict)
    at_office: dict[tuple[str, int | None, str], list[Candidate]] = field(default_factory=dict)
    """The same, of each requester."""
    items: dict[str, common_pb2.BasicItems] = field(default_factory=dict)
    family: dict[str, tuple[str, ...]] = field(default_factory=dict)
    people: int = 0
    """How many were looked at."""
    _who: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    """By row and requester, everyone who gives cause; made at the first question, when nobody is added any more."""

    def of(self, row: str, year: int) -> Sequence[Candidate]:
        """Candidates of a row; `year` counts where the row asks for one."""
        return self.by_row.get((row, year if row in _BY_YEAR else None), ())

    def beside(self, one: Candidate) -> Sequence[Candidate]:
        """Everyone whom the same requester could ask about by the same row, the candidate included."""
        return self.at_office[one.row, one.year, one.requester]

    def gives_cause(self, row: str, requester: str, person: str) -> bool:
        """Whether a person's life gives an institution cause to ask by a row, for whichever year."""
        key = row, requester
        if key not in self._who:
            years = {year for name, year, office in self.at_office if (name, office) == key}
            self._who[key] = frozenset(one.person for year in years for one in self.at_office[row, year, requester])
        return person in self._who[key]

    def add(self, household: Household) -> None:
        """Take a household in."""
        handles = tuple(person.person for person in household)
        parents = {one for child in household if _is_child(child) for one in (child.father, child.mother)}
        for person in household:
            self.people += 1
            found = list(_of(person, is_parent=person.person in parents)) if person.present is not None else []
            for one in found:
                self.by_row.setdefault((one.row, one.year), []).append(one)
                self.at_office.setdefault((one.row, one.year, one.requester), []).append(one)
            if found:
                self.items[person.person], self.family[person.person] = basic_items(person), handles


def gather(households: Iterable[Household], told: Callable[[int], None] = lambda _: None) -> Crowd:
    """The crowd of some households; `told` is told how many people it has, now and then."""
    crowd = Crowd()
    for household in households:
        crowd.add(household)
        told(crowd.people)
    return crowd


def tax_year(day: date, published: date = date(2026, 6, 10)) -> int:
    """The newest tax year that is published on a day, among those that the population has."""
    return TAX_YEARS[1] if day >= published else TAX_YEARS[0]


def _is_child(person: Person) -> bool:
    return age_on(person.birth_date, CLOCK_START) < _CHILD


def _of(person: Person, *, is_parent: bool) -> Iterator[Candidate]:
    assert person.present is not None
    home, insured = person.present.municipality, person.insured_on(CLOCK_START)
    if insured is not None:
        yield from _INSURED[insured.scheme](person, insured)
    for other in dict.fromkeys(spell.municipality for spell in person.residency):
        if person.assessed(TAX_YEARS[1]) and other != home:
            yield Candidate("P16", f"tax-{home}", f"residency-{other}", person.person, None)
        if is_parent and other != home:
            yield Candidate("P02", f"welfare-{home}", f"residency-{other}", person.person, None)
    if is_parent:
        for row in ("P01", "P21", "P27"):
            yield from _taxed(row, f"welfare-{home}", person, apart_from=home)
    elif _is_child(person) and insured is not None and insured.scheme is Scheme.EMPLOYEES:
        yield Candidate("P27B", f"welfare-{home}", insured.institution, person.person, None)


def _municipal(person: Person, insured: InsuranceSpell) -> Iterator[Candidate]:
    home = insured.institution.partition("-")[2]
    for row in ("P07", "P09"):
        yield from _taxed(row, insured.institution, person, apart_from=home)
    before = [one for one in person.insurance if one.qualified_on < insured.qualified_on]
    if before and before[-1].institution != insured.institution:
        yield Candidate("P08", insured.institution, before[-1].institution, person.person, None)


def _employees(person: Person, insured: InsuranceSpell) -> Iterator[Candidate]:
    yield from _taxed("P10B", insured.institution, person)
    if insured.insured is not None:
        assert person.present is not None
        yield from _taxed("P10", insured.institution, person)
        home = f"residency-{person.present.municipality}"
        yield Candidate("P11", insured.institution, home, person.person, None)


def _union(person: Person, insured: InsuranceSpell) -> Iterator[Candidate]:
    yield from _taxed("P13", insured.institution, person)


_INSURED: Final[Mapping[Scheme, Callable[[Person, InsuranceSpell], Iterator[Candidate]]]] = {
    Scheme.MUNICIPAL: _municipal,
    Scheme.EMPLOYEES: _employees,
    Scheme.UNION: _union,
}


def _taxed(row: str, requester: str, person: Person, apart_from: str = "") -> Iterator[Candidate]:
    """At the tax office of each year's 1 January; not at one of the requester's own body, which is no linkage."""
    for year in TAX_YEARS:
        found = person.assessed(year)
        if found is not None and found.municipality != apart_from:
            yield Candidate(row, requester, f"tax-{found.municipality}", person.person, year)
