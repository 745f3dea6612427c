"""Values of an answer as people read them, in the language of the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from google.protobuf.message import Message

from warifu.items.v1 import items_pb2
from warifu.law import Item, LawBook, Text

_REIWA: Final = 2018
"""Reiwa years count from the next one."""
_DAYS: Final = ("_on", "_since", "_until", "_date")
_EMPTY: Final = {
    items_pb2.EMPTY_REASON_NO_VALUE: Text("（値なし）", "(no value)"),
    items_pb2.EMPTY_REASON_NOT_HELD: Text("（提供者が保有していない）", "(not held by the provider)"),
    items_pb2.EMPTY_REASON_NOT_APPLICABLE: Text("（該当しない）", "(does not apply)"),
}
_SILENT: Final = Text("（記載なし）", "(not stated)")
_YES_NO: Final = {True: Text("はい", "yes"), False: Text("いいえ", "no")}


def read(book: LawBook, item: Item, content: items_pb2.ItemContent, path: str, language: str) -> str:
    """One field of an answer; where it is empty, what the provider says of that."""
    message = getattr(content, item.content)
    described = message.DESCRIPTOR.fields_by_name[path]
    if described.is_repeated:
        return _members(getattr(message, path), language) or _empty(content, path, language)
    if described.has_presence and not message.HasField(path):
        return _empty(content, path, language)
    value = getattr(message, path)
    if described.enum_type is not None:
        return _named(item, path, described.enum_type.values_by_number[value].name, language)
    return _written(book, path, value, language)


def _empty(content: items_pb2.ItemContent, path: str, language: str) -> str:
    reason = next((one.reason for one in content.empty_fields if one.path == path), None)
    return (_EMPTY.get(reason, _SILENT) if reason is not None else _SILENT).to(language)


def _named(item: Item, path: str, name: str, language: str) -> str:
    """A coded value by the law book's name for it."""
    return next((text.to(language) for known, text in item.field(path).values if known == name), name)


def _written(book: LawBook, path: str, value: object, language: str) -> str:
    if isinstance(value, bool):
        return _YES_NO[value].to(language)
    if path.endswith("_yen") and isinstance(value, int):
        return f"{value:,} yen" if language == "en" else f"{value:,}円"
    if path == "tax_year" and isinstance(value, int):
        return fiscal_year(value, language)
    if path.endswith("municipality"):
        return _body(book, str(value), language)
    if path == "insurer_number":
        return _insurer(book, str(value), language)
    return day(str(value), language) if path.endswith(_DAYS) else str(value)


def day(iso: str, language: str) -> str:
    """A day in words; what is no day stays as it is."""
    try:
        found = date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{found.day} {found:%B} {found.year}" if language == "en" else f"{found.year}年{found.month}月{found.day}日"


def fiscal_year(year: int, language: str) -> str:
    """A fiscal or tax year, by the calendar year in which it begins."""
    era = f"（令和{year - _REIWA}年度）" if year > _REIWA else ""
    return f"fiscal year {year}" if language == "en" else f"{year}年度{era}"


def _body(book: LawBook, code: str, language: str) -> str:
    """A municipality by its local-government code."""
    found = next((one for one in book.register.operators.values() if one.lg_code == code), None)
    return _beside(found.name.to(language), code, language) if found is not None else code


def _insurer(book: LawBook, number: str, language: str) -> str:
    found = next((one for one in book.institutions.values() if one.insurer_number == number), None)
    return _beside(found.name.to(language), number, language) if found is not None else number


def _beside(name: str, code: str, language: str) -> str:
    return f"{name} ({code})" if language == "en" else f"{name}（{code}）"


def _members(members: object, language: str) -> str:
    """The other members of a household: relationship and birth date."""
    assert isinstance(members, Sequence)
    between = "; " if language == "en" else "、"
    return between.join(_member(member, language) for member in members)


def _member(member: Message, language: str) -> str:
    relationship, born = getattr(member, "relationship", ""), getattr(member, "birth_date", "")
    return (
        f"{relationship} ({day(born, language)})" if language == "en" else f"{relationship}（{day(born, language)}生）"
    )
