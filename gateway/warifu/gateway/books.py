"""What the gateway keeps of exchanges, as its steps use it: one store, what is in it, and the log that what is written goes through."""

from __future__ import annotations

from dataclasses import dataclass

from warifu.gateway.log.log import Log
from warifu.gateway.record import Records
from warifu.gateway.schema import RECORD
from warifu.gateway.stored import Exchanges
from warifu.kernel.partitions import Months
from warifu.kernel.store import Store
from warifu.kernel.vault import Vault


@dataclass(frozen=True, slots=True)
class Books:
    """One gateway's."""

    store: Store
    vault: Vault
    exchanges: Exchanges
    records: Records
    log: Log
    """Where everything that makes entries is written."""
    months: Months
    """Where records lie on a server."""

    @classmethod
    def open(cls, store: Store, vault: Vault, log: Log) -> Books:
        """Over a store whose contents lie under the vault's keys."""
        return cls(store, vault, Exchanges(vault), Records(vault), log, Months(store, RECORD))
