"""Passwords: scrypt hashes (RFC 7914; OWASP's parameters), and those that a simulation makes up."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import scrypt
from pathlib import Path
from typing import Final

from warifu.exchange.keys import write_secret

LONGEST: Final = 200
"""Characters of a password that are looked at; a longer one is wrong."""
SALT_SIZE: Final = 16
HASH_SIZE: Final = 32
_M_MMAP_THRESHOLD: Final = -3
_LARGE: Final = 1 << 20
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""That are not taken for each other."""


def new_salt() -> bytes:
    """Random."""
    return os.urandom(SALT_SIZE)


def password_hash(password: str, salt: bytes) -> bytes:
    """The hash to keep; takes 16 MiB and some 50 ms, off the event loop, please."""
    _return_large_blocks()
    return scrypt(password.encode(errors="surrogateescape"), salt=salt, n=2**14, r=8, p=1, dklen=HASH_SIZE)


@cache
def _return_large_blocks() -> None:
    """Have the C library give large blocks back to the system when they are freed: every thread that ever hashed would keep 16 MiB."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's, mallopt(3)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def demo_passwords(path: Path, logins: Iterable[str]) -> Mapping[str, str]:
    """A simulation's passwords by login, from the file `path`, each made when it is first wanted: they are random, and shown to the class.

    Raises:
        ValueError: the file is damaged.
    """
    try:
        kept = (
            {str(login): str(known) for login, known in json.loads(path.read_bytes()).items()} if path.exists() else {}
        )
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path}: the demo accounts cannot be read") from error
    wanted = list(logins)
    if missing := {login: _password() for login in wanted if login not in kept}:
        kept |= missing
        write_secret(path, json.dumps(kept).encode())
    return {login: kept[login] for login in wanted}


def _password() -> str:
    """Twelve letters and digits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
