"""From stays in homes to the spells of the resident record."""

from datetime import date, timedelta

from warifu.simulator.population.dates import CLOCK_START
from warifu.simulator.population.drafts import Draft, Family, Stay
from warifu.simulator.population.kinship import DISTANT, LODGER, relationship
from warifu.simulator.population.model import Reason, ResidencySpell

_NOTICE_DAYS = 13


def residency_spells(family: Family, draft: Draft, prefix: str) -> tuple[ResidencySpell, ...]:
    """The record of one person, oldest state first. ``prefix`` begins the household ids."""
    spells: list[ResidencySpell] = []
    since, reason = date.min, Reason.MOVE_IN
    previous_stay: Stay | None = None
    for stay in draft.stays:
        if previous_stay is None or _comes_in(previous_stay, stay):
            since, reason = stay.since, stay.reason
        spells += _states(family, draft, stay, f"{prefix}-{stay.home.number}", since, reason)
        previous_stay = stay
    return tuple(spells)


def _comes_in(before: Stay, after: Stay) -> bool:
    return before.home.municipality is not after.home.municipality or before.until != after.since


def _states(
    family: Family, draft: Draft, stay: Stay, household_id: str, resident_since: date, resident_reason: Reason
) -> list[ResidencySpell]:
    """The states of one stay: a new one on each day on which the relationship changed."""
    starts = _starts(family, draft, stay)
    ends: list[tuple[date | None, Reason | None]] = [(since, reason) for since, _, reason in starts[1:]]
    ends.append((stay.until, stay.end_reason))
    moved_in = stay.reason is Reason.MOVE_IN
    states = []
    for position, ((since, label, reason), (until, end_reason)) in enumerate(zip(starts, ends, strict=True)):
        forwarding = stay.forwarding if position == len(starts) - 1 else None
        previous = stay.previous if position == 0 and moved_in else None
        spell = ResidencySpell(
            stay.home.municipality.lg_code,
            stay.address,
            household_id,
            label,
            since,
            until,
            reason,
            end_reason,
            resident_since,
            resident_reason,
            stay.since,
            previous,
            forwarding,
            _notice(family, since),
        )
        states.append(spell)
    return states


def _starts(family: Family, draft: Draft, stay: Stay) -> list[tuple[date, str, Reason]]:
    """(first day, relationship, reason) of each state of a stay."""
    home = stay.home
    starts = [(stay.since, _label(family, home.head_on(stay.since), draft, stay.since), stay.reason)]
    for day in sorted(home.changes):
        if day <= stay.since or (stay.until is not None and day >= stay.until):
            continue
        head = home.head_on(day)
        label = _label(family, head, draft, day)
        changed_head = any(since == day for since, _ in home.heads)
        if label != starts[-1][1] or changed_head:
            starts.append((day, label, Reason.HEAD if changed_head else Reason.HOUSEHOLD))
    return starts


def _label(family: Family, head: Draft, draft: Draft, day: date) -> str:
    label = relationship(head, draft, day)
    return DISTANT if label == LODGER and family.related else label


def _notice(family: Family, on: date) -> date:
    return min(on + timedelta(days=family.dice.whole(0, _NOTICE_DAYS)), CLOCK_START)
