"""Names for codes of institutions, items and procedures, from the law book; and values as people read them. A code that has no name stays a code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from google.protobuf.message import Message

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.instants import datetime_at
from warifu.law import LawBook, Text
from warifu.simulator.stage.picture import words
from warifu.simulator.stage.picture.model import Fact
from warifu.web.dates import written

_YEN = "_yen"


class Names:
    """Names out of one law book."""

    def __init__(self, book: LawBook) -> None:
        self._book = book

    def institution(self, code: str) -> Text:
        """An institution's name."""
        found = self._book.institutions.get(code)
        return found.name if found is not None else _as_it_is(code)

    def item(self, code: str) -> Text:
        """An item's name."""
        found = self._book.items.get(code)
        return found.name if found is not None else _as_it_is(code)

    def procedure(self, code: str) -> Text:
        """A procedure's name."""
        return self._procedures.get(code, _as_it_is(code))

    @cached_property
    def _procedures(self) -> dict[str, Text]:
        return {row.procedure.code: row.procedure.name for row in self._book.rows.values()}

    def asked(self, header: exchange_pb2.RequestHeader) -> list[Fact]:
        """What a header asks, as facts."""
        return [
            Fact(words.REQUESTER, self.institution(header.requester)),
            Fact(words.PROVIDER, self.institution(header.provider)),
            Fact(words.PROCEDURE, self.procedure(header.procedure)),
            Fact(words.ITEM, self.item(header.item)),
            Fact(words.SPAN, span(header.span)),
            Fact(words.CLERK, _as_it_is(f"{header.office} / {header.clerk}")),
        ]

    def record(self, record: exchange_pb2.AccessRecord) -> Iterator[Fact]:
        """What an access record says."""
        yield Fact(words.REQUESTER, self.institution(record.requester))
        yield Fact(words.PROVIDER, self.institution(record.provider))
        yield Fact(words.PROCEDURE, self.procedure(record.procedure))
        yield Fact(words.ITEM, self.item(record.item))
        if record.HasField("row"):
            yield Fact(words.ROW, _as_it_is(record.row))
        yield Fact(words.OUTCOME, words.outcome(record.outcome))
        if record.HasField("fine_outcome"):
            yield Fact(words.FINE, words.fine(record.fine_outcome))
        if record.HasField("reason"):
            yield Fact(words.REASON, _as_it_is(record.reason))
        yield Fact(words.HIDDEN, words.yes(record.non_disclosure))
        if record.HasField("clerk"):
            yield Fact(words.CLERK, _as_it_is(f"{record.office} / {record.clerk}"))

    def content(self, content: items_pb2.ItemContent) -> list[Fact]:
        """An item's values, named by the law book."""
        chosen = content.WhichOneof("content")
        if chosen is None:
            return []
        item = next((one for one in self._book.items.values() if one.content == chosen), None)
        labels = {field.path: field for field in item.fields} if item is not None else {}
        told = _values(getattr(content, chosen))
        return [_named(labels.get(path), path, value, self._body(path, value)) for path, value in told]

    def _body(self, path: str, value: str) -> Text | None:
        """A municipality by its local-government code, which stands beside its name."""
        found = (one for one in self._book.register.operators.values() if one.lg_code == value)
        body = next(found, None) if path.endswith("municipality") else None
        return Text(f"{body.name.ja}（{value}）", f"{body.name.en} ({value})") if body is not None else None


def _named(field: Any, path: str, value: str, body: Text | None) -> Fact:
    if field is None:
        return Fact(_as_it_is(path), _as_it_is(value))
    told = body or dict(field.values).get(value)
    if told is None and path.endswith(_YEN) and value.lstrip("-").isdigit():
        told = Text(f"{int(value):,}円", f"¥{int(value):,}")
    if told is None and value in {"True", "False"}:
        told = words.yes(value == "True")
    return Fact(field.label, told or _as_it_is(value))


def _values(message: Message) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        many = value if field.is_repeated else [value]
        for one in many:
            known = field.enum_type.values_by_number.get(one) if field.enum_type is not None else None
            yield field.name, known.name if known is not None else str(one)


def span(asked: common_pb2.Span) -> Text:
    """A span in words."""
    if asked.HasField("fiscal_year"):
        return Text(f"{asked.fiscal_year.year}年度", f"tax year {asked.fiscal_year.year}")
    if asked.HasField("period"):
        days = f"{asked.period.first_day} – {asked.period.last_day}"
        return Text(days, days)
    return words.PRESENT


def covers(asked: common_pb2.Span, first: str, last: str, on: str) -> bool:
    """Whether days from `first` to `last` (empty: without an end) are about what was asked on the day `on`, all ISO 8601."""
    wanted = on, on
    if asked.HasField("fiscal_year"):
        year = asked.fiscal_year.year
        wanted = f"{year:04}-04-01", f"{year + 1:04}-03-31"
    elif asked.HasField("period"):
        wanted = asked.period.first_day, asked.period.last_day or "9999"
    return (not last or last >= wanted[0]) and (not first or first <= wanted[1])


def when(instant: int | None) -> Text | None:
    """Network milliseconds as people read them, Japan time; None when that is no time."""
    if instant is None:
        return None
    try:
        moment = datetime_at(instant)
        return Text(_at(moment, "ja"), _at(moment, "en"))
    except (OverflowError, ValueError):
        return None


def _at(moment: datetime, language: str) -> str:
    told = written(moment, language)
    return f"{told.day} {told.time}"


def as_it_is(value: object) -> Text:
    """The same in both languages."""
    return _as_it_is(str(value))


def _as_it_is(value: str) -> Text:
    return Text(value, value)
