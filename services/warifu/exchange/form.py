"""Reading bytes that others made: what is not understood whole is refused, with the name of the field that is wrong."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, Message

M = TypeVar("M", bound=Message)

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_INSTITUTION: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_CODE16: Final = re.compile(r"[0-9A-Za-z_-]{16}", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class FormError(ValueError):
    """A field that is not as its contract says."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


def parse_whole(message: type[M], data: bytes, name: str) -> M:
    """Parse `data` and refuse fields that the contract does not know.

    Raises:
        FormError: not this message (invalid UTF-8 included), or with unknown fields.
    """
    try:
        parsed = message.FromString(data)
    except DecodeError as error:
        raise FormError(name, "not a readable message") from error
    size = parsed.ByteSize()
    parsed.DiscardUnknownFields()
    if parsed.ByteSize() != size:
        raise FormError(name, "unknown fields")
    return parsed


def check_uuid(field: str, value: str) -> None:
    """A UUID in lower-case text form, 36 characters."""
    if not _UUID.fullmatch(value):
        raise FormError(field, "not a UUID of 36 characters in lower case")


def check_institution(field: str, value: str) -> None:
    """An institution code: lower-case letters, digits, hyphens; at most 40 characters."""
    if not _is_institution(value):
        raise FormError(field, "not an institution code")


def check_code(field: str, value: str) -> None:
    """An affair, procedure or item code of 16 characters."""
    if not _is_code(value):
        raise FormError(field, "not a code of 16 characters")


def _is_institution(value: str) -> bool:
    return _INSTITUTION.fullmatch(value) is not None


def _is_code(value: str) -> bool:
    return _CODE16.fullmatch(value) is not None


def check_text(field: str, value: str, longest: int, *, required: bool = True) -> None:
    """Free text without control characters, of at most `longest` characters."""
    if len(value) > longest:
        raise FormError(field, f"over {longest} characters")
    if required and (not value or value.isspace()):
        raise FormError(field, "empty")
    if not value.isprintable() and any(unicodedata.category(character) == "Cc" for character in value):
        raise FormError(field, "control characters")


def check_day(field: str, value: str) -> date:
    """An ISO 8601 calendar date."""
    if not _DAY.fullmatch(value):
        raise FormError(field, "not a date of the form 2026-04-06")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise FormError(field, "not a day of the calendar") from error


def check_bytes(field: str, value: bytes, size: int) -> None:
    """Exactly `size` bytes."""
    if len(value) != size:
        raise FormError(field, f"not {size} bytes")
