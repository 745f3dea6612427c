"""Made-up exchanges for the tests of `warifu.exchange`."""

import uuid
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from warifu.common.v1 import common_pb2
from warifu.exchange import header, permit
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.trust import TrustError

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
REQUESTER, PROVIDER = "nhi-480029", "tax-480011"


def request(**changes):
    """A header's message."""
    values = {
        "request_id": str(uuid.uuid4()),
        "requester": REQUESTER,
        "provider": PROVIDER,
        "affair": "JM90000000000101",
        "procedure": "JT90000000000101",
        "item": "TM90000000000001",
        "span": common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2026)),
        "office": "国保年金課",
        "clerk": "c-17",
        **changes,
    }
    return exchange_pb2.RequestHeader(**values)


def permit_message(header_bytes=None, **changes):
    """A permit's message."""
    header_bytes = header_bytes if header_bytes is not None else header.build(request())
    values = {
        "permit_id": exchange_pb2.RequestHeader.FromString(header_bytes).request_id,
        "header": header_bytes,
        "subject": exchange_pb2.SubjectReference(code=b"\x01" * 33),
        "query_block_hash": b"q" * 32,
        "query_index": 0,
        "table_version": "2026-04-01.1",
        "row": "P07",
        "commitment": b"c" * 32,
        "exchange_time": permit.stamp(NOW),
        "issued_at": permit.stamp(NOW),
        "accept_by": permit.stamp(NOW + timedelta(seconds=60)),
        "review_until": permit.stamp(NOW + timedelta(days=30)),
        "requester_key_id": "0" * 16,
        **changes,
    }
    return exchange_pb2.Permit(**values)


def permit_bytes(header_bytes=None, **changes):
    """A permit as the gateway serialises it."""
    return permit_message(header_bytes, **changes).SerializeToString(deterministic=True)


class Authority:
    """A root for one test: issues certificates, revokes, and answers as `Issuer` does."""

    def __init__(self, now=NOW):
        self.now = now
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "warifu test root")])
        self.revoked = set()
        self.root = (
            x509.CertificateBuilder()
            .subject_name(self.name)
            .issuer_name(self.name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=100))
            .not_valid_after(now + timedelta(days=100))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, SHA256())
        )

    def leaf(self, uri, *, days=(-1, 1), signer=None):
        """A certificate for a SPIFFE URI and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now + timedelta(days=days[0]))
            .not_valid_after(self.now + timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(signer or self.key, SHA256())
        )
        return certificate, key

    def check_issued(self, certificate):
        """See `Issuer`."""
        try:
            certificate.verify_directly_issued_by(self.root)
        except Exception as error:
            raise TrustError("foreign") from error
        if not certificate.not_valid_before_utc <= self.now < certificate.not_valid_after_utc:
            raise TrustError("out of date")
        if self.is_revoked(certificate.serial_number):
            raise TrustError("revoked")

    def is_revoked(self, serial):
        """See `Issuer`."""
        return serial in self.revoked


def flip(data, bit):
    """`data` with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)
