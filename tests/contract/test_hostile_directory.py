"""A relay that lies: the gateway's directory holds another key than the owner's, and everyone who reads it refuses (PROTO-3.4)."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from contract.interim_world import NHI, OTHER_NHI, OTHER_TAX, TAX, World, copy, reason_of
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from town import person

from warifu.authority import open_authority, publish_revocations
from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.kernel.errors import Reason

INVALID = Reason.PROVIDER_DIRECTORY_ENTRY_INVALID


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An insurer that may ask a tax office about a person whom both know."""
    begun = await World.begin(tmp_path)
    try:
        await begun.register([person(0)])
        for code in (NHI, TAX):
            assert not (await begun.enrol(code, "1")).HasField("error")
        await begun.interim(TAX).register_copies([copy("r-1")])
        yield begun
    finally:
        await begun.end()


def relayed(world: World, owner: str) -> ex.SignedDirectoryEntry:
    """What the gateway's database holds for an owner."""
    with closing(sqlite3.connect(world.state / "gateway" / "gateway.db")) as database:
        (data,) = database.execute("SELECT entry FROM directory WHERE owner = ?", (owner,)).fetchone()
    return ex.SignedDirectoryEntry.FromString(data)


def plant(world: World, owner: str, signed: ex.SignedDirectoryEntry) -> None:
    """Put an entry under an owner's name into the gateway's database, past every check."""
    entry = ex.DirectoryEntry.FromString(signed.entry)
    with closing(sqlite3.connect(world.state / "gateway" / "gateway.db")) as database, database:
        database.execute(
            "UPDATE directory SET version = ?, hpke_key_id = ?, entry = ? WHERE owner = ?",
            (entry.version, entry.hpke_key_id, signed.SerializeToString(), owner),
        )


def signed_by(world: World, signer: tuple[str, str], keys: InstitutionKeys, version: int) -> ex.SignedDirectoryEntry:
    """An entry for `keys.owner`, signed with the certificate of (party, code)."""
    folder = world.state / signer[0] / "identities" / signer[1]
    certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    now = world.clock.machine()
    return make_entry(keys, version, (now, now + timedelta(days=1)), certificate, key)


def attempts(world: World) -> tuple[int, int]:
    """Inquiries that the asker stored, and exchanges that the gateway has on record."""
    with closing(sqlite3.connect(world.state / "gateway" / "gateway.db")) as database:
        (exchanges,) = database.execute("SELECT count(*) FROM exchange").fetchone()
    folder = world.state / "health_insurance"
    with closing(sqlite3.connect(folder / f"{NHI}.interim.db")) as database:
        (inquiries,) = database.execute("SELECT count(*) FROM inquiries").fetchone()
    return inquiries, exchanges


async def anew(world: World, party: str) -> None:
    """A party that starts with nothing in memory."""
    await world.down(party)
    await world.up(party)


async def test_anothers_entry_under_the_providers_name_is_refused(world: World) -> None:
    """When the relay gives another institution's good entry for the provider's, nothing is sealed, stored or sent; the true one mends it."""
    true = relayed(world, TAX)
    plant(world, TAX, relayed(world, OTHER_TAX))
    assert await reason_of(world.ask(world.question())) == INVALID
    assert attempts(world) == (0, 0)
    plant(world, TAX, true)
    assert (await world.ask(world.question())).fine_outcome == ex.FINE_OUTCOME_PROVIDED


@pytest.mark.parametrize(
    "signer",
    [
        pytest.param(("tax", OTHER_TAX), id="another-institution"),
        pytest.param(("gateway", "main"), id="the-gateway-itself"),
    ],
)
async def test_an_entry_that_its_owner_did_not_sign_is_refused(world: World, signer: tuple[str, str]) -> None:
    """Keys that somebody else made and signed under the provider's name are not used, whoever signed."""
    forged = signed_by(world, signer, InstitutionKeys.generate(TAX), 2**50)
    plant(world, TAX, forged)
    assert await reason_of(world.ask(world.question())) == INVALID
    assert attempts(world) == (0, 0)


async def test_a_rolled_back_entry_is_refused_also_after_a_restart(world: World) -> None:
    """Who has seen a version takes no lower one, though it was good and signed by its owner, and though everybody was restarted in between."""
    old = relayed(world, TAX)
    InstitutionKeys.rotate(world.state / "tax" / "secrets", TAX)
    await anew(world, "tax")  # new keys are published under a higher version
    await world.running["tax"].jobs.settle()
    new = relayed(world, TAX)
    assert ex.DirectoryEntry.FromString(new.entry).version > ex.DirectoryEntry.FromString(old.entry).version
    await world.interim(NHI).ground.directory.refresh(TAX)
    plant(world, TAX, old)
    await anew(world, "gateway")
    await anew(world, "health_insurance")
    assert await reason_of(world.interim(NHI).ground.directory.refresh(TAX)) == INVALID
    kept = await world.interim(NHI).ground.directory.entry(TAX)
    assert kept.version == ex.DirectoryEntry.FromString(new.entry).version
    assert (await world.ask(world.question())).fine_outcome == ex.FINE_OUTCOME_PROVIDED


async def test_the_provider_seals_to_nobody_but_the_requester(world: World) -> None:
    """When the relay names another's key for the requester, the provider refuses to answer: nobody else could ever open the answer."""
    plant(world, NHI, relayed(world, OTHER_NHI))
    state = await world.ask(world.question())
    assert (state.outcome, state.error.reason) == (ex.OUTCOME_ERROR, INVALID)
    assert await world.records(TAX) == []


async def test_a_forged_key_of_the_gateway_signs_no_permit(world: World) -> None:
    """A second gateway key that an institution signed is believed by no provider and by no asker."""
    pen = InstitutionKeys.generate("gateway")
    plant(world, "gateway", signed_by(world, ("tax", OTHER_TAX), pen, 2**50))
    await anew(world, "tax")
    assert await reason_of(world.interim(TAX).ground.directory.refresh("gateway")) == INVALID
    believed = world.interim(TAX).ground.directory.signing_key("gateway", pen.signing_key_id)
    assert await reason_of(believed) == INVALID


async def test_an_institution_whose_certificate_is_revoked_is_asked_no_more(world: World) -> None:
    """After a revocation the institution's key is used by nobody, though it was known and good a moment ago."""
    assert (await world.ask(world.question())).fine_outcome == ex.FINE_OUTCOME_PROVIDED
    before = attempts(world)
    certificate = (world.state / "tax" / "identities" / TAX / "cert.pem").read_bytes()
    authority = open_authority(world.state)
    authority.revoke(x509.load_pem_x509_certificate(certificate).serial_number)
    publish_revocations(authority, world.state)
    assert await reason_of(world.ask(world.question())) == INVALID
    assert attempts(world) == before
