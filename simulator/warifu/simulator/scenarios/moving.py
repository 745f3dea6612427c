"""A family leaves a job and a city: the acts that precede a move-in at another city's counter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.items.v1 import items_pb2
from warifu.simulator.population import InsuranceSpell, Person, ResidencySpell
from warifu.simulator.scenarios.stage import NotPlayableError, Stage
from warifu.simulator.translate import insurance_info

NEW_HOME = "潮路三丁目四番五号"
"""House number of the new address; the town is made of the new municipality's name."""


@dataclass(frozen=True, slots=True)
class Family:
    """Who moves together, and what they were before."""

    head: Person
    members: list[tuple[Person, ResidencySpell]]
    old_city: str
    new_city: str
    insurance: InsuranceSpell

    @property
    def handles(self) -> list[str]:
        """Everyone's handle."""
        return [person.person for person, _ in self.members]


def family_of(stage: Stage, head: Person, day: date) -> Family:
    """The household of `head` and the other municipality to which it could move.

    Raises:
        NotPlayableError: the head has no home or insurance on `day`.
    """
    home, insured = head.present, head.insured_on(stage.people.start)
    if home is None or insured is None:
        raise NotPlayableError(
            f"{head.person} には {day} の時点で住所か保険がありません。",
            f"{head.person} has no home or no insurance on {day}",
        )
    members = stage.people.households.of(home)
    cities = sorted(code.removeprefix("nhi-") for code in stage.network.extra["kinds"] if code.startswith("nhi-"))
    other = next(city for city in cities if city != home.municipality)
    return Family(head, members, home.municipality, other, insured)


async def leave_job(stage: Stage, family: Family, last_day: date) -> None:
    """The employees' insurer ends the qualifications of the worker and of everyone insured through them."""
    changes = []
    for person, _ in family.members:
        spell = person.insured_on(stage.people.start)
        if spell is None or spell.institution != family.insurance.institution:
            continue
        if family.head.person not in (person.person, spell.insured):
            continue
        info = insurance_info(spell)
        info.disqualified_on = (last_day + timedelta(days=1)).isoformat()
        info.loss_reason = items_pb2.INSURANCE_LOSS_REASON_OTHER
        changes.append(_request(stage, person, agency_pb2.Change(qualification=info), f"leave-{last_day}"))
    await stage.clerk(family.insurance.institution).record(changes)


def new_items(stage: Stage, person: Person, city: str) -> common_pb2.BasicItems:
    """The person's basic items after the move."""
    items = common_pb2.BasicItems()
    items.CopyFrom(stage.people.items(person.person))
    items.address = f"{stage.city_name(city)}{NEW_HOME}"
    return items


async def move(stage: Stage, family: Family, day: date) -> None:
    """Move-out at the old city's counter, move-in at the new one's, for everyone of the household."""
    await stage.clerk(f"residency-{family.old_city}").record(
        _request(stage, person, agency_pb2.Change(residency=_move_out(stage, person, spell, family, day)), f"out-{day}")
        for person, spell in family.members
    )
    await stage.clerk(f"residency-{family.new_city}").record(
        _request(stage, person, agency_pb2.Change(residency=_move_in(stage, person, spell, family, day)), f"in-{day}")
        for person, spell in family.members
    )
    for person, _ in family.members:
        stage.now_true(person.person, address=new_items(stage, person, family.new_city).address)


def _move_out(
    stage: Stage, person: Person, spell: ResidencySpell, family: Family, day: date
) -> agency_pb2.ResidencyChange:
    record = stage.people.households.record(person, spell)
    record.removed_on, record.removed_reason, record.forwarding_municipality = day.isoformat(), "転出", family.new_city
    return agency_pb2.ResidencyChange(reason="転出", moved_on=day.isoformat(), record=record)


def _move_in(
    stage: Stage, person: Person, spell: ResidencySpell, family: Family, day: date
) -> agency_pb2.ResidencyChange:
    record = stage.people.households.record(person, spell)
    record.household_id = f"{family.new_city}-{family.head.person}"
    record.resident_since = record.address_since = day.isoformat()
    record.resident_reason, record.previous_municipality = "転入", family.old_city
    return agency_pb2.ResidencyChange(
        reason="転入", moved_on=day.isoformat(), record=record, basic_items=new_items(stage, person, family.new_city)
    )


def _request(stage: Stage, person: Person, change: agency_pb2.Change, reference: str) -> agency_pb2.RecordRequest:
    return agency_pb2.RecordRequest(
        reference=f"{person.person}/{reference}", basic_items=stage.people.items(person.person), change=change
    )
