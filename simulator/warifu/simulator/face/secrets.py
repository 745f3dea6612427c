"""What a caller of the face must show: a token, or with TLS a certificate of an authority that exists for this face alone.

Both lie in the network's folder, readable by its owner alone. Whoever has one acts as the institution's business system until the file is
removed and the face started again; neither opens anything else of the network.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE: Final = timedelta(days=30)
_BYTES: Final = 24
HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files."""

    ca: str
    cert: str
    """The caller's certificate."""
    key: str
    server_cert: str
    server_key: str

    @property
    def shown(self) -> dict[str, str]:
        """What the caller needs."""
        return {name: path for name, path in asdict(self).items() if not name.startswith("server")}


def token_in(folder: Path) -> str:
    """The token of a face: the one that is kept in the folder, so that it is configured once, or a new one."""
    path = folder / "token"
    if path.is_file():
        return path.read_text(encoding="ascii").strip()
    token = secrets.token_urlsafe(_BYTES)
    keep_token(folder, token)
    return token


def keep_token(folder: Path, token: str) -> None:
    """Have the face's token be this one."""
    _write(folder / "token", f"{token}\n".encode())


def certificates_in(folder: Path) -> Certificates:
    """A new authority with a certificate for the face and one for its caller, for 30 days. The authority's key is kept nowhere."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = _name("interim face")
    authority = _sign(name, name, authority_key, authority_key, [x509.BasicConstraints(ca=True, path_length=0)])
    made = Certificates(
        *(str(folder / file) for file in ("ca.pem", "client.pem", "client.key", "server.pem", "server.key"))
    )
    _write(Path(made.ca), authority.public_bytes(Encoding.PEM))
    here = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))])
    for common, cert, key, extensions in (
        ("localhost", made.server_cert, made.server_key, [here, _usage(ExtendedKeyUsageOID.SERVER_AUTH)]),
        ("business system", made.cert, made.key, [_usage(ExtendedKeyUsageOID.CLIENT_AUTH)]),
    ):
        own = ec.generate_private_key(ec.SECP256R1())
        ends = x509.BasicConstraints(ca=False, path_length=None)
        _write(
            Path(cert), _sign(_name(common), name, own, authority_key, [ends, *extensions]).public_bytes(Encoding.PEM)
        )
        _write(Path(key), own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(purpose: x509.ObjectIdentifier) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([purpose])


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    extensions: list[x509.ExtensionType],
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(by, hashes.SHA256())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
