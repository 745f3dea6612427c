"""What can happen to a family, each as one function that keeps stays, heads and partnerships right.

All are called in the order of their days, with at least two days between, so that no spell is empty.
"""

from dataclasses import replace
from datetime import date

from warifu.simulator.population import names
from warifu.simulator.population.addresses import address_in, address_outside
from warifu.simulator.population.dates import ONE_DAY, age_on
from warifu.simulator.population.drafts import Draft, Family, Home, Stay, pair, part, settle
from warifu.simulator.population.model import Address, EventKind, NameSpell, Reason
from warifu.simulator.population.names import Name, Sex
from warifu.simulator.population.world import Municipality

_ADULT = 18
_HEAD_AGE = 15
_FORMER_SURNAMES_FROM = date(2019, 11, 5)
"""Since then a former surname (旧氏) can stand on the resident record."""
_KEEPS_FORMER_SURNAME = 0.15


def child_name(family: Family, parent: Draft, sex: Sex, birth: date) -> Name:
    """A name for a child of ``parent``: the family name, and a given name that nobody in the family has."""
    name = parent.name
    reading = names.Reading(name.family, name.family_kana, name.family_latin)
    if parent.foreign is not None:
        return names.foreign(reading, family.dice.pick(names.nationality(parent.foreign.nationality).given[sex]))
    taken = {member.name.given for member in family.members}
    given = names.given(family.dice, sex, birth.year)
    while given.text in taken:
        given = names.given(family.dice, sex, birth.year)
    return names.japanese(reading, given)


def bear(family: Family, mother: Draft, on: date) -> Draft | None:
    """A child is born to a mother who lives here; nothing when she does not."""
    stay = mother.stay
    if stay is None:
        return None
    partnership = mother.partnership_on(on)
    father = partnership.partner if partnership is not None else None
    sex = Sex.MALE if family.dice.chance(0.513) else Sex.FEMALE
    namesake = stay.home.head_on(on) if stay.home.head_on(on) in {father, mother} else mother
    child = family.add(sex, on, child_name(family, namesake, sex, on), father, mother)
    if namesake.foreign is not None:
        child.foreign = replace(namesake.foreign, alias=None)
    settle(child, stay.home, on, Reason.BIRTH)
    family.note(on, EventKind.BIRTH, child)
    return child


def die(family: Family, draft: Draft, on: date) -> bool:
    """A resident dies; not, when only minors would be left in the home."""
    stay = draft.stay
    if stay is None:
        return False
    left = [other for other in family.present_in(stay.home) if other is not draft]
    if left and all(age_on(other.birth, on) < _ADULT for other in left):
        return False
    draft.death = on
    partner = draft.partnership_on(on)
    _close(stay, on + ONE_DAY, Reason.DEATH)
    _succeed(family, stay.home, draft, on + ONE_DAY, partner.partner if partner else None)
    part(draft, on + ONE_DAY)
    family.note(on, EventKind.DEATH, draft)
    return True


def move_within(family: Family, home: Home, on: date) -> None:
    """A whole home moves inside its municipality."""
    movers = family.present_in(home)
    home.address = address_in(home.municipality.place, family.dice)
    for draft in movers:
        stay = draft.stays[-1]
        _close(stay, on, Reason.MOVE_WITHIN)
        settle(draft, home, on, Reason.MOVE_WITHIN, stay.address)
    family.note(on, EventKind.MOVE_WITHIN, *movers)


def move_between(family: Family, home: Home, to: Municipality, on: date) -> Home:
    """A whole home moves to another municipality here; its number there is a new one."""
    movers = family.present_in(home)
    new = family.open_home(to)
    head = home.head_on(on)
    for draft in movers:
        _relocate(draft, new, on)
    new.heads.append((on, head))
    family.note(on, EventKind.MOVE_BETWEEN, *movers)
    return new


def move_out(family: Family, home: Home, on: date, to: Address | None = None) -> None:
    """A whole home leaves the municipalities here."""
    movers = family.present_in(home)
    address = to or address_outside(family.world, family.dice)
    for draft in movers:
        _close(draft.stays[-1], on, Reason.MOVE_OUT, address)
    family.note(on, EventKind.MOVE_OUT, *movers)


def leave(family: Family, draft: Draft, on: date, to: Municipality | None, heir: Draft | None = None) -> None:
    """One person leaves home: into a home of one's own in a municipality here, or away; ``heir`` is the head after."""
    stay = draft.stay
    if stay is None or len(family.present_in(stay.home)) == 1:
        return
    old = stay.home
    if to is None:
        _close(stay, on, Reason.MOVE_OUT, address_outside(family.world, family.dice))
        family.note(on, EventKind.MOVE_OUT, draft)
    else:
        new = family.open_home(to)
        _relocate(draft, new, on)
        new.heads.append((on, draft))
        family.note(on, EventKind.LEAVE_HOME, draft)
    _succeed(family, old, draft, on, heir)


def wed(family: Family, draft: Draft, spouse: Draft, on: date, *, takes: Draft) -> None:
    """Two people marry; both get the family name of ``takes``, and the spouse moves in when not living there."""
    partnership = draft.partnership_on(on)
    if partnership is not None:
        part(draft, on)
    pair(draft, spouse, on)
    other = spouse if takes is draft else draft
    if on >= _FORMER_SURNAMES_FROM and family.dice.chance(_KEEPS_FORMER_SURNAME):
        other.former_surname = names.Reading(other.name.family, other.name.family_kana, other.name.family_latin)
    other.names.append(NameSpell(other.name.with_family(takes.name), on))
    stay = draft.stay
    assert stay is not None, "who marries here lives here"
    if spouse.stay is None:
        settle(spouse, stay.home, on, Reason.MOVE_IN, address_outside(family.world, family.dice))
    stay.home.changes.add(on)
    family.note(on, EventKind.MARRIAGE, draft, spouse)


def divorce(family: Family, leaver: Draft, on: date, to: Municipality | None) -> None:
    """A couple parts, and one of them leaves."""
    partnership = leaver.partnership_on(on)
    stay = leaver.stay
    if partnership is None or stay is None or partnership.partner.stay is None:
        return
    family.note(on, EventKind.DIVORCE, leaver, partnership.partner)
    part(leaver, on)
    stay.home.changes.add(on)
    leave(family, leaver, on, to, partnership.partner)


def _relocate(draft: Draft, new: Home, on: date) -> None:
    stay = draft.stays[-1]
    if stay.home.municipality is new.municipality:
        _close(stay, on, Reason.MOVE_WITHIN)
        settle(draft, new, on, Reason.MOVE_WITHIN, stay.address)
    else:
        _close(stay, on, Reason.MOVE_OUT, new.address)
        settle(draft, new, on, Reason.MOVE_IN, stay.address)


def _close(stay: Stay, until: date, reason: Reason, forwarding: Address | None = None) -> None:
    stay.until, stay.end_reason, stay.forwarding = until, reason, forwarding


def _succeed(family: Family, home: Home, gone: Draft, on: date, heir: Draft | None) -> None:
    """Name a new head when the old one is gone: the partner, else the oldest of 15 and over, else the oldest."""
    if home.head_on(on) is not gone:
        return
    left = family.present_in(home)
    if not left:
        return
    grown = [draft for draft in left if age_on(draft.birth, on) >= _HEAD_AGE] or left
    home.name_head(heir if heir in left else min(grown, key=lambda draft: draft.birth), on)
