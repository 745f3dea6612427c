"""Parties' views as rows and messages. Whatever the bytes are, reading never fails: what is no message of the expected type is None."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from warifu.control.v1.control_pb2 import HeldValue, Holding

M = TypeVar("M", bound=Message)
Views = Mapping[str, Sequence[Holding]]
"""Holdings by party; a party that could not be looked at is not in it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a view."""

    owner: str
    """Institution, or party, as the view names it."""
    table: str
    values: Mapping[str, HeldValue]

    @property
    def where(self) -> str:
        """As the view names it."""
        return f"{self.owner}/{self.table}"

    def source(self, column: str, path: str = "") -> str:
        """Where a value stands."""
        return f"{self.where}.{column}" + (f" → {path}" if path else "")

    def text(self, column: str) -> str:
        """A column's text; empty when it has none."""
        value = self.values.get(column)
        return value.text if value is not None and value.WhichOneof("value") == "text" else ""

    def raw(self, column: str) -> bytes:
        """A column's bytes, of a text its UTF-8; empty when there is none."""
        value = self.values.get(column)
        if value is None:
            return b""
        return value.raw if value.WhichOneof("value") == "raw" else value.text.encode()

    def number(self, column: str) -> int | None:
        """A column's whole number; None when it is none, or absent."""
        digits = self.text(column)
        return int(digits) if digits.isascii() and digits.removeprefix("-").isdigit() and len(digits) < 20 else None  # noqa: PLR2004 - 64 bits

    def flag(self, column: str) -> bool:
        """A column that says True."""
        return self.text(column) == "True"

    @property
    def everything(self) -> bytes:
        """All values, one after the other, to look through."""
        return b"\0".join(self.raw(name) for name in self.values)

    def message(self, column: str, kind: type[M]) -> M | None:
        """The message in a column; None when there is none."""
        return parsed(kind, self.raw(column)) if column in self.values else None


def rows(holdings: Iterable[Holding]) -> list[Row]:
    """The rows of a view."""
    return [_row(holding) for holding in holdings]


def _row(holding: Holding) -> Row:
    owner, _, table = holding.where.partition("/")
    return Row(owner, table, {value.name: value for value in holding.values})


def parsed(kind: type[M], raw: bytes) -> M | None:
    """The message that bytes are; None when they are none."""
    try:
        return kind.FromString(raw)
    except (DecodeError, ValueError):
        return None
