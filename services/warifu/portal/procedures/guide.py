"""Procedures in words: the catalogue's offers with what the law book of the day says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from warifu.law import LawBook, Origin, Row
from warifu.law.model import Institution
from warifu.portal.procedures.catalogue import Catalogue, Offer, folded


@dataclass(frozen=True, slots=True)
class Municipality:
    """A body that people live in."""

    lg_code: str
    name: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An inquiry that the application justifies, in one language."""

    item: str
    purpose: str
    papers: Sequence[str]
    """Papers that an answer saves."""
    by_ordinance: bool
    """It rests on the municipality's ordinance, and the supervisor must have approved it."""
    needs_consent: bool


@dataclass(frozen=True, slots=True)
class Taker:
    """An institution that takes the application."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Told:
    """One procedure in one language."""

    code: str
    title: str
    name: str
    """The procedure's, in the law book."""
    affair: str
    kind: str
    events: Sequence[str]
    about: str
    term: str
    asked: Sequence[Asked]
    takers: Sequence[Taker]

    @property
    def papers(self) -> Sequence[str]:
        """Every paper that can be saved, once."""
        return tuple(dict.fromkeys(paper for asked in self.asked for paper in asked.papers))


@dataclass(frozen=True, slots=True)
class Guide:
    """Tells what can be applied for."""

    catalogue: Catalogue
    current: Callable[[], LawBook]

    def search(self, words: str, kind: str, event: str, language: str, day: date) -> list[Told]:
        """What fits every one of the words (separated by spaces) and, where they are given, kind and event."""
        wanted = folded(words).split()
        offers = [
            offer
            for offer in self.catalogue.offers.values()
            if kind in {"", offer.kind}
            and (not event or event in offer.events)
            and all(word in self._searched(offer) for word in wanted)
        ]
        return [self.tell(offer, language, day) for offer in offers]

    def find(self, code: str) -> Offer | None:
        """What is offered under a procedure's code."""
        return self.catalogue.offers.get(code)

    def tell(self, offer: Offer, language: str, day: date) -> Told:
        """An offer in words, with what the table allows on `day`."""
        book = self.current()
        rows = self.rows(offer, day)
        return Told(
            code=offer.code,
            title=offer.title.to(language),
            name=self.name(offer.code, language),
            affair=rows[0].affair.name.to(language) if rows else "",
            kind=self.catalogue.kinds[offer.kind].to(language),
            events=[self.catalogue.events[event].to(language) for event in offer.events],
            about=offer.about.to(language),
            term=offer.term.to(language),
            asked=[_asked(book, row, language) for row in rows],
            takers=[Taker(one.code, one.name.to(language)) for one in self.takers(offer, day)],
        )

    def name(self, code: str, language: str) -> str:
        """A procedure's name; a code that the law book does not name stands for itself."""
        found = self.current().table.procedures.get(code)
        return found.name.to(language) if found else code

    def institution(self, code: str, language: str) -> str:
        """An institution's name; a code that the register does not have stands for itself."""
        found = self.current().institutions.get(code)
        return found.name.to(language) if found else code

    def rows(self, offer: Offer, day: date) -> list[Row]:
        """The rows in force that the procedure, and what is handled in one with it, allow: its own first."""
        book = self.current()
        rows = [row for row in book.rows.values() if row.procedure.code in offer.codes and row.in_force(day)]
        return sorted(rows, key=lambda row: offer.codes.index(row.procedure.code))

    def takers(self, offer: Offer, day: date) -> list[Institution]:
        """The institutions that handle the procedure, in the order of the register."""
        roles = {role for row in self.rows(offer, day) for role in row.requester_roles}
        return list(self.current().register.with_roles(tuple(roles)))

    def municipalities(self, language: str) -> list[Municipality]:
        """The municipalities of this network."""
        operators = {one.operator.code: one.operator for one in self.current().register.with_roles(("residency",))}
        return [Municipality(one.lg_code, one.name.to(language)) for one in operators.values() if one.lg_code]

    def _searched(self, offer: Offer) -> str:
        names = [self.name(offer.code, language) for language in ("ja", "en")]
        told = (offer.title, offer.about)
        return folded("\n".join((*names, *(part for text in told for part in (text.ja, text.en)), *offer.words)))


def _asked(book: LawBook, row: Row, language: str) -> Asked:
    return Asked(
        item=book.items[row.item].name.to(language),
        purpose=row.purpose.to(language),
        papers=[paper.to(language) for paper in row.papers],
        by_ordinance=row.origin is Origin.ORDINANCE,
        needs_consent=row.consent_required,
    )
