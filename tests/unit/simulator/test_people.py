"""Finding the people of a network by handle, without drawing more lives than that takes."""

from __future__ import annotations

import pytest

from warifu.simulator.people import People
from warifu.simulator.population import generate, load_world

HOUSEHOLDS = tuple(generate(1, 60, load_world()))


def people(drawn: list[str]) -> People:
    """Sixty people; `drawn` is told what was drawn for them."""

    def first():
        drawn.append("all")
        return HOUSEHOLDS

    def one(index: int):
        drawn.append(f"one {index}")
        return next((home for home in HOUSEHOLDS if home.people[-1].index >= index), None)

    return People(1, first, one)


def test_one_person_costs_their_household() -> None:
    """Whoever asks for one person, however often, has one household drawn."""
    found = people(drawn := [])
    assert found["p-000007"] == found["p-000007"]
    assert found.demo("p-000007").person == "p-000007"
    assert drawn == ["one 7"]


def test_a_second_person_brings_all_at_hand() -> None:
    """Several persons cost one drawing of all, not one each, and are the same either way."""
    found = people(drawn := [])
    some = [found[f"p-{number:06d}"] for number in (7, 8, 30, 7)]
    assert [person.index for person in some] == [7, 8, 30, 7]
    assert drawn == ["one 7", "all"]


@pytest.mark.parametrize("handle", ["p-000000", "p-999999", "p-7", "nobody"])
def test_nobody_is_found_by_a_wrong_handle(handle: str) -> None:
    """A handle that nobody has is a KeyError, before and after others were found."""
    found = people([])
    for _ in range(2):
        with pytest.raises(KeyError):
            found[handle]
        assert len(found.all()) == 60
