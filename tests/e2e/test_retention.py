"""Seven years later: what was erased stays erased for whoever kept a backup, and what was proved stays proved."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from e2e.conftest import Running, start, stop

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway.record import Records
from warifu.interim import records as interim_records
from warifu.interim.contents import Contents
from warifu.kernel.vault import ErasedError, Vault
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import doors
from warifu.simulator.launcher.keycopies import Copy
from warifu.simulator.scenarios.stage import Stage, tax_year

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
TWO_MONTHS = timedelta(days=60)
TERM = timedelta(days=365 * 7 + 31)
"""From the first exchange's month: over for that one, not for one two months younger."""


@dataclass
class Asked:
    """An exchange that was done."""

    person: str
    requester: str
    addressee: str
    request_id: str


async def ask(stage: Stage) -> Asked:
    """A municipal insurer asks another city's tax office about somebody, and is answered at once."""
    for person in stage.people.all():
        insured = person.insured_on(stage.people.start)
        if insured is None or not insured.institution.startswith("nhi-"):
            continue
        cities = [a.municipality for a in person.assessments if a.municipality != insured.institution[4:]]
        if not cities:
            continue
        clerk = Clerk(stage.doors, insured.institution)
        addressee = await clerk.find(stage.people.items(person.person))
        made = await clerk.inquire(addressee, stage.question("P07", f"tax-{cities[0]}", tax_year(2025)))
        if made.outcome == "PROVIDED":
            return Asked(person.person, insured.institution, addressee, made.request_id)
    raise AssertionError("nobody to ask about")


async def proof_of(stage: Stage, asked: Asked) -> str:
    """The proof that the citizen downloads, once the witness has cosigned a head with both records."""
    assert asked.request_id in {entry["request_id"] for entry in await stage.history(asked.person)}
    return await stage.page(asked.person, f"/history/{asked.request_id}/proof")


async def before_the_term(running: Running) -> tuple[Asked, Asked, str]:
    """Two exchanges, two months apart; the first one's proof."""
    async with doors(running.file) as opened:
        stage = Stage(running.file, running.state, opened)
        old = await ask(stage)
        proof = await proof_of(stage, old)
        now, _ = await opened.clock()
        await opened.set_clock(now + TWO_MONTHS, stopped=False)
        young = await ask(stage)
        await opened.settle()
    return old, young, proof


async def let_the_term_pass(running: Running) -> None:
    """Years pass, and what is due is done."""
    async with doors(running.file) as opened:
        now, _ = await opened.clock()
        await opened.set_clock(now - TWO_MONTHS + TERM, stopped=False)
        # What the gateway promised is looked up half a minute later, by the machine's clock, and erased afterwards.
        for _ in range(90):
            await opened.settle()
            if min(_firsts(running.state)) == max(_firsts(running.state)) > _BEGINNING:
                return
            await asyncio.sleep(1)
    raise AssertionError(f"not erased everywhere: {_firsts(running.state)}")


_BEGINNING = 2019 * 12 + 11


def _firsts(state: Path) -> list[int]:
    return [first for first, _ in Copy.of(state).keys.values()]


async def held(running: Running, asked: Asked) -> set[str]:
    """The parties that hold something of an exchange."""
    async with doors(running.file) as opened:
        stage = Stage(running.file, running.state, opened)
        parties = ("gateway", "tax", "health_insurance", "portal")
        return {party for party in parties if await stage.view(party, asked.request_id)}


class Unpacked:
    """What somebody has who kept an archive and the copy of its keys."""

    def __init__(self, archive: Path, keys: Path, folder: Path) -> None:
        folder.mkdir()
        subprocess.run(["tar", "-xzf", str(archive), "-C", str(folder)], check=True)
        self.folder, self.copy = folder, Copy.load(keys)

    def vault(self, place: str) -> Vault:
        """A party's month keys in the copy."""
        return Vault(self.folder / "none", *self.copy.keys[place])

    def rows(self, database: str, statement: str, asked: Asked) -> list[SimpleNamespace]:
        """Rows of an exchange."""
        with closing(sqlite3.connect(self.folder / database)) as connection:
            connection.row_factory = sqlite3.Row
            return [SimpleNamespace(**dict(row)) for row in connection.execute(statement, (asked.request_id,))]

    def opened(self, asked: Asked) -> list[pb.CommittedRecord]:
        """The records of an exchange at the gateway and at its requester."""
        gateway = Records(self.vault("gateway/secrets/gateway.months.json"))
        found = self.rows("gateway/gateway.db", "SELECT * FROM record WHERE request_id = ?", asked)
        own = Contents(self.vault(f"health_insurance/secrets/{asked.requester}.months.json"))
        database = f"health_insurance/{asked.requester}.interim.db"
        kept = self.rows(database, "SELECT * FROM records WHERE request_id = ?", asked)
        assert len(found) == len(kept) == 2
        return [*map(gateway.opened, found), *(interim_records.opened(own, row) for row in kept)]


def test_an_old_backup_forgets_what_the_network_erased(tmp_path: Path) -> None:
    """Archive and keys no longer open the erased month, and do open a younger one; restored, the network has no findings; old proofs verify."""
    archive, proof = tmp_path / "net.tar.gz", tmp_path / "old.tlog-proof"
    keys = archive.with_name("net.tar.gz.keys")
    running = start(tmp_path / "state", "--people", "80", "--seed", "5")
    try:
        old, young, text = asyncio.run(before_the_term(running))
        proof.write_text(text)
        log = running.file.log
    finally:
        stop(running)
    running.command("backup", str(archive))
    assert len(Unpacked(archive, keys, tmp_path / "before").opened(old)) == 4

    running = start(running.state)
    try:
        keys.rename(tmp_path / "away")
        asyncio.run(let_the_term_pass(running))
        assert str(keys) in running.command("status").stderr.replace("\n", "")
        (tmp_path / "away").rename(keys)
        assert str(keys) not in running.command("status", "--json").stderr.replace("\n", "")
        assert asyncio.run(held(running, old)) == set()
        assert asyncio.run(held(running, young)) == {"gateway", "tax", "health_insurance", "portal"}
        assert running.json("audit")["findings"] == []
    finally:
        stop(running)
    unpacked = Unpacked(archive, keys, tmp_path / "after")
    with pytest.raises(ErasedError):
        unpacked.opened(old)
    assert len(unpacked.opened(young)) == 4

    again = Running(tmp_path / "again", running.process, {})
    again.command("restore", str(archive))
    again = start(again.state)
    try:
        assert asyncio.run(held(again, old)) == set()
        assert asyncio.run(held(again, young)) == {"gateway", "tax", "health_insurance", "portal"}
        assert again.json("audit")["findings"] == []
        verified = again.json("verify", str(proof), "--log-key", log["key"], "--witness-key", log["witness"])
        assert verified["passed"]
    finally:
        stop(again)
