"""What exchanges were about, as an interim server keeps it: packed, and sealed under the key of the exchange's month (PROTO-14.18)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from warifu.kernel.instants import day_at
from warifu.kernel.months import Month, month_at
from warifu.kernel.packing import Value, pack, unpack
from warifu.kernel.vault import ErasedError, Vault, VaultError


class Contents:
    """Seals and opens what one institution keeps of its exchanges.

    A `name` says which row and which part of it a content belongs to: sealed under one name, it opens under no other.
    """

    def __init__(self, vault: Vault, days: Vault | None = None, kept: int = 0) -> None:
        """`days`: keys of days (`date.toordinal`) instead of months, under which an asker's answers are sealed; destroyed after `kept` days."""
        self.vault, self.days, self._kept = vault, days, kept

    def month(self, instant: int) -> Month:
        """The month that an exchange at network milliseconds `instant` counts to: never one whose key is destroyed."""
        return max(month_at(instant), self.vault.first)

    def seal(self, month: Month, name: str, values: Sequence[Value]) -> bytes:
        """Pack and encrypt.

        Raises:
            ErasedError: the month's key was destroyed.
        """
        return self.vault.seal(month, pack(values), name.encode())

    def open(self, month: Month, name: str, sealed: bytes) -> list[Any]:
        """The values again.

        Raises:
            ErasedError: the month's key was destroyed.
            VaultError: it was altered, or belongs to another name or month.
        """
        return unpack(self.vault.unseal(month, sealed, name.encode()))

    def shut(self, instant: int, name: str, values: Sequence[Value]) -> bytes:
        """Pack an answer that came at network milliseconds `instant`, under the key of that day to be called where there are keys of days."""
        assert self.days is not None
        day = max(day_at(instant).toordinal(), self.days.first)
        return pack([day, self.days.seal(day, pack(values), name.encode())])

    def shown(self, name: str, content: bytes) -> list[Any] | None:
        """The answer again; None once its day's key was destroyed, or is not the one that sealed it."""
        assert self.days is not None
        day, sealed = unpack(content)
        try:
            return unpack(self.days.unseal(day, sealed, name.encode()))
        except (ErasedError, VaultError):
            return None

    def forget_days(self, today: date) -> None:
        """Destroy the keys of the days whose answers are over."""
        if self.days is not None:
            self.days.forget_before(today.toordinal() - self._kept)
