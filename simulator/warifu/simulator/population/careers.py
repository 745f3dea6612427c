"""Jobs and pensions: drawn for each adult, then clipped to the time that the person spends here. Rates are invented."""

from datetime import date, timedelta

from warifu.simulator.population.dates import CLOCK_START, HISTORY_FROM, age_on, school_leaving, years_after
from warifu.simulator.population.dice import Dice, Table
from warifu.simulator.population.drafts import Draft, Family, JobPlan
from warifu.simulator.population.model import JobKind, JobSpell, Pension, Reason
from warifu.simulator.population.names import Sex

LEAST_WORKING_AGE = 15
PENSION_AGE = 65
FIRST_INCOME_YEAR = 2018
LAST_INCOME_YEAR = 2025
_CHANGES_A_YEAR = 0.05
_OLDER = 60
_MIDDLE = 35
_LONGEST_TENURE = 18

_MEN = Table(
    [(JobKind.EMPLOYEE, 0.76), (JobKind.SELF_EMPLOYED, 0.12), (JobKind.PART_TIME, 0.05), (None, 0.07)]
)  # fmt: skip
_YOUNG_WOMEN = Table([(JobKind.EMPLOYEE, 0.62), (JobKind.SELF_EMPLOYED, 0.04), (JobKind.PART_TIME, 0.18), (None, 0.16)])
_WOMEN = Table([(JobKind.EMPLOYEE, 0.42), (JobKind.SELF_EMPLOYED, 0.06), (JobKind.PART_TIME, 0.34), (None, 0.18)])
_OLD = Table(
    [(JobKind.EMPLOYEE, 0.35), (JobKind.SELF_EMPLOYED, 0.15), (JobKind.PART_TIME, 0.30), (None, 0.20)]
)  # fmt: skip
_RETIREMENT = Table([(60, 0.2), (65, 0.55), (68, 0.15), (71, 0.1)])
_GAP_DAYS = Table([(0, 0.5), (31, 0.2), (61, 0.2), (120, 0.1)])


def draw_career(family: Family, draft: Draft) -> None:
    """Give somebody without written jobs a career and, from 65, a pension."""
    if draft.jobs is not None:
        return
    dice = family.dice
    draft.jobs = [] if family.assistance else _jobs(family, draft)
    if age_on(draft.birth, CLOCK_START) >= PENSION_AGE:
        employed = dice.chance(0.8 if draft.sex is Sex.MALE else 0.3)
        yearly = int((1_750_000 if employed else 760_000) * dice.spread(0.2))
        draft.pension = Pension(years_after(draft.birth, PENSION_AGE), yearly)


def salary_at(base: int, age: int, dice: Dice) -> int:
    """Yearly pay for a job whose median at 40 is ``base``: rises to about 52, falls after 60."""
    by_age = 0.62 + 0.016 * (min(age, 52) - 18) if age < _OLDER else 0.72
    return max(1_200_000, int(base * by_age * dice.spread(0.22)))


def job_spells(draft: Draft) -> tuple[JobSpell, ...]:
    """The jobs as far as they touch the person's time here; what came before an arrival is ``ELSEWHERE``."""
    first, last = draft.stays[0], draft.stays[-1]
    arrival = first.since if first.reason is Reason.MOVE_IN and first.since > HISTORY_FROM else date.min
    spells: list[JobSpell] = []
    for plan in draft.jobs or ():
        until = min((day for day in (plan.until, last.until) if day is not None), default=None)
        if plan.since < arrival:
            before = arrival if until is None else min(until, arrival)
            spells.append(_spell(plan, plan.since, before, elsewhere=True))
        since = max(plan.since, arrival)
        if until is None or since < until:
            spells.append(_spell(plan, since, until, elsewhere=False))
    return tuple(spells)


def _jobs(family: Family, draft: Draft) -> list[JobPlan]:
    dice = family.dice
    work_from = school_leaving(draft.birth, 22 if dice.chance(0.55) else 18)
    entry = max(HISTORY_FROM, draft.stays[0].since)
    age = age_on(draft.birth, max(entry, work_from))
    kind = dice.draw(_kinds(draft, age))
    stop = years_after(draft.birth, 76 if kind is JobKind.SELF_EMPLOYED else dice.draw(_RETIREMENT))
    last = draft.stays[-1].until or date.max
    if kind is None or max(work_from, entry) >= min(stop, last):
        return []
    tenure = min(entry, max(work_from, years_after(entry, -dice.whole(1, _LONGEST_TENURE))))
    since = work_from if work_from >= entry else tenure
    plans = [_plan(family, draft, kind, since)]
    while (change := max(plans[-1].since, entry) + timedelta(days=30 + int(dice.years(_CHANGES_A_YEAR) * 365))) < stop:
        begin = change + timedelta(days=dice.draw(_GAP_DAYS))
        plans[-1].until = change
        if begin >= stop:
            break
        plans.append(_plan(family, draft, dice.draw(_kinds(draft, age)) or JobKind.PART_TIME, begin))
    if plans[-1].until is None:
        plans[-1].until = stop
    begun = [plan for plan in plans if plan.since <= CLOCK_START and plan.since < last]
    for plan in begun:
        # What lies after the clock's start has not happened.
        plan.until = plan.until if plan.until is not None and plan.until <= CLOCK_START else None
    return begun


def _plan(family: Family, draft: Draft, kind: JobKind, since: date) -> JobPlan:
    dice = family.dice
    age = age_on(draft.birth, since)
    if kind is JobKind.SELF_EMPLOYED:
        return JobPlan(kind, max(600_000, int(3_400_000 * dice.spread(0.45))), since)
    at = dice.draw(family.world.employer_table)
    salary = salary_at(at.salary, age, dice) if kind is JobKind.EMPLOYEE else int(1_020_000 * dice.spread(0.3))
    return JobPlan(kind, salary, since, employer=at.key)


def _kinds(draft: Draft, age: int) -> Table[JobKind | None]:
    if age >= _OLDER:
        return _OLD
    if draft.sex is Sex.MALE:
        return _MEN
    return _WOMEN if age >= _MIDDLE else _YOUNG_WOMEN


def _spell(plan: JobPlan, since: date, until: date | None, *, elsewhere: bool) -> JobSpell:
    kind = JobKind.ELSEWHERE if elsewhere else plan.kind
    key = None if elsewhere else plan.employer
    return JobSpell(kind, key, plan.salary, since, until, _paid(plan, since, until))


def _paid(plan: JobPlan, since: date, until: date | None) -> tuple[tuple[int, int], ...]:
    """Yen by calendar year: pay grows by 1.5 % of the first pay each year, and by days in years not worked in full."""
    first = max(FIRST_INCOME_YEAR, since.year)
    last = LAST_INCOME_YEAR if until is None else min(LAST_INCOME_YEAR, until.year)
    start = max(FIRST_INCOME_YEAR, plan.since.year)
    paid = []
    for year in range(first, last + 1):
        begin = max(since, date(year, 1, 1))
        end = date(year + 1, 1, 1) if until is None else min(until, date(year + 1, 1, 1))
        days = (end - begin).days
        if days > 0:
            yearly = plan.salary * (1000 + 15 * (year - start)) // 1000
            paid.append((year, yearly * min(days, 365) // 365))
    return tuple(paid)
