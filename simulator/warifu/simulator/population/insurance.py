"""Health insurance without gap or overlap: what the rules say for each stretch of time in which nothing changes.

In order: public assistance ends every scheme; from the 75th birthday the union; staff of an employer here, the
employees' insurer; their kin of low income in the same home (and their unmarried students elsewhere), the same insurer under the same
symbol and number; everyone else, the scheme of the municipality of residence.
"""

from dataclasses import dataclass
from datetime import date

from warifu.numbers import insured_person
from warifu.simulator.population.dates import CLOCK_START, HISTORY_FROM, ONE_DAY, age_on, years_after
from warifu.simulator.population.drafts import MOST_HOMES, Draft, Family, Home
from warifu.simulator.population.model import (
    InsuranceSpell,
    JobKind,
    JobSpell,
    LossReason,
    PersonFamily,
    Scheme,
    TaxAssessment,
)
from warifu.simulator.population.terms import Terms, terms_of
from warifu.simulator.population.world import Municipality

UNION_AGE = 75
_DEPENDANT_INCOME = 1_300_000
_DEPENDANT_INCOME_FROM_60 = 1_800_000
_STUDENT_UNTIL = 24
_JOBS_PER_PERSON = 8
# Multiplying by a number without the factors 2 and 5 permutes the numbers below a power of ten.
_NUMBER_SPACE = 10**8
_STRIDE = 61_803_399


@dataclass(frozen=True, slots=True)
class Cover:
    """Which qualification a person has on a day; equal covers on consecutive days are one spell."""

    scheme: Scheme
    institution: str
    insurer_number: str
    symbol: str | None
    number: str
    worker: Draft | None
    dependant: bool

    @property
    def card(self) -> tuple[str | None, str]:
        """Symbol and number, which the members of one qualification share."""
        return self.symbol, self.number


@dataclass(slots=True)
class _Run:
    draft: Draft
    cover: Cover
    since: date
    until: date | None
    head: bool


@dataclass(slots=True)
class Insured:
    """What insurance needs to know of a family."""

    family: Family
    jobs: dict[Draft, tuple[JobSpell, ...]]
    assessments: dict[Draft, list[TaxAssessment]]
    first_index: int

    def index(self, draft: Draft) -> int:
        """The person's index in the population."""
        return self.first_index + draft.number


def insure_family(insured: Insured) -> dict[Draft, list[InsuranceSpell]]:
    """The qualifications of everyone in a family, oldest first."""
    runs = _runs(insured)
    branches = _branches(runs)
    spells: dict[Draft, list[InsuranceSpell]] = {}
    for draft, own in runs.items():
        spells[draft] = [
            _spell(insured, run, own[i + 1] if i + 1 < len(own) else None, branches.get((run.cover.card, draft)))
            for i, run in enumerate(own)
        ]
    return spells


def _runs(insured: Insured) -> dict[Draft, list[_Run]]:
    """Covers joined over the stretches between the family's breakpoints."""
    days = _breakpoints(insured)
    runs: dict[Draft, list[_Run]] = {draft: [] for draft in insured.family.members}
    for since, until in zip(days, [*days[1:], None], strict=True):
        for draft, cover, head in _covers(insured, since):
            own = runs[draft]
            if own and own[-1].until == since and own[-1].cover == cover:
                own[-1].until = until
            else:
                own.append(_Run(draft, cover, since, until, head))
    # What ended before the history begins is nobody's business any more.
    return {d: [run for run in own if run.until is None or run.until > HISTORY_FROM] for d, own in runs.items()}


def _breakpoints(insured: Insured) -> list[date]:
    """Every day on which anybody's cover may change, from the first stay on."""
    days: set[date] = set()
    for draft in insured.family.members:
        days.add(years_after(draft.birth, UNION_AGE))
        days.add(years_after(draft.birth, _STUDENT_UNTIL))
        for job in insured.jobs[draft]:
            days.add(job.since)
            days.add(job.until or CLOCK_START)
        for stay in draft.stays:
            days.add(stay.since)
            days.add(stay.until or CLOCK_START)
        if draft.pension is not None:
            days.add(draft.pension.since)
    for home in insured.family.homes:
        days |= home.changes
    if insured.family.assistance is not None:
        since, ends = insured.family.assistance
        days |= {since, ends or since}
    return sorted(day for day in days if day <= CLOCK_START)


def _covers(insured: Insured, day: date) -> list[tuple[Draft, Cover, bool]]:
    """Everyone's cover on one day."""
    family = insured.family
    at_home = [(draft, stay.home) for draft in family.members if (stay := draft.stay_on(day)) is not None]
    if _assisted(family, day):
        return []
    workers = _workers(insured, day, at_home)
    covers = []
    for draft, home in at_home:
        cover = _own_cover(insured, draft, day, workers) or _through_kin(insured, draft, home, day, workers)
        if cover is None:
            cover = _municipal(insured, home)
        covers.append((draft, cover, home.head_on(day) is draft))
    return covers


def _assisted(family: Family, day: date) -> bool:
    if family.assistance is None:
        return False
    since, until = family.assistance
    return since <= day and (until is None or day < until)


def _workers(insured: Insured, day: date, at_home: list[tuple[Draft, Home]]) -> list[tuple[int, Draft, Home, Cover]]:
    """(salary, worker, home, cover) of those insured by their own work, the best paid first."""
    workers = []
    for draft, home in at_home:
        if age_on(draft.birth, day) >= UNION_AGE:
            continue
        for position, job in enumerate(insured.jobs[draft]):
            if job.kind is JobKind.EMPLOYEE and _holds(job, day):
                workers.append((job.salary, draft, home, _employees(insured, draft, job, position)))
                break
    return sorted(workers, key=lambda worker: (-worker[0], worker[1].number))


def _own_cover(
    insured: Insured, draft: Draft, day: date, workers: list[tuple[int, Draft, Home, Cover]]
) -> Cover | None:
    if age_on(draft.birth, day) >= UNION_AGE:
        union = insured.family.world.union
        number = insured_person.elderly(_scatter(insured.index(draft), 10**7))
        return Cover(Scheme.UNION, union.code, union.number, None, number, None, dependant=False)
    return next((cover for _, worker, _, cover in workers if worker is draft), None)


def _through_kin(
    insured: Insured, draft: Draft, home: Home, day: date, workers: list[tuple[int, Draft, Home, Cover]]
) -> Cover | None:
    """The cover as a dependant of the best-paid worker who may have this person as one."""
    if draft.declined or not workers or not _of_low_income(insured, draft, day):
        return None
    for _, worker, where, cover in workers:
        same_home = where is home and (insured.family.related or _partners(worker, draft, day))
        if same_home or _student_of(worker, draft, day):
            return Cover(
                cover.scheme, cover.institution, cover.insurer_number, cover.symbol, cover.number, worker, dependant=True
            )  # fmt: skip
    return None


def _of_low_income(insured: Insured, draft: Draft, day: date) -> bool:
    yearly = sum(job.salary for job in insured.jobs[draft] if _holds(job, day))
    if draft.pension is not None and draft.pension.since <= day:
        yearly += draft.pension.yearly
    old = age_on(draft.birth, day) >= 60  # noqa: PLR2004 - the age that the rule names
    return yearly < (_DEPENDANT_INCOME_FROM_60 if old else _DEPENDANT_INCOME)


def _partners(one: Draft, other: Draft, day: date) -> bool:
    partnership = one.partnership_on(day)
    return partnership is not None and partnership.partner is other


def _student_of(worker: Draft, draft: Draft, day: date) -> bool:
    return (
        draft in worker.children and age_on(draft.birth, day) < _STUDENT_UNTIL and draft.partnership_on(day) is None
    )  # fmt: skip


def _employees(insured: Insured, draft: Draft, job: JobSpell, position: int) -> Cover:
    insurer = insured.family.world.employees_insurer
    assert job.employer is not None, "staff have an employer"
    assert position < _JOBS_PER_PERSON, "a person's jobs fit the insured numbers"
    number = _scatter(insured.index(draft) * _JOBS_PER_PERSON + position, _NUMBER_SPACE)
    symbol = insured.family.world.employer_by_key[job.employer].symbol
    return Cover(
        Scheme.EMPLOYEES, insurer.code, insurer.number, symbol, f"{number:08d}", draft, dependant=False
    )  # fmt: skip


def _municipal(insured: Insured, home: Home) -> Cover:
    municipality: Municipality = home.municipality
    number = _scatter(insured.family.index * MOST_HOMES + home.number, _NUMBER_SPACE)
    return Cover(
        Scheme.MUNICIPAL,
        municipality.nhi,
        municipality.nhi_insurer_number,
        municipality.nhi_symbol,
        f"{number:08d}",
        None,
        dependant=False,
    )


def _scatter(value: int, space: int) -> int:
    return value * _STRIDE % space


def _holds(job: JobSpell, day: date) -> bool:
    return job.since <= day and (job.until is None or day < job.until)


def _branches(runs: dict[Draft, list[_Run]]) -> dict[tuple[tuple[str | None, str], Draft], int]:
    """Places within each symbol and number, in order of joining; 0 is the worker, members of a 国保 home start at 1."""
    branches: dict[tuple[tuple[str | None, str], Draft], int] = {}
    taken: dict[tuple[str | None, str], int] = {}
    every = sorted((run for own in runs.values() for run in own), key=lambda run: (run.since, run.draft.number))
    for run in every:
        card = run.cover.card
        if run.cover.scheme is Scheme.UNION or (card, run.draft) in branches:
            continue
        if run.cover.worker is run.draft:
            branches[card, run.draft] = 0
        else:
            taken[card] = branches[card, run.draft] = taken.get(card, 0) + 1
    return branches


def _spell(insured: Insured, run: _Run, following: _Run | None, place: int | None) -> InsuranceSpell:
    cover = run.cover
    last_day = CLOCK_START if run.until is None else run.until - ONE_DAY
    terms = _terms(insured, run, last_day)
    family_member = cover.dependant or (cover.scheme is Scheme.MUNICIPAL and not run.head)
    return InsuranceSpell(
        cover.scheme,
        cover.institution,
        cover.insurer_number,
        cover.symbol,
        cover.number,
        None if place is None else insured_person.branch(place),
        PersonFamily.FAMILY if family_member else PersonFamily.INSURED,
        f"p-{insured.index(cover.worker):06d}" if cover.worker is not None and cover.dependant else None,
        run.since,
        run.until,
        None if run.until is None else _loss(insured.family, run, following),
        terms.copay_percent,
        terms.cap_class,
    )


def _loss(family: Family, run: _Run, following: _Run | None) -> LossReason:
    until = run.until
    assert until is not None, "a loss has a day"
    if run.draft.death is not None and until == run.draft.death + ONE_DAY:
        return LossReason.DEATH
    if _assisted(family, until):
        return LossReason.PUBLIC_ASSISTANCE
    if following is not None and following.since == until and following.cover.scheme is not run.cover.scheme:
        return LossReason.OTHER_INSURANCE
    return LossReason.OTHER


def _terms(insured: Insured, run: _Run, day: date) -> Terms:
    """Share and cap class by age and by the assessment that counts on that day: the worker's, the home's, one's own."""
    draft = run.draft
    if run.cover.worker is not None:
        taxpayers = [run.cover.worker]
    elif run.cover.scheme is Scheme.MUNICIPAL:
        stay = draft.stay_on(day)
        home = stay.home if stay is not None else None
        taxpayers = [d for d in insured.family.members if (s := d.stay_on(day)) is not None and s.home is home]
    else:
        taxpayers = [draft]
    year = day.year if day.month >= 8 else day.year - 1  # noqa: PLR2004 - classes change on 1 August
    found = [a for d in taxpayers for a in insured.assessments.get(d, ()) if a.tax_year == year]
    return terms_of(run.cover.scheme, draft.birth, day, found)
