"""From the population's words to the contracts' messages: what each agency's original data say of a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.items.v1 import items_pb2
from warifu.simulator.population import (
    CLOCK_START,
    InsuranceSpell,
    LossReason,
    Person,
    ResidencySpell,
    ReturnKind,
    TaxAssessment,
)

_RETURN_KINDS = {
    ReturnKind.RETURN: items_pb2.TAX_RETURN_KIND_RETURN,
    ReturnKind.PAYER_REPORT: items_pb2.TAX_RETURN_KIND_PAYER_REPORT,
    ReturnKind.NONE: items_pb2.TAX_RETURN_KIND_NONE,
}
_LOSS_REASONS = {
    LossReason.DEATH: items_pb2.INSURANCE_LOSS_REASON_DEATH,
    LossReason.PUBLIC_ASSISTANCE: items_pb2.INSURANCE_LOSS_REASON_PUBLIC_ASSISTANCE,
    LossReason.OTHER_INSURANCE: items_pb2.INSURANCE_LOSS_REASON_OTHER_INSURANCE,
    LossReason.OTHER: items_pb2.INSURANCE_LOSS_REASON_OTHER,
}
_YEN = {
    "salary_revenue_yen": "salary_revenue",
    "salary_income_yen": "salary_income",
    "pension_revenue_yen": "pension_revenue",
    "business_income_yen": "business_income",
    "total_income_yen": "total_income",
    "gross_income_yen": "gross_income",
    "social_insurance_deduction_yen": "social_insurance_deduction",
    "spouse_deduction_yen": "spouse_deduction",
    "dependant_deduction_yen": "dependant_deduction",
    "basic_deduction_yen": "basic_deduction",
    "dependants": "dependants",
    "dependants_under_16": "dependants_under_16",
    "taxable_base_yen": "taxable_base",
    "adjustment_credit_yen": "adjustment_credit",
    "municipal_income_levy_yen": "municipal_income_levy",
    "municipal_per_capita_levy_yen": "municipal_per_capita_levy",
    "prefectural_income_levy_yen": "prefectural_income_levy",
    "prefectural_per_capita_levy_yen": "prefectural_per_capita_levy",
    "forest_tax_yen": "forest_tax",
}
"""Fields of LocalTaxInfo and the population's amounts that fill them. Housing loans and disabilities are not generated."""


def basic_items(person: Person) -> common_pb2.BasicItems:
    """The 4 basic items as the resident record has them at the clock's start (or had them last)."""
    return common_pb2.BasicItems(
        name=person.name.full,
        kana=person.name.kana,
        address=person.last_address.ja,
        birth_date=person.birth_date.isoformat(),
        sex=common_pb2.SEX_MALE if person.sex == 1 else common_pb2.SEX_FEMALE,
    )


def tax_info(assessment: TaxAssessment) -> items_pb2.LocalTaxInfo:
    """One assessment."""
    info = items_pb2.LocalTaxInfo(
        tax_year=assessment.tax_year,
        municipality=assessment.municipality,
        return_kind=_RETURN_KINDS[assessment.return_kind],
        tax_class=items_pb2.TaxClass.ValueType(int(assessment.tax_class)),
    )
    for name, source in _YEN.items():
        if (amount := getattr(assessment, source)) is not None:
            setattr(info, name, amount)
    return info


def insurance_info(spell: InsuranceSpell) -> items_pb2.MedicalInsuranceInfo:
    """One qualification."""
    return items_pb2.MedicalInsuranceInfo(
        insurer_number=spell.insurer_number,
        symbol=spell.symbol,
        number=spell.number,
        branch=spell.branch,
        insured_kind=items_pb2.InsuredKind.ValueType(int(spell.person_family)),
        qualified_on=spell.qualified_on.isoformat(),
        disqualified_on=spell.disqualified_on.isoformat() if spell.disqualified_on else None,
        loss_reason=_LOSS_REASONS[spell.loss_reason] if spell.loss_reason else None,
        copay_percent=spell.copay_percent,
        copay_cap_class=spell.copay_cap_class,
    )


class Households:
    """Who lives under which roof at the clock's start, for the household part of resident records."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._members: Mapping[tuple[str, str], list[tuple[Person, ResidencySpell]]] = defaultdict(list)
        for person in people:
            if (spell := person.present) is not None:
                self._members[spell.municipality, spell.household_id].append((person, spell))

    def of(self, spell: ResidencySpell) -> list[tuple[Person, ResidencySpell]]:
        """The people whose record says this household."""
        return self._members.get((spell.municipality, spell.household_id), [])

    def record(self, person: Person, spell: ResidencySpell) -> items_pb2.ResidentRecordInfo:
        """The resident record of `person` in the municipality of `spell`, the last one there."""
        others = [(p, s) for p, s in self.of(spell) if p.person != person.person] if spell.until is None else []
        return items_pb2.ResidentRecordInfo(
            household_id=spell.household_id,
            relationship=spell.relationship,
            is_head=spell.is_head,
            household_size=len(others) + 1 if spell.until is None else None,
            resident_since=spell.resident_since.isoformat(),
            resident_reason=spell.resident_reason,
            address_since=spell.address_since.isoformat(),
            previous_municipality=spell.previous.lg_code if spell.previous else None,
            forwarding_municipality=spell.forwarding.lg_code if spell.forwarding else None,
            removed_on=spell.until.isoformat() if spell.until else None,
            removed_reason=str(spell.end_reason) if spell.end_reason else None,
            members=[
                items_pb2.HouseholdMember(relationship=s.relationship, birth_date=p.birth_date.isoformat())
                for p, s in others
            ],
            **_kind(person),  # type: ignore[arg-type]
        )


def _kind(person: Person) -> dict[str, object]:
    if person.foreign is None:
        return {"resident_kind": items_pb2.RESIDENT_KIND_JAPANESE}
    stay = person.foreign.stay_until
    return {
        "resident_kind": items_pb2.RESIDENT_KIND_FOREIGN,
        "nationality": person.foreign.nationality_ja,
        "residence_status": person.foreign.status_ja,
        "stay_until": stay.isoformat() if stay else None,
    }


def last_spells(person: Person) -> Iterator[ResidencySpell]:
    """The last resident record of `person` in each municipality."""
    yield from {spell.municipality: spell for spell in person.residency}.values()


def initial_records(people: Sequence[Person]) -> dict[str, list[agency_pb2.PersonRecords]]:
    """What every institution knows of these people at the clock's start, by institution code, in their order.

    `people` are whole households, as the population makes them: nobody shares a roof with somebody of another one.
    """
    households = Households(people)
    by_institution: dict[str, list[agency_pb2.PersonRecords]] = defaultdict(list)
    for person in people:
        items, here = basic_items(person), dict[str, agency_pb2.PersonRecords]()
        for institution, key, change, published in _changes(person, households):
            if institution not in here:
                here[institution] = agency_pb2.PersonRecords(basic_items=items)
                by_institution[institution].append(here[institution])
            here[institution].changes.add(
                reference=f"{person.person}/{key}",
                change=change,
                published_from=published.isoformat() if published else None,
            )
    return by_institution


def _changes(person: Person, households: Households) -> Iterator[tuple[str, str, agency_pb2.Change, date | None]]:
    for spell in last_spells(person):
        change = agency_pb2.ResidencyChange(
            reason=str(spell.end_reason or spell.reason),
            moved_on=(spell.until or spell.since).isoformat(),
            record=households.record(person, spell),
        )
        yield f"residency-{spell.municipality}", f"residency/{spell.since}", agency_pb2.Change(residency=change), None
    for assessment in person.assessments:
        published = assessment.published_on if assessment.published_on > CLOCK_START else None
        change_ = agency_pb2.Change(tax_assessment=tax_info(assessment))
        yield f"tax-{assessment.municipality}", f"tax/{assessment.tax_year}", change_, published
    for insured in person.insurance:
        change_ = agency_pb2.Change(qualification=insurance_info(insured))
        yield insured.institution, f"insurance/{insured.qualified_on}", change_, None
