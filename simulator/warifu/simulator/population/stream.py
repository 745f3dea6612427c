"""The stream of households, and how to find people in it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from warifu.numbers import resident_code
from warifu.simulator.population.casting import CAST, CAST_FAMILIES, build_cast
from warifu.simulator.population.dice import Dice
from warifu.simulator.population.drafts import Family
from warifu.simulator.population.freeze import freeze
from warifu.simulator.population.model import Household, Person
from warifu.simulator.population.ordinary import build_ordinary, build_single
from warifu.simulator.population.showcase import SHOWCASE, build_showcase
from warifu.simulator.population.traits import TRAITS
from warifu.simulator.population.world import World, load_world

MINIMUM_PEOPLE = len(CAST)
"""The cast is in every population."""
MAXIMUM_PEOPLE = resident_code.CAPACITY // 2
"""Half of the resident codes stay free for people who ask for another one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the stream, between two households."""

    household: int = 0
    """Index of the household that comes next."""
    people: int = 0
    """How many people come before it."""

    def after(self, household: Household) -> Self:
        """The place behind the household that begins here."""
        return type(self)(self.household + 1, self.people + len(household.people))


START: Final = Place()


def generate(seed: int, people: int, world: World | None = None, start: Place = START) -> Iterator[Household]:
    """Exactly ``people`` persons, household by household: the cast, the showcase as far as it fits, ordinary families.

    The same seed gives the same people, byte for byte, and a larger population begins with the same households as a
    smaller one, but for the last few, which fill it up. Memory stays flat. ``ValueError`` outside
    ``MINIMUM_PEOPLE`` to ``MAXIMUM_PEOPLE``. From a ``start`` that was reached before, the stream goes on as it would have.
    """
    if not MINIMUM_PEOPLE <= people <= MAXIMUM_PEOPLE:
        raise ValueError(f"a population has {MINIMUM_PEOPLE} (its cast) to {MAXIMUM_PEOPLE} people")
    return _stream(seed, people, world or load_world(), start)


def find(households: Iterable[Household], *traits: str) -> Iterator[Person]:
    """The people who have all of the traits, in order. ``ValueError`` for a trait that does not exist."""
    unknown = [trait for trait in traits if not is_trait(trait)]
    if unknown:
        raise ValueError(f"no such trait: {', '.join(unknown)}")
    return (p for household in households for p in household if all(trait in p.traits for trait in traits))


def cast(households: Iterable[Household]) -> Mapping[str, str]:
    """The handle of each role of ``CAST``; reads no further than the cast."""
    handles: dict[str, str] = {}
    for household in households:
        for person in household:
            roles = (trait.removeprefix("cast:") for trait in person.traits if trait.startswith("cast:"))
            handles.update(dict.fromkeys(roles, person.person))
        if len(handles) == len(CAST):
            break
    return handles


def is_trait(trait: str) -> bool:
    """Is it in the closed list, or the trait of a role of the cast."""
    return trait in TRAITS or trait.removeprefix("cast:") in CAST


def resident_code_key(seed: int) -> bytes:
    """The key from which a population's resident codes derive (``warifu.numbers.resident_code.derive``)."""
    return sha256(f"warifu resident codes|{seed}".encode()).digest()


def _stream(seed: int, people: int, world: World, start: Place) -> Iterator[Household]:
    key = resident_code_key(seed)
    index, done = start.household, start.people
    while done < people:
        family = _family(seed, index, people - done, world)
        yield freeze(family, done + 1, key)
        done += len(family.members)
        index += 1


def _family(seed: int, index: int, room: int, world: World) -> Family:
    """The household at ``index``, or a single person where it would not fit."""
    family = Family(index, Dice(seed, "household", index), world)
    showcase = index - len(CAST_FAMILIES)
    if showcase < 0:
        build_cast(family)
    elif showcase < len(SHOWCASE):
        build_showcase(family, showcase)
    else:
        build_ordinary(family)
    if len(family.members) <= room:
        return family
    single = Family(index, Dice(seed, "single", index), world)
    build_single(single)
    return single
