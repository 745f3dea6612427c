"""Keys of the exchange: an institution's own (HPKE and Ed25519, made by the party itself) and the public halves of others.

Suite: HPKE base mode with X-Wing (ML-KEM-768 ‖ X25519), HKDF-SHA256, AES-256-GCM (RFC 9180; draft-connolly-cfrg-xwing-kem).
Signatures: Ed25519 (RFC 8032), checked by libsodium, which is quicker than OpenSSL and refuses small-order keys.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from warifu.kernel.vault import alone

_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_MLKEM_PUBLIC: Final = 1184
_X25519: Final = 32
HPKE_PUBLIC_SIZE: Final = _MLKEM_PUBLIC + _X25519
"""Bytes of an X-Wing public key: ML-KEM-768 ‖ X25519."""
SEAL_OVERHEAD: Final = 1120 + 16
"""Bytes that sealing adds: encapsulated key and tag."""
SIGNATURE_SIZE: Final = 64
"""Bytes of an Ed25519 signature."""
KEY_ID_SIZE: Final = 16
"""Characters of a key id."""
_KEPT: Final = 4
"""Generations of HPKE keys kept to open what was sealed before a change."""


class UnusableKeyError(ValueError):
    """A public key that must not be used: wrong length, small order, not on the curve."""


class OpenError(ValueError):
    """A sealed block that does not open: for another, altered, or bound to other facts."""


def key_id(public: bytes) -> str:
    """The identifier of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(public).hexdigest()[:KEY_ID_SIZE]


@dataclass(frozen=True, slots=True)
class SealingKey:
    """Someone's public HPKE key."""

    owner: str
    """Institution code."""
    key_id: str
    key: MLKEM768X25519PublicKey

    @classmethod
    def parse(cls, owner: str, public: bytes) -> SealingKey:
        """Read the 1,216 bytes of a public key.

        Raises:
            UnusableKeyError: wrong length, or an X25519 part of small order.
        """
        if len(public) != HPKE_PUBLIC_SIZE:
            raise UnusableKeyError(f"an HPKE key has {HPKE_PUBLIC_SIZE} bytes")
        try:
            curve = X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:])
            X25519PrivateKey.generate().exchange(curve)  # refuses the small orders: the shared secret would be zero
            lattice = MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC])
        except ValueError as error:
            raise UnusableKeyError("not an HPKE key that may be used") from error
        return cls(owner, key_id(public), MLKEM768X25519PublicKey(lattice, curve))

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Encapsulated key ‖ ciphertext, bound to `info`."""
        return _SUITE.encrypt(plaintext, self.key, info)


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """Someone's public signing key."""

    owner: str
    """Institution code, or "gateway"."""
    key_id: str
    key: VerifyKey

    @classmethod
    def parse(cls, owner: str, public: bytes) -> VerifyingKey:
        """Read the 32 bytes of a public key.

        Raises:
            UnusableKeyError: wrong length, not canonical, off the curve or outside the prime-order group. For a key of small order
                one signature fits every message (RFC 8032 §8 leaves its refusal to the application).
        """
        if len(public) != _X25519 or not crypto_core_ed25519_is_valid_point(public):
            raise UnusableKeyError("not an Ed25519 key that may be used")
        return cls(owner, key_id(public), VerifyKey(public))

    def fits(self, message: bytes, signature: bytes) -> bool:
        """Did the owner sign these bytes."""
        if len(signature) != SIGNATURE_SIZE:
            return False
        try:
            self.key.verify(message, signature)
        except BadSignatureError:
            return False
        return True


class InstitutionKeys:
    """An institution's own keys. Made by the party itself, never sent, parsed once.

    After a change of the HPKE key the ones before still open what was sealed to them.
    """

    __slots__ = ("_hpke", "_signing", "hpke_key_id", "hpke_public", "owner", "signing_key_id", "signing_public")

    def __init__(self, owner: str, hpke_seeds: list[bytes], signing_seed: bytes) -> None:
        """Keys of `owner` from 96-byte HPKE seeds (ML-KEM 64 ‖ X25519 32), newest first, and a 32-byte signing seed."""
        self.owner = owner
        self._hpke: dict[str, MLKEM768X25519PrivateKey] = {}
        publics = [self._add(seed) for seed in hpke_seeds]
        self.hpke_public = publics[0]
        self.hpke_key_id = key_id(publics[0])
        self._signing = SigningKey(signing_seed)
        self.signing_public = bytes(self._signing.verify_key)
        self.signing_key_id = key_id(self.signing_public)

    @classmethod
    def generate(cls, owner: str) -> InstitutionKeys:
        """New keys, kept nowhere: for tests and for `load_or_create`."""
        return cls(owner, [_new_hpke_seed()], bytes(SigningKey.generate()))

    @classmethod
    def load_or_create(cls, secrets: Path, owner: str) -> InstitutionKeys:
        """The keys in `secrets/<owner>.keys.json`, made there when there are none.

        Raises:
            ValueError: the file is damaged; it is never replaced silently.
        """
        path = _path(secrets, owner)
        if not path.exists():
            with alone(secrets):  # several processes of one party may begin at once
                if not path.exists():
                    _save(path, [_new_hpke_seed()], bytes(SigningKey.generate()))
        return cls(owner, *_load(path))

    @classmethod
    def rotate(cls, secrets: Path, owner: str) -> InstitutionKeys:
        """New HPKE and signing keys in the file; the HPKE keys before are kept for what is in flight."""
        path = _path(secrets, owner)
        before, _ = _load(path)
        _save(path, [_new_hpke_seed(), *before][:_KEPT], bytes(SigningKey.generate()))
        return cls(owner, *_load(path))

    @property
    def sealing_key(self) -> SealingKey:
        """The own public HPKE key, as others see it."""
        return SealingKey.parse(self.owner, self.hpke_public)

    @property
    def verifying_key(self) -> VerifyingKey:
        """The own public signing key, as others see it."""
        return VerifyingKey.parse(self.owner, self.signing_public)

    def holds(self, hpke_key_id: str) -> bool:
        """Can a block that was sealed to this key be opened."""
        return hpke_key_id in self._hpke

    def open(self, hpke_key_id: str, ciphertext: bytes, info: bytes) -> bytes:
        """The plaintext of encapsulated key ‖ ciphertext.

        Raises:
            OpenError: no such key here, altered, or sealed with other info.
        """
        key = self._hpke.get(hpke_key_id)
        if key is None:
            raise OpenError("sealed to a key that is not held here")
        try:
            return _SUITE.decrypt(ciphertext, key, info)
        except (InvalidTag, ValueError) as error:
            raise OpenError("does not open") from error

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519."""
        return self._signing.sign(message).signature

    def _add(self, seed: bytes) -> bytes:
        name, public, private = _expanded(seed)
        self._hpke[name] = private
        return public


@lru_cache(maxsize=128)  # of one process, which holds its keys as long as it lives
def _expanded(seed: bytes) -> tuple[str, bytes, MLKEM768X25519PrivateKey]:
    """Key id, public and private key."""
    lattice = MLKEM768PrivateKey.from_seed_bytes(seed[:64])
    curve = X25519PrivateKey.from_private_bytes(seed[64:])
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return key_id(public), public, MLKEM768X25519PrivateKey(lattice, curve)


Signer = Callable[[bytes], bytes]
"""Signs bytes: `InstitutionKeys.sign`."""


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, whole or not at all, durable on return."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _path(secrets: Path, owner: str) -> Path:
    return secrets / f"{owner}.keys.json"


def _new_hpke_seed() -> bytes:
    return os.urandom(64) + os.urandom(32)


def _save(path: Path, hpke_seeds: list[bytes], signing_seed: bytes) -> None:
    form = {"hpke": [seed.hex() for seed in hpke_seeds], "signing": signing_seed.hex()}
    write_secret(path, json.dumps(form).encode())


def _load(path: Path) -> tuple[list[bytes], bytes]:
    try:
        form = json.loads(path.read_bytes())
        seeds = [bytes.fromhex(seed) for seed in form["hpke"]]
        signing = bytes.fromhex(form["signing"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a key file") from error
    if not seeds or any(len(seed) != 96 for seed in seeds) or len(signing) != _X25519:  # noqa: PLR2004 - 64 + 32
        raise ValueError(f"{path}: not a key file")
    return seeds, signing
