"""What the population is: people in families, and the spells and events of their seven years.

Every span is half-open: ``since`` is the first day, ``until`` the first day no longer (absent while it lasts). After a
death everything ends on the next day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from warifu.simulator.population.names import Name, Reading, Sex

ABROAD = "99999"
"""The code that stands for an address outside the country."""


class Reason(StrEnum):
    """Why a resident record begins, changes or ends (異動事由)."""

    BIRTH = "出生"
    MOVE_IN = "転入"
    MOVE_OUT = "転出"
    MOVE_WITHIN = "転居"
    DEATH = "死亡"
    HOUSEHOLD = "世帯変更"
    HEAD = "世帯主変更"

    @property
    def en(self) -> str:
        """The reason in English."""
        return _REASONS_EN[self]


_REASONS_EN = {
    Reason.BIRTH: "birth",
    Reason.MOVE_IN: "move-in",
    Reason.MOVE_OUT: "move-out",
    Reason.MOVE_WITHIN: "move within the municipality",
    Reason.DEATH: "death",
    Reason.HOUSEHOLD: "change of household",
    Reason.HEAD: "change of head of household",
}


class EventKind(StrEnum):
    """What happens in a life."""

    BIRTH = "birth"
    DEATH = "death"
    MARRIAGE = "marriage"
    DIVORCE = "divorce"
    MOVE_IN = "move_in"
    MOVE_OUT = "move_out"
    MOVE_WITHIN = "move_within"
    MOVE_BETWEEN = "move_between"
    LEAVE_HOME = "leave_home"


class JobKind(StrEnum):
    """How a person earns."""

    EMPLOYEE = "employee"
    """Full-time staff of an employer here; insured at the employees' insurer."""
    PART_TIME = "part_time"
    SELF_EMPLOYED = "self_employed"
    ELSEWHERE = "elsewhere"
    """A job before the person came here."""


class Scheme(StrEnum):
    """Which kind of health insurance."""

    EMPLOYEES = "employees"
    MUNICIPAL = "municipal"
    UNION = "union"


class LossReason(StrEnum):
    """Why an insurance qualification was lost, as coded in eligibility records."""

    DEATH = "01"
    PUBLIC_ASSISTANCE = "02"
    OTHER_INSURANCE = "03"
    OTHER = "99"


class PersonFamily(IntEnum):
    """The insured person (本人) or a family member (家族). In a municipal scheme the head of the household counts as 本人."""

    INSURED = 1
    FAMILY = 2


class ReturnKind(StrEnum):
    """How income became known to the tax office (申告区分)."""

    RETURN = "return"
    PAYER_REPORT = "payer_report"
    NONE = "none"


class TaxClass(IntEnum):
    """課税区分."""

    EXEMPT = 1
    PER_CAPITA_ONLY = 2
    TAXED = 3
    UNDECLARED = 4


@dataclass(frozen=True, slots=True)
class Address:
    """An address. ``lg_code`` is ``ABROAD`` for one outside the country, which has only an area."""

    lg_code: str
    area_ja: str
    area_en: str
    town_ja: str = ""
    town_en: str = ""
    number_ja: str = ""
    number_en: str = ""
    building_ja: str | None = None
    building_en: str | None = None
    postal_code: str | None = None

    @property
    def ja(self) -> str:
        """As on the resident record: prefecture, municipality, town, number, and building after an ideographic space."""
        line = f"{self.area_ja}{self.town_ja}{self.number_ja}"
        return f"{line}\u3000{self.building_ja}" if self.building_ja else line

    @property
    def en(self) -> str:
        """In English order."""
        parts = (self.building_en, f"{self.number_en} {self.town_en}".strip(), self.area_en)
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class NameSpell:
    """A name and since when; marriage changes it."""

    name: Name
    since: date


@dataclass(frozen=True, slots=True)
class ResidencySpell:
    """One state of a person's resident record in one municipality."""

    municipality: str
    address: Address
    household_id: str
    relationship: str
    """To the head (続柄), such as 世帯主, 妻, 子, 妻の母."""
    since: date
    until: date | None
    reason: Reason
    """Why this state began."""
    end_reason: Reason | None
    resident_since: date
    """住民となった日 of this municipality."""
    resident_reason: Reason
    address_since: date
    """住定日."""
    previous: Address | None
    """From where, of the first state in a municipality after a move-in."""
    forwarding: Address | None
    """Where to, of the last state in a municipality before a move-out."""
    notified_on: date
    """Day of the notice (届出日), within 14 days after the change."""

    @property
    def is_head(self) -> bool:
        """Is the person the head of the household."""
        return self.relationship == "世帯主"

    def covers(self, day: date) -> bool:
        """Does the spell hold on that day."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class JobSpell:
    """One job. ``paid`` is what each calendar year brought, in yen: pay, or income after costs when self-employed."""

    kind: JobKind
    employer: str | None
    """Key of the employer in the world, of employees and part-timers."""
    salary: int
    """Yen a year at the beginning."""
    since: date
    until: date | None
    paid: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Pension:
    """A public old-age pension."""

    since: date
    yearly: int


@dataclass(frozen=True, slots=True)
class TaxAssessment:
    """Local tax of one tax year, by the municipality of residence on 1 January; all amounts are whole yen.

    Amounts are absent when nothing was declared. ``published_on`` is the day from which the copy (副本) exists.
    """

    tax_year: int
    municipality: str
    return_kind: ReturnKind
    tax_class: TaxClass
    published_on: date
    salary_revenue: int | None = None
    salary_income: int | None = None
    pension_revenue: int | None = None
    pension_income: int | None = None
    business_income: int | None = None
    total_income: int | None = None
    gross_income: int | None = None
    social_insurance_deduction: int | None = None
    life_insurance_deduction: int | None = None
    spouse_deduction: int | None = None
    dependant_deduction: int | None = None
    single_parent_deduction: int | None = None
    basic_deduction: int | None = None
    dependants: int | None = None
    """Persons deducted for, the spouse not among them."""
    dependants_under_16: int | None = None
    taxable_base: int | None = None
    adjustment_credit: int | None = None
    fixed_reduction: int | None = None
    """定額減税 of tax year 2024; the levies below stand before it."""
    municipal_income_levy: int | None = None
    prefectural_income_levy: int | None = None
    municipal_per_capita_levy: int | None = None
    prefectural_per_capita_levy: int | None = None
    forest_tax: int | None = None


@dataclass(frozen=True, slots=True)
class InsuranceSpell:
    """One qualification under one medical insurer.

    ``copay_percent`` and ``copay_cap_class`` are those of its last day, or of the clock's start when it lasts.
    """

    scheme: Scheme
    institution: str
    insurer_number: str
    symbol: str | None
    number: str
    branch: str | None
    person_family: PersonFamily
    insured: str | None
    """Handle of the worker through whom a dependant is insured."""
    qualified_on: date
    disqualified_on: date | None
    loss_reason: LossReason | None
    copay_percent: int
    copay_cap_class: str

    def covers(self, day: date) -> bool:
        """Does the qualification hold on that day."""
        return self.qualified_on <= day and (self.disqualified_on is None or day < self.disqualified_on)


@dataclass(frozen=True, slots=True)
class AssistanceSpell:
    """Public assistance (生活保護) by a municipality."""

    municipality: str
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class SupportMeasure:
    """A support measure (支援措置) against disclosure of the address, renewed yearly."""

    municipality: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class ForeignResident:
    """What the record of a foreign resident has besides."""

    nationality: str
    nationality_ja: str
    nationality_en: str
    status_ja: str
    status_en: str
    stay_until: date | None
    """Absent for permanent residents."""
    alias: Name | None
    """通称, when registered."""


@dataclass(frozen=True, slots=True)
class Person:
    """One fictional person."""

    person: str
    """The simulator's handle, such as ``p-000123``."""
    index: int
    resident_code: str
    sex: Sex
    birth_date: date
    death_date: date | None
    names: tuple[NameSpell, ...]
    former_surname: Reading | None
    """旧氏, when registered."""
    foreign: ForeignResident | None
    father: str | None
    mother: str | None
    spouse: str | None
    """At the clock's start, or at death; also an unregistered one."""
    residency: tuple[ResidencySpell, ...]
    jobs: tuple[JobSpell, ...]
    pension: Pension | None
    assessments: tuple[TaxAssessment, ...]
    insurance: tuple[InsuranceSpell, ...]
    assistance: tuple[AssistanceSpell, ...]
    support: SupportMeasure | None
    traits: tuple[str, ...]
    """In alphabetical order, so that equal people are equal bytes."""

    @property
    def name(self) -> Name:
        """The present name."""
        return self.names[-1].name

    @property
    def present(self) -> ResidencySpell | None:
        """The resident record at the clock's start; absent for who died or moved away."""
        last = self.residency[-1]
        return last if last.until is None else None

    @property
    def last_address(self) -> Address:
        """The address at the clock's start, or the last one here."""
        return self.residency[-1].address

    def name_on(self, day: date) -> Name:
        """The name on that day."""
        earlier = [spell.name for spell in self.names if spell.since <= day]
        return earlier[-1] if earlier else self.names[0].name

    def resident_on(self, day: date) -> ResidencySpell | None:
        """The resident record on that day, if there was one here."""
        return next((spell for spell in self.residency if spell.covers(day)), None)

    def insured_on(self, day: date) -> InsuranceSpell | None:
        """The insurance qualification on that day, if there was one here."""
        return next((spell for spell in self.insurance if spell.covers(day)), None)

    def assessed(self, tax_year: int) -> TaxAssessment | None:
        """The assessment of that tax year, if there is one here."""
        return next((a for a in self.assessments if a.tax_year == tax_year), None)


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """Something that happened to one or more people of a family on one day."""

    on: date
    kind: EventKind
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """One family as it was generated: the unit of the stream.

    Its people need not live together at the end: children leave home, parents part. Who shares a roof when is in
    ``ResidencySpell.household_id``.
    """

    household: str
    index: int
    people: tuple[Person, ...]
    events: tuple[LifeEvent, ...]

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)
