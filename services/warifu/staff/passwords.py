"""Passwords: scrypt hashes (RFC 7914; OWASP's parameters), and those that a simulation makes up."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from hashlib import scrypt
from pathlib import Path
from typing import Final

from warifu.exchange.keys import write_secret

LONGEST: Final = 200
"""Characters of a password that are looked at; a longer one is wrong."""
SALT_SIZE: Final = 16
HASH_SIZE: Final = 32
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""That are not taken for each other."""


def new_salt() -> bytes:
    """Random."""
    return os.urandom(SALT_SIZE)


def password_hash(password: str, salt: bytes) -> bytes:
    """The hash to keep; takes 16 MiB and some 50 ms, off the event loop, please."""
    return scrypt(password.encode(errors="surrogateescape"), salt=salt, n=2**14, r=8, p=1, dklen=HASH_SIZE)


def demo_passwords(path: Path, logins: Iterable[str]) -> Mapping[str, str]:
    """A simulation's passwords by login, from the file `path`, made at the first start: they are random, and shown to the class.

    Raises:
        ValueError: the file is damaged or lacks one of `logins`.
    """
    wanted = list(logins)
    if not path.exists():
        write_secret(path, json.dumps({login: _password() for login in wanted}).encode())
    try:
        kept = json.loads(path.read_bytes())
        return {login: str(kept[login]) for login in wanted}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: the demo accounts cannot be read") from error


def _password() -> str:
    """Twelve letters and digits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
