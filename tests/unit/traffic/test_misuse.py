"""Ten kinds of misuse, as plans have them."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.traffic import lab

from warifu.law import Permit, decide
from warifu.law.decide import Ask
from warifu.simulator.traffic import mix
from warifu.simulator.traffic.misuse import BY_NAME, KINDS, draw_misuse
from warifu.simulator.traffic.plan import Intended

LEAST = sum(size.least for size in mix.packaged().misuse.values())


def of(kind: str, count: int = 400, seed: int = 3) -> list[Intended]:
    """Inquiries of one kind out of a plan with a good deal of misuse."""
    return [one for one in draw_misuse(lab.draw(seed), count) if one.truth.misuse == kind]


def permitted(one: Intended) -> bool:
    """Whether the table permits it."""
    row = lab.book().rows[one.row]
    ask = Ask(one.requester, one.provider, row.affair.code, one.procedure, one.item, one.at.date(), one.consent)
    return isinstance(decide(lab.book(), ask), Permit)


def incidents(kind: str) -> list[list[Intended]]:
    """The incidents of one kind."""
    found = defaultdict(list)
    for one in of(kind):
        found[one.truth.incident].append(one)
    return list(found.values())


@pytest.mark.parametrize("name", ["day", "peak", "year"])
def test_every_kind_occurs_as_soon_as_there_is_room(name: str) -> None:
    """As many inquiries as the smallest incidents of all kinds have are enough for all ten kinds."""
    made = draw_misuse(lab.draw(2, name), LEAST)
    assert {one.truth.misuse for one in made} == {kind.name for kind in KINDS}
    assert len(made) == LEAST


@pytest.mark.parametrize("seed", range(5))
def test_little_room_is_shared_by_many_kinds(seed: int) -> None:
    """With room for ten inquiries there are the seven kinds that need one each, before one kind of eight takes it all."""
    kinds = {one.truth.misuse for one in draw_misuse(lab.draw(seed), 10)}
    assert kinds >= {name for name, size in mix.packaged().misuse.items() if size.least == 1}


@given(count=st.integers(0, 200), seed=st.integers(0, 50))
@settings(max_examples=30)
def test_no_more_is_made_than_is_wanted(count: int, seed: int) -> None:
    """Misuse fills its share exactly, each inquiry with a known kind, an incident and no true case; and no incident is larger than its kind's."""
    made = draw_misuse(lab.draw(seed), count)
    assert len(made) == count
    assert all(one.truth.misuse in BY_NAME and one.truth.incident and not one.truth.case for one in made)
    sizes = Counter((one.truth.misuse, one.truth.incident) for one in made)
    assert all(size <= mix.packaged().misuse[kind].most for (kind, _), size in sizes.items())


def test_an_incident_is_one_clerks() -> None:
    """All inquiries of an incident come from one institution under one staff code on one day."""
    for kind in KINDS:
        for some in incidents(kind.name):
            assert len({(one.requester, one.clerk, one.at.date()) for one in some}) == 1


def test_the_table_permits_all_but_what_asks_for_more() -> None:
    """Misuse of every kind but over-asking is permitted by the table: what is refused is refused for what it is."""
    for kind in set(BY_NAME) - {"over-asking"}:
        assert all(permitted(one) for one in of(kind)), kind


def test_browsing_names_no_case() -> None:
    """Browsing names no case; every other kind names one, or has one made."""
    assert all(one.case == "" for one in of("browsing"))
    for kind in set(BY_NAME) - {"browsing", "closed-case"}:
        assert all(one.case for one in of(kind)), kind


def test_off_hours_is_in_the_evening() -> None:
    """Look-ups off hours fall between 21 and 23 o'clock, all others into the day."""
    assert {one.at.hour for one in of("off-hours")} <= {21, 22}
    for kind in set(BY_NAME) - {"off-hours"}:
        assert all(9 <= one.at.hour <= 16 for one in of(kind)), kind


def test_a_false_purpose_is_permitted_all_the_same() -> None:
    """An inquiry for a false purpose is one that the table permits, and names a case; nothing in the person's life gives that office cause to ask by its row."""
    made = of("false-purpose")
    assert len({one.row for one in made}) > 1
    assert all(permitted(one) and one.case for one in made)
    candidates = {(row, one.requester, one.person) for (row, _), some in lab.crowd().by_row.items() for one in some}
    assert not [one for one in made if (one.row, one.requester, one.person) in candidates]


def test_harvesting_is_about_many_people() -> None:
    """Harvesting is about as many people as it has inquiries, within ten minutes."""
    for some in incidents("harvesting"):
        assert len({one.person for one in some}) == len(some) >= 8
        assert (some[-1].at - some[0].at).total_seconds() < 600


def test_repeated_is_about_one_person() -> None:
    """Repeated looks are about one person, three times at least."""
    for some in incidents("repeated"):
        assert len({one.person for one in some}) == 1
        assert len(some) >= 3


def test_over_asking_is_refused_by_the_table() -> None:
    """Whoever asks for an item that the row does not give is not permitted."""
    assert not any(permitted(one) for one in of("over-asking"))


def test_family_shares_a_household() -> None:
    """The people of an incident of one's own family are of one household."""
    for some in incidents("own-family"):
        household = lab.crowd().family[some[0].person]
        assert len(household) > 1
        assert {one.person for one in some} <= set(household)


def test_a_closed_case_is_closed_before() -> None:
    """An inquiry by a closed case has its case opened and decided, not made up."""
    assert all(one.closed_case and one.case == "" for one in of("closed-case"))


def test_pretence_is_in_anothers_name() -> None:
    """Pretence asks in the name of an institution that is not the asker."""
    assert all(one.claims and one.claims != one.requester for one in of("pretence"))


def test_every_kind_says_what_it_is() -> None:
    """Each kind has a title and a sentence in both languages."""
    for kind in KINDS:
        assert all(text for text in (kind.title.ja, kind.title.en, kind.says.ja, kind.says.en))
