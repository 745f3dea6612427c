"""Plants an unmistakable value in every item and field of a running network, through its front doors, and has every row of the table used."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.items.v1 import items_pb2
from warifu.law import Row
from warifu.numbering.keys import simulated
from warifu.numbers import individual_number
from warifu.simulator.clerk import Exchange
from warifu.simulator.population import Person
from warifu.simulator.scenarios.stage import Stage, tax_year
from warifu.simulator.translate import tax_info

YEAR = 2025
INSURER, UNION = "insurer-06480016", "union-39480017"


@dataclass(slots=True)
class Canary:
    """One planted value."""

    value: str
    what: str
    """Where it was planted, such as "tax-480011 salary_revenue_yen"."""
    places: set[str]
    """Institutions, or parties without any, that may hold it."""
    home: str
    """The place that must hold it, else it was never planted."""
    sealed: bool = False
    """Part of an exchange, which everyone keeps under the month's key: nobody's files show it."""


@dataclass(slots=True)
class Planting:
    """What was planted, and what was played on it."""

    stage: Stage
    seed: int
    canaries: list[Canary] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    """Every individual number ever assigned."""
    typed: list[str] = field(default_factory=list)
    """Valid individual numbers that nobody has, typed at a counter."""
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    """By row of the permission table."""
    _by_field: dict[str, Canary] = field(default_factory=dict)
    _dice: random.Random = field(default_factory=lambda: random.Random(20260406))

    @property
    def resident_codes(self) -> list[str]:
        """Everyone's resident code."""
        return [person.resident_code for person in self.stage.people.all()]

    async def plant_and_play(self) -> None:
        """All of it."""
        everyone = self.stage.people.all()
        self.numbers = [self.stage.people.demo(person.person).individual_number for person in everyone]
        subject, other = _two(self.stage)
        await self._tax(subject)
        await self._residency(subject)
        await self._insurance(subject)
        await self._protection(other)
        await self._leaked_number(other)
        for row in self.stage.book.rows.values():
            if "portal" not in row.requester_roles:  # the citizen's own request has no front door in this slice
                await self._ask(row, subject)
        await self._typed_numbers(subject, other)
        assert await self.stage.history(subject.person)
        assert await self.stage.page(subject.person)
        await self.stage.doors.settle()

    # --- what is planted ------------------------------------------------------------------------------------------------

    async def _tax(self, person: Person) -> None:
        assessment = person.assessed(YEAR)
        assert assessment is not None
        office = f"tax-{assessment.municipality}"
        info = tax_info(assessment)
        info.tax_class, info.corrected_on = items_pb2.TAX_CLASS_TAXED, "2026-04-01"
        for number, descriptor in enumerate(d for d in info.DESCRIPTOR.fields if d.name.endswith("_yen")):
            amount = f"7{number:02d}{self._dice.randrange(10**9):09d}"  # twelve digits: nobody's income
            setattr(info, descriptor.name, int(amount))
            self._note(descriptor.name, amount, office)
        await self._record(office, person, agency_pb2.Change(tax_assessment=info))

    async def _residency(self, person: Person) -> None:
        spell = person.present
        assert spell is not None
        office = f"residency-{spell.municipality}"
        record = self.stage.people.households.record(person, spell)
        record.resident_kind = items_pb2.RESIDENT_KIND_FOREIGN
        for name in ("household_id", "relationship", "resident_reason", "nationality", "residence_status"):
            setattr(record, name, self._word(name, office))
        del record.members[:]
        record.members.add(relationship=self._word("members", office), birth_date="2001-02-03")
        change = agency_pb2.ResidencyChange(
            reason=self._word("reason of change", office)[:20], moved_on="2026-04-02", record=record
        )
        await self._record(office, person, agency_pb2.Change(residency=change))

    async def _insurance(self, person: Person) -> None:
        info = items_pb2.MedicalInsuranceInfo(
            insurer_number=INSURER.removeprefix("insurer-"),
            symbol=self._word("symbol", INSURER),
            number=self._word("number", INSURER),
            copay_cap_class=self._word("copay_cap_class", INSURER),
            insured_kind=items_pb2.INSURED_KIND_INSURED,
            qualified_on="2026-03-01",
        )
        await self._record(INSURER, person, agency_pb2.Change(qualification=info))

    async def _protection(self, person: Person) -> None:
        spell = person.present
        assert spell is not None
        office = f"residency-{spell.municipality}"
        reason = self._word("reason of protection", office)
        await self._record(
            office, person, agency_pb2.Change(protection=agency_pb2.ProtectionChange(manual_review=True, reason=reason))
        )

    async def _leaked_number(self, person: Person) -> None:
        """The reason goes to the numbering body with the request, and the new number comes back through the counter."""
        spell = person.present
        assert spell is not None
        clerk = self.stage.clerk(f"residency-{spell.municipality}")
        changed = await clerk.agency.ChangeIndividualNumber(
            agency_pb2.ChangeIndividualNumberRequest(
                institution=clerk.institution,
                addressee_no=await clerk.find(self.stage.people.items(person.person)) or "",
                individual_number=self.stage.people.demo(person.person).individual_number,
                reason=self._word("reason of a new number", "numbering"),
            ),
            timeout=15,
        )
        self.numbers.append(changed.individual_number)

    async def _typed_numbers(self, subject: Person, other: Person) -> None:
        """At a counter: the right number, somebody else's, and one that nobody has."""
        clerk, items = self.stage.clerk(_elsewhere(self.stage, subject, "nhi")), self.stage.people.items(subject.person)
        mine, others = (self.stage.people.demo(p.person).individual_number for p in (subject, other))
        assert (await clerk.receive(items, mine)).addressee_no
        nobodys = individual_number.derive(simulated(self.seed, "numbers"), subject.resident_code, 7)
        self.typed.append(nobodys)
        for wrong in (others, nobodys):
            assert await self.stage.refusal(clerk.receive(items, wrong)) is not None, "a wrong number was accepted"

    # --- what is played -------------------------------------------------------------------------------------------------

    async def _ask(self, row: Row, person: Person) -> None:
        """One exchange by this row; what the row releases may be held by the requester from now on."""
        requester, provider = self._sides(row, person)
        addressee = await self._record(requester, person, agency_pb2.Change(acquaintance=agency_pb2.Acquaintance()))
        question = self.stage.question(
            row.id, provider, tax_year(YEAR) if provider.startswith("tax-") else common_pb2.Span(),
            office=self._sealed("office", requester),
            clerk=self._sealed("clerk", requester),
            consent=exchange_pb2.Consent(
                given_on="2026-04-01", reference=self._sealed("consent", requester)
            ),
        )  # fmt: skip
        self.exchanges[row.id] = await self.stage.ask(requester, addressee, question)
        if self.exchanges[row.id].outcome == "PROVIDED":
            for name in row.fields:
                canary = self._by_field.get(name)
                if canary is not None and canary.home == provider:
                    canary.places.add(requester)

    def _sides(self, row: Row, person: Person) -> tuple[str, str]:
        assessment, home = person.assessed(YEAR), person.present
        assert assessment is not None
        assert home is not None
        requester = {
            "nhi": _elsewhere(self.stage, person, "nhi"),
            "tax": _elsewhere(self.stage, person, "tax"),
            "welfare": _elsewhere(self.stage, person, "welfare"),
            "employees_insurer": INSURER,
            "late_elderly_union": UNION,
        }[row.requester_roles[0]]
        providers = {"tax": f"tax-{assessment.municipality}", "residency": f"residency-{home.municipality}"}
        return requester, providers.get(row.provider_roles[0], INSURER)

    async def _record(self, institution: str, person: Person, change: agency_pb2.Change) -> str:
        reference = f"canary/{len(self.canaries)}/{len(self.exchanges)}/{change.WhichOneof('change')}"
        request = agency_pb2.RecordRequest(
            reference=reference, basic_items=self.stage.people.items(person.person), change=change
        )
        (answer,) = await self.stage.clerk(institution).record([request])
        return answer.addressee_no

    def _word(self, what: str, home: str, *others: str) -> str:
        """A new value of text, half of it not ASCII."""
        letters = "".join(self._dice.choices("BCDFGHJKLMNPQRSTVWXZ", k=10))
        return self._note(what, f"鵺{letters}", home, *others).value

    def _sealed(self, what: str, home: str) -> str:
        """A new value of text that only sealed parts of an exchange may hold."""
        word = self._word(what, home)
        self.canaries[-1].sealed, self.canaries[-1].places = True, set()
        return word

    def _note(self, what: str, value: str, home: str, *others: str) -> Canary:
        canary = Canary(value, f"{home} {what}", {home, *others}, home)
        self.canaries.append(canary)
        self._by_field[what] = canary
        return canary


def _two(stage: Stage) -> tuple[Person, Person]:
    """Someone of a municipal insurer, taxed here and never insured by the employees' insurer, and someone else."""

    def fits(person: Person) -> bool:
        return all(spell.institution != INSURER for spell in person.insurance)

    candidates = list(stage.people.candidates("refused"))
    subject = next(person for person in candidates if fits(person))
    return subject, next(person for person in candidates if person.person != subject.person)


def _elsewhere(stage: Stage, person: Person, kind: str) -> str:
    """An institution of a kind in a municipality that never had to do with the person."""
    known = {a.municipality for a in person.assessments} | {s.municipality for s in person.residency}
    codes: Iterable[str] = sorted(c for c in stage.network.extra["kinds"] if c.startswith(f"{kind}-"))
    return next(code for code in codes if code.removeprefix(f"{kind}-") not in known)
