"""A family while it is being generated: mutable, and frozen at the end by ``freeze``.

Life is written down as stays (a person in a home from one day to another), partnerships and job plans; the spells that
agencies see are derived from these.
"""

from dataclasses import dataclass, field
from datetime import date

from warifu.simulator.population.addresses import address_in
from warifu.simulator.population.dates import LONG_AGO
from warifu.simulator.population.dice import Dice
from warifu.simulator.population.model import (
    Address,
    EventKind,
    ForeignResident,
    JobKind,
    NameSpell,
    Pension,
    Reason,
    SupportMeasure,
)
from warifu.simulator.population.names import Name, Reading, Sex
from warifu.simulator.population.world import Municipality, World

MOST_HOMES = 16
"""Homes of one family; insured numbers have four bits for them."""


@dataclass(slots=True, eq=False)
class Home:
    """A residential household in one municipality: its number in the family, and its heads in order."""

    number: int
    municipality: Municipality
    address: Address
    heads: list[tuple[date, "Draft"]] = field(default_factory=list)
    changes: set[date] = field(default_factory=set)
    """Days on which relationships changed though nobody moved."""

    def head_on(self, day: date) -> "Draft":
        """The head on that day (the first one for days before the home)."""
        head = self.heads[0][1]
        for since, draft in self.heads:
            if since <= day:
                head = draft
        return head

    def name_head(self, draft: "Draft", since: date) -> None:
        """Make somebody head from that day."""
        self.heads.append((since, draft))
        self.changes.add(since)


@dataclass(slots=True, eq=False)
class Stay:
    """A person in a home at one address."""

    home: Home
    address: Address
    since: date
    reason: Reason
    previous: Address | None = None
    until: date | None = None
    end_reason: Reason | None = None
    forwarding: Address | None = None

    def covers(self, day: date) -> bool:
        """Does the stay hold on that day."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(slots=True, eq=False)
class Partnership:
    """Two partners; unregistered ones are written 夫(未届) and 妻(未届)."""

    partner: "Draft"
    since: date
    registered: bool = True
    until: date | None = None

    def covers(self, day: date) -> bool:
        """Does it hold on that day."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(slots=True, eq=False)
class JobPlan:
    """A job before it is clipped to the person's stay."""

    kind: JobKind
    salary: int
    since: date
    until: date | None = None
    employer: str | None = None


@dataclass(slots=True, eq=False)
class Draft:
    """A person in the making."""

    number: int
    sex: Sex
    birth: date
    names: list[NameSpell]
    father: "Draft | None" = None
    mother: "Draft | None" = None
    children: list["Draft"] = field(default_factory=list)
    partnerships: list[Partnership] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    jobs: list[JobPlan] | None = None
    """None: a career and a pension are drawn."""
    pension: Pension | None = None
    death: date | None = None
    former_surname: Reading | None = None
    foreign: ForeignResident | None = None
    support: SupportMeasure | None = None
    declined: bool = False
    """Not entered as a dependant though the rules would allow it: somebody has yet to apply."""
    undeclaring: bool = False
    """Files nothing when there is nothing that others report."""
    life_insurance: int = 0
    traits: set[str] = field(default_factory=set)

    @property
    def name(self) -> Name:
        """The latest name."""
        return self.names[-1].name

    @property
    def stay(self) -> Stay | None:
        """The stay that lasts, if the person is still here."""
        last = self.stays[-1] if self.stays else None
        return last if last is not None and last.until is None else None

    def stay_on(self, day: date) -> Stay | None:
        """The stay on that day."""
        for stay in self.stays:
            if stay.covers(day):
                return stay
        return None

    def partnership_on(self, day: date) -> Partnership | None:
        """The partnership on that day."""
        for partnership in self.partnerships:
            if partnership.covers(day):
                return partnership
        return None


@dataclass(slots=True, eq=False)
class Family:
    """The people, homes and events of one unit of the stream."""

    index: int
    dice: Dice
    world: World
    members: list[Draft] = field(default_factory=list)
    homes: list[Home] = field(default_factory=list)
    events: list[tuple[date, EventKind, tuple[Draft, ...]]] = field(default_factory=list)
    related: bool = True
    """Kin of one another; False for people who only share a flat."""
    assistance: tuple[date, date | None] | None = None
    """Public assistance for everyone in the family while resident."""

    def add(
        self,
        sex: Sex,
        birth: date,
        name: Name,
        father: Draft | None = None,
        mother: Draft | None = None,
    ) -> Draft:
        """A new member, not living anywhere yet."""
        draft = Draft(len(self.members), sex, birth, [NameSpell(name, birth)], father, mother)
        draft.life_insurance = self.dice.pick((0, 0, 28_000, 35_000, 56_000, 70_000))
        draft.undeclaring = self.dice.chance(0.25)
        for parent in (father, mother):
            if parent is not None:
                parent.children.append(draft)
        self.members.append(draft)
        return draft

    def open_home(self, municipality: Municipality, address: Address | None = None) -> Home:
        """A new home; its head is named by ``name_head``."""
        assert len(self.homes) < MOST_HOMES, "a family's homes fit its insured numbers"
        home = Home(len(self.homes), municipality, address or address_in(municipality.place, self.dice))
        self.homes.append(home)
        return home

    def present_in(self, home: Home) -> list[Draft]:
        """Who lives in that home now."""
        return [draft for draft in self.members if (stay := draft.stay) is not None and stay.home is home]

    def note(self, on: date, kind: EventKind, *people: Draft) -> None:
        """Write an event down."""
        self.events.append((on, kind, people))


def settle(draft: Draft, home: Home, since: date, reason: Reason, previous: Address | None = None) -> None:
    """Let somebody live in a home from that day."""
    draft.stays.append(Stay(home, home.address, since, reason, previous))


def pair(one: Draft, other: Draft, since: date = LONG_AGO, *, registered: bool = True) -> None:
    """Make two people partners."""
    one.partnerships.append(Partnership(other, since, registered))
    other.partnerships.append(Partnership(one, since, registered))


def part(draft: Draft, until: date) -> None:
    """End a person's partnership, on both sides."""
    partnership = draft.partnership_on(until)
    if partnership is None:
        return
    for side in (*draft.partnerships, *partnership.partner.partnerships):
        if side.until is None:
            side.until = until
