"""The people of one network, made again from its seed: whoever plays, asks or logs in finds them here by handle, never by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.numbering.keys import simulated
from warifu.numbers import individual_number
from warifu.simulator import places
from warifu.simulator.cards.labels import EXPIRED, ROLE
from warifu.simulator.cards.person import DemoPerson
from warifu.simulator.population import (
    CLOCK_START,
    START,
    Household,
    Person,
    Scheme,
    age_on,
    cast,
    generate,
    load_world,
)
from warifu.simulator.state import NetworkFile
from warifu.simulator.translate import Households, basic_items

EXPIRED_SINCE: Final = CLOCK_START.replace(year=CLOCK_START.year - 5) - timedelta(days=1)
"""A card of that day has a certificate whose fifth birthday was before the network began, whenever its holder was born."""
_GROWN: Final = 24
"""Of age on that day, so that the card itself lives until the tenth birthday."""


FIRST: Final = 5000
"""So many people are at hand at once; of a larger population the others are drawn when they are asked for."""


@lru_cache(maxsize=2)
def _households(seed: int, people: int) -> tuple[Household, ...]:
    found: list[Household] = []
    for household in generate(seed, people, load_world()):
        found.append(household)
        if household.people[-1].index >= FIRST:
            break
    return tuple(found)


def pin_of(seed: int, person: Person) -> str:
    """The 4-digit PIN of a person's card: no secret, since the card tray shows it."""
    import hashlib  # noqa: PLC0415 - rarely needed

    return f"{int.from_bytes(hashlib.sha256(f'warifu/pin/{seed}/{person.person}'.encode()).digest()[:4]) % 10000:04d}"


def card_expired(people: Sequence[Person]) -> Person | None:
    """Whose card was handed out five years and a day before the network begins, so that its certificate has run out and the card itself lives.

    Somebody whom no play needs, first of all who is insured by the union; None where nobody of that age lives here.
    """
    aged = [
        person
        for person in people
        if person.present is not None
        and age_on(person.birth_date, CLOCK_START) >= _GROWN
        and not any(trait.startswith(ROLE) for trait in person.traits)
    ]
    free = (person for person in aged if not any(fits(person) for fits in _ROLES.values()))
    return next(free, aged[0] if aged else None)


def demo_person(seed: int, person: Person) -> DemoPerson:
    """A person as the card tray shows them."""
    return DemoPerson(
        person=person.person,
        name=person.name.full,
        kana=person.name.kana,
        traits=tuple(sorted(person.traits)),
        basic_items=basic_items(person),
        individual_number=individual_number.derive(simulated(seed, "numbers"), person.resident_code, 0),
        pin=pin_of(seed, person),
    )


def _carded(seed: int, person: Person, expired: Person | None) -> DemoPerson:
    made = demo_person(seed, person)
    if person is not expired:
        return made
    return replace(made, issued_on=EXPIRED_SINCE, traits=tuple(sorted((*made.traits, EXPIRED))))


def cards_of(seed: int, people: Sequence[Person], *, first: bool) -> list[DemoPerson]:
    """The cards of those who live here. Whose card has expired is decided among the `first` people of a population."""
    expired = card_expired(people) if first else None
    return [_carded(seed, person, expired) for person in people if person.present is not None]


class People:
    """A population with what scenarios want to know of it. Of a large one it holds the first people, among whom all traits occur.

    They are drawn when somebody asks for more than single persons: five thousand lives take seconds.
    """

    start: date = CLOCK_START
    """Day of which everything here is true."""

    def __init__(
        self, seed: int, first: Callable[[], tuple[Household, ...]], one: Callable[[int], Household | None]
    ) -> None:
        """`first` draws the households at hand, `one` finds that of the person with an index."""
        self._seed, self._first = seed, first
        self._one = lru_cache(maxsize=64)(one)
        self._alone: str | None = None

    @cached_property
    def _people(self) -> list[Person]:
        return [person for household in self._first() for person in household]

    @cached_property
    def _by_handle(self) -> dict[str, Person]:
        return {person.person: person for person in self._people}

    @cached_property
    def _roles(self) -> Mapping[str, str]:
        return cast(self._first())

    @cached_property
    def households(self) -> Households:
        """Who lives with whom, among the people at hand."""
        return Households(self._people)

    @classmethod
    def of(cls, network: NetworkFile) -> People:
        """The population of a network."""
        seed, people = network.seed, network.people

        def one(index: int) -> Household | None:
            if not 0 < index <= people:
                return None
            start = START if index <= FIRST else places.before(places.load(network.folder), index - 1)
            stream = generate(seed, people, load_world(), start)
            return next((one for one in stream if one.people[-1].index >= index), None)

        return cls(seed, lambda: _households(seed, people), one)

    def all(self) -> list[Person]:
        """Everyone, in the order of handles; of a population of more than `FIRST` these first ones."""
        return self._people

    def __getitem__(self, handle: str) -> Person:
        """The person with this handle.

        Raises:
            KeyError: there is none.
        """
        index = _index_of(handle)
        if 0 < index <= FIRST and self._alone is None:
            self._alone = handle  # whoever asks for one may ask for no other; for a second the people at hand are drawn
        if ("_people" in vars(self) or self._alone != handle) and index <= FIRST:
            return self._by_handle[handle]
        household = self._one(index)
        found = [person for person in household or () if person.person == handle]
        if not found:
            raise KeyError(handle)
        return found[0]

    def items(self, handle: str) -> common_pb2.BasicItems:
        """The 4 basic items as they were when the network began."""
        return basic_items(self[handle])

    def demo(self, handle: str) -> DemoPerson:
        """The person's card as it was when the network began."""
        return demo_person(self._seed, self[handle])

    def candidates(self, role: str) -> Iterator[Person]:
        """Who can play `role`: the population's own cast first, then everyone else who fits."""
        first = self._by_handle[self._roles[role]]
        yield first
        fits = _ROLES.get(role)
        reserved = set(self._roles.values())
        if fits is not None:
            yield from (p for p in self._people if p.person not in reserved and fits(p))


def _index_of(handle: str) -> int:
    """The index in a handle; 0, which nobody has, for what is none."""
    number = handle.removeprefix("p-")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < _LONG else 0


_LONG: Final = 10


def _mover(person: Person) -> bool:
    """An insured worker who heads a household here since before last year."""
    home, insured = person.present, person.insured_on(CLOCK_START)
    return (
        home is not None
        and home.is_head
        and home.resident_since < date(2024, 1, 1)
        and insured is not None
        and insured.scheme == Scheme.EMPLOYEES
        and insured.insured is None
        and {2025, 2026} <= {a.tax_year for a in person.assessments if a.municipality == home.municipality}
    )


def _dependant(person: Person) -> bool:
    """An adult dependant of a worker, with a tax record here."""
    insured = person.insured_on(CLOCK_START)
    return (
        person.present is not None
        and insured is not None
        and insured.scheme == Scheme.EMPLOYEES
        and insured.insured is not None
        and age_on(person.birth_date, CLOCK_START) >= 20  # noqa: PLR2004 - an adult with a tax record of their own
        and person.assessed(2025) is not None
    )


def _municipal(person: Person) -> bool:
    """An adult in the municipal scheme who was taxed here."""
    insured = person.insured_on(CLOCK_START)
    return (
        person.present is not None
        and insured is not None
        and insured.scheme == Scheme.MUNICIPAL
        and person.assessed(2025) is not None
    )


_ROLES: dict[str, Callable[[Person], bool]] = {
    "mover": _mover,
    "dependant": _dependant,
    "same-city": _municipal,
    "refused": _municipal,
    "leaked-number": _mover,
    "changed-resident-code": _mover,
}
"""Who fits a role besides the cast. The protected person and the twin are made for each other and have no substitutes."""
