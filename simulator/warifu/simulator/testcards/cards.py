"""People as a tester meets them, with everything that must come of asking about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import ClassVar, Final

from warifu.common.v1 import common_pb2
from warifu.law import LawBook, Row, packaged
from warifu.simulator.launcher.chunks import PEOPLE as CHUNK
from warifu.simulator.people import cards_of, demo_person
from warifu.simulator.population import CLOCK_START, Person, generate, load_world
from warifu.simulator.state import NetworkFile
from warifu.simulator.testcards import addressees
from warifu.simulator.testcards.expect import APRIL, AS_IT_BEGAN, Expectation, Oracle, Ruled
from warifu.simulator.testcards.held import Holdings, holdings
from warifu.simulator.told import ToldError
from warifu.simulator.translate import initial_records

DAYLESS: Final = CLOCK_START
"""The network's first day."""
BY_YEAR: Final = "local_tax"
"""The content of which there is one record a tax year."""


@dataclass(frozen=True, slots=True)
class Insured:
    """A qualification under a medical insurer that holds on the day."""

    institution: str
    insurer_number: str
    symbol: str | None
    number: str
    branch: str | None
    qualified_on: date


@dataclass(frozen=True, slots=True)
class TestCard:
    """One synthetic person. No number here is a real person's."""

    __test__: ClassVar[bool] = False
    """Not a test, whatever pytest thinks of its name."""

    person: str
    """Handle, such as "p-000123"."""
    name: str
    kana: str
    individual_number: str
    basic_items: common_pb2.BasicItems
    traits: tuple[str, ...]
    addressees: Mapping[str, str | None]
    """Addressee number (団体内統合宛名番号) by institution that knows the person; None where it cannot be known beforehand: find it by the items."""
    insured: tuple[Insured, ...]
    card: str | None
    """The card's handle at the card service; None for who has none, the dead and those who moved away."""
    pin: str | None
    day: date
    expected: tuple[Expectation, ...]
    """For every row of the institution that asks, and every institution that can be asked under it: about the day, and of tax the last year too."""

    def expect(self, row: str, provider: str, year: int | None = None) -> Expectation:
        """What an inquiry under a row must come to, about the day itself or a tax year.

        Raises:
            KeyError: the card's institution cannot ask so, or the card does not say.
        """
        for one in self.expected:
            if (one.row.id, one.provider, one.year) == (row, provider, year):
                return one
        raise KeyError((row, provider, year))


class NotThereError(ToldError, LookupError):
    """Nobody has such a trait, or there is no such institution, or no such row of it; the message names those that there are."""

    def __init__(self, ja: str, en: str, there: Iterable[str]) -> None:
        known = sorted(there)
        super().__init__(f"{ja}。あるもの: {'、'.join(known)}", f"{en}. There are: {', '.join(known)}")


class Town:
    """The people of one seed with all that institutions took over of them. Of a large population the first 2,000."""

    def __init__(self, seed: int, people: int, book: LawBook | None = None) -> None:
        """Draws the population, which takes some milliseconds a person; use `Town.of` to do it once."""
        self.seed, self.book = seed, book or packaged()
        self.people: list[Person] = []
        for household in generate(seed, people, load_world()):
            self.people += household.people
            if len(self.people) >= CHUNK:
                break
        told = initial_records(self.people)
        self.holdings: Mapping[str, Holdings] = holdings(self.book, told)
        self._cards = {one.person: one for one in cards_of(seed, self.people, first=True)}
        # More than one chunk is loaded at a time, and then nobody knows in which order.
        in_order = people <= len(self.people)
        self._numbers = {
            code: addressees.numbers(seed, self.book.institutions[code].kind, code, records) if in_order else {}
            for code, records in told.items()
        }

    @staticmethod
    @lru_cache(maxsize=4)
    def of(seed: int, people: int) -> Town:
        """The town of a seed under the law book as it is shipped."""
        return Town(seed, people)

    def oracle(self, day: date = DAYLESS, ruled: Ruled = AS_IT_BEGAN, book: LawBook | None = None) -> Oracle:
        """Says what inquiries come to on a day, under another permission table when `book` has one."""
        return Oracle(book or self.book, self.seed, day, self.holdings, ruled)

    def card(self, person: Person, oracle: Oracle, institution: str | None, rows: Sequence[str] = ()) -> TestCard:
        """The card of one person, with what `institution` must get under `rows`, or under each."""
        made = self._cards.get(person.person) or demo_person(self.seed, person)
        has_card = person.person in self._cards
        return TestCard(
            person=person.person,
            name=made.name,
            kana=made.kana,
            individual_number=made.individual_number,
            basic_items=made.basic_items,
            traits=made.traits,
            addressees={
                code: self._numbers[code].get(person.person)
                for code, held in self.holdings.items()
                if person.person in held.born
            },
            insured=_insured(person, oracle.day),
            card=person.person if has_card else None,
            pin=made.pin if has_card else None,
            day=oracle.day,
            expected=() if institution is None else tuple(_expected(oracle, person.person, institution, rows)),
        )

    def with_traits(self, traits: Sequence[str]) -> list[Person]:
        """Who has all these traits.

        Raises:
            NotThereError: nobody has one of them.
        """
        known = {trait for person in self.people for trait in self._traits(person)}
        for trait in traits:
            if trait not in known:
                raise NotThereError(f"{trait} という特徴はありません", f"there is no trait {trait}", known)
        return [person for person in self.people if set(traits) <= set(self._traits(person))]

    def _traits(self, person: Person) -> Sequence[str]:
        card = self._cards.get(person.person)
        return person.traits if card is None else card.traits


def people(
    network: NetworkFile | tuple[int, int],
    trait: str | Sequence[str] | None = None,
    institution: str | None = None,
    day: date | None = None,
    *,
    row: str | None = None,
    limit: int | None = None,
    ruled: Ruled = AS_IT_BEGAN,
    book: LawBook | None = None,
) -> Sequence[TestCard]:
    """The test cards of a network, in the order of handles.

    `network`: its file, or seed and number of people. `trait`: one or several, all of which they have. `institution`: who asks; then the
    people are those whom it knows (everybody, where it knows nobody at first) and their cards say what it must be answered on `day` (the
    network's first, when not said), under `row` alone when given. `book`: with the permission table in force, when it is not the shipped one.

    Raises:
        NotThereError: no such trait, institution, or row of the institution.
    """
    town = Town.of(network.seed, network.people) if isinstance(network, NetworkFile) else Town.of(*network)
    traits = [trait] if isinstance(trait, str) else list(trait or ())
    oracle = town.oracle(day or DAYLESS, ruled, book)
    if institution is not None:
        _check(town, oracle, institution, row)
    found = town.with_traits(traits)
    known = town.holdings[institution].born if institution and institution in town.holdings else {}
    chosen = [person for person in found if not known or person.person in known]
    return [town.card(person, oracle, institution, [row] if row else ()) for person in chosen[:limit]]


def _check(town: Town, oracle: Oracle, institution: str, row: str | None) -> None:
    if institution not in town.book.institutions:
        there = town.book.institutions
        raise NotThereError(f"{institution} という機関はありません", f"there is no institution {institution}", there)
    rows = {one.id for one in oracle.rows(institution)}
    if row is not None and row not in rows:
        raise NotThereError(f"{institution} は {row} では照会できません", f"{institution} cannot ask under {row}", rows)


def _expected(oracle: Oracle, handle: str, requester: str, rows: Sequence[str]) -> Sequence[Expectation]:
    return [
        oracle.expect(handle, requester, row, provider, span)
        for row in oracle.rows(requester)
        if not rows or row.id in rows
        for provider in oracle.providers(row)
        for span in _spans(oracle, row)
    ]


def _spans(oracle: Oracle, row: Row) -> Sequence[common_pb2.Span]:
    """The day itself; for what is kept by tax year the last whole one too, since in spring the new one is not published."""
    day = common_pb2.Span()
    if oracle.book.items[row.item].content != BY_YEAR:
        return [day]
    year = oracle.day.year - (oracle.day.month < APRIL) - 1
    return [day, common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=year))]


def _insured(person: Person, day: date) -> tuple[Insured, ...]:
    return tuple(
        Insured(one.institution, one.insurer_number, one.symbol, one.number, one.branch, one.qualified_on)
        for one in person.insurance
        if one.covers(day)
    )
