"""Reading TOML entries strictly: every complaint names file, entry and field; a field nobody asked for is a complaint too."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum, StrEnum
from typing import Any, TypeVar

from warifu.law.model import Text

CODE_LENGTH = 16

ChoiceT = TypeVar("ChoiceT", bound=Enum)


class LawDataError(ValueError):
    """A data file of the law book is wrong; the message names the file, the entry and the field."""

    def __init__(self, file: str, entry: str, field: str, problem: str) -> None:
        super().__init__(f"{file}: {entry}: {field}: {problem}")
        self.file, self.entry, self.field, self.problem = file, entry, field, problem


class Entry:
    """One table of a TOML file while it is read."""

    def __init__(self, file: str, name: str, values: Mapping[str, Any]) -> None:
        self.file, self.name = file, name
        self._values = values
        self._read: set[str] = set()

    def fail(self, field: str, problem: str) -> LawDataError:
        """The error to raise about one field of this entry."""
        return LawDataError(self.file, self.name, field, problem)

    def finish(self) -> None:
        """Complain about fields that were never read: a misspelt name must not pass as an absent one."""
        for field in self._values:
            if field not in self._read:
                raise self.fail(field, "unknown field")

    def has(self, field: str) -> bool:
        """Whether the field is there."""
        return field in self._values

    def text(self, field: str) -> str:
        """A string that says something."""
        value = self._get(field)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(field, "must be a text that is not empty")
        return value

    def optional_text(self, field: str) -> str | None:
        """A string, or None when absent."""
        return self.text(field) if self.has(field) else None

    def code(self, field: str, prefix: str) -> str:
        """A 16-character code of the synthetic range that begins with `prefix`."""
        value = self.text(field)
        if len(value) != CODE_LENGTH or not value.startswith(prefix) or not (value.isascii() and value.isalnum()):
            raise self.fail(field, f"must be {CODE_LENGTH} characters beginning with {prefix}, is {value!r}")
        return value

    def names(self) -> Text:
        """The entry's own `ja` and `en`."""
        return Text(self.text("ja"), self.text("en"))

    def pair(self, field: str) -> Text:
        """A table with `ja` and `en`."""
        inner = self.inner(field)
        text = inner.names()
        inner.finish()
        return text

    def pairs(self, field: str) -> tuple[Text, ...]:
        """A list, possibly empty, of tables with `ja` and `en`."""
        texts = []
        for inner in self.entries(field):
            texts.append(inner.names())
            inner.finish()
        return tuple(texts)

    def day(self, field: str) -> date:
        """A date without a time."""
        value = self._get(field)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.fail(field, f"must be a date, is {value!r}")
        return value

    def optional_day(self, field: str) -> date | None:
        """A date, or None when absent."""
        return self.day(field) if self.has(field) else None

    def number(self, field: str, minimum: int = 0) -> int:
        """A whole number from `minimum` up."""
        value = self._get(field)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise self.fail(field, f"must be a whole number from {minimum} up, is {value!r}")
        return value

    def flag(self, field: str) -> bool:
        """Either true or false."""
        value = self._get(field)
        if not isinstance(value, bool):
            raise self.fail(field, f"must be true or false, is {value!r}")
        return value

    def choice(self, field: str, choices: type[ChoiceT]) -> ChoiceT:
        """One of the members of an enumeration: by value when they are strings, by name when they are numbers."""
        value = self.text(field)
        for member in choices:
            if value == (member.value if isinstance(member, StrEnum) else member.name):
                return member
        raise self.fail(field, f"must be one of {[m.name for m in choices]}, is {value!r}")

    def strings(self, field: str, known: Iterable[str] | None = None) -> tuple[str, ...]:
        """A list of different texts, each one of `known` when that is given."""
        value = self._get(field)
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.fail(field, "must be a list of texts")
        if len(set(value)) != len(value):
            raise self.fail(field, "names something twice")
        unknown = sorted(set(value) - set(known)) if known is not None else []
        if unknown:
            raise self.fail(field, f"unknown: {', '.join(unknown)}")
        return tuple(value)

    def inner(self, field: str) -> Entry:
        """A table inside this one."""
        value = self._get(field)
        if not isinstance(value, dict):
            raise self.fail(field, "must be a table")
        return Entry(self.file, f"{self.name}: {field}", value)

    def entries(self, field: str, key: str | None = None) -> list[Entry]:
        """A list of tables, named by their `key` or by their place from 1."""
        value = self._get(field)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.fail(field, "must be a list of tables")
        return [
            Entry(self.file, self._inner_name(field, str(one.get(key, place))), one)
            for place, one in enumerate(value, 1)
        ]

    def _inner_name(self, field: str, name: str) -> str:
        own = f"{field} {name}"
        return own if self.name == "file" else f"{self.name}: {own}"

    def _get(self, field: str) -> Any:
        self._read.add(field)
        if field not in self._values:
            raise self.fail(field, "missing")
        return self._values[field]


def parse(file: str, content: bytes) -> Entry:
    """The whole file as one entry.

    Raises:
        LawDataError: the content is not UTF-8 or not TOML.
    """
    try:
        return Entry(file, "file", tomllib.loads(content.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LawDataError(file, "file", "content", str(error)) from error


def unique(entry: Entry, field: str, value: str, seen: Iterable[str]) -> str:
    """`value`, unless an entry before had it."""
    if value in seen:
        raise entry.fail(field, f"{value} appears twice")
    return value
