"""An entry in words: names, dates and the law of that day, looked up once, so that templates only place them.

What an entry does not tell is not told: the portal knows the gateway's coarse outcome, never whether the person's file held anything.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Generic, TypeVar

from warifu.kernel.instants import datetime_at, day_at, midnight
from warifu.law import LawBook, Row, Text, legal_basis
from warifu.law.model import Coded
from warifu.portal.history.entries import Entry
from warifu.web.dates import Written, written

T = TypeVar("T")

DENIED: Final = "DENIED"
REMEMBERED: Final = 10_000
"""Words kept: of as many combinations of codes, day and language."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The law by which an exchange was allowed, as it stood that day."""

    text: str
    verified: bool
    """False: nobody has compared the citation with its source, and it is shown with 要確認."""
    invented: bool
    """The rule was made up for training."""


@dataclass(frozen=True, slots=True)
class Story:
    """One entry for a reader of one language."""

    request_id: str
    requested: Written
    answered: Written | None
    requester: str
    provider: str
    affair: str
    procedure: str
    item: str
    item_about: str
    fields: Sequence[str]
    """What may be passed on in this procedure; not what was."""
    purpose: str | None
    """Why, in plain words; None when no rule allowed the inquiry."""
    basis: Basis | None
    """None when no rule allowed the inquiry."""
    papers: Sequence[str]
    """Papers that the procedure can save; not papers that were."""
    outcome: str
    """ANSWERED, DENIED, ERROR or EXPIRED."""
    entry: Entry


_Words = Mapping[str, Any]
"""Those fields of a story that follow from codes, day and language alone: the same for many entries."""


class Said(Generic[T]):
    """Words that were looked up, as long as the law book is the same."""

    def __init__(self) -> None:
        self._book: LawBook | None = None
        self._words: dict[Hashable, T] = {}

    def words(self, book: LawBook, key: Hashable, look_up: Callable[[], T]) -> T:
        """As said before, or looked up now."""
        found = self.said(book, key)
        return self.say(key, look_up()) if found is None else found

    def said(self, book: LawBook, key: Hashable) -> T | None:
        """As said before by this law book; None when it was not."""
        return self.under(book).get(key)

    def under(self, book: LawBook) -> Mapping[Hashable, T]:
        """All that was said by this law book."""
        if book is not self._book:
            self._book, self._words = book, {}
        return self._words

    def say(self, key: Hashable, words: T) -> T:
        """Remember what the law book says that `said` was asked about last."""
        if len(self._words) >= REMEMBERED:
            self._words = {}
        self._words[key] = words
        return words


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells entries by the law book in force."""

    current: Callable[[], LawBook]
    _said: Said[_Words] = field(default_factory=Said, repr=False, compare=False)

    @property
    def version(self) -> str:
        """Of the law book in force."""
        return self.current().version

    @property
    def book(self) -> LawBook:
        """The law book in force."""
        return self.current()

    def institution(self, code: str, language: str) -> str:
        """An institution's name; its code when the law book does not name it."""
        return _institution(self.current(), code, language)

    def tell(self, entry: Entry, language: str, *, easy: bool = False) -> Story:
        """The entry in `language`, with the purpose in easy words on wish. A code that the law book does not name stands for itself."""
        book, row, day = self.current(), self._row(entry), day_of(entry)
        codes = (entry.requester, entry.provider, entry.affair, entry.procedure, entry.item)
        key = (*codes, row.id if row else None, day, language, easy)
        words = self._said.words(book, key, lambda: _words(book, codes, row, day, language, easy=easy))
        return Story(
            request_id=entry.request_id,
            requested=written(datetime_at(entry.requested_at), language),
            answered=written(datetime_at(entry.answered_at), language) if entry.answered_at is not None else None,
            **words,
            outcome=entry.outcome_name,
            entry=entry,
        )

    def legal_basis(self, entry: Entry) -> Text | None:
        """The citation in force that day, with its mark, in both languages; None when no rule allowed the inquiry."""
        row = self._row(entry)
        return legal_basis(row, day_of(entry)) if row else None

    def turns(self, entry: Entry) -> Sequence[int]:
        """At which instants (milliseconds) another citation of the row that allowed it came into force, in order: only there what is told of its codes changes."""
        row = self._row(entry)
        return [midnight(citation.valid_from) for citation in row.citations[1:]] if row else []

    def _row(self, entry: Entry) -> Row | None:
        """The row that allowed it. A denied inquiry names the nearest row, which allowed something else."""
        if entry.outcome_name == DENIED or entry.row is None:
            return None
        return self.current().rows.get(entry.row)


def _words(
    book: LawBook, codes: tuple[str, str, str, str, str], row: Row | None, day: date, language: str, *, easy: bool
) -> _Words:
    requester, provider, affair, procedure, item_code = codes
    item = book.items.get(item_code)
    return {
        "requester": _institution(book, requester, language),
        "provider": _institution(book, provider, language),
        "affair": _named(book.table.affairs, affair, language),
        "procedure": _named(book.table.procedures, procedure, language),
        "item": item.name.to(language) if item else item_code,
        "item_about": item.about.to(language) if item else "",
        "fields": [item.field(path).label.to(language) for path in row.fields] if item and row else [],
        "purpose": row.purpose.to("plain" if easy and language == "ja" else language) if row else None,
        "basis": _basis(row, day, language),
        "papers": [paper.to(language) for paper in row.papers] if row else [],
    }


def _basis(row: Row | None, day: date, language: str) -> Basis | None:
    if row is None:
        return None
    citation = row.citation_on(day)
    return Basis(citation.text.to(language), citation.verified or row.invented, row.invented)


def _institution(book: LawBook, code: str, language: str) -> str:
    found = book.institutions.get(code)
    return found.name.to(language) if found else code


def _named(names: Mapping[str, Coded], code: str, language: str) -> str:
    found = names.get(code)
    return found.name.to(language) if found else code


def day_of(entry: Entry) -> date:
    """The day of the request in Japan: the law of that day counts."""
    return day_at(entry.requested_at)
