"""Sealed blocks as they are kept: each once, however many exchanges have their query or answer in it.

A block lies under the key of the month of the youngest exchange that it serves, and goes when that one goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select

from warifu.gateway.schema import BLOCK
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.months import Month
from warifu.kernel.vault import Vault

_ADD = Bulk(BLOCK, "block", "month", "sealed")
_LAST = select(func.max(BLOCK.c.block))
_FIND = select(BLOCK).where(BLOCK.c.block.in_(bindparam("numbers", expanding=True)))


class Blocks:
    """Reads and writes them, within a connection's transaction."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, connection: Connection, serving: Iterable[tuple[bytes, Month]]) -> Mapping[bytes, int]:
        """Add blocks, in their wire form, given once or more with the months of the exchanges that they serve; their numbers."""
        months: dict[bytes, Month] = {}
        for wire, month in serving:
            months[wire] = max(month, months.get(wire, month))
        if not months:
            return {}
        # One process writes at a time, so nobody else takes these numbers. One that went with its last exchange may come again.
        first = (connection.execute(_LAST).scalar() or 0) + 1
        numbers = {wire: first + place for place, wire in enumerate(months)}
        sealed = [(number, months[wire], self._seal(number, months[wire], wire)) for wire, number in numbers.items()]
        _ADD.add(connection, sealed)
        return numbers

    def find(self, connection: Connection, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """The wire form of each.

        Raises:
            ErasedError: its term is over.
        """
        if not numbers:
            return {}
        rows = connection.execute(_FIND, {"numbers": padded(numbers)})
        return {row.block: self._vault.unseal(row.month, row.sealed, _context(row.block)) for row in rows}

    def _seal(self, number: int, month: Month, wire: bytes) -> bytes:
        return self._vault.seal(month, wire, _context(number))


def _context(number: int) -> bytes:
    return f"block/{number}".encode()
