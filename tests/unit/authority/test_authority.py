"""The root of trust: what it issues, what it remembers, what it refuses to sign."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from warifu.authority import Authority, Lifetimes, admit, dismiss, provision, publish_revocations, renew
from warifu.kernel.identity import parse
from warifu.kernel.trust import Trust, TrustError
from warifu.law import book

PARTIES = {
    "gateway": ["main"],
    "numbering": ["main"],
    "simulator": ["main"],
    "portal": ["portal-main"],
    "residency": [f"residency-48001{n}" for n in range(4)],
    "tax": [f"tax-48001{n}" for n in range(4)],
    "health_insurance": [f"nhi-48001{n}" for n in range(6)],
}
COUNTERS = [code for party in ("residency", "tax", "health_insurance") for code in PARTIES[party]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A fresh root."""
    return Authority.create(tmp_path / "ca")


def extension(pem: bytes, kind):
    """An extension's value."""
    return x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(kind).value


def test_a_clients_certificate_names_it_once(authority: Authority) -> None:
    """An institution's certificate has one SPIFFE URI and no other name, for clients alone, and the kernel reads it back."""
    pair = authority.issue_client("tax", "tax-480011")
    names = list(extension(pair.certificate, x509.SubjectAlternativeName))
    assert names == [x509.UniformResourceIdentifier("spiffe://warifu.example/tax/tax-480011")]
    assert list(extension(pair.certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    caller = parse(pair.certificate)
    assert (caller.party, caller.code) == ("tax", "tax-480011")


def test_a_servers_certificate_names_its_party(authority: Authority) -> None:
    """A server's certificate has its DNS names and no URI, for servers alone."""
    pair = authority.issue_server("gateway", ["gateway"])
    names = list(extension(pair.certificate, x509.SubjectAlternativeName))
    assert names == [x509.DNSName("gateway.warifu.internal"), x509.DNSName("gateway")]
    assert list(extension(pair.certificate, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_chain_satisfies_another_verifier(authority: Authority) -> None:
    """A WebPKI-style verifier accepts server and client chains under the root, and neither in the other's place."""
    store = Store([authority.root])
    builder = PolicyBuilder().store(store).time(datetime.now(tz=UTC))
    server = x509.load_pem_x509_certificate(authority.issue_server("gateway").certificate)
    client = x509.load_pem_x509_certificate(authority.issue_client("tax", "tax-480011").certificate)
    builder.build_server_verifier(x509.DNSName("gateway.warifu.internal")).verify(server, [])
    assert builder.build_client_verifier().verify(client, []).subjects
    with pytest.raises(x509.verification.VerificationError):
        builder.build_client_verifier().verify(server, [])
    with pytest.raises(x509.verification.VerificationError):
        builder.build_server_verifier(x509.DNSName("gateway.warifu.internal")).verify(client, [])


def test_the_roots_key_is_its_owners_alone(authority: Authority) -> None:
    """Key, register and folder are closed to others."""
    authority.issue_client("tax", "tax-480011")
    assert authority.folder.stat().st_mode & 0o777 == 0o700
    for name in ("root.key", "issued.jsonl"):
        assert (authority.folder / name).stat().st_mode & 0o777 == 0o600


def test_the_register_remembers(authority: Authority) -> None:
    """What was issued and revoked is there when the authority is opened again."""
    pairs = [authority.issue_client("tax", f"tax-{number}") for number in range(3)]
    serial = parse(pairs[1].certificate).serial
    authority.revoke(serial)
    authority.revoke(serial)
    again = Authority.open(authority.folder)
    assert [(entry.name.rsplit("/", 1)[1], entry.revoked_at is not None) for entry in again.issued()] == [
        ("tax-0", False),
        ("tax-1", True),
        ("tax-2", False),
    ]
    assert (authority.folder / "issued.jsonl").read_text().count("revoked") == 2  # one event, which names its time


def test_a_root_is_never_replaced(authority: Authority) -> None:
    """Making a root where there is one is refused."""
    with pytest.raises(FileExistsError):
        Authority.create(authority.folder)


def test_a_foreign_key_is_not_opened(authority: Authority, tmp_path: Path) -> None:
    """A key that is not the certificate's is refused at once."""
    other = Authority.create(tmp_path / "other")
    (authority.folder / "root.key").write_bytes((other.folder / "root.key").read_bytes())
    with pytest.raises(ValueError, match="belong together"):
        Authority.open(authority.folder)


def test_what_was_not_issued_cannot_be_revoked(authority: Authority) -> None:
    """A serial number that nobody got is an error, not silence."""
    with pytest.raises(LookupError, match="7b"):
        authority.revoke(123)


def test_the_root_signs_only_what_names_its_domain(authority: Authority) -> None:
    """A signature verifies with the root certificate's key; a message without a domain is refused, such as a certificate's body."""
    message = b"warifu/table/v1\0" + bytes(32)
    signature = authority.sign(message)
    key = authority.root.public_key()
    key.verify(signature, message, ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(signature, message + b"x", ec.ECDSA(SHA256()))
    body = x509.load_pem_x509_certificate(authority.issue_client("tax", "tax-1").certificate).tbs_certificate_bytes
    for bad in (body, b"", b"warifu/table/v1"):
        with pytest.raises(ValueError, match="domain"):
            authority.sign(bad)


def test_provisioning_makes_a_network(tmp_path: Path) -> None:
    """Every party finds root, list, law book and its certificates where it looks; the root's key is with none of them."""
    authority = provision(tmp_path, PARTIES, counters=COUNTERS, hosts={"gateway": ["gateway"]})
    for party, codes in PARTIES.items():
        folder = tmp_path / party
        trust = Trust(folder)
        trust.refresh()
        assert book.load(trust.law_folder, trust.root_public_key).version
        trust.check_issued(x509.load_pem_x509_certificate((folder / "tls" / "server.pem").read_bytes()))
        for code in codes:
            caller = parse((folder / "identities" / code / "cert.pem").read_bytes())
            assert (caller.party, caller.code) == (party, code)
            assert (folder / "identities" / code / "key.pem").stat().st_mode & 0o777 == 0o600
    for code in COUNTERS:
        assert parse((tmp_path / "counters" / code / "cert.pem").read_bytes()).party == "counter"
    secret = (tmp_path / "ca" / "root.key").read_bytes()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes() == secret] == ["root.key"]
    assert len(authority.issued()) == len(PARTIES) + sum(map(len, PARTIES.values())) + len(COUNTERS)


def test_provisioning_again_keeps_what_is_good(tmp_path: Path) -> None:
    """A second run issues nothing while certificates are fresh, and all anew once half of their life is gone or the root is another."""
    first = provision(tmp_path, PARTIES)
    count = len(first.issued())
    before = (tmp_path / "tax" / "tls" / "server.pem").read_bytes()
    assert len(provision(tmp_path, PARTIES).issued()) == count
    assert (tmp_path / "tax" / "tls" / "server.pem").read_bytes() == before
    late = Authority.open(tmp_path / "ca", now=lambda: datetime.now(tz=UTC) + timedelta(days=16))
    assert len(provision(tmp_path, PARTIES, authority=late).issued()) == 2 * count
    other = Authority.create(tmp_path / "other")
    assert len(provision(tmp_path, PARTIES, authority=other).issued()) == count


def test_further_hosts_are_certified_when_they_are_asked_for(tmp_path: Path) -> None:
    """A server that gets another host name gets another certificate."""
    provision(tmp_path, {"gateway": ["main"]})
    provision(tmp_path, {"gateway": ["main"]}, hosts={"gateway": ["gateway.example"]})
    names = extension((tmp_path / "gateway" / "tls" / "server.pem").read_bytes(), x509.SubjectAlternativeName)
    assert names.get_values_for_type(x509.DNSName) == ["gateway.warifu.internal", "gateway.example"]


def test_provisioning_is_quick(tmp_path: Path) -> None:
    """Some forty leaves cost well under a second of this process's own time, whatever else the machine does."""
    began = time.process_time()
    provision(tmp_path, PARTIES, counters=COUNTERS)
    assert time.process_time() - began < 0.6


def test_renewal_replaces_every_leaf(tmp_path: Path) -> None:
    """Renewal gives each holder a new certificate and key of the same name."""
    authority = provision(tmp_path, PARTIES, counters=COUNTERS, hosts={"gateway": ["gateway"]})
    before = {
        path: path.read_bytes()
        for path in tmp_path.rglob("*.pem")
        if path.name in {"cert.pem", "key.pem", "server.pem"}
    }
    names = sorted(entry.name for entry in authority.issued())
    assert renew(tmp_path) == len(names)
    assert all(path.read_bytes() != content for path, content in before.items())
    assert sorted(entry.name for entry in authority.issued()) == sorted(names * 2)
    sans = extension((tmp_path / "gateway" / "tls" / "server.pem").read_bytes(), x509.SubjectAlternativeName)
    assert sans.get_values_for_type(x509.DNSName) == ["gateway.warifu.internal", "gateway"]


def test_a_revocation_reaches_every_party(tmp_path: Path) -> None:
    """After publication every party holds the certificate revoked, and no other."""
    authority = provision(tmp_path, PARTIES)
    serials = [entry.serial for entry in authority.issued()]
    trusts = [Trust(tmp_path / party) for party in PARTIES]
    assert not any(trust.is_revoked(serial) for trust in trusts for serial in serials)
    authority.revoke(serials[0])
    publish_revocations(authority, tmp_path)
    for trust in trusts:
        assert trust.is_revoked(serials[0])
        assert not any(map(trust.is_revoked, serials[1:]))


def test_an_institution_gets_a_server_of_its_own(tmp_path: Path) -> None:
    """One that joins is certified under its own server's name and its kind's identity, trusts what others trust, and is renewed as that."""
    provision(tmp_path, PARTIES)
    (tmp_path / "gateway" / "trust" / "law" / "more.toml").write_text("in force")
    for _ in range(2):
        admit(tmp_path, "tax-480011.tax", ["tax-480011"], "gateway")
        folder = tmp_path / "tax-480011.tax"
        sans = extension((folder / "tls" / "server.pem").read_bytes(), x509.SubjectAlternativeName)
        assert sans.get_values_for_type(x509.DNSName) == ["tax-480011.tax.warifu.internal"]
        caller = parse((folder / "identities" / "tax-480011" / "cert.pem").read_bytes())
        assert (caller.party, caller.code) == ("tax", "tax-480011")
        assert (folder / "trust" / "law" / "more.toml").read_text() == "in force"
        renew(tmp_path)


def test_who_is_dismissed_is_revoked_under_every_certificate(tmp_path: Path) -> None:
    """What was issued under a name, renewed or not, is revoked everywhere and gone; nobody else's is."""
    authority = provision(tmp_path, PARTIES)
    renew(tmp_path)
    name = "spiffe://warifu.example/tax/tax-480011"
    dismiss(tmp_path, [name], [tmp_path / "tax" / "identities" / "tax-480011"])
    revoked = [entry.name for entry in authority.issued() if entry.revoked_at]
    assert revoked == [name, name]
    trust = Trust(tmp_path / "gateway")
    assert {one.name for one in authority.issued() if trust.is_revoked(one.serial)} == {name}
    assert not (tmp_path / "tax" / "identities" / "tax-480011").exists()
    assert (tmp_path / "tax" / "identities" / "tax-480012").exists()


def test_an_old_list_is_not_enough(tmp_path: Path) -> None:
    """When the revocation list is past its date nobody is believed."""
    past = datetime.now(tz=UTC) - timedelta(days=2)
    old = Authority.create(tmp_path / "ca", now=lambda: past, lifetimes=Lifetimes(revocations=timedelta(days=1)))
    provision(tmp_path, {"tax": []}, authority=old)
    with pytest.raises(TrustError, match="out of date"):
        Trust(tmp_path / "tax").is_revoked(1)


def test_a_leaf_is_no_root(tmp_path: Path) -> None:
    """A party does not take a leaf for its root."""
    authority = provision(tmp_path, {"tax": []})
    (tmp_path / "tax" / "trust" / "ca.pem").write_bytes(authority.issue_client("tax", "tax-1").certificate)
    with pytest.raises(TrustError):
        Trust(tmp_path / "tax")
