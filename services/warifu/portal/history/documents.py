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

from warifu.kernel.instants import datetime_at
from warifu.portal.history.corrections import Correction
from warifu.portal.history.entries import Entry
from warifu.portal.history.story import Said, Story, Teller
from warifu.web.dates import iso, iso_at, iso_both

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
_ALWAYS: Final = 2**63
"""Milliseconds: after every instant."""


def _text(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Documents:
    """Tells entries to programs."""

    teller: Teller
    _said: Said[Sequence[tuple[int, bytes]]] = field(default_factory=Said, repr=False, compare=False)
    """By codes and outcome: what follows from them for requests before an instant, in the order of time."""

    def page(self, entries: Sequence[Entry], older: str | None, proxy_for: str | None) -> bytes:
        """The document of a page of the history, as JSON."""
        said = self._said.under(self.teller.book)
        told: list[bytes] = []
        before = '{"entries":[{"request_id":'
        for entry in entries:
            request_id, requested_at, answered_at, codes = entry
            for end, alike in said.get(codes) or self._rest(entry):  # noqa: B007 - what is found is said below
                if requested_at < end:
                    break
            if answered_at is None:
                own = f'{before}{_quoted(request_id)},"requested_at":"{iso_at(requested_at)}","answered_at":null,'
            else:
                requested, answered = iso_both(requested_at, answered_at)
                own = f'{before}{_quoted(request_id)},"requested_at":"{requested}","answered_at":"{answered}",'
            told += own.encode(), alike
            before = ',{"request_id":'
        if not told:
            told.append(b'{"entries":[')
        told.append(f'],"next":{_text(older)},"proxy_for":{_text(proxy_for)}}}'.encode())
        return b"".join(told)

    def _rest(self, entry: Entry) -> Sequence[tuple[int, bytes]]:
        """What is said of entries with such codes and outcome, and until when: it changes only where another citation comes into force."""
        turns = self.teller.turns(entry)
        last = turns[-1] if turns else entry.requested_at
        said = [(end, self._alike(entry._replace(requested_at=end - 1))) for end in turns]
        return self._said.say(entry.codes, [*said, (_ALWAYS, self._alike(entry._replace(requested_at=last)))])

    def _alike(self, entry: Entry) -> bytes:
        return _json({name: told for name, told in self.entry(entry).items() if name not in _OWN})[1:]

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
