"""The forms of the network's certificates (RFC 5280; SPIFFE X.509-SVID §4), all on P-256: gRPC's TLS takes no Ed25519 client certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from warifu.kernel.identity import spiffe
from warifu.kernel.peers import server_name

SKEW: Final = timedelta(minutes=5)
"""How far another machine's clock may lag behind ours before a fresh certificate seems not yet valid to it."""
ROOT_NAME: Final = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "warifu simulation root")])


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate to issue, for one server or one client."""

    common_name: str
    name: x509.GeneralName
    more: tuple[x509.GeneralName, ...]
    usage: x509.ObjectIdentifier

    @classmethod
    def server(cls, party: str, hosts: Sequence[str] = ()) -> Leaf:
        """A party's server: its DNS name, further host names, serverAuth alone."""
        return cls(
            party, x509.DNSName(server_name(party)), tuple(map(x509.DNSName, hosts)), ExtendedKeyUsageOID.SERVER_AUTH
        )

    @classmethod
    def client(cls, party: str, code: str) -> Leaf:
        """An institution, a party or a counter: one SPIFFE URI, clientAuth alone, no DNS name."""
        uri = x509.UniformResourceIdentifier(spiffe(party, code))
        return cls(code, uri, (), ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True)
class Validity:
    """First and last moment, aware."""

    start: datetime
    end: datetime


def new_key() -> EllipticCurvePrivateKey:
    """A fresh P-256 key."""
    return generate_private_key(SECP256R1())


def key_pem(key: EllipticCurvePrivateKey) -> bytes:
    """The key, PKCS #8, unencrypted: the file's mode protects it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def make_root(key: EllipticCurvePrivateKey, validity: Validity) -> x509.Certificate:
    """A self-signed root that may issue leaves only. It names its own key as issuer's too, without which Python's strict ssl refuses it."""
    public = key.public_key()
    builder = _builder(ROOT_NAME, public, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return _signed(builder, key, public)


def make_leaf(
    leaf: Leaf, subject: EllipticCurvePublicKey, root_key: EllipticCurvePrivateKey, validity: Validity
) -> x509.Certificate:
    """A certificate for `leaf` with the key `subject`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)])
    builder = _builder(name, subject, validity)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([leaf.usage]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([leaf.name, *leaf.more]), critical=False)
    return _signed(builder, root_key, root_key.public_key())


def make_revocations(
    root_key: EllipticCurvePrivateKey, serials: Sequence[tuple[int, datetime]], validity: Validity
) -> bytes:
    """The revocation list, PEM: serial numbers with the time of revocation."""
    builder = x509.CertificateRevocationListBuilder(ROOT_NAME, validity.start, validity.end)
    for serial, revoked_at in serials:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, revoked_at).build())
    return builder.sign(root_key, SHA256()).public_bytes(Encoding.PEM)


def _builder(subject: x509.Name, key: EllipticCurvePublicKey, validity: Validity) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(
        issuer_name=ROOT_NAME,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=validity.start,
        not_valid_after=validity.end,
    )
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)


def _signed(
    builder: x509.CertificateBuilder, root_key: EllipticCurvePrivateKey, issuer: EllipticCurvePublicKey
) -> x509.Certificate:
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer)
    return builder.add_extension(authority, critical=False).sign(root_key, SHA256())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,  # the root signs the law book with the same key
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
