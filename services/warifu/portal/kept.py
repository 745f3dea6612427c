"""Entries as they are kept: sealed under the key of their month, found by a tag of the code that they are about."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from warifu.kernel import packing
from warifu.kernel.months import Month, month_at
from warifu.kernel.vault import Vault
from warifu.portal.schema import entries

_SEALED: Final = (
    "subject",
    "answered_at",
    "requester",
    "provider",
    "affair",
    "procedure",
    "item",
    "row",
    "outcome",
    "request_record",
    "outcome_record",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What was delivered of one exchange, opened. Times are simulated, milliseconds since 1970."""

    request_id: str
    requested_at: int
    subject: bytes
    """The portal's code for the person, serialised SubjectReference."""
    answered_at: int | None
    requester: str
    provider: str
    affair: str
    procedure: str
    item: str
    row: str | None
    """Of the permission table; of a denied inquiry the nearest one."""
    outcome: int
    """warifu.exchange.v1.Outcome."""
    request_record: bytes
    """Serialised CommittedRecord."""
    outcome_record: bytes
    """Serialised CommittedRecord."""
    request_leaf: int | None
    """Place in the log; None while not known."""
    outcome_leaf: int | None
    log_key: str | None
    """Id of the key of the log in which those places are, hexadecimal."""
    arrival: int = 0
    """Position in the order of arrival, from 1; 0 before it is stored."""

    @property
    def month(self) -> Month:
        """Whose key seals it."""
        return month_at(self.requested_at)


_PLAIN: Final = tuple(field.name for field in fields(Kept) if field.name not in _SEALED)
COLUMNS: Final = (entries.c.month, entries.c.sealed, *(entries.c[name] for name in _PLAIN))
"""What `Seals.opened` needs of a row."""


class Seals:
    """Between entries and rows."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def holder(self, month: Month, subject: bytes) -> bytes:
        """The tag by which a month's entries about this code are found."""
        return self.vault.tag(month, subject.hex())

    def row(self, kept: Kept) -> dict[str, object]:
        """The row of an entry.

        Raises:
            ErasedError: its term is over.
        """
        content = packing.pack([getattr(kept, name) for name in _SEALED])
        return {
            "month": kept.month,
            "holder": self.holder(kept.month, kept.subject),
            "sealed": self.vault.seal(kept.month, content, _context(kept.request_id)),
            **{name: getattr(kept, name) for name in _PLAIN},
        }

    def opened(self, row: Any) -> Kept:
        """The entry of a row with `COLUMNS`.

        Raises:
            ErasedError: its term is over.
        """
        content = packing.unpack(self.vault.unseal(row.month, row.sealed, _context(row.request_id)))
        plain: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
        return Kept(**plain, **dict(zip(_SEALED, content, strict=True)))


def _context(request_id: str) -> bytes:
    return f"entry/{request_id}".encode()
