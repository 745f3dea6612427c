"""The witness remembers before it answers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from naive_log import NaiveLog

from warifu.exchange.logkeys import WITNESS, LogKeyError, LogKeys
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.store import Store, StoreClosedError, sqlite_url
from warifu.tlog.notes import LogSigner, Signature, WitnessSigner
from warifu.watchdog.findings import Findings
from warifu.watchdog.schema import metadata
from warifu.watchdog.witness import Head, Witness

SEED = bytes(32)
OWN = WitnessSigner(WITNESS, b"\x01" * 32)
KEYS = LogKeys(LogSigner("warifu.example/access-log", SEED).key, OWN.key)
CLOCK = SimulatedClock(datetime(2026, 6, 1, tzinfo=UTC), stopped=True)


class Watched:
    """A signer that notes what another reader of the database file sees while it signs."""

    def __init__(self, path: Path) -> None:
        self.key = OWN.key
        self.seen: list[Head | None] = []
        self._path = path

    def sign(self, text: str, at: datetime) -> Signature:
        """See `WitnessSigner.sign`."""
        reader = opened(self._path)
        self.seen.append(Witness(reader, CLOCK, KEYS, OWN, Findings(reader, CLOCK)).head())
        reader.close()
        return OWN.sign(text, at)


def opened(path: Path) -> Store:
    """A store on the file."""
    store = Store(sqlite_url(path), metadata)
    store.create()
    return store


async def test_a_head_is_durable_before_it_is_signed(tmp_path: Path) -> None:
    """When a cosignature is made, any other process that opens the database finds the head in it."""
    path, log = tmp_path / "watchdog.db", NaiveLog(SEED).grow(5)
    store, signer = opened(path), Watched(tmp_path / "watchdog.db")
    witness = Witness(store, CLOCK, KEYS, signer, Findings(store, CLOCK))

    await witness.add(0, [], log.note())
    log.grow(3)
    await witness.add(5, log.proof(5), log.note())
    store.close()

    assert [(head.size, head.root) for head in signer.seen if head] == [(5, log.root(5)), (8, log.root(8))]


async def test_nothing_is_signed_that_could_not_be_stored(tmp_path: Path) -> None:
    """When the head cannot be written, the call fails and no cosignature is made."""
    store, signer = opened(tmp_path / "watchdog.db"), Watched(tmp_path / "watchdog.db")
    witness = Witness(store, CLOCK, KEYS, signer, Findings(store, CLOCK))
    store.close()

    with pytest.raises(StoreClosedError):
        await witness.add(0, [], NaiveLog(SEED).grow(5).note())
    assert signer.seen == []


def test_a_witness_signs_with_the_pinned_key_or_not_at_all(tmp_path: Path) -> None:
    """A signer whose key the network does not pin is refused when the witness is made."""
    store = opened(tmp_path / "watchdog.db")
    other = WitnessSigner(WITNESS, b"\x02" * 32)

    with pytest.raises(LogKeyError):
        Witness(store, CLOCK, KEYS, other, Findings(store, CLOCK))
    store.close()
