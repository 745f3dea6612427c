r"""What a citizen's card signs of an application, and the check of it; and how a signature certificate carries its holder's 4 basic items.

The card signs, with ECDSA P-256 and SHA-256 and under a certificate for signatures (署名用電子証明書),

    "warifu/application-signature/v1\0" ‖ SHA-256(serialised ApplicationForm)

Unlike a certificate for user authentication, one for signatures says whose it is: its subject alternative name holds name, address, birth
date and sex as `otherName`s (the same place that the real ones use), each a UTF8String under an identifier of the arc for examples, 2.999.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ObjectIdentifier

from warifu.common.v1 import common_pb2
from warifu.exchange import domains

MAX_CERTIFICATE: Final = 8192
"""Bytes of a DER certificate that is looked at: one with the longest name and address fits."""
_ARC: Final = "2.999.8170"
_NAME: Final = ObjectIdentifier(f"{_ARC}.1")
_ADDRESS: Final = ObjectIdentifier(f"{_ARC}.2")
_BIRTH_DATE: Final = ObjectIdentifier(f"{_ARC}.3")
_SEX: Final = ObjectIdentifier(f"{_ARC}.4")
_UTF8_STRING: Final = 0x0C
_LONG_FORM: Final = 0x80


class ApplicationSignatureError(ValueError):
    """A signature that proves nothing; the message says what is wrong with it, for the log."""


def sign_input(digest: bytes) -> bytes:
    """The bytes to sign for a form whose serialised bytes have this SHA-256.

    Raises:
        ApplicationSignatureError: not 32 bytes.
    """
    if len(digest) != sha256().digest_size:
        raise ApplicationSignatureError("a digest has 32 bytes")
    return domains.APPLICATION_SIGNATURE + digest


def sign(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """The card's signature, DER."""
    return key.sign(sign_input(digest), ec.ECDSA(SHA256()))


def verify(
    form: bytes, certificate: bytes, signature: bytes, authority: x509.Certificate, at: datetime
) -> common_pb2.BasicItems:
    """The 4 basic items of whoever signed the serialised `form` with the key of `certificate` (DER).

    Checked are: issued by the card `authority`, both valid `at` this network time, a P-256 certificate for signatures, and the signature.
    Not checked is whether it was revoked or suspended: ask the numbering body with `serial`.

    Raises:
        ApplicationSignatureError: any of it does not hold.
    """
    parsed = _parse(certificate)
    _check_issuer(parsed, authority, at)
    _check_usage(parsed)
    key = parsed.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ApplicationSignatureError("not a P-256 key")
    try:
        key.verify(signature, sign_input(sha256(form).digest()), ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise ApplicationSignatureError("the signature does not fit") from error
    return holder(parsed)


def serial(certificate: bytes) -> str:
    """The serial number, hexadecimal, of a certificate in DER, by which the numbering body tells its status.

    Raises:
        ApplicationSignatureError: not a certificate.
    """
    return f"{_parse(certificate).serial_number:x}"


def holder(certificate: x509.Certificate) -> common_pb2.BasicItems:
    """Whose signature certificate it is.

    Raises:
        ApplicationSignatureError: it does not carry the 4 items.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        told = {name.type_id: _read(name.value) for name in names.get_values_for_type(x509.OtherName)}
        return common_pb2.BasicItems(
            name=told[_NAME],
            address=told[_ADDRESS],
            birth_date=told[_BIRTH_DATE],
            sex=common_pb2.Sex.Value(told[_SEX]),
        )
    except (x509.ExtensionNotFound, KeyError, ValueError) as error:
        raise ApplicationSignatureError("the certificate does not say whose it is") from error


def holder_extension(items: common_pb2.BasicItems) -> x509.SubjectAlternativeName:
    """What a signature certificate says of its holder."""
    told = {
        _NAME: items.name,
        _ADDRESS: items.address,
        _BIRTH_DATE: items.birth_date,
        _SEX: common_pb2.Sex.Name(items.sex),
    }
    return x509.SubjectAlternativeName([x509.OtherName(identifier, _write(text)) for identifier, text in told.items()])


def _parse(der: bytes) -> x509.Certificate:
    if len(der) > MAX_CERTIFICATE:
        raise ApplicationSignatureError("too long for a certificate")
    try:
        return x509.load_der_x509_certificate(der)
    except Exception as error:  # a stranger's bytes: whatever the parser dislikes
        raise ApplicationSignatureError("not a certificate") from error


def _check_issuer(certificate: x509.Certificate, authority: x509.Certificate, at: datetime) -> None:
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception as error:
        raise ApplicationSignatureError("not issued by the card authority") from error
    for checked in (certificate, authority):
        if not checked.not_valid_before_utc <= at <= checked.not_valid_after_utc:
            raise ApplicationSignatureError("outside its validity period")


def _check_usage(certificate: x509.Certificate) -> None:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError) as error:
        raise ApplicationSignatureError("not a certificate for signatures") from error
    if constraints.ca or not usage.content_commitment:
        raise ApplicationSignatureError("not a certificate for signatures")


def _write(text: str) -> bytes:
    """`text` as a UTF8String in DER (X.690 §8.1)."""
    body = text.encode()
    length = len(body)
    if length < _LONG_FORM:
        return bytes([_UTF8_STRING, length]) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_UTF8_STRING, _LONG_FORM | len(size)]) + size + body


def _read(der: bytes) -> str:
    """The text of a UTF8String in DER; ValueError for anything else."""
    if len(der) < 2 or der[0] != _UTF8_STRING:  # noqa: PLR2004 - tag and length
        raise ValueError("not a UTF8String")
    head = 2 + (der[1] & ~_LONG_FORM if der[1] & _LONG_FORM else 0)
    text = der[head:].decode()
    if _write(text) != der:
        raise ValueError("not a UTF8String in DER")
    return text
