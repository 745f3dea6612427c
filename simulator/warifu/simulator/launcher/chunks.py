"""The population in chunks: drawn and put into the contracts' words a few thousand people at a time, so that memory stays flat.

A chunk is some whole households, each of which is what it is whatever lies before it; so where one chunk ends means nothing for the
people in it, and the next can be drawn by whoever knows where it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from warifu.agency.v1 import agency_pb2
from warifu.kernel.limits import BULK
from warifu.numbering.v1 import numbering_pb2
from warifu.simulator.cards.person import DemoPerson
from warifu.simulator.people import cards_of
from warifu.simulator.population import START, Household, Person, Place, World, generate, load_world
from warifu.simulator.translate import basic_items, initial_records

T = TypeVar("T")

PEOPLE: Final = 2000
"""In a chunk, a household more or less: some 4 MB of messages, and 40 MB while they are made."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some people, as the front doors take them."""

    end: Place
    """Where the next chunk begins."""
    newcomers: Sequence[numbering_pb2.RegisterManyRequest]
    """For the numbering body."""
    records: Mapping[str, Sequence[agency_pb2.RecordManyRequest]]
    """For every institution that knows any of them."""
    cards: Sequence[DemoPerson]
    """For the card tray: those who live here."""


def chunks(seed: int, people: int, start: Place = START, size: int = PEOPLE) -> Iterator[Chunk]:
    """A population from `start` on."""
    world, place = load_world(), start
    for households in _split(seed, people, world, start, size):
        for household in households:
            place = place.after(household)
        people_here = [person for household in households for person in household]
        yield _chunk(seed, people_here, place, first=households[0].index == 0)


def _split(seed: int, people: int, world: World, start: Place, size: int) -> Iterator[list[Household]]:
    gathered: list[Household] = []
    count = 0
    for household in generate(seed, people, world, start):
        gathered.append(household)
        count += len(household.people)
        if count >= size:
            yield gathered
            gathered, count = [], 0
    if gathered:
        yield gathered


def _slices(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _newcomer(person: Person) -> numbering_pb2.RegisterRequest:
    return numbering_pb2.RegisterRequest(
        institution="simulator",
        reference=person.person,
        basic_items=basic_items(person),
        resident_code=person.resident_code,
    )


def _chunk(seed: int, people: list[Person], end: Place, *, first: bool) -> Chunk:
    records = {
        institution: [
            agency_pb2.RecordManyRequest(institution=institution, people=some) for some in _slices(known, BULK)
        ]
        for institution, known in initial_records(people).items()
    }
    newcomers = [numbering_pb2.RegisterManyRequest(people=map(_newcomer, some)) for some in _slices(people, BULK)]
    return Chunk(end, newcomers, records, cards_of(seed, people, first=first))
