"""The law book in words, in both languages: rows, citations, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from warifu.law.book import LawBook
from warifu.law.decide import Deny, Reason
from warifu.law.model import Citation, Institution, Row, Text
from warifu.law.refusals import ADVICE, GROUND, MESSAGE

UNVERIFIED = Text("要確認", "to be verified")
INVENTED = Text("訓練用の架空の規定", "invented for training")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as a person reads it."""

    message: Text
    what_to_do: Text
    citation: Text
    """The law behind it, with its mark when it is not verified."""


def citation_text(citation: Citation, row: Row | None = None) -> Text:
    """The citation, marked while nobody has verified it, and as invented when its row is."""
    if row is not None and row.invented:
        return _marked(citation.text, INVENTED)
    return citation.text if citation.verified else _marked(citation.text, UNVERIFIED)


def legal_basis(row: Row, on: date) -> Text:
    """The citation in force on `on`, with its mark: what a history shows beside an exchange of that day."""
    return citation_text(row.citation_on(on), row)


def unverified(book: LawBook, on: date | None = None) -> Iterator[tuple[Row, Citation]]:
    """Citations that nobody has verified, all or those in force on a day. Invented rows are no open question."""
    for row in book.rows.values():
        for citation in row.citations:
            if not citation.verified and not row.invented and (on is None or citation.on(on)):
                yield row, citation


def explain_denial(deny: Deny, book: LawBook) -> Refusal:
    """Message, what to do next, and the law behind a refusal."""
    values_ja, values_en = _values(deny, book, "ja"), _values(deny, book, "en")
    message, advice = MESSAGE[deny.reason], ADVICE[deny.reason]
    return Refusal(
        message=Text(message.ja.format(**values_ja), message.en.format(**values_en)),
        what_to_do=Text(advice.ja.format(**values_ja), advice.en.format(**values_en)),
        citation=_denial_citation(deny),
    )


def explain_row(book: LawBook, row: Row, on: date, language: str) -> list[tuple[str, str]]:
    """A row as labelled lines, for a page or a terminal."""
    ja = language != "en"
    item = book.items[row.item]
    lines = [
        ("行" if ja else "Row", row.id),
        ("照会者" if ja else "Who asks", _roles(book, row.requester_roles, language)),
        ("事務" if ja else "Affair", f"{row.affair.name.to(language)} ({row.affair.code})"),
        ("手続" if ja else "Procedure", f"{row.procedure.name.to(language)} ({row.procedure.code})"),
        ("提供者" if ja else "Who is asked", _roles(book, row.provider_roles, language)),
        ("情報" if ja else "Item", f"{item.name.to(language)} ({row.item})"),
        ("提供される項目" if ja else "Fields released", _list([item.field(p).label for p in row.fields], language)),
        ("目的" if ja else "Why", row.purpose.to(language)),
        ("根拠" if ja else "Law", legal_basis(row, on).to(language)),
        ("期間" if ja else "In force", _span(row, language)),
        ("本人の同意" if ja else "Consent", _consent(row, language)),
        ("省略される書類" if ja else "Papers saved", _list(row.papers, language) or ("なし" if ja else "none")),
    ]
    if row.note:
        lines.append(("注" if ja else "Note", row.note.to(language)))
    return lines


def _marked(text: Text, mark: Text) -> Text:
    return Text(f"{text.ja}【{mark.ja}】", f"{text.en} [{mark.en}]")


def _denial_citation(deny: Deny) -> Text:
    ground = GROUND.get(deny.reason)
    if ground is not None:
        text, verified = ground
        return text if verified else _marked(text, UNVERIFIED)
    row = deny.nearest_row
    if row is None:
        text, verified = GROUND[Reason.CLIENT_REQUESTER_NOT_PERMITTED]
        return text if verified else _marked(text, UNVERIFIED)
    return legal_basis(row, deny.ask.on)


def _values(deny: Deny, book: LawBook, language: str) -> dict[str, str]:
    row, ask = deny.nearest_row, deny.ask
    item = book.items.get(ask.item)
    last = row.effective_to if row else None
    return {
        "requester": _name(deny.requester, ask.requester, language),
        "provider": _name(deny.provider, ask.provider, language),
        "unknown": ask.requester if deny.requester is None else ask.provider,
        "affair": _coded(
            {one.affair.code: one.affair.name for one in book.rows.values()}.get(ask.affair), ask.affair, language
        ),
        "procedure": _coded(
            {one.procedure.code: one.procedure.name for one in book.rows.values()}.get(ask.procedure),
            ask.procedure,
            language,
        ),
        "item": _coded(item.name if item else None, ask.item, language),
        "on": ask.on.isoformat(),
        "nearest": _near(row, language),
        "from": row.effective_from.isoformat() if row else "",
        "until": last.isoformat() if last else ("期限なし" if language == "ja" else "no last day"),
    }


def _near(row: Row | None, language: str) -> str:
    if row is None:
        return "該当なし" if language == "ja" else "none"
    return f"{row.id}「{row.procedure.name.ja}」" if language == "ja" else f'{row.id} "{row.procedure.name.en}"'


def _name(institution: Institution | None, code: str, language: str) -> str:
    return f"{institution.name.to(language)} ({code})" if institution else code


def _coded(name: Text | None, code: str, language: str) -> str:
    """A name with its code; the code alone where the book knows no such thing."""
    if name is None:
        return code
    return f"{name.ja}（{code}）" if language == "ja" else f'"{name.en}" ({code})'


def _roles(book: LawBook, roles: tuple[str, ...], language: str) -> str:
    return _list([book.register.roles[role].name for role in roles], language)


def _list(texts: list[Text] | tuple[Text, ...], language: str) -> str:
    return ("、" if language != "en" else ", ").join(text.to(language) for text in texts)


def _span(row: Row, language: str) -> str:
    if language == "en":
        return f"from {row.effective_from}" + (f" to {row.effective_to}" if row.effective_to else "")
    return f"{row.effective_from} から" + (f" {row.effective_to} まで" if row.effective_to else "")


def _consent(row: Row, language: str) -> str:
    if language == "en":
        return "required" if row.consent_required else "not required"
    return "必要" if row.consent_required else "不要"
