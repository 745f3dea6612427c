"""The closed list of traits by which people are found, and who has which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from warifu.simulator.population.dates import CLOCK_START, HISTORY_FROM, age_on
from warifu.simulator.population.drafts import Draft
from warifu.simulator.population.model import (
    InsuranceSpell,
    JobKind,
    JobSpell,
    Reason,
    ResidencySpell,
    Scheme,
    TaxAssessment,
    TaxClass,
)
from warifu.simulator.population.names import VARIANTS

TRAITS: Final[dict[str, tuple[str, str]]] = {
    "resident": ("現在の住民", "lives here at the clock's start"),
    "deceased": ("死亡者", "died in the history"),
    "moved-out": ("市外へ転出した人", "moved away in the history"),
    "moved-in": ("市外から転入した人", "came from elsewhere in the history"),
    "moved": ("市町間で転居した人", "moved between two municipalities here in the history"),
    "moved-after-january": ("1月1日より後に市町間で転居", "moved between municipalities here after 1 January 2026"),
    "moved-within": ("市内転居", "moved within a municipality in the history"),
    "head": ("世帯主", "head of a household"),
    "single-household": ("単身世帯", "lives alone"),
    "nine-person-household": ("9人世帯", "lives in a household of nine"),
    "single-parent": ("ひとり親", "raises a child under 18 without a partner"),
    "defacto-couple": ("未届の夫婦", "unregistered partner of the head, or the head with one"),
    "baby": ("0歳", "under one year old"),
    "child": ("18歳未満", "under 18"),
    "elderly-75": ("75歳以上", "75 or older"),
    "turned-75": ("期間中に75歳到達", "turned 75 in the history"),
    "worker": ("勤務先あり", "employed full-time here"),
    "part-time": ("短時間勤務", "works part-time"),
    "self-employed": ("自営業", "self-employed"),
    "job-changer": ("転職者", "has had more than one job here"),
    "pensioner": ("年金受給者", "receives an old-age pension"),
    "employees-insured": ("被用者保険の本人", "insured at the employees' insurer through own work"),
    "dependant": ("被扶養者", "dependant at the employees' insurer"),
    "nhi": ("国民健康保険", "insured by the municipality"),
    "union": ("後期高齢者医療", "insured by the wide-area union"),
    "public-assistance": ("生活保護", "receives public assistance"),
    "protected": ("支援措置", "has a support measure"),
    "non-taxable": ("非課税（令和7年度）", "owes no local tax for FY2025"),
    "per-capita-only": ("均等割のみ（令和7年度）", "owes only the per-capita levy for FY2025"),
    "taxed": ("課税（令和7年度）", "owes income levy for FY2025"),
    "undeclared": ("未申告（令和7年度）", "declared nothing for FY2025"),
    "foreign": ("外国人住民", "foreign resident"),
    "alias": ("通称", "has a registered alias"),
    "long-name": ("40文字の氏名", "name of 40 characters"),
    "variant-kanji": ("異体字を含む氏名", "name with a variant character"),
    "non-bmp": ("基本多言語面外の文字", "name with a character outside the Basic Multilingual Plane"),
    "one-character-name": ("氏・名とも1文字", "family and given name of one character each"),
    "former-surname": ("旧氏", "has a registered former surname"),
    "renamed": ("氏の変更", "changed the family name in the history"),
    "homonym": ("同姓同名・同生年月日", "shares name, sex and birth date with somebody else"),
}
"""Trait: what it means in Japanese and English. Cast members have a trait ``cast:<role>`` besides (``CAST``)."""

_BABY = 1
_ADULT = 18
_UNION_AGE = 75
_LONG = 40
_NINE = 9
_TAX_YEAR = 2025
_JANUARY = date(CLOCK_START.year, 1, 1)
_BMP = 0xFFFF
_VARIANT_TEXTS = frozenset(VARIANTS.values())
_TAX_TRAITS = {
    TaxClass.EXEMPT: "non-taxable",
    TaxClass.PER_CAPITA_ONLY: "per-capita-only",
    TaxClass.TAXED: "taxed",
    TaxClass.UNDECLARED: "undeclared",
}
_JOB_TRAITS = {
    JobKind.EMPLOYEE: "worker",
    JobKind.PART_TIME: "part-time",
    JobKind.SELF_EMPLOYED: "self-employed",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one person when traits are given."""

    draft: Draft
    residency: Sequence[ResidencySpell]
    jobs: Sequence[JobSpell]
    assessments: Sequence[TaxAssessment]
    insurance: Sequence[InsuranceSpell]
    home_size: int
    """At the clock's start; 0 for who is not here."""
    on_assistance: bool


def traits_of(facts: Facts) -> tuple[str, ...]:
    """All traits of one person, those given by hand included, in alphabetical order."""
    found = set(facts.draft.traits)
    found |= _of_name(facts.draft)
    found |= _of_moves(facts)
    found |= _of_tax(facts)
    if facts.home_size:
        found |= {"resident"} | _of_home(facts) | _of_age(facts.draft) | _of_work(facts)
    return tuple(sorted(found))


def _of_name(draft: Draft) -> set[str]:
    name = draft.name
    marks = {
        "foreign": draft.foreign is not None,
        "alias": draft.foreign is not None and draft.foreign.alias is not None,
        "long-name": len(name.full) == _LONG,
        "variant-kanji": name.family in _VARIANT_TEXTS,
        "non-bmp": any(ord(letter) > _BMP for letter in name.full),
        "one-character-name": len(name.family) == len(name.given) == 1,
        "former-surname": draft.former_surname is not None,
        "renamed": len(draft.names) > 1,
        "protected": draft.support is not None,
        "deceased": draft.death is not None,
    }
    return {trait for trait, holds in marks.items() if holds}


def _of_moves(facts: Facts) -> set[str]:
    found = set()
    spells = facts.residency
    municipalities = {spell.municipality for spell in spells}
    if len({spell.municipality for spell in spells}) > 1:
        found.add("moved")
    if spells[-1].end_reason is Reason.MOVE_OUT:
        found.add("moved-out")
    if spells[0].reason is Reason.MOVE_IN and spells[0].since > HISTORY_FROM:
        found.add("moved-in")
    for spell in spells:
        if spell.reason is Reason.MOVE_WITHIN and spell.since > HISTORY_FROM:
            found.add("moved-within")
        late = spell.since > _JANUARY and spell.reason is Reason.MOVE_IN
        if late and len(municipalities) > 1:
            found.add("moved-after-january")
    return found


def _of_tax(facts: Facts) -> set[str]:
    return {_TAX_TRAITS[a.tax_class] for a in facts.assessments if a.tax_year == _TAX_YEAR}


def _of_home(facts: Facts) -> set[str]:
    draft = facts.draft
    partnership = draft.partnership_on(CLOCK_START)
    young = any(child.stay is not None and age_on(child.birth, CLOCK_START) < _ADULT for child in draft.children)
    marks = {
        "head": facts.residency[-1].is_head,
        "single-household": facts.home_size == 1,
        "nine-person-household": facts.home_size == _NINE,
        "defacto-couple": partnership is not None and not partnership.registered,
        "single-parent": partnership is None and young,
    }
    return {trait for trait, holds in marks.items() if holds}


def _of_age(draft: Draft) -> set[str]:
    age, before = age_on(draft.birth, CLOCK_START), age_on(draft.birth, HISTORY_FROM)
    marks = {
        "baby": age < _BABY,
        "child": age < _ADULT,
        "elderly-75": age >= _UNION_AGE,
        "turned-75": before < _UNION_AGE <= age,
    }
    return {trait for trait, holds in marks.items() if holds}


def _of_work(facts: Facts) -> set[str]:
    found = {_JOB_TRAITS[job.kind] for job in facts.jobs if job.until is None and job.kind in _JOB_TRAITS}
    if sum(job.kind is not JobKind.ELSEWHERE for job in facts.jobs) > 1:
        found.add("job-changer")
    if facts.draft.pension is not None:
        found.add("pensioner")
    if facts.on_assistance:
        found.add("public-assistance")
    last = facts.insurance[-1] if facts.insurance else None
    if last is not None and last.disqualified_on is None:
        found.add(_scheme_trait(last))
    return found


def _scheme_trait(spell: InsuranceSpell) -> str:
    if spell.scheme is Scheme.EMPLOYEES:
        return "employees-insured" if spell.insured is None else "dependant"
    return "nhi" if spell.scheme is Scheme.MUNICIPAL else "union"
