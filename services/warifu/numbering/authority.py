"""The card authority's own key and certificate, and the certificates it signs for cards and phones.

A certificate for user authentication (利用者証明用電子証明書) names nobody: no name, no number, only a random serial. Who holds it, only the
numbering body knows. A certificate for signatures (署名用電子証明書) says whose it is, for whoever gets something signed with it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from warifu.common.v1 import common_pb2
from warifu.exchange import application
from warifu.exchange.keys import write_secret
from warifu.kernel.clock import JAPAN
from warifu.kernel.limits import malformed

BIRTHDAYS: Final = 5
"""A certificate is good until the end of the holder's fifth birthday after its issue."""
CARD_BIRTHDAYS: Final = 10
"""A card, until the tenth; that of a minor, until the fifth."""
_MAJORITY: Final = 18
SIGNATURE_AGE: Final = 15
"""Who is younger has no certificate for signatures."""
REQUEST_BYTES: Final = 4096
_YEARS_BEFORE: Final = 11
"""The authority is older than every card that can still live, those handed out before a simulated network began among them."""
_YEARS: Final = 60
_KEY_FILE: Final = "card-ca.key"
_CERTIFICATE_FILE: Final = "card-ca.pem"
_NAME: Final = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "warifu training simulator"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Card authority for user authentication (fictional)"),
    ]
)
_HOLDER: Final = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "warifu training simulator")])


class Authority:
    """Issues card certificates. Its dates are the network's: cards live by the simulated clock."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key, self.certificate = key, certificate

    @classmethod
    def load_or_create(cls, folder: Path, now: datetime) -> Authority:
        """The authority of the party in `folder`: key in `secrets/card-ca.key`, certificate in `secrets/card-ca.pem`.

        Raises:
            ValueError: a file is damaged; neither is ever replaced silently.
        """
        key_path, path = folder / "secrets" / _KEY_FILE, folder / "secrets" / _CERTIFICATE_FILE
        if not path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            write_secret(key_path, _key_pem(key))
            write_secret(path, _own(key, now).public_bytes(serialization.Encoding.PEM))
        loaded = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path} holds no elliptic-curve key")  # noqa: TRY004 - the file's value is wrong
        return cls(loaded, x509.load_pem_x509_certificate(path.read_bytes()))

    @property
    def der(self) -> bytes:
        """The authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def issue(
        self,
        key: ec.EllipticCurvePublicKey,
        now: datetime,
        not_after: datetime,
        holder: common_pb2.BasicItems | None = None,
    ) -> x509.Certificate:
        """A certificate for a card's key: for signatures when `holder` is said, otherwise for user authentication alone."""
        builder = (
            x509.CertificateBuilder(
                issuer_name=self.certificate.subject,
                subject_name=_HOLDER,
                public_key=key,
                serial_number=x509.random_serial_number(),
                not_valid_before=now.replace(microsecond=0),
                not_valid_after=not_after,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signing=True, commitment=holder is not None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if holder is None:
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
            return builder.add_extension(usage, critical=False).sign(self._key, hashes.SHA256())
        return builder.add_extension(application.holder_extension(holder), critical=False).sign(
            self._key, hashes.SHA256()
        )


def read_request(der: bytes) -> ec.EllipticCurvePublicKey:
    """The public key of a PKCS #10 request whose sender holds the private key.

    Raises:
        LinkageError: CLIENT_MALFORMED: no request, not signed by its own key, or not a P-256 key.
    """
    field = "certificate_request"
    if len(der) > REQUEST_BYTES:
        raise malformed(field, "too long")
    try:
        request = x509.load_der_x509_csr(der)
        key, signed = request.public_key(), request.is_signature_valid
    except Exception:  # noqa: BLE001 - whatever the parser dislikes, it is no request
        raise malformed(field, "not a PKCS #10 request") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise malformed(field, "not a P-256 key")
    if not signed:
        raise malformed(field, "not signed by its own key")
    return key


def expiry(since: datetime, birth_date: date, birthdays: int = BIRTHDAYS) -> datetime:
    """The end, in Japan, of the so-many-th birthday after the day of `since`; who was born on 29 February has it on the 28th in other years."""
    today = since.astimezone(JAPAN).date()
    years = range(today.year, today.year + birthdays + 1)
    coming = [day for day in (_birthday(birth_date, year) for year in years) if day > today]
    return datetime.combine(coming[birthdays - 1], time(23, 59, 59), JAPAN)


def card_expiry(now: datetime, birth_date: date) -> datetime:
    """The end of a card that is made out now."""
    grown = is_aged(_MAJORITY, birth_date, now.astimezone(JAPAN).date())
    return expiry(now, birth_date, CARD_BIRTHDAYS if grown else BIRTHDAYS)


def is_aged(years: int, birth_date: date, today: date) -> bool:
    """Whether someone has had their so-many-th birthday, today included."""
    return _birthday(birth_date, birth_date.year + years) <= today


def _birthday(birth_date: date, year: int) -> date:
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _own(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    start = now.replace(microsecond=0)
    builder = x509.CertificateBuilder(
        issuer_name=_NAME,
        subject_name=_NAME,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=start - timedelta(days=365 * _YEARS_BEFORE),
        not_valid_after=start + timedelta(days=365 * _YEARS),
    )
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signing=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _key_usage(*, signing: bool, commitment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signing,
        key_cert_sign=not signing,
        crl_sign=False,
        content_commitment=commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
