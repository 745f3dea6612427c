"""What happens to families: relationships, heads, insurance and addresses follow."""

from datetime import date

import pytest

from warifu.simulator.population import (
    CLOCK_START,
    HISTORY_FROM,
    LossReason,
    Reason,
    ReturnKind,
    Scheme,
    find,
    generate,
    load_world,
)
from warifu.simulator.population import life as events
from warifu.simulator.population.chances import LAST_DAY, Fate
from warifu.simulator.population.dates import age_on, school_leaving, years_after
from warifu.simulator.population.dice import Dice
from warifu.simulator.population.drafts import Family
from warifu.simulator.population.freeze import freeze
from warifu.simulator.population.kinship import relationship
from warifu.simulator.population.roles import MAN, WOMAN, Script, own_business, part_time, staff

KEY = b"a key for resident codes, 32 bytes"
DAY = date(2022, 7, 1)


def script(label="test") -> Script:
    """An empty family to write."""
    return Script(Family(3, Dice(label), load_world()))


def frozen(written: Script):
    """Its people, by order of writing."""
    return freeze(written.family, 501, KEY).people


def three_generations():
    """Grandmother, her son with his wife, and their two children in one home, headed by the son."""
    written = script()
    father = written.person(MAN, date(1980, 5, 5), jobs=[staff("kaya-wood", 4_000_000, date(2010, 4, 1))])
    mother = written.person(WOMAN, date(1982, 6, 6))
    written.couple(father, mother)
    girl = written.person(WOMAN, date(2008, 7, 7), parents=(father, mother))
    boy = written.person(MAN, date(2012, 8, 8), parents=(father, mother))
    grandmother = written.person(WOMAN, date(1952, 9, 9), pension=900_000)
    written.child_of(father, mother=grandmother)
    home = written.settle("kayano", date(2011, 1, 1))
    return written, home, (father, mother, girl, boy, grandmother)


def test_relationships_are_read_from_the_head():
    """Each member's label is what the member is to the head, and changes with the head."""
    written, _, (father, mother, girl, boy, grandmother) = three_generations()
    assert [relationship(father, p, DAY) for p in (father, mother, girl, grandmother)] == ["世帯主", "妻", "子", "母"]
    assert [relationship(grandmother, p, DAY) for p in (father, mother, boy)] == ["子", "子の妻", "子の子"]
    assert relationship(mother, grandmother, DAY) == "夫の母"
    assert relationship(mother, father, DAY) == "夫"
    assert relationship(girl, boy, DAY) == "弟"
    assert relationship(boy, girl, DAY) == "姉"
    assert relationship(boy, grandmother, DAY) == "祖母"
    grandfather = written.person(MAN, date(1950, 1, 1))
    written.child_of(father, father=grandfather, mother=grandmother)
    assert relationship(boy, grandfather, DAY) == "祖父"


def test_strangers_are_lodgers_and_unregistered_partners_say_so():
    """Who is no kin is a lodger; an unregistered partner is written as such; a partner's child as the partner's."""
    written = script()
    woman = written.person(WOMAN, date(1985, 1, 1))
    man = written.person(MAN, date(1984, 1, 1))
    child = written.person(MAN, date(2010, 1, 1), parents=(None, woman))
    stranger = written.person(MAN, date(1990, 1, 1))
    assert relationship(woman, man, DAY) == "同居人"
    written.couple(woman, man, registered=False)
    assert relationship(woman, man, DAY) == "夫(未届)"
    assert relationship(man, child, DAY) == "妻(未届)の子"
    assert relationship(man, stranger, DAY) == "同居人"


def test_when_a_head_dies_the_spouse_follows():
    """After a head's death the spouse heads the home from the next day, and labels follow."""
    written, _, (father, *_) = three_generations()
    events.die(written.family, father, DAY)
    father_, mother_, girl_, _, grandmother_ = frozen(written)
    after = date(2022, 7, 2)
    assert father_.residency[-1].until == after
    assert father_.residency[-1].end_reason is Reason.DEATH
    assert mother_.resident_on(DAY).relationship == "妻"
    assert mother_.resident_on(after).relationship == "世帯主"
    assert mother_.resident_on(after).reason is Reason.HEAD
    assert girl_.resident_on(after).relationship == "子"
    assert grandmother_.resident_on(after).relationship == "縁故者"
    assert mother_.spouse is None


def test_a_workers_death_moves_dependants_to_the_municipality():
    """The day after the worker's death the dependants are in the municipal scheme, and the reasons differ."""
    written, _, (father, *_) = three_generations()
    events.die(written.family, father, DAY)
    father_, mother_, girl_, *_ = frozen(written)
    assert father_.insurance[-1].loss_reason is LossReason.DEATH
    assert mother_.insured_on(DAY).insured == father_.person
    assert mother_.insured_on(date(2022, 7, 2)).scheme is Scheme.MUNICIPAL
    assert mother_.insurance[0].loss_reason is LossReason.OTHER_INSURANCE
    assert girl_.insured_on(date(2022, 7, 2)).number == mother_.insured_on(date(2022, 7, 2)).number


def test_minors_are_never_left_alone():
    """A death that would leave only minors in a home does not happen."""
    written = script()
    mother = written.person(WOMAN, date(1985, 1, 1))
    written.person(MAN, date(2015, 1, 1), parents=(None, mother))
    written.settle("omio", date(2016, 1, 1))
    assert not events.die(written.family, mother, DAY)
    assert mother.death is None


def test_a_child_that_leaves_has_a_home_of_its_own():
    """A child who leaves for another municipality heads a new home there; the old home keeps its head."""
    written, home, (_, _, girl, *_) = three_generations()
    events.leave(written.family, girl, DAY, load_world().by_key["omio"])
    father_, _, girl_, *_ = frozen(written)
    assert girl_.resident_on(DAY).is_head
    assert girl_.resident_on(DAY).municipality == "491004"
    assert girl_.resident_on(DAY).household_id != father_.resident_on(DAY).household_id
    assert father_.resident_on(DAY).is_head
    assert home.head_on(DAY) is written.family.members[0]
    # A student away from home stays the worker's dependant.
    assert girl_.insured_on(DAY).insured == father_.person


def test_a_home_that_moves_keeps_its_people_and_head():
    """A move between municipalities ends and begins every member's record on one day and changes the municipal number."""
    written = script()
    woman = written.person(WOMAN, date(1970, 1, 1), jobs=[own_business(3_000_000, date(2000, 1, 1))])
    husband = written.person(MAN, date(1970, 2, 2))
    written.couple(woman, husband)
    home = written.settle("aonagi", date(2001, 1, 1))
    events.move_between(written.family, home, load_world().by_key["shirashio"], DAY)
    woman_, husband_ = frozen(written)
    assert [s.municipality for s in husband_.residency] == ["480011", "490016"]
    assert woman_.present.is_head
    before, after = husband_.insurance
    assert (before.institution, after.institution) == ("nhi-480011", "nhi-490016")
    assert before.disqualified_on == after.qualified_on == DAY
    assert before.loss_reason is LossReason.OTHER
    assert before.number != after.number
    assert (woman_.assessed(2022).municipality, woman_.assessed(2023).municipality) == ("480011", "490016")


@pytest.mark.parametrize(("moved", "taxes"), [(date(2022, 1, 1), "490016"), (date(2022, 1, 2), "480011")])
def test_the_first_of_january_decides_who_taxes(moved, taxes):
    """A move on 1 January changes the tax office of that year, a move on the 2nd does not."""
    written = script()
    written.person(MAN, date(1980, 1, 1), jobs=[own_business(3_000_000, date(2010, 1, 1))])
    home = written.settle("aonagi", date(2011, 1, 1))
    events.move_between(written.family, home, load_world().by_key["shirashio"], moved)
    (man_,) = frozen(written)
    assert man_.assessed(2022).municipality == taxes


def test_who_is_deducted_for_need_not_declare():
    """Somebody without income who files nothing is undeclared alone, but exempt when a taxpayer deducts for them."""
    for worker, expected in ((False, (4, ReturnKind.NONE)), (True, (1, ReturnKind.PAYER_REPORT))):
        written = script()
        wife = written.person(WOMAN, date(1985, 1, 1))
        wife.undeclaring = True
        man = written.person(
            MAN, date(1980, 1, 1), jobs=[staff("kaya-wood", 4_000_000, date(2010, 4, 1))] if worker else []
        )
        written.couple(wife, man)
        son = written.person(MAN, date(2003, 1, 1), parents=(man, wife))
        son.undeclaring = True
        written.settle("kayano", date(2012, 1, 1))
        people = frozen(written)
        for person in (people[0], people[2]):
            assessed = person.assessed(2025)
            assert (assessed.tax_class, assessed.return_kind) == expected


def test_what_is_planned_happens_in_order_and_apart():
    """Happenings come by their days, whatever the order of planning, two days apart at least, and none after the end."""
    fate = Fate(script().family, date(2020, 1, 1))
    happened = []
    for day in (date(2021, 5, 2), date(2020, 3, 3), date(2021, 5, 1), date(2021, 5, 1), LAST_DAY, date(2030, 1, 1)):
        fate.plan(day, happened.append)
    fate.run()
    assert happened == [date(2020, 3, 3), date(2021, 5, 1), date(2021, 5, 3), date(2021, 5, 5), LAST_DAY]


def test_traits_say_what_they_mean():
    """Traits of age, home and history agree with the person's data."""
    for person in (p for household in generate(12, 1500) for p in household):
        age = age_on(person.birth_date, CLOCK_START)
        here = person.present is not None
        traits = set(person.traits)
        assert ("resident" in traits) == here
        assert ("child" in traits) == (here and age < 18)
        assert ("elderly-75" in traits) == (here and age >= 75)
        assert ("turned-75" in traits) == (here and age >= 75 and age_on(person.birth_date, HISTORY_FROM) < 75)
        assert ("baby" in traits) == (here and age == 0)
        assert ("deceased" in traits) == (person.death_date is not None)
        assert ("head" in traits) == (here and person.present.is_head)
        assert ("moved" in traits) == (len({s.municipality for s in person.residency}) > 1)
        assert ("foreign" in traits) == (person.foreign is not None)
        assert ("worker" in traits) == (here and any(j.kind == "employee" and j.until is None for j in person.jobs))
        assert ("public-assistance" in traits) == any(s.until is None for s in person.assistance)
        assert ("protected" in traits) == (person.support is not None)


def test_a_divorce_parts_and_moves_one_out():
    """After a divorce neither has a spouse, and the one who leaves is gone from the home."""
    written, _, (father, *_) = three_generations()
    events.divorce(written.family, father, DAY, None)
    father_, mother_, *_ = frozen(written)
    assert father_.present is None
    assert father_.residency[-1].forwarding is not None
    assert mother_.spouse is None
    assert mother_.present.is_head


def test_a_newborn_lives_with_its_mother_from_birth():
    """A child's record begins on its birthday, with its mother's address and the head's name."""
    written, _, (_, mother, *_) = three_generations()
    child = events.bear(written.family, mother, DAY)
    people = frozen(written)
    baby = people[child.number]
    assert baby.birth_date == baby.residency[0].since == DAY
    assert baby.residency[0].reason is Reason.BIRTH
    assert baby.residency[0].address == people[1].resident_on(DAY).address
    assert baby.name.family == people[0].name.family
    assert baby.insured_on(DAY).insured == people[0].person


def test_a_gap_between_jobs_is_insured_by_the_municipality():
    """Between two jobs a worker is in the municipal scheme, with the employees' insurer before and after."""
    person = next(p for p in find(generate(1, 200), "job-changer") if p.jobs[-1].since == date(2023, 8, 1))
    schemes = [(s.scheme, s.qualified_on, s.loss_reason) for s in person.insurance]
    assert schemes[-3:] == [
        (Scheme.EMPLOYEES, schemes[-3][1], LossReason.OTHER_INSURANCE),
        (Scheme.MUNICIPAL, date(2023, 4, 1), LossReason.OTHER_INSURANCE),
        (Scheme.EMPLOYEES, date(2023, 8, 1), None),
    ]


def test_public_assistance_ends_the_municipal_scheme_and_its_end_restores_it():
    """While public assistance lasts there is no qualification; the loss says why."""
    written = script()
    woman = written.person(WOMAN, date(1970, 1, 1))
    written.settle("omio", date(2010, 1, 1))
    written.family.assistance = (date(2021, 3, 1), date(2022, 3, 1))
    (woman_,) = frozen(written)
    assert woman.death is None
    assert [s.loss_reason for s in woman_.insurance] == [LossReason.PUBLIC_ASSISTANCE, None]
    assert woman_.insured_on(date(2021, 12, 31)) is None
    assert woman_.insurance[1].qualified_on == date(2022, 3, 1)
    assert woman_.assistance[0].municipality == "491004"
    assert woman_.assessed(2022).tax_class == 1


def test_seventy_five_is_the_union_even_at_work():
    """On the 75th birthday a worker changes to the union, and the wife who depended on him to the municipality."""
    written = script()
    man = written.person(
        MAN, date(1947, 7, 1), jobs=[staff("kaya-wood", 2_500_000, date(2010, 4, 1))], pension=1_200_000
    )
    wife = written.person(WOMAN, date(1955, 1, 1), pension=700_000)
    written.couple(man, wife)
    written.settle("kayano", date(1990, 1, 1))
    man_, wife_ = frozen(written)
    assert man_.insured_on(date(2022, 6, 30)).scheme is Scheme.EMPLOYEES
    assert man_.insured_on(date(2022, 7, 1)).scheme is Scheme.UNION
    assert wife_.insured_on(date(2022, 6, 30)).insured == man_.person
    assert wife_.insured_on(date(2022, 7, 1)).scheme is Scheme.MUNICIPAL


def test_income_decides_who_is_a_dependant():
    """A spouse is a dependant below 1.3 million yen a year, and from 60 below 1.8 million."""
    outcomes = []
    for salary, birth in ((1_299_999, 1985), (1_300_000, 1985), (1_300_000, 1960)):
        written = script()
        man = written.person(MAN, date(1980, 1, 1), jobs=[staff("kaya-wood", 4_000_000, date(2010, 4, 1))])
        wife = written.person(WOMAN, date(birth, 1, 1), jobs=[part_time("okawa-store", salary, date(2015, 4, 1))])
        written.couple(man, wife)
        written.settle("kayano", date(2012, 1, 1))
        outcomes.append(frozen(written)[1].insured_on(CLOCK_START).scheme)
    assert outcomes == [Scheme.EMPLOYEES, Scheme.MUNICIPAL, Scheme.EMPLOYEES]


def test_a_newcomers_first_job_here_follows_one_elsewhere():
    """Work before arrival counts for tax as work elsewhere, and insures nobody here."""
    person = next(find(generate(1, 200), "moved-in", "moved-within", "worker"))
    kinds = [job.kind for job in person.jobs]
    assert kinds == ["elsewhere", "employee"]
    assert person.jobs[0].until == person.jobs[1].since == person.residency[0].since
    assert person.insurance[0].qualified_on == person.residency[0].since
    assert person.assessments[0].tax_year == person.residency[0].since.year + 1


@pytest.mark.parametrize(
    ("birth", "age", "leaves"),
    [
        (date(2000, 4, 1), 18, date(2018, 4, 1)),
        (date(2000, 4, 2), 18, date(2019, 4, 1)),
        (date(2000, 1, 5), 22, date(2022, 4, 1)),
    ],
)
def test_school_years_end_in_march(birth, age, leaves):
    """Who is born up to 1 April belongs to the older school year."""
    assert school_leaving(birth, age) == leaves


def test_leap_day_birthdays_come_on_the_first_of_march():
    """A person born on 29 February turns a year older on 1 March of common years."""
    birth = date(2004, 2, 29)
    assert years_after(birth, 1) == date(2005, 3, 1)
    assert years_after(birth, 4) == date(2008, 2, 29)
    assert age_on(birth, date(2005, 2, 28)) == 0
    assert age_on(birth, date(2005, 3, 1)) == 1
