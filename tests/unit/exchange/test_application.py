"""Applications signed by a card, and what a signature certificate says of its holder."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from warifu.common.v1 import common_pb2
from warifu.exchange import application
from warifu.exchange.application import ApplicationSignatureError, sign, verify
from warifu.numbering.authority import Authority

NOW = datetime(2026, 4, 6, tzinfo=UTC)
END = NOW + timedelta(days=1000)
FORM = b"a serialised form"
HANA = common_pb2.BasicItems(
    name="汐見　花", address="青凪市汐見台1", birth_date="1991-02-03", sex=common_pb2.SEX_FEMALE
)


@dataclass(frozen=True)
class Paper:
    """A form, and who signed it with what."""

    authority: Authority
    key: ec.EllipticCurvePrivateKey
    certificate: bytes
    form: bytes = FORM
    at: datetime = NOW

    def check(self, signature: bytes | None = None) -> common_pb2.BasicItems:
        """Verify it."""
        made = signature if signature is not None else sign(self.key, sha256(FORM).digest())
        return verify(self.form, self.certificate, made, self.authority.certificate, self.at)


@pytest.fixture
def paper(tmp_path: Path) -> Paper:
    """A form signed by Hana's card."""
    authority = Authority.load_or_create(tmp_path / "one", NOW)
    return signed(authority)


def signed(authority: Authority, holder: common_pb2.BasicItems | None = HANA) -> Paper:
    """A form with a certificate of `authority`."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Paper(authority, key, authority.issue(key.public_key(), NOW, END, holder).public_bytes(Encoding.DER))


def test_a_signed_form_names_its_signer(paper: Paper) -> None:
    """The check returns the four items that the certificate carries, and the serial number is its own."""
    assert paper.check() == HANA
    assert (
        application.serial(paper.certificate) == f"{x509.load_der_x509_certificate(paper.certificate).serial_number:x}"
    )


def test_whatever_differs_is_refused(paper: Paper, tmp_path: Path) -> None:
    """Another form, key, time, authority, a certificate for logins, and bytes that are none prove nothing."""
    other = Authority.load_or_create(tmp_path / "other", NOW)
    key = ec.generate_private_key(ec.SECP256R1())
    cases = [
        replace(paper, form=FORM + b" "),
        replace(paper, key=key),
        replace(paper, at=END + timedelta(seconds=1)),
        replace(paper, at=NOW - timedelta(seconds=1)),
        replace(paper, authority=other),
        signed(paper.authority, holder=None),
        replace(paper, certificate=b""),
        replace(paper, certificate=b"x" * (application.MAX_CERTIFICATE + 1)),
        replace(paper, certificate=paper.authority.der),
    ]
    for case in cases:
        with pytest.raises(ApplicationSignatureError):
            case.check()
    for garbage in (b"", b"x", bytes(80)):
        with pytest.raises(ApplicationSignatureError):
            paper.check(garbage)


def test_a_signature_serves_nothing_else(paper: Paper) -> None:
    """A signature over the bare digest, as another protocol would make it, does not pass; a digest has 32 bytes."""
    from cryptography.hazmat.primitives.hashes import SHA256

    with pytest.raises(ApplicationSignatureError):
        paper.check(paper.key.sign(sha256(FORM).digest(), ec.ECDSA(SHA256())))
    with pytest.raises(ApplicationSignatureError, match="32 bytes"):
        sign(paper.key, FORM)


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=200)


@given(TEXTS, TEXTS)
def test_any_name_and_address_come_back(name: str, address: str) -> None:
    """Items of any length and script are carried whole (lengths in DER's short and long form)."""
    items = common_pb2.BasicItems(name=name, address=address, birth_date="2000-01-01", sex=common_pb2.SEX_MALE)
    extension = application.holder_extension(items)
    told = {name.type_id: application._read(name.value) for name in extension.get_values_for_type(x509.OtherName)}
    assert list(told.values()) == [name, address, "2000-01-01", "SEX_MALE"]


@given(st.binary(max_size=300))
def test_what_is_no_utf8_string_in_der_is_refused(der: bytes) -> None:
    """Other tags, wrong lengths and lengths in a longer form than needed are errors, never a text."""
    try:
        text = application._read(der)
    except ValueError:
        return
    assert application._write(text) == der
