"""What chance does to an ordinary family between the start of its history and the clock's start.

Everything that may happen is drawn first and then happens in the order of the days, as far as it still can: who has
died does not move. Rates: docs/POPULATION.md.
"""

import heapq
import math
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from warifu.simulator.population import life, names
from warifu.simulator.population.addresses import other_municipality
from warifu.simulator.population.dates import CLOCK_START, age_on, school_leaving, years_after
from warifu.simulator.population.drafts import Draft, Family, Home
from warifu.simulator.population.names import Sex
from warifu.simulator.population.world import Municipality

LAST_DAY = CLOCK_START - timedelta(days=3)
_APART = timedelta(days=2)
_HORIZON_YEARS = 8.0
# Mortality: hazard a * exp(0.1 * age).
_AGEING = 0.1
_MORTALITY = {Sex.MALE: 1.7e-5, Sex.FEMALE: 0.9e-5}
_MOVES_A_YEAR = ((30, 0.13), (45, 0.06), (65, 0.025), (200, 0.01))
_WITHIN = 0.50
_WITHIN_OR_BETWEEN = 0.74
_MARRIAGES_A_YEAR = 0.05
_MARRYING_AGES = (20, 45)
_TAKES_WIFES_NAME = 0.06
_CHILD_AFTER_WEDDING = 0.6
_DIVORCES_A_YEAR = 0.006
_REGISTRATIONS_A_YEAR = 0.06
_LEAVE_HOME = 0.4
_LEAVE_FAR = 0.6
_FIRST_CHILDREN_A_YEAR = 0.16
_FURTHER_CHILDREN_A_YEAR = 0.07
_MOST_BIRTHS = 3
_BETWEEN_BIRTHS = timedelta(days=600)
_FERTILE = (19, 42)


class Fate:
    """What lies before one family, in order."""

    def __init__(self, family: Family, start: date) -> None:
        self.family = family
        self.dice = family.dice
        self.start = start
        self._queue: list[tuple[date, int, Callable[[date], object]]] = []
        self._planned = 0

    def plan(self, day: date, happen: Callable[[date], object]) -> None:
        """Let something happen on that day, or soon after when something else is in the way."""
        if day <= LAST_DAY:
            self._planned += 1
            heapq.heappush(self._queue, (day, self._planned, happen))

    def run(self) -> None:
        """Let everything happen, at least two days apart, up to ``LAST_DAY``."""
        last = self.start
        while self._queue:
            day, _, happen = heapq.heappop(self._queue)
            last = max(day, last + _APART)
            if last > LAST_DAY:
                return
            happen(last)


def live(family: Family, home: Home, start: date) -> None:
    """Draw what may happen to everyone in the family's first home from ``start`` on, and let it happen."""
    fate = Fate(family, start)
    founders = family.present_in(home)
    for draft in founders:
        _death(fate, draft)
        _leaving(fate, draft)
        partnership = draft.partnership_on(start)
        if partnership is not None and draft.sex is Sex.FEMALE:
            _births(fate, draft)
            if partnership.registered:
                _divorce(fate, partnership.partner)
            else:
                _registration(fate, draft, partnership.partner)
    if len(founders) == 1:
        _wedding(fate, founders[0])
    _moves(fate, founders[0])
    fate.run()


def _death(fate: Fate, draft: Draft) -> None:
    """A day of death from a hazard that grows by a tenth a year."""
    now = (fate.start - draft.birth).days / 365.25
    hazard = _MORTALITY[draft.sex] * math.exp(_AGEING * now)
    years = math.log1p(fate.dice.years(1.0) * _AGEING / hazard) / _AGEING
    fate.plan(_later(fate.start, years), partial(life.die, fate.family, draft))


def _births(fate: Fate, mother: Draft) -> None:
    """Up to three births while the mother is of the age for it, at least twenty months apart."""
    rate = _FURTHER_CHILDREN_A_YEAR if mother.children else _FIRST_CHILDREN_A_YEAR
    earliest = max(fate.start, years_after(mother.birth, _FERTILE[0]))
    if mother.children:
        earliest = max(earliest, max(child.birth for child in mother.children) + _BETWEEN_BIRTHS)
        rate /= len(mother.children)
    for _ in range(_MOST_BIRTHS):
        day = _later(earliest, fate.dice.years(rate))
        if age_on(mother.birth, day) > _FERTILE[1]:
            return
        fate.plan(day, partial(life.bear, fate.family, mother))
        earliest, rate = day + _BETWEEN_BIRTHS, _FURTHER_CHILDREN_A_YEAR


def _leaving(fate: Fate, draft: Draft) -> None:
    """A child of the house leaves for study or work in the spring after school."""
    if draft.father is None and draft.mother is None:
        return
    spring = school_leaving(draft.birth, 18 if fate.dice.chance(0.6) else 22)
    if spring <= fate.start or not fate.dice.chance(_LEAVE_HOME):
        return
    near = not fate.dice.chance(_LEAVE_FAR)
    fate.plan(spring + timedelta(days=fate.dice.whole(-12, 6)), lambda on: _leave(fate, draft, on, near=near))


def _leave(fate: Fate, draft: Draft, on: date, *, near: bool) -> None:
    if draft.stay is not None:
        life.leave(fate.family, draft, on, _nearby(fate, draft.stay.home.municipality) if near else None)


def _divorce(fate: Fate, husband: Draft) -> None:
    near = fate.dice.chance(0.5)
    years = fate.dice.years(_DIVORCES_A_YEAR)
    if years < _HORIZON_YEARS:
        fate.plan(_later(fate.start, years), lambda on: _part(fate, husband, on, near=near))


def _part(fate: Fate, husband: Draft, on: date, *, near: bool) -> None:
    if husband.stay is not None:
        life.divorce(fate.family, husband, on, _nearby(fate, husband.stay.home.municipality) if near else None)


def _nearby(fate: Fate, here: Municipality) -> Municipality:
    """The same municipality or another one here."""
    return here if fate.dice.chance(0.5) else other_municipality(fate.family.world, here, fate.dice)


def _wedding(fate: Fate, draft: Draft) -> None:
    years = fate.dice.years(_MARRIAGES_A_YEAR)
    day = _later(fate.start, years)
    if draft.foreign is None and _MARRYING_AGES[0] <= age_on(draft.birth, day) <= _MARRYING_AGES[1]:
        fate.plan(day, lambda on: _marry(fate, draft, on))


def _registration(fate: Fate, woman: Draft, man: Draft) -> None:
    """An unregistered couple has its marriage registered after all."""
    years = fate.dice.years(_REGISTRATIONS_A_YEAR)
    if woman.foreign is None and years < _HORIZON_YEARS:
        fate.plan(_later(fate.start, years), lambda on: _register(fate, woman, man, on))


def _register(fate: Fate, woman: Draft, man: Draft, on: date) -> None:
    if woman.stay is not None and man.stay is not None and woman.stay.home is man.stay.home:
        life.wed(fate.family, woman, man, on, takes=man)


def _marry(fate: Fate, draft: Draft, on: date) -> None:
    """Somebody from elsewhere marries into the home; a child may follow."""
    if draft.stay is None:
        return
    family, dice = fate.family, fate.dice
    sex = Sex.FEMALE if draft.sex is Sex.MALE else Sex.MALE
    birth = min(draft.birth + timedelta(days=dice.whole(-1400, 1400)), years_after(on, -19))
    name = names.japanese(names.family(dice, draft.name.family), names.given(dice, sex, birth.year))
    spouse = family.add(sex, birth, name)
    bride, groom = (spouse, draft) if sex is Sex.FEMALE else (draft, spouse)
    life.wed(family, draft, spouse, on, takes=bride if dice.chance(_TAKES_WIFES_NAME) else groom)
    birth_day = on + timedelta(days=dice.whole(270, 1500))
    if age_on(bride.birth, birth_day) <= _FERTILE[1] and dice.chance(_CHILD_AFTER_WEDDING):
        fate.plan(birth_day, partial(life.bear, family, bride))


def _moves(fate: Fate, head: Draft) -> None:
    """Moves of the whole home, more often while its first head is young."""
    day = fate.start
    while day <= LAST_DAY:
        rate = next(rate for limit, rate in _MOVES_A_YEAR if age_on(head.birth, day) < limit)
        day = _later(day, fate.dice.years(rate) + 0.2)
        fate.plan(day, partial(_move, fate, fate.dice.unit()))


def _move(fate: Fate, kind: float, on: date) -> None:
    """The home of whoever of the family is still here moves: inside the municipality, to another one here, or away."""
    home = next((stay.home for draft in fate.family.members if (stay := draft.stay) is not None), None)
    if home is None:
        return
    if kind < _WITHIN:
        life.move_within(fate.family, home, on)
    elif kind < _WITHIN_OR_BETWEEN:
        to = other_municipality(fate.family.world, home.municipality, fate.dice)
        life.move_between(fate.family, home, to, on)
    else:
        life.move_out(fate.family, home, on)


def _later(day: date, years: float) -> date:
    """``years`` after a day; what is further away than anybody lives is not told apart."""
    return day + timedelta(days=int(min(years, 200.0) * 365.25))
