"""Directory entries and the reader's memory of them."""

import asyncio
import warnings
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData
from unit.exchange.samples import NOW, PROVIDER, Authority, flip

from warifu.exchange.directory import Directory, DirectoryError, directory_table, make_entry, verify_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store, sqlite_url

AUTHORITY = Authority()
WEEK = (NOW - timedelta(days=1), NOW + timedelta(days=7))


class Standing:
    """A machine clock that stands where it is put."""

    def __init__(self, now=NOW):
        self.now = now

    def machine(self):
        """See `Clock`."""
        return self.now


def entry(keys, version=1, valid=WEEK, uri=f"spiffe://warifu.example/tax/{PROVIDER}", authority=AUTHORITY, **leaf):
    """A signed entry with a new certificate."""
    certificate, tls_key = authority.leaf(uri, **leaf)
    return make_entry(keys, version, valid, certificate, tls_key)


def refused(signed, now=NOW, authority=AUTHORITY):
    """The message of the refusal."""
    with warnings.catch_warnings():
        # A flipped bit can make a serial number negative.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        with pytest.raises(DirectoryError) as caught:
            verify_entry(signed, authority, now)
    return str(caught.value)


def test_an_entry_gives_its_owners_keys(provider):
    """An entry signed by its owner gives the owner's keys, usable until the entry or its certificate ends."""
    verified = verify_entry(entry(provider, 7), AUTHORITY, NOW)
    assert (verified.owner, verified.version) == (PROVIDER, 7)
    assert verified.sealing.key_id == provider.hpke_key_id
    assert verified.signing.fits(b"m", provider.sign(b"m"))
    assert verified.not_after == NOW + timedelta(days=1)


def test_the_gateways_entry_is_signed_by_main(gateway):
    """The owner "gateway" is the certificate of gateway/main, and no other code of that party."""
    assert verify_entry(entry(gateway, uri="spiffe://warifu.example/gateway/main"), AUTHORITY, NOW).owner == "gateway"
    assert "signed by" in refused(entry(gateway, uri="spiffe://warifu.example/gateway/second"))


@pytest.mark.parametrize(
    "uri",
    [
        "spiffe://warifu.example/tax/tax-490016",
        f"spiffe://warifu.example/counter/{PROVIDER}",
        f"spiffe://other.example/tax/{PROVIDER}",
        "https://warifu.example/",
    ],
)
def test_an_entry_signed_by_another_is_refused(provider, uri):
    """Another institution's certificate, a counter terminal's, and one of another trust domain cannot speak for the owner (PROTO-11.1)."""
    refused(entry(provider, uri=uri))


def test_a_foreign_revoked_or_expired_certificate_is_refused(provider):
    """The certificate must be the network's, in date and not revoked."""
    foreign = Authority()
    refused(entry(provider, authority=foreign))
    refused(entry(provider, days=(-2, -1)))
    refused(entry(provider, days=(1, 2)))
    own = Authority()
    signed = entry(provider, authority=own)
    own.revoked.add(verify_entry(signed, own, NOW).serial)
    refused(signed, authority=own)


def test_an_entry_outside_its_dates_is_refused(provider):
    """Entries hold from 30 s before their first moment, for clocks behind, until their last."""
    later = entry(provider, valid=(NOW + timedelta(seconds=31), NOW + timedelta(hours=1)))
    assert "dates" in refused(later)
    verify_entry(later, AUTHORITY, NOW + timedelta(seconds=1))
    assert "dates" in refused(entry(provider, valid=(NOW - timedelta(hours=1), NOW)))


def test_weak_keys_and_wrong_key_ids_are_refused(provider):
    """A small-order key or a key under another's id is refused though its owner signed it."""

    class Weak:
        owner, hpke_key_id, hpke_public = PROVIDER, provider.hpke_key_id, provider.hpke_public
        signing_key_id, signing_public = provider.signing_key_id, bytes(32)

    assert "Ed25519" in refused(entry(Weak()))
    Weak.signing_key_id, Weak.signing_public = "f" * 16, provider.signing_public
    assert "key id" in refused(entry(Weak()))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_flipped_bit_is_refused(provider, data):
    """A flipped bit in the entry, in what the certificate says, or in the signature is refused."""
    signed = entry(provider)
    part = data.draw(st.sampled_from(["entry", "certificate", "signature"]))
    value = getattr(signed, part)
    setattr(signed, part, flip(value, data.draw(st.integers(0, 99_999))))
    if part == "certificate" and says_the_same(value, signed.certificate):
        return
    refused(signed)


def says_the_same(one, other):
    """Both are certificates with the same content and signature: how many bits after it count as unused may vary, and says nothing."""
    try:
        first, second = (x509.load_der_x509_certificate(der) for der in (one, other))
    except (ValueError, x509.InvalidVersion, CryptographyDeprecationWarning):
        return False
    told = [(one.tbs_certificate_bytes, one.signature_algorithm_oid, one.signature) for one in (first, second)]
    return told[0] == told[1]


class Relay:
    """The gateway's directory, as far as a reader sees it: it relays what it is given."""

    def __init__(self):
        self.entries = {}
        self.calls = 0

    async def fetch(self, owner):
        """Relay the owner's entry."""
        self.calls += 1
        await asyncio.sleep(0)
        return self.entries[owner]


@pytest.fixture
def relay():
    """A relay."""
    return Relay()


@pytest.fixture
def reader(tmp_path, relay):
    """Makes readers over one database file, as a process does that starts again."""
    stores, clock = [], Standing()

    def make():
        metadata = MetaData()
        table = directory_table(metadata)
        store = Store(sqlite_url(tmp_path / "own.db"), metadata)
        store.create()
        stores.append(store)
        return Directory(store, table, AUTHORITY, clock, relay.fetch)

    make.clock = clock
    yield make
    for store in stores:
        store.close()


async def test_an_entry_is_fetched_once_and_shared(reader, relay, provider):
    """Many who want the same entry at once cause one fetch, and later ones none."""
    relay.entries[PROVIDER] = entry(provider)
    directory = reader()
    found = await asyncio.gather(*(directory.entry(PROVIDER) for _ in range(20)))
    assert {item.version for item in found} == {1}
    assert relay.calls == 1


async def test_a_lower_version_is_refused_also_after_a_restart(reader, relay, provider):
    """Once version 5 was seen, version 4 is refused, by the same reader and by one that starts anew on the same store (PROTO-11.4)."""
    relay.entries[PROVIDER] = entry(provider, 5)
    first = reader()
    await first.entry(PROVIDER)
    relay.entries[PROVIDER] = entry(InstitutionKeys.generate(PROVIDER), 4)
    for directory in (first, reader()):
        with pytest.raises(LinkageError) as caught:
            await directory.refresh(PROVIDER)
        assert caught.value.reason == Reason.PROVIDER_DIRECTORY_ENTRY_INVALID
        assert (await directory.entry(PROVIDER)).version == 5


async def test_other_content_under_the_same_version_is_refused(reader, relay, provider):
    """A version is given once: the same number with other keys is refused."""
    relay.entries[PROVIDER] = entry(provider, 5)
    directory = reader()
    await directory.entry(PROVIDER)
    relay.entries[PROVIDER] = entry(InstitutionKeys.generate(PROVIDER), 5)
    with pytest.raises(LinkageError):
        await directory.refresh(PROVIDER)


async def test_anothers_entry_is_refused(reader, relay, requester):
    """A relay that answers with another institution's good entry is refused."""
    relay.entries[PROVIDER] = entry(requester, uri=f"spiffe://warifu.example/nhi/{requester.owner}")
    with pytest.raises(LinkageError) as caught:
        await reader().entry(PROVIDER)
    assert caught.value.reason == Reason.PROVIDER_DIRECTORY_ENTRY_INVALID


async def test_an_unknown_key_id_causes_one_fetch(reader, relay, provider):
    """A new key is found by fetching again at once, the key before is still known, and a stranger's id is fetched for once a second."""
    relay.entries[PROVIDER] = entry(provider, 1)
    directory = reader()
    await directory.entry(PROVIDER)
    renewed = InstitutionKeys.generate(PROVIDER)
    relay.entries[PROVIDER] = entry(renewed, 2)
    assert (await directory.signing_key(PROVIDER, renewed.signing_key_id)).key_id == renewed.signing_key_id
    assert (await directory.sealing_key(PROVIDER, provider.hpke_key_id)).key_id == provider.hpke_key_id
    calls = relay.calls
    assert [await directory.signing_key(PROVIDER, "0" * 16) for _ in range(10)] == [None] * 10
    assert relay.calls == calls + 1
    reader.clock.now += timedelta(seconds=2)
    await directory.signing_key(PROVIDER, "0" * 16)
    assert relay.calls == calls + 2


async def test_an_entry_is_fetched_anew_when_it_ends_or_is_revoked(reader, relay, provider):
    """An entry past its dates, or whose certificate was revoked, is not used; its successor is fetched."""
    relay.entries[PROVIDER] = entry(provider, 1, valid=(NOW, NOW + timedelta(hours=1)))
    directory = reader()
    await directory.entry(PROVIDER)
    reader.clock.now = NOW + timedelta(hours=2)
    relay.entries[PROVIDER] = entry(provider, 2)
    second = await directory.entry(PROVIDER)
    assert second.version == 2
    AUTHORITY.revoked.add(second.serial)
    relay.entries[PROVIDER] = entry(provider, 3)
    assert (await directory.entry(PROVIDER)).version == 3


async def test_many_who_meet_a_key_first_all_get_it(reader, relay, provider):
    """Whoever asks for a key while it is being fetched waits for it, instead of being told that there is none."""
    relay.entries[PROVIDER] = entry(provider)
    directory = reader()
    found = await asyncio.gather(
        *(directory.signing_key(PROVIDER, provider.signing_key_id) for _ in range(10)),
        *(directory.sealing_key(PROVIDER, provider.hpke_key_id) for _ in range(10)),
    )
    assert {key.key_id for key in found} == {provider.signing_key_id, provider.hpke_key_id}
    assert relay.calls == 1
