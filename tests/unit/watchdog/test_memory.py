"""The witness remembers before it answers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from naive_log import NaiveLog

from warifu.exchange.logkeys import WITNESS, LogKeyError, LogKeys
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.errors import LinkageError
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


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
async def test_of_two_processes_on_one_database_neither_signs_the_others_fork(
    database: str, known: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Two witnesses on one database, shown two branches at the same time, cosign heads of one branch only; the other is a finding."""
    url = sqlite_url(tmp_path / "watchdog.db") if database == "sqlite" else request.getfixturevalue("postgres_database")
    stores = [Store(url, metadata) for _ in range(2)]
    stores[0].create()
    witnesses = [Witness(store, CLOCK, KEYS, OWN, Findings(store, CLOCK)) for store in stores]
    log = NaiveLog(SEED).grow(4)
    if known:
        await witnesses[0].add(0, [], log.note())
    branches = [log.copy().grow(3, name) for name in ("one", "other")]
    old_size = 4 if known else 0

    async def show(witness: Witness, branch: NaiveLog) -> NaiveLog | None:
        try:
            signed = await witness.add(old_size, branch.proof(old_size), branch.note())
        except LinkageError:
            return None
        return branch if isinstance(signed, str) else None

    shown = [show(witness, branch) for witness, branch in zip(witnesses, branches, strict=True) for _ in range(3)]
    signed = await asyncio.gather(*shown)
    kinds = [row.kind for row in Findings(stores[0], CLOCK).page()]
    for store in stores:
        store.close()

    assert len({id(branch) for branch in signed if branch is not None}) == 1
    assert kinds == ["fork"]


def test_a_witness_signs_with_the_pinned_key_or_not_at_all(tmp_path: Path) -> None:
    """A signer whose key the network does not pin is refused when the witness is made."""
    store = opened(tmp_path / "watchdog.db")
    other = WitnessSigner(WITNESS, b"\x02" * 32)

    with pytest.raises(LogKeyError):
        Witness(store, CLOCK, KEYS, other, Findings(store, CLOCK))
    store.close()
