"""What an answer says, in words: each field that the row releases with its label and its value as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from warifu.exchange.v1 import exchange_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.clock import JAPAN
from warifu.law import LawBook, Row, Text
from warifu.law.model import Field
from warifu.web.dates import written

_EMPTY: Final = {
    items_pb2.EMPTY_REASON_NO_VALUE: Text("なし", "None"),
    items_pb2.EMPTY_REASON_NOT_HELD: Text("この機関は持っていません", "Not held there"),
    items_pb2.EMPTY_REASON_NOT_APPLICABLE: Text("対象外", "Not applicable"),
}
_YES_NO: Final = {True: Text("はい", "Yes"), False: Text("いいえ", "No")}
_PLACES: Final = ("municipality", "previous_municipality", "forwarding_municipality")
_UNITS: Final = ("Yen.", "Number.")
_YEN: Final = "_yen"
_PERCENT: Final = "_percent"
_YEAR: Final = "tax_year"


@dataclass(frozen=True, slots=True)
class Told:
    """One field."""

    path: str
    label: Text
    about: Text | None
    """None where it would only name the unit, which the value says itself."""
    value: object
    """As JSON: a number, a truth, a text, a list of mappings, or None."""
    text: Text


@dataclass(frozen=True, slots=True)
class Sheet:
    """One record of an answer."""

    record_key: str
    fields: Sequence[Told]


def sheets(book: LawBook, row: Row, records: Sequence[exchange_pb2.Record]) -> Sequence[Sheet]:
    """The records of an answer that was given by `row`, in words."""
    specs = [book.items[row.item].field(path) for path in row.fields]
    return [Sheet(record.record_key, list(_fields(book, specs, record.content))) for record in records]


def _fields(book: LawBook, specs: Sequence[Field], content: items_pb2.ItemContent) -> Iterator[Told]:
    which = content.WhichOneof("content")
    if which is None:
        return
    message = getattr(content, which)
    empty = {one.path: one.reason for one in content.empty_fields}
    for spec in specs:
        found = {field.name: value for field, value in message.ListFields()}
        about = None if spec.about.en in _UNITS else spec.about
        if spec.path in found or (spec.path not in empty and _is_truth(message, spec.path)):
            value = getattr(message, spec.path)
            yield Told(spec.path, spec.label, about, _plain(message, spec, value), _text(book, message, spec, value))
        elif spec.path in empty:
            told = _EMPTY.get(empty[spec.path], Text("なし", "None"))
            yield Told(spec.path, spec.label, about, None, told)


def _is_truth(message: Any, path: str) -> bool:
    """A truth that is false is not listed as set, and is one all the same."""
    field = message.DESCRIPTOR.fields_by_name[path]
    return field.type == field.TYPE_BOOL and not field.has_presence


def _plain(message: Any, spec: Field, value: Any) -> object:
    field = message.DESCRIPTOR.fields_by_name[spec.path]
    if field.is_repeated:
        return [{part.name: inner for part, inner in one.ListFields()} for one in value]
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    return value


def _text(book: LawBook, message: Any, spec: Field, value: Any) -> Text:  # noqa: PLR0911 - one form a kind of value
    plain = _plain(message, spec, value)
    if isinstance(plain, list):
        shown = [[_one(part) for part in one.values()] for one in plain]
        return Text(
            "、".join("・".join(part.ja for part in parts) for parts in shown),
            "; ".join(", ".join(part.en for part in parts) for parts in shown),
        )
    if spec.values:
        return dict(spec.values).get(str(plain), Text(str(plain), str(plain)))
    if isinstance(plain, bool):
        return _YES_NO[plain]
    if spec.path.endswith(_YEN):
        return Text(f"{plain:,}円", f"{plain:,} yen")
    if spec.path.endswith(_PERCENT):
        return Text(f"{plain}％", f"{plain} %")
    if spec.path == _YEAR:
        return year(int(str(plain)))
    if spec.path in _PLACES:
        return _place(book, str(plain))
    return _one(plain)


def year(number: int) -> Text:
    """A tax year."""
    era = f"（令和{number - 2018}年度）" if number > 2018 else ""  # noqa: PLR2004 - Reiwa 1 is 2019
    return Text(f"{number}年度{era}", f"Tax year {number}")


def day(on: date) -> Text:
    """A calendar day."""
    noon = datetime.combine(on, time(12), JAPAN)
    return Text(written(noon, "ja").day, written(noon, "en").day)


def _one(value: object) -> Text:
    try:
        return day(date.fromisoformat(str(value)))
    except ValueError:
        return Text(str(value), str(value))


def _place(book: LawBook, code: str) -> Text:
    named = next((one.name for one in book.register.operators.values() if one.lg_code == code), None)
    return Text(f"{named.ja}（{code}）", f"{named.en} ({code})") if named else Text(code, code)
