"""Second factor: time-based one-time passwords (RFC 6238, by pyotp), each accepted once.

An account's secret is derived from one random key of the party, so no table holds it: who reads a database has no second factor, and who
reads the key file has no password. Steps are those of the machine clock: 30 seconds, one more either way for clocks that differ (§5.2).
"""

from __future__ import annotations

import os
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as mac
from pathlib import Path
from typing import Final

from pyotp import TOTP

from warifu.exchange.keys import write_secret

STEP: Final = 30
"""Seconds that a code lasts."""
DRIFT: Final = 1
"""Steps before and after the present one whose code is accepted."""
_SECRET_SIZE: Final = 20
"""Bytes of an account's secret (RFC 4226, R6: 160 bits)."""
_KEY_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Codes:
    """The one-time passwords of one party's staff."""

    key: bytes

    @classmethod
    def load_or_create(cls, path: Path) -> Codes:
        """The key in the file `path`, made at the first start.

        Raises:
            ValueError: the file is damaged.
        """
        if not path.exists():
            write_secret(path, os.urandom(_KEY_SIZE))
        key = path.read_bytes()
        if len(key) != _KEY_SIZE:
            raise ValueError(f"{path}: not a key for one-time passwords")
        return cls(key)

    def secret(self, office: str, login: str) -> str:
        """An account's secret in Base32, as an authenticator takes it."""
        return b32encode(mac(self.key, f"warifu/totp/{office}/{login}".encode(), sha256)[:_SECRET_SIZE]).decode()

    def accepted(self, office: str, login: str, code: str, *, now: datetime, after: int) -> int | None:
        """The step of a right code: one of the present or a neighbouring step, later than `after`, the last step used. None: wrong or used."""
        typed = "".join(code.split())
        if not typed.isascii():
            return None
        generator, present = TOTP(self.secret(office, login)), step_of(now)
        for step in range(present - DRIFT, present + DRIFT + 1):
            if step > after and compare_digest(generator.generate_otp(step), typed):
                return step
        return None

    def shown(self, office: str, login: str, *, now: datetime, after: int) -> str | None:
        """The code that would be accepted now, for a class without authenticators; None while all of them are used."""
        step = max(step_of(now), after + 1)
        return TOTP(self.secret(office, login)).generate_otp(step) if step <= step_of(now) + DRIFT else None


def step_of(now: datetime) -> int:
    """The step that a moment lies in (RFC 6238 §4.2)."""
    return int(now.timestamp()) // STEP
