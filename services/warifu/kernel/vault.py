"""Month keys: contents lie in the database encrypted, their keys in a file beside it, and a month is forgotten by destroying its key.

The file holds one link of a chain of hashes and the month that it belongs to. Each later month's key follows from it, no earlier one
does (a one-way chain, as in forward-secure signing): so to destroy every key before a month is to replace the link by a later one. No
key has to be made, and made durable, before something can be written; and every process with the file derives the same keys.

Several processes of a party may share the file: each destroys keys for itself, and none ever puts the link back behind another's.

What lies in a copy of the database alone is unreadable; after the link was replaced everywhere, for ever. Whoever copies the file as
well, as a backup of keys must, holds what it still leads to: such a copy has to follow (`Vault.forget_before` on it).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warifu.kernel import months
from warifu.kernel.months import Month
from warifu.kernel.randomness import draw

LINK_SIZE: Final = 32
"""Bytes of a link."""
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
"""Bytes of a tag."""
_NEXT: Final = b"warifu/month-chain/v1\0"
"""Hashed: from one month's link to the next."""
_SEAL: Final = b"warifu/month-seal/v1\0"
"""Hashed: from a month's link to the key that seals its contents."""
_TAG: Final = b"warifu/month-tag/v1\0"
"""Hashed: from a month's link to the key of its tags."""


_Crypt = Callable[[bytes, bytes, bytes | None], bytes]
_Keys = tuple[_Crypt, hashlib.blake2b, _Crypt]
"""What opens, the hash of nothing yet that makes tags (keyed, RFC 7693 §2.9: a third of an HMAC's time), and what seals."""


class ErasedError(LookupError):
    """The month's key was destroyed: what it sealed cannot be read by anyone any more."""


class VaultError(ValueError):
    """The key file is damaged, or something does not open; the message says which."""


class Vault:
    """The month keys of one store. Invariant: the first month that can be opened only rises."""

    def __init__(self, path: Path, first: Month, link: bytes) -> None:
        """The keys in `path` as they are; see `open`."""
        self.path = path
        self._first, self._link = first, link
        self._keys: dict[Month, _Keys] = {}
        """Of months that were asked for."""
        self._tag = lru_cache(maxsize=4096)(self._made_tag)

    @classmethod
    def open(cls, path: Path, first: Month) -> Vault:
        """The keys in `path`; made there (0600), from month `first` on, when there are none.

        Raises:
            VaultError: the file is damaged; it is never replaced, since that would lose everything it leads to.
        """
        if not path.exists():  # it is replaced as a whole and never removed: to read it needs no lock
            with alone(path.parent):
                if not path.exists():
                    _write(path, first, secrets.token_bytes(LINK_SIZE))
        return cls(path, *_read(path))

    @property
    def first(self) -> Month:
        """The first month whose key is not destroyed."""
        return self._first

    def seal(self, month: Month, content: bytes, context: bytes) -> bytes:
        """Encrypt (AES-256-GCM). `context` names what it is, and is needed again to open it.

        Raises:
            ErasedError: the month is over and its key destroyed.
        """
        nonce = draw(NONCE_SIZE)
        key = self._keys.get(month) or self._key(month)
        return nonce + key[2](nonce, content, context)

    def unseal(self, month: Month, sealed: bytes, context: bytes) -> bytes:
        """What was sealed.

        Raises:
            ErasedError: the month's key was destroyed.
            VaultError: it was altered, or belongs to another month or context.
        """
        try:
            key = self._keys.get(month) or self._key(month)
            return key[0](sealed[:NONCE_SIZE], sealed[NONCE_SIZE:], context)
        except (InvalidTag, ValueError) as error:
            raise VaultError(f"a content of {months.text(month)} does not open: it was altered or moved") from error

    def unseal_all(self, contents: Iterable[tuple[Month, bytes, bytes]]) -> list[bytes]:
        """What was sealed in each of many: month, what is in the store, context. Raises as `unseal`."""
        keys, size = self._keys, NONCE_SIZE
        try:
            return [
                (keys.get(month) or self._key(month))[0](sealed[:size], sealed[size:], context)
                for month, sealed, context in contents
            ]
        except (InvalidTag, ValueError) as error:
            raise VaultError("one of several contents does not open: it was altered or moved") from error

    def tags(self, of: Iterable[Month], value: str) -> list[bytes]:
        """The tags of one value in several months, which are not remembered; raises as `tag`."""
        data, keys, made = value.encode(), self._keys, []
        for month in of:
            tag = (keys.get(month) or self._key(month))[1].copy()
            tag.update(data)
            made.append(tag.digest())
        return made

    def tag(self, month: Month, value: str) -> bytes:
        """16 bytes by which equal values of one month are found, and which tell nothing without its key.

        Raises:
            ErasedError: the month's key was destroyed.
        """
        return self._tag(month, value)

    def forget_before(self, month: Month) -> bool:
        """Destroy the keys of all months before `month`; on return the file holds no way to them. False when there were none.

        The bytes of a replaced file may live on in a disk's free blocks, as with any file: whole-disk encryption is the remedy.
        """
        if month <= self._first:
            return False
        with alone(self.path.parent):
            first, link = _read(self.path) if self.path.exists() else (self._first, self._link)
            if first < month:
                first, link = month, later(self._link, month - self._first)
                _write(self.path, first, link)
        self._first, self._link = first, link
        self._keys = {known: key for known, key in self._keys.items() if known >= first}
        self._tag.cache_clear()
        return True

    def _key(self, month: Month) -> _Keys:
        if month < self._first:
            raise ErasedError(f"the key of {months.text(month)} was destroyed")
        link = later(self._link, month - self._first)
        sealing = AESGCM(_hash(_SEAL, link))
        tagging = hashlib.blake2b(digest_size=TAG_SIZE, key=_hash(_TAG, link))
        return self._keys.setdefault(month, (sealing.decrypt, tagging, sealing.encrypt))

    def _made_tag(self, month: Month, value: str) -> bytes:
        tag = (self._keys.get(month) or self._key(month))[1].copy()
        tag.update(value.encode())
        return tag.digest()


def later(link: bytes, months: int) -> bytes:
    """The link so many months later; there is no way back."""
    for _ in range(months):
        link = _hash(_NEXT, link)
    return link


def _hash(tag: bytes, link: bytes) -> bytes:
    return sha256(tag + link).digest()


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make or change keys in a folder, which is made when it is missing, as the only one of the party's processes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path) -> tuple[Month, bytes]:
    try:
        kept = json.loads(path.read_text(encoding="ascii"))
        first, link = int(kept["first"]), bytes.fromhex(kept["link"])
    except (ValueError, KeyError, TypeError) as error:
        raise VaultError(f"{path}: the month keys cannot be read") from error
    if len(link) != LINK_SIZE:
        raise VaultError(f"{path}: a link has {LINK_SIZE} bytes")
    return first, link


def _write(path: Path, first: Month, link: bytes) -> None:
    replace_secret(path, json.dumps({"first": first, "link": link.hex()}))


def replace_secret(path: Path, content: str) -> None:
    """Replace a file of keys (0600) so that a crash leaves the old or the new one whole, then overwrite the old one's bytes."""
    fresh = path.with_name(f".{path.name}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    old = os.open(path, os.O_WRONLY) if path.exists() else None
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)
    if old is not None:
        os.write(old, bytes(os.fstat(old).st_size))
        os.fsync(old)
        os.close(old)
