"""Own keys and the public halves of others."""

import hashlib
import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from warifu.exchange.keys import InstitutionKeys, OpenError, SealingKey, UnusableKeyError, VerifyingKey, key_id

P = 2**255 - 19
ORDER_8 = (
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
)
SMALL_ORDER = {
    *ORDER_8,
    *((bytes.fromhex(point)[:31] + bytes([bytes.fromhex(point)[31] ^ 0x80])).hex() for point in ORDER_8),
    *(value.to_bytes(32, "little").hex() for value in (0, 1, P - 1, P, P + 1)),
    *((value | 1 << 255).to_bytes(32, "little").hex() for value in (0, 1, P - 1, P, P + 1)),
}


def labeled_extract(suite, salt, label, ikm):
    """RFC 9180 §4."""
    import hmac

    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()


def labeled_expand(suite, prk, label, info, length):
    """RFC 9180 §4."""
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), length, labeled).derive(prk)


def open_by_hand(seed, sealed, info):
    """HPKE base mode composed from its parts: X-Wing (0x647a), HKDF-SHA256 (1), AES-256-GCM (2)."""
    lattice, curve = MLKEM768PrivateKey.from_seed_bytes(seed[:64]), X25519PrivateKey.from_private_bytes(seed[64:])
    ct_m, ct_x, ciphertext = sealed[:1088], sealed[1088:1120], sealed[1120:]
    ss_x = curve.exchange(X25519PublicKey.from_public_bytes(ct_x))
    label = b"\\.//^\\"
    public_x = curve.public_key().public_bytes_raw()
    shared = hashlib.sha3_256(lattice.decapsulate(ct_m) + ss_x + ct_x + public_x + label).digest()
    suite = b"HPKE" + bytes.fromhex("647a00010002")
    context = b"\0" + labeled_extract(suite, b"", b"psk_id_hash", b"") + labeled_extract(suite, b"", b"info_hash", info)
    secret = labeled_extract(suite, shared, b"secret", b"")
    key = labeled_expand(suite, secret, b"key", context, 32)
    nonce = labeled_expand(suite, secret, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def test_the_suite_is_rfc_9180_with_x_wing(tmp_path):
    """What we seal opens by a composition of ML-KEM-768, X25519, SHA3-256, HKDF and AES-GCM after the two specifications (PROTO-3.1)."""
    own = InstitutionKeys.load_or_create(tmp_path, "tax-480011")
    seed = bytes.fromhex(json.loads((tmp_path / "tax-480011.keys.json").read_text())["hpke"][0])
    sealed = own.sealing_key.seal(b"content", b"info")
    assert open_by_hand(seed, sealed, b"info") == b"content"


def test_keys_are_made_once_and_readable_by_the_owner_alone(tmp_path):
    """The first start makes the keys, the next reads the same; the file has mode 0600 and no draft stays behind."""
    first = InstitutionKeys.load_or_create(tmp_path / "secrets", "tax-480011")
    again = InstitutionKeys.load_or_create(tmp_path / "secrets", "tax-480011")
    assert (first.hpke_key_id, first.signing_key_id) == (again.hpke_key_id, again.signing_key_id)
    (path,) = (tmp_path / "secrets").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_key_file_is_never_replaced(tmp_path):
    """A key file that cannot be read raises and stays as it is, since new keys would lose what is in flight."""
    path = tmp_path / "tax-480011.keys.json"
    path.write_text('{"hpke": []}')
    with pytest.raises(ValueError, match="not a key file"):
        InstitutionKeys.load_or_create(tmp_path, "tax-480011")
    assert path.read_text() == '{"hpke": []}'


def test_after_a_change_of_keys_old_blocks_still_open(tmp_path):
    """New keys take over for sealing and signing, and what was sealed to the key before still opens."""
    before = InstitutionKeys.load_or_create(tmp_path, "tax-480011")
    sealed = before.sealing_key.seal(b"in flight", b"info")
    after = InstitutionKeys.rotate(tmp_path, "tax-480011")
    assert after.hpke_key_id != before.hpke_key_id
    assert after.signing_key_id != before.signing_key_id
    assert after.open(before.hpke_key_id, sealed, b"info") == b"in flight"


@pytest.mark.parametrize("public", sorted(SMALL_ORDER))
def test_small_order_signing_keys_are_refused(public):
    """Each encoding of a point of small order, canonical or not, is refused: one signature would fit every message (PROTO-3.2)."""
    with pytest.raises(UnusableKeyError):
        VerifyingKey.parse("tax-480011", bytes.fromhex(public))


def test_small_order_sealing_keys_and_wrong_lengths_are_refused(provider):
    """An HPKE key whose X25519 half has small order, or a key of another length, is refused."""
    lattice = provider.hpke_public[:1184]
    for public in (lattice + bytes(32), lattice + (1).to_bytes(32, "little"), lattice, provider.hpke_public + b"\0"):
        with pytest.raises(UnusableKeyError):
            SealingKey.parse("tax-480011", public)


def test_a_key_id_is_the_beginning_of_the_keys_hash(provider):
    """A key id is the first 16 hexadecimal digits of SHA-256 of the public key (PROTO-3.3)."""
    assert provider.hpke_key_id == hashlib.sha256(provider.hpke_public).hexdigest()[:16]
    assert key_id(provider.signing_public) == provider.signing_key_id


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_flipped_bit_neither_opens_nor_verifies(provider, data):
    """Any changed bit of a ciphertext, its info, a message or its signature is refused."""
    from unit.exchange.samples import flip

    sealed, signature = provider.sealing_key.seal(b"content", b"info"), provider.sign(b"message")
    bit = data.draw(st.integers(0, 99_999))
    with pytest.raises(OpenError):
        provider.open(provider.hpke_key_id, flip(sealed, bit), b"info")
    with pytest.raises(OpenError):
        provider.open(provider.hpke_key_id, sealed, flip(b"info", bit))
    verifying = provider.verifying_key
    assert verifying.fits(b"message", signature)
    assert not verifying.fits(flip(b"message", bit), signature)
    assert not verifying.fits(b"message", flip(signature, bit))
