"""The stream of households: reproducible, prefix-stable, exactly as long as asked, and never in memory as a whole."""

import hashlib
import itertools
import os
import pickle
import subprocess
import sys
from datetime import date

import pytest

from warifu.numbers import resident_code
from warifu.simulator.population import (
    CAST,
    CLOCK_START,
    HISTORY_FROM,
    MAXIMUM_PEOPLE,
    MINIMUM_PEOPLE,
    TRAITS,
    cast,
    find,
    generate,
    is_trait,
    resident_code_key,
)

PROGRAM = """
import hashlib
from warifu.simulator.population import generate
print(hashlib.sha256(repr(list(generate(7, 120))).encode()).hexdigest())
"""


def digest(seed: int, people: int) -> str:
    """A hash of everything in a population."""
    return hashlib.sha256(repr(list(generate(seed, people))).encode()).hexdigest()


def test_a_seed_gives_the_same_bytes_and_another_seed_others():
    """Equal seeds give equal populations, different seeds different ones."""
    assert digest(7, 120) == digest(7, 120)
    assert len({digest(seed, 120) for seed in range(5)}) == 5


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_a_population_does_not_depend_on_the_process(hash_seed):
    """Another process with another hash seed gives the same bytes."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == digest(7, 120)


def test_two_streams_do_not_disturb_each_other():
    """Interleaved streams give what each gives alone: no state is shared."""
    alone = list(generate(3, 150))
    mixed = [one for one, _ in itertools.zip_longest(generate(3, 150), generate(4, 150)) if one is not None]
    assert mixed == alone


@pytest.mark.parametrize("people", [MINIMUM_PEOPLE, 22, 45, 83, 200, 333])
def test_a_population_has_exactly_as_many_people_as_asked(people):
    """Sizes are exact, and handles and indexes run from 1 without a gap."""
    persons = [person for household in generate(11, people) for person in household]
    assert [person.index for person in persons] == list(range(1, people + 1))
    assert [person.person for person in persons] == [f"p-{i:06d}" for i in range(1, people + 1)]


def test_a_larger_population_begins_like_a_smaller_one():
    """All households of a smaller population but the last few, which fill it up, are those of a larger one."""
    small, large = list(generate(5, 300)), list(generate(5, 900))
    same = sum(a == b for a, b in zip(small, large, strict=False))
    assert same >= len(small) - 9


@pytest.mark.parametrize("people", [MINIMUM_PEOPLE - 1, 0, -1, MAXIMUM_PEOPLE + 1])
def test_impossible_sizes_are_refused_at_once(people):
    """A population without room for its cast, or without free resident codes, is refused before the first household."""
    with pytest.raises(ValueError, match="people"):
        generate(1, people)


def test_the_stream_makes_what_is_read_and_no_more():
    """The first household of the largest population comes without the others being made."""
    first = next(generate(1, MAXIMUM_PEOPLE))
    assert first.people[0].person == "p-000001"


def test_the_cast_is_the_same_for_every_seed():
    """Each role has the same handle whatever the seed; names differ, births and jobs do not."""
    one, other = list(generate(1, 60)), list(generate(2, 60))
    assert cast(one) == cast(other)
    assert set(cast(one)) == set(CAST)
    lives = [
        [(p.birth_date, p.jobs, [s.municipality for s in p.residency]) for h in hs[:8] for p in h]
        for hs in (one, other)
    ]
    assert lives[0] == lives[1]
    assert [p.name for h in one[:8] for p in h] != [p.name for h in other[:8] for p in h]


def test_the_mover_can_move():
    """The mover heads a family of four in Aonagi City since before 2024, insured with them at the employees' insurer."""
    households = list(generate(9, 60))
    people = {person.person: person for household in households for person in household}
    roles = cast(households)
    mover = people[roles["mover"]]
    assert mover.present.is_head
    assert mover.present.municipality == "480011"
    assert mover.present.resident_since < date(2024, 1, 1)
    assert mover.insured_on(CLOCK_START).institution == "insurer-06480016"
    for role in ("mover-spouse", "mover-child", "mover-child-2"):
        assert people[roles[role]].insured_on(CLOCK_START).insured == mover.person
    assert {a.tax_year for a in mover.assessments} == set(range(2019, 2027))
    assert mover.assessed(2026).published_on == date(2026, 6, 10)


def test_the_twin_has_the_protected_persons_life():
    """Protected person and twin, with child and relative, have equal records but for who and where they are."""
    households = list(generate(9, 60))
    people = {person.person: person for household in households for person in household}
    roles = cast(households)

    def shape(person):
        return (
            person.sex,
            person.birth_date,
            [(s.municipality, s.relationship, s.since, s.until, s.reason) for s in person.residency],
            person.jobs,
            person.assessments,
            [(s.institution, s.branch, s.qualified_on, s.disqualified_on, s.loss_reason) for s in person.insurance],
        )

    for role in ("protected", "protected-child", "protected-proxy"):
        twin = role.replace("protected", "protected-twin")
        assert shape(people[roles[role]]) == shape(people[roles[twin]])
    assert people[roles["protected"]].support is not None
    assert people[roles["protected-twin"]].support is None
    assert people[roles["protected-child"]].mother == roles["protected"]
    assert people[roles["protected"]].mother == roles["protected-proxy"]


def test_people_are_found_by_trait():
    """Finding by several traits gives who has all of them; an unknown trait is refused."""
    households = list(generate(1, 200))
    both = list(find(households, "foreign", "alias"))
    assert both
    assert all({"foreign", "alias"} <= set(person.traits) for person in both)
    assert [p.person for p in find(households, "cast:mover")] == [cast(households)["mover"]]
    with pytest.raises(ValueError, match="no such trait: tall"):
        find(households, "tall")


def test_the_list_of_traits_is_closed():
    """Every trait that anybody has is in the list or a role of the cast, and the traits come sorted."""
    for household in generate(2, 600):
        for person in household:
            assert all(is_trait(trait) for trait in person.traits)
            assert list(person.traits) == sorted(person.traits)
    assert all(ja and en for ja, en in (*TRAITS.values(), *CAST.values()))


def test_resident_codes_derive_from_seed_and_index():
    """A person's resident code is that of the index under the seed's key, whatever else is in the population."""
    for household in generate(4, 50):
        for person in household:
            assert person.resident_code == resident_code.derive(resident_code_key(4), person.index)


def test_people_survive_pickling():
    """Households can be sent to another process as they are."""
    household = next(generate(1, 30))
    assert pickle.loads(pickle.dumps(household)) == household


def test_the_history_is_seven_years_up_to_a_monday():
    """The clock starts on a Monday in the first full week of a fiscal year, seven years after the history begins."""
    assert CLOCK_START.isoweekday() == 1
    assert (CLOCK_START.year - HISTORY_FROM.year, CLOCK_START.month) == (7, 4)
    assert date(CLOCK_START.year, 4, 1) <= CLOCK_START < date(CLOCK_START.year, 4, 8)
