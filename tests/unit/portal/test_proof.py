"""What a card signs serves for nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st
from unit.portal.lab import START, CardAuthority, TestClock

from warifu.portal.login.proof import TAG, LapsedError, Proof, ProofError, decode, encode, message, sign

ORIGIN = "http://portal.localhost:8170"
CLOCK = TestClock()
AUTHORITY = CardAuthority(CLOCK)
KEY = ec.generate_private_key(ec.SECP256R1())
CERTIFICATE = AUTHORITY.make(KEY.public_key())
CHALLENGE, SESSION = b"c" * 32, b"s" * 32
SIGNATURE = sign(KEY, CHALLENGE, ORIGIN, SESSION)
PROOF = Proof(CHALLENGE, CERTIFICATE, SIGNATURE)


def check(proof: Proof, origin: str = ORIGIN, session: bytes = SESSION, today=START) -> str:
    """Check against the test authority."""
    return proof.check(AUTHORITY.certificate, origin, session, today)


def test_a_good_proof_names_the_certificate() -> None:
    """A proof that holds gives the certificate's serial number in hexadecimal."""
    assert int(check(PROOF), 16) == x509.load_der_x509_certificate(CERTIFICATE).serial_number


def test_the_signed_message_is_tagged_and_length_prefixed() -> None:
    """The signed bytes are tag, challenge, 16-bit length of the origin, origin, session hash, in this order."""
    signed = message(CHALLENGE, ORIGIN, SESSION)
    assert signed == b"warifu/card-auth/v1\0" + CHALLENGE + b"\x00\x1c" + ORIGIN.encode() + SESSION
    assert TAG.endswith(b"\0")
    KEY.public_key().verify(SIGNATURE, signed, ec.ECDSA(SHA256()))


def test_a_proof_for_another_origin_session_or_challenge_proves_nothing() -> None:
    """Neither origin, session nor challenge can be exchanged afterwards."""
    for proof, origin, session in (
        (PROOF, "http://portal.localhost:8171", SESSION),
        (PROOF, ORIGIN, b"t" * 32),
        (Proof(b"d" * 32, CERTIFICATE, SIGNATURE), ORIGIN, SESSION),
    ):
        with pytest.raises(ProofError, match="does not fit"):
            check(proof, origin, session)


@given(part=st.sampled_from(["signature", "challenge"]), place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(part: str, place: int, bit: int) -> None:
    """A proof with any one bit of challenge or signature changed proves nothing."""
    values = {"challenge": CHALLENGE, "certificate": CERTIFICATE, "signature": SIGNATURE}
    changed = bytearray(values[part])
    changed[place % len(changed)] ^= 1 << bit
    with pytest.raises(ProofError):
        check(Proof(**{**values, part: bytes(changed)}))


def test_every_bit_of_the_certificate_counts() -> None:
    """Each single flipped bit of the certificate, unknown algorithms and broken forms included, gives a ProofError and nothing else.

    But for the count of unused bits in the outer signature's BIT STRING, which parsers overlook: what is signed stays the same there.
    """
    signed = x509.load_der_x509_certificate(CERTIFICATE).tbs_certificate_bytes
    for place in range(len(CERTIFICATE) * 8):
        changed = bytearray(CERTIFICATE)
        changed[place // 8] ^= 1 << place % 8
        try:
            check(Proof(CHALLENGE, bytes(changed), SIGNATURE))
        except ProofError:
            continue
        assert x509.load_der_x509_certificate(bytes(changed)).tbs_certificate_bytes == signed
        assert CERTIFICATE[place // 8 - 2] == 0x03  # the tag of a BIT STRING, before its length


def test_other_certificates_prove_nothing() -> None:
    """Another authority's, the authority's own, one without the usage, and other kinds of key are refused."""
    other = CardAuthority(CLOCK)
    for certificate, key in (
        (other.make(KEY.public_key()), KEY),
        (AUTHORITY.certificate.public_bytes(_der()), AUTHORITY.key),
        (AUTHORITY.make(KEY.public_key(), usage=False), KEY),
    ):
        with pytest.raises(ProofError):
            check(Proof(CHALLENGE, certificate, sign(key, CHALLENGE, ORIGIN, SESSION)))
    wide = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ProofError, match="P-256"):
        check(Proof(CHALLENGE, AUTHORITY.make(wide.public_key()), sign(wide, CHALLENGE, ORIGIN, SESSION)))
    long = rsa.generate_private_key(65537, 2048)
    with pytest.raises(ProofError, match="P-256"):
        check(Proof(CHALLENGE, AUTHORITY.make(long.public_key()), b"x"))


def test_dates_are_those_of_the_network() -> None:
    """Before its first and after its last day, on the network's clock, a certificate proves nothing; past the last one it is named."""
    with pytest.raises(ProofError, match="not valid yet"):
        check(PROOF, today=START - timedelta(days=2))
    with pytest.raises(LapsedError) as lapsed:
        check(PROOF, today=START + timedelta(days=1826))
    assert lapsed.value.serial == check(PROOF)
    with pytest.raises(ProofError, match="does not fit"):
        check(replace(PROOF, challenge=bytes(32)), today=START + timedelta(days=1826))


@given(st.binary(max_size=64))
def test_base64url_goes_there_and_back(data: bytes) -> None:
    """What is encoded for an address decodes to itself, and a shorter limit refuses it."""
    assert decode(encode(data), 64) == data
    if data:
        with pytest.raises(ProofError):
            decode(encode(data), len(data) - 1)


@given(st.text(max_size=100))
def test_rubbish_in_an_address_is_refused_not_crashed_on(text: str) -> None:
    """Whatever stands in the address, reading it gives bytes or a ProofError."""
    try:
        decode(text, 32)
    except ProofError:
        return
    assert len(decode(text, 32)) <= 32


def _der():
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER
