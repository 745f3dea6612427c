"""Helpers for families whose lives are written rather than drawn: the cast and the showcase. Names are still drawn."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from warifu.simulator.population import names
from warifu.simulator.population.careers import PENSION_AGE
from warifu.simulator.population.dates import years_after
from warifu.simulator.population.drafts import Draft, Family, Home, JobPlan, pair
from warifu.simulator.population.model import JobKind, Pension
from warifu.simulator.population.names import Name, Reading, Sex
from warifu.simulator.population.ordinary import Namer, found

MAN, WOMAN = Sex.MALE, Sex.FEMALE


class Script:
    """Writes one family."""

    def __init__(self, family: Family, reading: Reading | None = None) -> None:
        self.family = family
        self.namer = Namer(family, reading or names.family(family.dice))

    def person(
        self,
        sex: Sex,
        birth: date,
        *,
        jobs: Sequence[JobPlan] = (),
        pension: int = 0,
        parents: tuple[Draft | None, Draft | None] = (None, None),
        name: Name | None = None,
        traits: Sequence[str] = (),
    ) -> Draft:
        """Somebody with these jobs only; ``pension`` is yen a year from 65; ``parents`` are father and mother."""
        draft = self.family.add(sex, birth, name or self.namer.name(sex, birth), *parents)
        draft.jobs = [replace(job) for job in jobs]
        draft.undeclaring = False
        draft.life_insurance = 0
        if pension:
            draft.pension = Pension(years_after(birth, PENSION_AGE), pension)
        draft.traits.update(traits)
        return draft

    def couple(self, one: Draft, other: Draft, *, registered: bool = True) -> None:
        """Make two people partners from long ago."""
        pair(one, other, registered=registered)

    def child_of(self, child: Draft, *, father: Draft | None = None, mother: Draft | None = None) -> None:
        """Set a grown member's parents."""
        child.father, child.mother = father, mother
        for parent in (father, mother):
            if parent is not None:
                parent.children.append(child)

    def settle(self, key: str, since: date, head: Draft | None = None) -> Home:
        """Everybody lives in that municipality from a day on."""
        return found(self.family, self.family.world.by_key[key], head or self.family.members[0], since)


def staff(employer: str, salary: int, since: date, until: date | None = None) -> JobPlan:
    """A full-time job."""
    return JobPlan(JobKind.EMPLOYEE, salary, since, until, employer)


def part_time(employer: str, salary: int, since: date, until: date | None = None) -> JobPlan:
    """A part-time job below the limits of insurance of one's own."""
    return JobPlan(JobKind.PART_TIME, salary, since, until, employer)


def own_business(income: int, since: date) -> JobPlan:
    """Self-employment; ``income`` after costs."""
    return JobPlan(JobKind.SELF_EMPLOYED, income, since)
