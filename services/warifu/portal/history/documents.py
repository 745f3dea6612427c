"""An entry for programs: the document of `/api/v1/history`, and the columns of the CSV file.

Of an entry's document all but its id and times follows from codes, outcome and the law of the day, and is the same for many entries: it is
written as JSON once and kept, as long as the law book is the same.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from json.encoder import encode_basestring as _quoted
from typing import Final

from warifu.kernel.instants import datetime_at, day_number
from warifu.law import LawBook
from warifu.portal.history.corrections import Correction
from warifu.portal.history.entries import Entry
from warifu.portal.history.story import Said, Story, Teller
from warifu.web.dates import iso, iso_at

BOM: Final = "\ufeff"
"""By which spreadsheets know that a file is UTF-8."""
HEADINGS: Final = {
    "ja": (
        "記録の番号", "問い合わせの日時", "回答の日時", "問い合わせた機関", "問い合わせた機関のコード",
        "問い合わせ先の機関", "問い合わせ先の機関のコード", "事務", "手続", "手続のコード", "情報", "情報のコード",
        "なぜ", "根拠", "根拠を出典で確かめたか", "結果",
    ),
    "en": (
        "Request id", "Asked at", "Answered at", "Who asked", "Code of who asked",
        "Who was asked", "Code of who was asked", "Affair", "Procedure", "Code of the procedure", "Information",
        "Code of the information", "Why", "Legal basis", "Basis checked against its source", "Outcome",
    ),
}  # fmt: skip
_OUTCOMES: Final = {
    "ja": {"ANSWERED": "回答あり", "DENIED": "認められず", "EXPIRED": "期限切れ", "ERROR": "完了せず"},
    "en": {"ANSWERED": "answered", "DENIED": "refused", "EXPIRED": "expired", "ERROR": "not completed"},
}
_YES: Final = {"ja": ("はい", "いいえ（要確認）"), "en": ("yes", "no (to be verified)")}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a text for a formula, full-width forms included."""


def cell(text: str) -> str:
    """A text that no spreadsheet computes: one that would begin a formula begins with an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text


_OWN: Final = ("request_id", "requested_at", "answered_at")
"""What no two entries have alike."""


def _text(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Documents:
    """Tells entries to programs."""

    teller: Teller
    _said: Said[bytes] = field(default_factory=Said, repr=False, compare=False)
    """By codes, outcome and citation."""
    _said_on: Said[bytes] = field(default_factory=Said, repr=False, compare=False)
    """The same by day."""

    def page(self, entries: Sequence[Entry], older: str | None, proxy_for: str | None) -> bytes:
        """The document of a page of the history, as JSON."""
        book, of_day = self.teller.book, self._said_on
        told, before = [], '{"entries":['
        for entry in entries:
            request_id, requested_at, answered_at = entry[:3]
            answered = f'"{iso_at(answered_at)}"' if answered_at is not None else "null"
            key = (entry[3:], day_number(requested_at))
            told.append(
                f'{before}{{"request_id":{_quoted(request_id)},"requested_at":"{iso_at(requested_at)}","answered_at":{answered},'.encode()
            )
            told.append(of_day.said(book, key) or of_day.say(key, self._rest(book, entry)))
            before = ","
        end = f'],"next":{_text(older)},"proxy_for":{_text(proxy_for)}}}'
        return b"".join([*told, (end if told else before + end).encode()])

    def _rest(self, book: LawBook, entry: Entry) -> bytes:
        """What follows from the codes, the outcome and the citation in force that day."""
        key = (entry[3:], self.teller.citation(entry))
        return self._said.words(
            book, key, lambda: _json({name: told for name, told in self.entry(entry).items() if name not in _OWN})[1:]
        )

    def entry(self, entry: Entry) -> Mapping[str, object]:
        """One entry with its texts in both languages."""
        told = {language: self.teller.tell(entry, language) for language in ("ja", "en")}
        basis, ja = self.teller.legal_basis(entry), told["ja"]
        return {
            "request_id": entry.request_id,
            "requested_at": iso(datetime_at(entry.requested_at)),
            "answered_at": iso(datetime_at(entry.answered_at)) if entry.answered_at is not None else None,
            "requester": entry.requester,
            "provider": entry.provider,
            "procedure": entry.procedure,
            "legal_basis": basis.ja if basis else None,
            "items": [entry.item],
            "outcome": entry.outcome_name,
            "texts": {
                language: {
                    "requester": story.requester,
                    "provider": story.provider,
                    "affair": story.affair,
                    "procedure": story.procedure,
                    "purpose": story.purpose,
                    "legal_basis": basis.to(language) if basis else None,
                    "items": [story.item],
                    "papers": list(story.papers),
                }
                for language, story in told.items()
            },
            "legal_basis_verified": ja.basis.verified if ja.basis else None,
        }

    def correction(self, one: Correction) -> Mapping[str, object]:
        """One correction: who says what, since when."""
        return {
            "institution": one.institution,
            "statement": one.statement,
            "at": iso(datetime_at(one.at)),
            "leaf": one.leaf,
            "texts": {
                language: {"institution": self.teller.institution(one.institution, language)}
                for language in ("ja", "en")
            },
        }

    def lines(self, entries: Sequence[Entry], language: str) -> str:
        """CSV lines (RFC 4180) of entries."""
        written = StringIO()
        csv.writer(written).writerows(
            [cell(text) for text in _columns(self.teller.tell(entry, language), language)] for entry in entries
        )
        return written.getvalue()


def heading(language: str) -> str:
    """The first line of the file."""
    written = StringIO()
    csv.writer(written).writerow(HEADINGS[language])
    return written.getvalue()


def _columns(story: Story, language: str) -> Sequence[str]:
    entry = story.entry
    return (
        story.request_id,
        iso(datetime_at(entry.requested_at)),
        iso(datetime_at(entry.answered_at)) if entry.answered_at is not None else "",
        story.requester,
        entry.requester,
        story.provider,
        entry.provider,
        story.affair,
        story.procedure,
        entry.procedure,
        story.item,
        entry.item,
        story.purpose or "",
        story.basis.text if story.basis else "",
        _YES[language][0 if story.basis.verified else 1] if story.basis else "",
        _OUTCOMES[language][story.outcome],
    )
