"""What exchanges were about, as an interim server keeps it: packed, and sealed under the key of the exchange's month (PROTO-14.18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from warifu.kernel.months import Month, month_at
from warifu.kernel.packing import Value, pack, unpack
from warifu.kernel.vault import Vault


class Contents:
    """Seals and opens what one institution keeps of its exchanges.

    A `name` says which row and which part of it a content belongs to: sealed under one name, it opens under no other.
    """

    def __init__(self, vault: Vault) -> None:
        self.vault = vault

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
