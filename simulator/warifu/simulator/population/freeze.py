"""From a family in the making to the frozen household that leaves the generator."""

from dataclasses import dataclass
from datetime import date

from warifu.numbers import resident_code
from warifu.simulator.population.assessments import assess_family
from warifu.simulator.population.careers import draw_career, job_spells
from warifu.simulator.population.dates import CLOCK_START
from warifu.simulator.population.drafts import Draft, Family
from warifu.simulator.population.insurance import Insured, insure_family
from warifu.simulator.population.model import (
    AssistanceSpell,
    Household,
    InsuranceSpell,
    JobSpell,
    LifeEvent,
    Person,
    TaxAssessment,
)
from warifu.simulator.population.residency import residency_spells
from warifu.simulator.population.traits import Facts, traits_of


@dataclass(slots=True)
class _Work:
    """What has been derived so far."""

    family: Family
    first_index: int
    code_key: bytes
    jobs: dict[Draft, tuple[JobSpell, ...]]
    assessments: dict[Draft, list[TaxAssessment]]
    insurance: dict[Draft, list[InsuranceSpell]]

    def handle(self, draft: Draft | None) -> str | None:
        """The handle of a member; None for nobody, and for kin outside the population."""
        if draft is None or draft.number < 0:
            return None
        return handle_of(self.first_index + draft.number)


def handle_of(index: int) -> str:
    """The simulator's handle of the person with that index."""
    return f"p-{index:06d}"


def freeze(family: Family, first_index: int, code_key: bytes) -> Household:
    """The finished household; its people have consecutive indexes from ``first_index``."""
    for draft in family.members:
        draw_career(family, draft)
    jobs = {draft: job_spells(draft) for draft in family.members}
    assessments = assess_family(family, jobs)
    insurance = insure_family(Insured(family, jobs, assessments, first_index))
    work = _Work(family, first_index, code_key, jobs, assessments, insurance)
    events = tuple(
        LifeEvent(on, kind, tuple(handle_of(first_index + draft.number) for draft in people))
        for on, kind, people in family.events
    )
    return Household(_household(family), family.index, tuple(_person(work, draft) for draft in family.members), events)


def _household(family: Family) -> str:
    return f"h-{family.index:06d}"


def _person(work: _Work, draft: Draft) -> Person:
    family = work.family
    index = work.first_index + draft.number
    residency = residency_spells(family, draft, _household(family))
    assessments = tuple(work.assessments.get(draft, ()))
    insurance = tuple(work.insurance[draft])
    assistance = _assistance(family, draft)
    home = draft.stay.home if draft.stay is not None else None
    last_day = draft.death or CLOCK_START
    partnership = draft.partnership_on(last_day)
    facts = Facts(
        draft,
        residency,
        work.jobs[draft],
        assessments,
        insurance,
        len(family.present_in(home)) if home is not None else 0,
        any(spell.until is None for spell in assistance),
    )
    return Person(
        person=handle_of(index),
        index=index,
        resident_code=resident_code.derive(work.code_key, index),
        sex=draft.sex,
        birth_date=draft.birth,
        death_date=draft.death,
        names=tuple(draft.names),
        former_surname=draft.former_surname,
        foreign=draft.foreign,
        father=work.handle(draft.father),
        mother=work.handle(draft.mother),
        spouse=work.handle(partnership.partner) if partnership is not None else None,
        residency=residency,
        jobs=work.jobs[draft],
        pension=draft.pension,
        assessments=assessments,
        insurance=insurance,
        assistance=assistance,
        support=draft.support,
        traits=traits_of(facts),
    )


def _assistance(family: Family, draft: Draft) -> tuple[AssistanceSpell, ...]:
    """Public assistance for as long as the person lives here, municipality by municipality."""
    if family.assistance is None:
        return ()
    since, until = family.assistance
    spells: list[AssistanceSpell] = []
    for stay in draft.stays:
        begin = max(since, stay.since)
        end = _earlier(until, stay.until)
        if end is not None and end <= begin:
            continue
        code = stay.home.municipality.lg_code
        if spells and spells[-1].municipality == code and spells[-1].until == begin:
            begin = spells.pop().since
        spells.append(AssistanceSpell(code, begin, end))
    return tuple(spells)


def _earlier(one: date | None, other: date | None) -> date | None:
    days = [day for day in (one, other) if day is not None]
    return min(days, default=None)
