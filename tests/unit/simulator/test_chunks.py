"""The population in chunks: the same people however it is cut, from wherever it goes on, in flat memory."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warifu.simulator import places
from warifu.simulator.launcher.chunks import Chunk, chunks
from warifu.simulator.people import FIRST, People
from warifu.simulator.population import START, Place, generate
from warifu.simulator.state import NetworkFile

SEED, PEOPLE = 5, 150

Told = tuple[list[bytes], dict[str, list[bytes]], list[str]]


def told(found: Iterable[Chunk]) -> Told:
    """All that the front doors are told, in its order: newcomers, records by institution, cards."""
    newcomers: list[bytes] = []
    records: dict[str, list[bytes]] = defaultdict(list)
    cards: list[str] = []
    for chunk in found:
        for request in chunk.newcomers:
            newcomers += [one.SerializeToString(deterministic=True) for one in request.people]
        for institution, requests in chunk.records.items():
            for request in requests:
                assert request.institution == institution
                records[institution] += [one.SerializeToString(deterministic=True) for one in request.people]
        cards += [f"{card.person} {card.name} {card.kana} {card.pin} {card.individual_number}" for card in chunk.cards]
    return newcomers, dict(records), cards


@cache
def whole() -> Told:
    """What one chunk with everybody in it tells."""
    return told(chunks(SEED, PEOPLE, size=PEOPLE))


@settings(max_examples=12, deadline=None)
@given(size=st.integers(1, 160))
def test_however_a_population_is_cut_the_same_is_told(size: int) -> None:
    """Chunks of any size tell numbering, every institution and the card tray the same in the same order."""
    assert told(chunks(SEED, PEOPLE, size=size)) == whole()


@settings(max_examples=8, deadline=None)
@given(size=st.integers(3, 60), after=st.integers(1, 3))
def test_a_population_goes_on_where_it_was(size: int, after: int) -> None:
    """From the end of any chunk the next chunks are those that would have come."""
    every = list(chunks(SEED, PEOPLE, size=size))
    later = list(chunks(SEED, PEOPLE, every[min(after, len(every)) - 1].end, size))
    assert [chunk.end for chunk in later] == [chunk.end for chunk in every[after:]]
    assert told(later) == told(every[after:])


def test_a_chunk_ends_with_the_household_that_fills_it() -> None:
    """No chunk but the last is smaller than asked for, none by more than a household larger, and the last place counts everybody."""
    ends = [chunk.end for chunk in chunks(SEED, PEOPLE, size=40)]
    sizes = [end.people - begin.people for begin, end in zip([START, *ends], ends, strict=False)]
    largest = max(len(household.people) for household in generate(SEED, PEOPLE))
    assert all(40 <= size < 40 + largest for size in sizes[:-1])
    assert ends[-1].people == PEOPLE


def test_a_thousand_and_one_people_of_an_institution_come_in_two_calls() -> None:
    """No call brings more people than the contract allows, though one insurer knows more of a chunk."""
    (chunk,) = chunks(SEED, 2500, size=2500)
    calls = [len(request.people) for requests in chunk.records.values() for request in requests]
    calls += [len(request.people) for request in chunk.newcomers]
    assert max(calls) == 1000
    assert any(len(requests) > 1 for requests in chunk.records.values())


def test_whose_card_has_expired_is_decided_in_the_first_chunk() -> None:
    """One person of a population has an old card, and no later chunk has another."""
    found = [[card for card in chunk.cards if card.issued_on is not None] for chunk in chunks(SEED, 400, size=150)]
    assert [len(cards) for cards in found] == [1, *[0] * (len(found) - 1)]


def test_memory_is_that_of_a_chunk_and_not_of_the_population() -> None:
    """After ten chunks no more is held than after two, as long as nobody keeps them."""
    stream = chunks(SEED, 100_000, size=60)
    for _ in islice(stream, 2):
        pass
    tracemalloc.start()
    try:
        for _ in islice(stream, 2):
            pass
        early = tracemalloc.get_traced_memory()[0]
        for _ in islice(stream, 8):
            pass
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert late < early + 1_000_000, (early, late)  # 480 people more are some 5 MB while they are held


def network(state: Path, people: int) -> NetworkFile:
    """A network of which only its population matters."""
    return NetworkFile(
        1,
        SEED,
        people,
        simulation=True,
        pid=0,
        ca=str(state / "ca" / "root.pem"),
        parties=[],
        counters={},
        simulator={},
    )


def test_everybody_of_a_large_population_is_found_by_handle(tmp_path: Path) -> None:
    """Whoever is not among the first is drawn from the nearest place that was written down; nobody else has a handle."""
    size = FIRST + 400
    stream = list(generate(SEED, size))
    ends, place = [], START
    for household in stream:
        place = place.after(household)
        ends.append(place)
    places.save(tmp_path, [ends[len(ends) // 2], ends[-20]])
    people = People.of(network(tmp_path, size))
    last = stream[-1].people[-1]
    assert people[last.person] == last
    assert people.demo(last.person).name == last.name.full
    assert FIRST <= len(people.all()) < FIRST + 20
    for nobody in (f"p-{size + 1:06d}", "p-000000", "p-", "nobody"):
        with pytest.raises(KeyError):
            people[nobody]


def test_places_are_kept_and_found(tmp_path: Path) -> None:
    """Places come back in their order; the one before a person is the last that does not lie behind them; a damaged file has none."""
    assert places.load(tmp_path) == []
    known = [Place(10, 25), Place(21, 50)]
    places.save(tmp_path, known)
    assert places.load(tmp_path) == known
    assert [places.before(known, person) for person in (0, 24, 25, 49, 50, 900)] == [
        START,
        START,
        known[0],
        known[0],
        known[1],
        known[1],
    ]
    (tmp_path / "population.json").write_text("{", encoding="ascii")
    assert places.load(tmp_path) == []
