"""The tray of demo persons: filled by the launcher, searched by trainers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jaconv
from cryptography import x509
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, func, insert, select, update

from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.places import open_at
from warifu.kernel.store import Store, sqlite_url
from warifu.simulator.cards.person import DemoPerson
from warifu.simulator.cards.pins import PASSWORD_TRIES, TRIES
from warifu.simulator.cards.schema import cards, counts, metadata, people, traits
from warifu.simulator.cards.words import first_password, is_phone, phone_of
from warifu.simulator.readings import latin

STORE_NAME: Final = "people.db"
PAGE_SIZE: Final = 24
_LONGEST_SEARCH: Final = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One card on the tray, or the phone that stands for it."""

    card: str
    """Handle of the card or phone."""
    person: str
    name: str
    kana: str
    traits: tuple[str, ...]
    pin: str
    password: str
    """Of the certificate for signatures."""
    number: str | None
    """Printed on the card; None while it was not made out."""
    locked: bool
    signature_locked: bool
    certificate: bytes | None
    """DER."""
    phone: bool = False
    """There is a phone beside this card."""

    @property
    def is_phone(self) -> bool:
        """It is a phone."""
        return is_phone(self.card)

    @property
    def ends(self) -> datetime | None:
        """The end of its certificate for user authentication."""
        return x509.load_der_x509_certificate(self.certificate).not_valid_after_utc if self.certificate else None

    def document(self) -> dict[str, object]:
        """The shape of `warifu people --json`."""
        card = "locked" if self.locked else "ready"
        return {
            "person": self.person,
            "name": self.name,
            "kana": self.kana,
            "traits": list(self.traits),
            "card": card,
            "pin": self.pin,
            "password": self.password,
            "phone": self.phone,
        }


@dataclass(frozen=True, slots=True)
class Tray:
    """Some of the people found, and whether there are more."""

    people: Sequence[Found]
    more: bool


def open_store(folder: Path, database_url: str | None = None) -> Store:
    """The store in the simulator's folder, or in its database, with its tables."""
    return open_at(folder, database_url or sqlite_url(folder / STORE_NAME), metadata)


_LAST: Final = select(func.coalesce(func.max(people.c.position), -1))
_KNOWN: Final = select(people.c.person, people.c.position).where(
    people.c.person.in_(bindparam("handles", expanding=True))
)
_FORGET: Final = delete(people).where(people.c.person == bindparam("handle"))
_FORGET_TRAITS: Final = delete(traits).where(traits.c.person == bindparam("handle"))
_COLUMNS: Final = (
    *("person", "position", "name", "kana", "traits", "sought", "basic_items", "individual_number", "pin", "issued_on"),
)
_ADD: Final = Bulk(people, *_COLUMNS)
_ADD_TRAITS: Final = Bulk(traits, "trait", "position", "person")
_TRAITS_OF: Final = select(traits.c.trait).where(traits.c.person.in_(bindparam("handles", expanding=True)))
_COUNT: Final = (
    update(counts).where(counts.c.trait == bindparam("b_trait")).values(people=counts.c.people + bindparam("more"))
)
_COUNT_FIRST: Final = insert(counts)
_CARDED: Final = select(cards.c.card).where(cards.c.card.in_(bindparam("handles", expanding=True)))
_ADD_CARDS: Final = Bulk(cards, "card", "person", "tries_left", "signature_tries_left")
_CHUNK: Final = 500
"""Most values in one IN list: below every database's limit of parameters."""


async def fill(store: Store, persons: Iterable[DemoPerson]) -> int:
    """Put people on the tray, in this order after those who are there; returns how many.

    Someone who is there already is renewed in place; their card, its PIN counter and its certificate stay.

    Raises:
        ValueError: a PIN that is not four digits, or a trait with a space in it.
    """
    given = list(persons)
    for person in given:
        _check(person)
    return await store.write(lambda connection: _fill(connection, given))


def _fill(connection: Connection, given: Sequence[DemoPerson]) -> int:
    handles = [person.person for person in given]
    known = {row.person: row.position for row in _among(connection, _KNOWN, handles)}
    renewed = [{"handle": person.person} for person in given if person.person in known]
    more = Counter(trait for person in given for trait in dict.fromkeys(person.traits))
    if renewed:
        more.subtract(row.trait for row in _among(connection, _TRAITS_OF, [one["handle"] for one in renewed]))
        connection.execute(_FORGET, renewed)
        connection.execute(_FORGET_TRAITS, renewed)
    last: int = connection.execute(_LAST).scalar_one()
    rows = [_row(person, known.get(person.person, last + place)) for place, person in enumerate(given, start=1)]
    named = [
        (trait, row["position"], person.person)
        for person, row in zip(given, rows, strict=True)
        for trait in dict.fromkeys(person.traits)
    ]
    carded = {row.card for row in _among(connection, _CARDED, handles)}
    fresh = [(handle, handle, TRIES, PASSWORD_TRIES) for handle in dict.fromkeys(handles) if handle not in carded]
    _ADD.add(connection, [tuple(row[name] for name in _COLUMNS) for row in rows])
    _ADD_TRAITS.add(connection, named)
    _ADD_CARDS.add(connection, fresh)
    _count(connection, more)
    return len(given)


def _count(connection: Connection, more: Mapping[str, int]) -> None:
    for trait, number in more.items():
        if number and connection.execute(_COUNT, {"b_trait": trait, "more": number}).rowcount == 0:
            connection.execute(_COUNT_FIRST, {"trait": trait, "people": number})


def _among(connection: Connection, query: Select[Any], handles: Sequence[str]) -> Iterator[Row[Any]]:
    for start in range(0, len(handles), _CHUNK):
        yield from connection.execute(query, {"handles": padded(handles[start : start + _CHUNK])})


def _check(person: DemoPerson) -> None:
    if len(person.pin) != 4 or not (person.pin.isascii() and person.pin.isdigit()):  # noqa: PLR2004 - four digits
        raise ValueError(f"{person.person}: a PIN has four digits")
    if any(not trait or " " in trait for trait in person.traits):
        raise ValueError(f"{person.person}: a trait is one word")


def _row(person: DemoPerson, position: int) -> dict[str, object]:
    return {
        "person": person.person,
        "position": position,
        "name": person.name,
        "kana": person.kana,
        "traits": " ".join(person.traits),
        "sought": "\n".join(fold(text) for text in (person.person, person.name, person.kana, latin(person.kana))),
        "basic_items": person.basic_items.SerializeToString(deterministic=True),
        "individual_number": person.individual_number,
        "pin": person.pin,
        "issued_on": person.issued_on.isoformat() if person.issued_on is not None else None,
    }


def fold(text: str) -> str:
    """Text as searched: one width, one case, one kind of kana, no spaces."""
    folded: str = jaconv.hira2kata(unicodedata.normalize("NFKC", text).casefold())
    return "".join(folded.split())


_SHOWN: Final = (
    *(people.c.person, people.c.name, people.c.kana, people.c.traits),
    people.c.pin.label("first_pin"),
    *(cards.c.card, cards.c.pin, cards.c.tries_left, cards.c.number, cards.c.certificate),
    *(cards.c.signature_password, cards.c.signature_tries_left),
)
_ALL: Final = (
    select(*_SHOWN)
    .join_from(people, cards, people.c.person == cards.c.card)
    .order_by(people.c.position)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_SEARCH: ColumnElement[bool] = people.c.sought.like(bindparam("sought"), escape="!")
_WITH_TRAIT: Final = (
    select(*_SHOWN)
    .select_from(traits)
    .join(people, people.c.position == traits.c.position)
    .join(cards, people.c.person == cards.c.card)
    .where(traits.c.trait == bindparam("trait"))
    .order_by(traits.c.position)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
"""By the traits' own order: of a trait that everybody has, no more is read than is shown."""
_FINDS: Final[dict[tuple[bool, bool], Select[Any]]] = {
    (False, False): _ALL,
    (True, False): _ALL.where(_SEARCH),
    (False, True): _WITH_TRAIT,
    (True, True): _WITH_TRAIT.where(_SEARCH),
}
_BY_HANDLE: Final = _ALL.where(people.c.person == bindparam("handle"))
_HANDLE: Final = re.compile(r"p-[0-9]{6,9}", re.ASCII)
_ONE: Final = (
    select(*_SHOWN)
    .join_from(people, cards, people.c.person == cards.c.person)
    .where(cards.c.card == bindparam("handle"))
)
_HOLDER: Final = select(people.c.basic_items).where(people.c.person == bindparam("handle"))
_PHONES: Final = select(cards.c.card).where(cards.c.card.in_(bindparam("handles", expanding=True)))
_TRAITS: Final = select(counts.c.trait, counts.c.people).where(counts.c.people > 0).order_by(counts.c.trait)


def find(store: Store, *, sought: str = "", trait: str = "", first: int = 0, most: int = PAGE_SIZE) -> Tray:
    """People by part of a handle, name or reading, and by trait; from the `first`-th on, in the tray's order."""
    words = fold(sought[:_LONGEST_SEARCH])
    values: dict[str, object] = {"limit": most + 1, "offset": first}
    if words:
        values["sought"] = f"%{words.translate(_LITERAL)}%"
    if trait:
        values["trait"] = trait
    statement = _FINDS[bool(words), bool(trait)]
    if not trait and _HANDLE.fullmatch(sought.strip()):  # nobody's name contains one: no need to look through all
        statement, values["handle"] = _BY_HANDLE, sought.strip()
    rows = store.read(lambda c: c.execute(statement, values).all())
    phones = _phones(store, [row.card for row in rows])
    return Tray([_found(row, phones) for row in rows[:most]], more=len(rows) > most)


_LITERAL: Final = str.maketrans({"%": "!%", "_": "!_", "!": "!!"})


def one(store: Store, card: str) -> Found | None:
    """The card or phone with this handle; a card's handle is its person's."""
    row = store.read(lambda c: c.execute(_ONE, {"handle": card}).one_or_none())
    return _found(row, _phones(store, [row.card])) if row is not None else None


def holder(store: Store, person: str) -> bytes:
    """The serialised basic items with which a person was put on the tray."""
    items: bytes = store.read(lambda c: c.execute(_HOLDER, {"handle": person}).scalar_one())
    return items


def known_traits(store: Store) -> Sequence[tuple[str, int]]:
    """Every trait on the tray and how many people have it."""
    return store.read(lambda c: [(row[0], row[1]) for row in c.execute(_TRAITS)])


def _phones(store: Store, handles: Sequence[str]) -> frozenset[str]:
    asked = [phone_of(handle) for handle in handles]
    return frozenset(store.read(lambda c: c.execute(_PHONES, {"handles": asked}).scalars().all()))


def _found(row: Row[*tuple[Any, ...]], phones: frozenset[str]) -> Found:
    return Found(
        row.card,
        row.person,
        row.name,
        row.kana,
        tuple(row.traits.split()),
        row.pin or row.first_pin,
        row.signature_password or first_password(row.person, row.first_pin),
        row.number,
        locked=row.tries_left == 0,
        signature_locked=row.signature_tries_left == 0,
        certificate=row.certificate,
        phone=phone_of(row.card) in phones,
    )
