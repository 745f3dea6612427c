"""Entries as they are kept: whole, sealed under the key of their month. Whose they are is told by lines (`warifu.portal.history.lines`)."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

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


class Kept(NamedTuple):
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


_PLAIN: Final = tuple(name for name in Kept._fields if name not in _SEALED)
_of_plain, _of_sealed = attrgetter(*_PLAIN), attrgetter(*_SEALED)
ROW: Final = ("month", "sealed", *_PLAIN)
"""Columns of an entry's row."""
COLUMNS: Final = (entries.c.month, entries.c.sealed, *(entries.c[name] for name in _PLAIN))
"""What `Seals.opened` needs of a row."""


class Seals:
    """Between entries and rows."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

    def holders(self, months: Sequence[Month], subject: bytes) -> list[bytes]:
        """The tags by which each month's entries about this code are found; raises as `values`."""
        return self.vault.tags(months, subject.hex())

    def row(self, kept: Kept) -> dict[str, object]:
        """The row of an entry; raises as `values`."""
        return dict(zip(ROW, self.values(kept), strict=True))

    def values(self, kept: Kept) -> tuple[Any, ...]:
        """The same in the order of `ROW`.

        Raises:
            ErasedError: its term is over.
        """
        month = kept.month
        sealed = self.vault.seal(month, packing.pack(_of_sealed(kept)), _context(kept.request_id))
        return month, sealed, *_of_plain(kept)

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
