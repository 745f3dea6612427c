"""What holds of every population: nobody is in two places, at two insurers, older than a parent, alive after death."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warifu.numbers import resident_code
from warifu.simulator.population import (
    CLOCK_START,
    HISTORY_FROM,
    TRAITS,
    LossReason,
    PersonFamily,
    Reason,
    Scheme,
    Sex,
    TaxClass,
    cast,
    generate,
    load_world,
)

SEEDS = st.integers(0, 40)
DAY = timedelta(days=1)
UNION_BIRTHDAY = 75


@lru_cache(maxsize=64)
def households(seed: int):
    """A population of 300, made once a seed."""
    return tuple(generate(seed, 300))


@lru_cache(maxsize=64)
def people(seed: int):
    """The same, person by person."""
    return tuple(person for household in households(seed) for person in household)


def on_seeds(test):
    """Run a test over seeds drawn by hypothesis."""
    relaxed = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    return relaxed(given(seed=SEEDS)(test))


def covers(spell, day: date) -> bool:
    """Whether a half-open span holds on a day, whatever its ends are called."""
    since = getattr(spell, "since", None) or spell.qualified_on
    until = spell.until if hasattr(spell, "until") else spell.disqualified_on
    return since <= day and (until is None or day < until)


def turning_points(person) -> list[date]:
    """The first and last days of all spells of a person inside the history."""
    days = {HISTORY_FROM, CLOCK_START}
    for spell in (*person.residency, *person.insurance, *person.assistance, *person.jobs):
        since = getattr(spell, "since", None) or spell.qualified_on
        until = spell.until if hasattr(spell, "until") else spell.disqualified_on
        days |= {since - DAY, since, *((until - DAY, until) if until else ())}
    return sorted(day for day in days if HISTORY_FROM <= day <= CLOCK_START)


@on_seeds
def test_spells_of_residence_follow_one_another(seed):
    """A person's residency spells are in order, never empty, never overlap, and only the last one lasts."""
    for person in people(seed):
        assert person.residency
        for spell in person.residency:
            assert spell.until is None or spell.since < spell.until
            assert spell.since <= spell.notified_on <= spell.since + 13 * DAY
            assert spell.address.lg_code == spell.municipality
        for before, after in zip(person.residency, person.residency[1:], strict=False):
            assert before.until is not None
            assert before.until <= after.since
            assert before.end_reason is not None


@on_seeds
def test_a_move_between_municipalities_is_one_person_moving(seed):
    """A move-out to a municipality here is a move-in there on the same day, each knowing the other's address."""
    moves = 0
    for person in people(seed):
        for before, after in zip(person.residency, person.residency[1:], strict=False):
            if before.municipality != after.municipality:
                moves += 1
                assert before.until == after.since == after.resident_since == after.address_since
                assert (before.end_reason, after.reason) == (Reason.MOVE_OUT, Reason.MOVE_IN)
                assert before.forwarding == after.address
                assert after.previous == before.address
                assert before.household_id != after.household_id
            else:
                assert after.resident_since == before.resident_since
    assert moves


@on_seeds
def test_every_home_has_one_head_at_every_time(seed):
    """On each day on which anything changes, a home with people in it has exactly one head."""
    homes = defaultdict(list)
    for person in people(seed):
        for spell in person.residency:
            homes[spell.household_id].append(spell)
    for spells in homes.values():
        assert len({spell.municipality for spell in spells}) == 1
        days = {spell.since for spell in spells} | {spell.until for spell in spells if spell.until}
        for day in days:
            labels = [spell.relationship for spell in spells if covers(spell, day)]
            assert labels.count("世帯主") == (1 if labels else 0)
            assert len({spell.address for spell in spells if covers(spell, day)}) <= 1


@on_seeds
def test_residents_are_insured_without_gap_or_overlap(seed):
    """On every day of residence a person has exactly one qualification, or public assistance instead."""
    for person in people(seed):
        for day in turning_points(person):
            resident = any(covers(spell, day) for spell in person.residency)
            qualifications = [spell for spell in person.insurance if covers(spell, day)]
            assisted = [spell for spell in person.assistance if covers(spell, day)]
            assert len(qualifications) + len(assisted) == (1 if resident else 0), (person.person, day)


@on_seeds
def test_the_insurer_fits_the_person(seed):
    """Municipal insurance is that of the municipality; the union has whoever is 75, from the birthday on, and nobody else."""
    world = load_world()
    for person in people(seed):
        for spell in person.insurance:
            last = CLOCK_START if spell.disqualified_on is None else spell.disqualified_on - DAY
            first = max(spell.qualified_on, HISTORY_FROM)
            age_last = years(person.birth_date, last)
            if spell.scheme is Scheme.UNION:
                assert years(person.birth_date, spell.qualified_on) >= UNION_BIRTHDAY
                assert (spell.symbol, spell.branch) == (None, None)
            else:
                assert age_last < UNION_BIRTHDAY
                assert spell.symbol
                assert spell.branch
            if spell.scheme is Scheme.MUNICIPAL:
                for day in (first, last):
                    home = person.resident_on(day)
                    assert world.by_code[home.municipality].nhi_insurer_number == spell.insurer_number
            assert (spell.disqualified_on is None) == (spell.loss_reason is None)
            assert spell.copay_percent in {10, 20, 30}
            assert spell.disqualified_on is None or spell.qualified_on < spell.disqualified_on


@on_seeds
def test_dependants_share_the_workers_card(seed):
    """A dependant has the symbol and number of a worker insured on all those days, and a branch of one's own."""
    everyone = {person.person: person for person in people(seed)}
    dependants = 0
    cards = defaultdict(set)
    for person in people(seed):
        for spell in person.insurance:
            if spell.scheme is Scheme.EMPLOYEES:
                cards[spell.symbol, spell.number, spell.branch].add(person.person)
            if spell.insured is None:
                continue
            dependants += 1
            assert spell.person_family is PersonFamily.FAMILY
            last = CLOCK_START if spell.disqualified_on is None else spell.disqualified_on - DAY
            for day in (max(spell.qualified_on, HISTORY_FROM), last):
                own = everyone[spell.insured].insured_on(day)
                assert (own.symbol, own.number) == (spell.symbol, spell.number)
                assert (own.branch, own.insured) == ("00", None)
                assert spell.branch != "00"
    assert dependants
    assert all(len(holders) == 1 for holders in cards.values())


@on_seeds
def test_a_worker_is_insured_through_the_work(seed):
    """Full-time staff under 75 belong to the employees' insurer on each day of the job, and only they are insured persons."""
    for person in people(seed):
        for day in turning_points(person):
            if person.resident_on(day) is None or years(person.birth_date, day) >= UNION_BIRTHDAY:
                continue
            employed = any(job.kind == "employee" and covers(job, day) for job in person.jobs)
            own = person.insured_on(day)
            insured = own is not None and own.scheme is Scheme.EMPLOYEES and own.insured is None
            assert employed == insured


def years(birth: date, day: date) -> int:
    """Age, worked out by trying birthdays."""
    age = -1
    while (birth.year + age + 1, birth.month, birth.day) <= (day.year, day.month, day.day):
        age += 1
    return age


@on_seeds
def test_tax_is_owed_where_one_lived_on_the_first_of_january(seed):
    """Each adult resident of 1 January is assessed once, by that municipality, and nobody else is."""
    for person in people(seed):
        assessed = {a.tax_year: a for a in person.assessments}
        assert len(assessed) == len(person.assessments)
        for year in range(2019, 2027):
            home = person.resident_on(date(year, 1, 1))
            adult = years(person.birth_date, date(year - 1, 12, 31)) >= 18
            if home is None:
                assert year not in assessed
            else:
                assert not adult or year in assessed
                if year in assessed:
                    assert assessed[year].municipality == home.municipality
                    assert assessed[year].published_on == date(year, 6, 10)


@on_seeds
def test_an_assessment_adds_up(seed):
    """Amounts are whole yen that fit one another and the tax class; who declared nothing has none."""
    classes = Counter()
    for person in people(seed):
        for a in person.assessments:
            classes[a.tax_class] += 1
            if a.tax_class is TaxClass.UNDECLARED:
                assert a.total_income is None
                continue
            revenue = sum(amount for job in person.jobs for year, amount in job.paid if year == a.tax_year - 1)
            assert a.salary_revenue + a.business_income == revenue
            assert 0 <= a.total_income <= a.salary_income + a.pension_income + a.business_income
            income_levy = a.municipal_income_levy + a.prefectural_income_levy
            per_capita = a.municipal_per_capita_levy + a.prefectural_per_capita_levy + a.forest_tax
            assert income_levy == 0 or per_capita == 5_000
            expected = TaxClass.TAXED if income_levy else TaxClass.PER_CAPITA_ONLY if per_capita else TaxClass.EXEMPT
            assert a.tax_class is expected
            assert a.municipal_income_levy % 100 == a.prefectural_income_levy % 100 == 0
            assert (a.forest_tax > 0) == (per_capita > 0 and a.tax_year >= 2024)
    assert set(classes) == set(TaxClass)


@on_seeds
def test_nobody_is_deducted_for_twice(seed):
    """No home claims more dependants and spouses than it has members of low income."""
    for year in (2020, 2023, 2026):
        homes = defaultdict(list)
        for person in people(seed):
            spell = person.resident_on(date(year, 1, 1))
            if spell is not None:
                homes[spell.household_id].append(person.assessed(year))
        for assessments in homes.values():
            known = [a for a in assessments if a is not None and a.total_income is not None]
            claimed = sum(a.dependants + a.dependants_under_16 + (a.spouse_deduction > 0) for a in known)
            limit = 580_000 if year == 2026 else 480_000 if year == 2023 else 380_000
            poor = len(assessments) - sum(a.total_income > limit for a in known)
            assert claimed <= poor


@on_seeds
def test_parents_are_older_than_children(seed):
    """Parents are at least 15 years older than their children, mothers at most 45, and of the sex that the role says."""
    everyone = {person.person: person for person in people(seed)}
    for person in people(seed):
        for role, sex in (("father", Sex.MALE), ("mother", Sex.FEMALE)):
            parent = everyone.get(getattr(person, role))
            if parent is not None:
                assert parent.sex is sex
                assert 15 <= years(parent.birth_date, person.birth_date) <= (45 if role == "mother" else 70)


@on_seeds
def test_partners_are_mutual_and_grown(seed):
    """A spouse's spouse is the person, neither is a minor, and registered Japanese couples share a family name."""
    everyone = {person.person: person for person in people(seed)}
    couples = 0
    for person in people(seed):
        if person.spouse is None or person.death_date is not None:
            continue
        other = everyone[person.spouse]
        couples += 1
        assert other.spouse == person.person
        assert years(person.birth_date, CLOCK_START) >= 18
        unregistered = any("未届" in s.relationship for s in (*person.residency, *other.residency))
        if not unregistered and person.foreign is None and other.foreign is None:
            assert person.name.family == other.name.family
    assert couples


@on_seeds
def test_nothing_comes_before_birth_or_after_death(seed):
    """Every spell lies between birth and the day after death; nobody works before 15."""
    for person in people(seed):
        end = person.death_date + DAY if person.death_date else None
        for spell in (*person.residency, *person.insurance, *person.assistance, *person.jobs):
            since = getattr(spell, "since", None) or spell.qualified_on
            until = spell.until if hasattr(spell, "until") else spell.disqualified_on
            assert since >= person.birth_date
            assert since <= CLOCK_START
            if end is not None:
                assert until is not None
                assert until <= end
        for job in person.jobs:
            assert years(person.birth_date, job.since) >= 15
        if person.death_date is not None:
            assert HISTORY_FROM <= person.death_date < CLOCK_START
            assert person.residency[-1].end_reason is Reason.DEATH
            assert all(a.tax_year <= person.death_date.year for a in person.assessments)
            open_at_death = [s for s in person.insurance if s.disqualified_on == end]
            assert all(s.loss_reason is LossReason.DEATH for s in open_at_death)
            assert open_at_death or person.assistance


@on_seeds
def test_everybody_was_here_in_the_history(seed):
    """Everyone lived here on some day of the seven years, and has a resident code of the synthetic block of one's own."""
    codes = set()
    for person in people(seed):
        last = person.residency[-1].until
        assert last is None or last > HISTORY_FROM
        codes.add(resident_code.check(person.resident_code))
    assert len(codes) == len(people(seed))


@on_seeds
def test_the_four_basic_items_tell_people_apart(seed):
    """No two people share name, address, birth date and sex, the homonyms neither."""
    items = Counter((p.name.full, p.last_address.ja, p.birth_date, p.sex) for p in people(seed))
    assert max(items.values()) == 1


@on_seeds
def test_every_trait_occurs(seed):
    """Every trait of the list, and every role of the cast, is somebody's in a population of 200."""
    small = [person for household in generate(seed, 200) for person in household]
    found = {trait for person in small for trait in person.traits}
    assert set(TRAITS) <= found
    assert found - set(TRAITS) == {f"cast:{role}" for role in cast(households(seed))}


@on_seeds
def test_homonyms_share_what_the_trait_says(seed):
    """The homonyms share name, reading, sex and birth date, and live in different municipalities."""
    pair = [person for person in people(seed) if "homonym" in person.traits]
    assert len(pair) == 2
    assert len({(p.name, p.sex, p.birth_date) for p in pair}) == 1
    assert len({p.present.municipality for p in pair}) == 2


@on_seeds
def test_events_are_about_people_of_the_family(seed):
    """Each event lies in the history and names members of its own household; births and deaths agree with the people."""
    for household in households(seed):
        members = {person.person: person for person in household}
        for event in household.events:
            assert HISTORY_FROM < event.on < CLOCK_START
            assert set(event.people) <= set(members)
            assert event.people
            if event.kind == "birth":
                assert members[event.people[0]].birth_date == event.on
            if event.kind == "death":
                assert members[event.people[0]].death_date == event.on


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_life_goes_on_in_every_population(seed):
    """Births, deaths, marriages, divorces and all kinds of moves happen."""
    kinds = {event.kind for household in generate(seed, 2000) for event in household.events}
    assert kinds >= {"birth", "death", "marriage", "divorce", "move_out", "move_within", "move_between", "leave_home"}
