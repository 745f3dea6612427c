"""The script of a day: every row of either permission table, asked by everyone whom it names of everyone whom it names, about a few people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Final

from warifu.law import Institution, LawBook, LawDataError, Row, packaged_files, read_book
from warifu.simulator.cards.labels import EXPIRED
from warifu.simulator.rehearsal.record import Day, Step
from warifu.simulator.testcards import TestCard
from warifu.simulator.testcards import people as test_cards
from warifu.simulator.testcards.cards import BY_YEAR
from warifu.simulator.testcards.expect import APRIL, PORTAL
from warifu.simulator.told import ToldError

PERMISSIONS: Final = "permissions.toml"
Files = Mapping[str, bytes]


class TableError(ToldError):
    """The permission table cannot be read; the message says where it is wrong."""


def table(toml: bytes | None = None) -> tuple[Files, LawBook]:
    """The law's files with this permission table, or with the shipped one, and the book that they make.

    Raises:
        TableError: the table is wrong.
    """
    files = packaged_files()
    if toml is not None:
        files[PERMISSIONS] = toml
    try:
        return files, read_book(files)
    except LawDataError as error:
        raise TableError(f"照合リストが正しくありません。{error}", f"the permission table is wrong. {error}") from error


def write_day(before: LawBook, after: LawBook, *, people: int, seed: int, day: date, each: int) -> Day:
    """The same day for both tables.

    Clerks ask as they are used to: with consent where the table before wants it. `each`: people asked about for a row, requester and provider.
    """
    cards = [card for card in test_cards((seed, people), day=day) if card.card and EXPIRED not in card.traits]
    steps: dict[tuple[object, ...], Step] = {}
    for row, consent in _rows(before, after):
        for requester, provider in _pairs(before, row):
            for card in islice(_chosen(cards, requester.code, provider.code), each):
                step = _step(before, row, card.person, (requester.code, provider.code), day, consent=consent)
                steps.setdefault(step.question, step)
    asked = {step.row for step in steps.values()}
    unasked = [name for name in dict.fromkeys([*before.rows, *after.rows]) if name not in asked]
    return Day(people, seed, day, tuple(steps.values()), tuple(unasked))


def _rows(before: LawBook, after: LawBook) -> Iterator[tuple[Row, bool]]:
    """Each row as either table has it, and whether a clerk states consent under it."""
    for name in dict.fromkeys([*before.rows, *after.rows]):
        versions = [book.rows[name] for book in (before, after) if name in book.rows]
        for row in versions:
            yield row, versions[0].consent_required


def _pairs(book: LawBook, row: Row) -> Iterator[tuple[Institution, Institution]]:
    """Who may ask whom under the row: never the citizens' portal, never within one body."""
    for requester in book.register.with_roles(row.requester_roles):
        for provider in book.register.with_roles(row.provider_roles):
            if requester.role.code != PORTAL and requester.operator.code != provider.operator.code:
                yield requester, provider


def _chosen(cards: Sequence[TestCard], requester: str, provider: str) -> Iterator[TestCard]:
    """First whom both know, then whom one knows, then anybody; each in the order of handles."""
    known = [(card, (requester in card.addressees) + (provider in card.addressees)) for card in cards]
    for wanted in (2, 1, 0):
        yield from (card for card, number in known if number == wanted)


def _step(book: LawBook, row: Row, person: str, pair: tuple[str, str], day: date, *, consent: bool) -> Step:
    by_year = book.items[row.item].content == BY_YEAR
    year = day.year - (day.month < APRIL) - 1 if by_year else None
    return Step(row.id, person, *pair, row.affair.code, row.procedure.code, row.item, year, consent)
