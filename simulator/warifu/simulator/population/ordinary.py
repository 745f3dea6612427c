"""Ordinary families: who lives together at the start, by kind of household. Shares: docs/POPULATION.md."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from warifu.simulator.population import names
from warifu.simulator.population.addresses import address_outside
from warifu.simulator.population.chances import live
from warifu.simulator.population.dates import CLOCK_START, HISTORY_FROM, age_on, years_after
from warifu.simulator.population.dice import Table
from warifu.simulator.population.drafts import Draft, Family, Home, pair, settle
from warifu.simulator.population.model import Address, ForeignResident, Reason
from warifu.simulator.population.names import Name, Nationality, Reading, Sex
from warifu.simulator.population.world import Municipality

_NEWCOMERS = 0.14
_FOREIGN = 0.035
_ALIAS = 0.25
_VARIANT = 0.02
_FORMER_SURNAME = 0.02
_ASSISTED = 0.02
_LEAST_AGE_OF_PARENT = 18
_STATUSES = Table(
    [
        (("永住者", "Permanent Resident", 0), 24),
        (("技術・人文知識・国際業務", "Engineer/Specialist in Humanities/International Services", 5), 11),
        (("技能実習2号ロ", "Technical Intern Training (ii)(b)", 2), 12),
        (("留学", "Student", 2), 11),
        (("家族滞在", "Dependent", 3), 8),
        (("定住者", "Long-Term Resident", 5), 6),
        (("特定技能1号", "Specified Skilled Worker (i)", 1), 7),
        (("日本人の配偶者等", "Spouse or Child of Japanese National", 3), 4),
    ]
)


@dataclass(slots=True)
class Namer:
    """Names for one family: Japanese, or of one nationality."""

    family: Family
    reading: Reading
    nationality: Nationality | None = None

    def name(self, sex: Sex, birth: date, reading: Reading | None = None) -> Name:
        """A name with the family's name, or with another; the given part is new in the family."""
        dice = self.family.dice
        taken = {member.name.given for member in self.family.members}
        if self.nationality is not None:
            return names.foreign(reading or self.reading, dice.pick(self.nationality.given[sex]))
        given = names.given(dice, sex, birth.year)
        while given.text in taken:
            given = names.given(dice, sex, birth.year)
        return names.japanese(reading or self.reading, given)

    def other(self) -> Reading:
        """Another family's name, of the same kind."""
        if self.nationality is not None:
            return self.family.dice.pick(self.nationality.family)
        return names.family(self.family.dice, self.reading.text)


@dataclass(slots=True)
class Builder:
    """What the builders of households need: the family, its names, and the day on which ages are drawn."""

    family: Family
    namer: Namer
    at: date
    head: Draft | None = None
    """Head of the home, when it is not the first member."""

    def person(
        self,
        sex: Sex,
        low: int,
        high: int,
        *,
        father: Draft | None = None,
        mother: Draft | None = None,
        reading: Reading | None = None,
    ) -> Draft:
        """Somebody aged ``low`` to ``high``."""
        dice = self.family.dice
        birth = years_after(self.at, -dice.whole(low, high)) - timedelta(days=dice.whole(1, 364))
        draft = self.family.add(sex, birth, self.namer.name(sex, birth, reading), father, mother)
        if self.namer.nationality is not None:
            draft.foreign = foreign_resident(self.family, self.namer.nationality, sex, birth)
        return draft

    def sex(self) -> Sex:
        """Either sex."""
        return Sex.MALE if self.family.dice.chance(0.5) else Sex.FEMALE

    def couple(self, low: int, high: int, *, registered: bool = True) -> tuple[Draft, Draft]:
        """A man of that age and a woman a little younger or older; registered couples share a name."""
        man = self.person(Sex.MALE, low, high)
        age = age_on(man.birth, self.at)
        shared = registered and self.namer.nationality is None
        reading = self.namer.reading if shared else self.namer.other()
        youngest = max(_LEAST_AGE_OF_PARENT, age - 6)
        woman = self.person(Sex.FEMALE, youngest, max(youngest, age + 3), reading=reading)
        pair(man, woman, registered=registered)
        if shared and self.family.dice.chance(_FORMER_SURNAME):
            woman.former_surname = self.namer.other()
        return man, woman

    def children(self, count: int, father: Draft | None, mother: Draft | None, oldest: int = 36) -> None:
        """Up to ``count`` children, two years apart or more, none older than ``oldest``.

        No parent was under 18 at a birth, no mother over 43, and no father without a mother here over 50.
        """
        dice = self.family.dice
        ages = [age_on(parent.birth, self.at) for parent in (father, mother) if parent is not None]
        least = max(0, age_on(mother.birth, self.at) - 43 if mother is not None else ages[0] - 50)
        most = min(oldest, min(ages) - _LEAST_AGE_OF_PARENT - 1)
        age = dice.whole(min(most, least + 2 * (count - 1)), most)
        for _ in range(count):
            if age < least:
                return
            self.person(self.sex(), age, age, father=father, mother=mother)
            age -= dice.whole(2, 4)


def foreign_resident(family: Family, nationality: Nationality, sex: Sex, birth: date) -> ForeignResident:
    """Status of residence, its end after the clock's start, and sometimes an alias."""
    dice = family.dice
    ja, en, years = dice.draw(_STATUSES)
    alias = None
    if dice.chance(_ALIAS):
        alias = names.japanese(names.family(dice), names.given(dice, sex, birth.year))
    until = dice.day(CLOCK_START + timedelta(days=20), years_after(CLOCK_START, years)) if years else None
    return ForeignResident(nationality.code, nationality.ja, nationality.en, ja, en, until, alias)


def build_ordinary(family: Family) -> None:
    """Found a family of a random kind in a random municipality, and let it live."""
    dice = family.dice
    arrival = None
    if dice.chance(_NEWCOMERS):
        arrival = dice.day(HISTORY_FROM + timedelta(days=30), CLOCK_START - timedelta(days=60))
    namer = _namer(family)
    build = dice.draw(_KINDS)
    builder = Builder(family, namer, arrival or HISTORY_FROM)
    build(builder)
    head = builder.head or family.members[0]
    since = arrival or _settled_since(family, family.members[0])
    home = found(family, dice.draw(family.world.municipality_table), head, since)
    if build in _MAY_NEED_ASSISTANCE and dice.chance(_ASSISTED):
        family.assistance = (dice.day(since, CLOCK_START - timedelta(days=90)), None)
    live(family, home, arrival or HISTORY_FROM)


def build_single(family: Family) -> None:
    """One person to whom nothing happens: what fills a population up to its size."""
    _solo_middle(Builder(family, _namer(family), HISTORY_FROM))
    head = family.members[0]
    found(family, family.dice.draw(family.world.municipality_table), head, _settled_since(family, head))


def found(family: Family, municipality: Municipality, head: Draft, since: date, address: Address | None = None) -> Home:
    """The family's first home: everybody lives there from ``since``, or from birth."""
    home = family.open_home(municipality, address)
    home.heads.append((since, head))
    origin = address_outside(family.world, family.dice)
    for draft in family.members:
        if draft.birth > since:
            settle(draft, home, draft.birth, Reason.BIRTH)
        else:
            settle(draft, home, since, Reason.MOVE_IN, origin)
    return home


def _settled_since(family: Family, head: Draft) -> date:
    """A day after the head came of age, some years before the history begins."""
    earliest = years_after(head.birth, 18)
    latest = HISTORY_FROM - timedelta(days=1)
    return max(earliest, latest - timedelta(days=int(family.dice.years(1 / 9) * 365)))


def _namer(family: Family) -> Namer:
    dice = family.dice
    if dice.chance(_FOREIGN):
        nationality = dice.draw(names.nationalities())
        return Namer(family, dice.pick(nationality.family), nationality)
    reading = names.variant_family(dice) if dice.chance(_VARIANT) else names.family(dice)
    return Namer(family, reading)


def _solo_young(builder: Builder) -> None:
    builder.person(builder.sex(), 19, 34)


def _solo_middle(builder: Builder) -> None:
    builder.person(builder.sex(), 35, 64)


def _solo_old(builder: Builder) -> None:
    builder.person(Sex.FEMALE if builder.family.dice.chance(0.66) else Sex.MALE, 63, 92)


def _couple_young(builder: Builder) -> None:
    builder.couple(24, 40)


def _couple_old(builder: Builder) -> None:
    builder.couple(56, 88)


def _nuclear(builder: Builder) -> None:
    father, mother = builder.couple(27, 66)
    builder.children(builder.family.dice.draw(_CHILDREN), father, mother)


def _single_parent(builder: Builder) -> None:
    if builder.family.dice.chance(0.87):
        mother = builder.person(Sex.FEMALE, 24, 52)
        builder.children(builder.family.dice.whole(1, 2), None, mother)
    else:
        father = builder.person(Sex.MALE, 28, 55)
        builder.children(builder.family.dice.whole(1, 2), father, None)


def _parent_and_grown_child(builder: Builder) -> None:
    mother = builder.person(Sex.FEMALE, 62, 88)
    age = age_on(mother.birth, builder.at)
    builder.person(builder.sex(), age - 40, age - 20, mother=mother)


def _three_generations(builder: Builder) -> None:
    dice = builder.family.dice
    father, mother = builder.couple(30, 56)
    builder.children(dice.draw(_CHILDREN), father, mother, oldest=24)
    child, reading = (father, None) if dice.chance(0.75) else (mother, builder.namer.other())
    age = age_on(child.birth, builder.at)
    low, high = age + 21, age + 34
    grandmother = builder.person(Sex.FEMALE, low, high, reading=reading)
    child.mother = grandmother
    grandmother.children.append(child)
    if dice.chance(0.5):
        grandfather = builder.person(Sex.MALE, low, high + 4, reading=reading)
        child.father = grandfather
        grandfather.children.append(child)
        pair(grandfather, grandmother)
    if child is father and dice.chance(0.4):
        builder.head = child.father or grandmother


def _defacto(builder: Builder) -> None:
    builder.couple(26, 60, registered=False)


def _siblings(builder: Builder) -> None:
    """Two siblings; their parents are outside the population and known only as what makes them siblings."""
    one = builder.person(builder.sex(), 45, 75)
    other = builder.person(builder.sex(), 43, 75)
    parent = Draft(-1, Sex.FEMALE, years_after(min(one.birth, other.birth), -28), list(one.names))
    for child in (one, other):
        child.mother = parent
        parent.children.append(child)


def _flat_mates(builder: Builder) -> None:
    builder.family.related = False
    builder.person(builder.sex(), 20, 40)
    builder.person(builder.sex(), 20, 40, reading=builder.namer.other())


_CHILDREN = Table([(1, 0.44), (2, 0.41), (3, 0.12), (4, 0.03)])
_KINDS: Table[Callable[[Builder], None]] = Table(
    [
        (_solo_young, 0.12),
        (_solo_middle, 0.13),
        (_solo_old, 0.13),
        (_couple_young, 0.05),
        (_couple_old, 0.15),
        (_nuclear, 0.25),
        (_single_parent, 0.05),
        (_parent_and_grown_child, 0.04),
        (_three_generations, 0.05),
        (_defacto, 0.01),
        (_siblings, 0.01),
        (_flat_mates, 0.01),
    ]
)
_MAY_NEED_ASSISTANCE = {_solo_middle, _solo_old, _single_parent}
