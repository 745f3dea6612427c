"""Accounts of staff. Passwords are kept as scrypt hashes (RFC 7914; OWASP's parameters), wrong ones in a row lock the account for a while.

In simulation the accounts are made at the first start with random passwords, which lie beside the party's other secrets and are shown on
the login page: a class needs them, and nothing real depends on them.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import scrypt
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.exchange.keys import write_secret
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.watchdog.schema import STAFF
from warifu.watchdog.staff.roles import Role

DEMO_FILE: Final = "demo-staff.json"
TRIES: Final = 5
LOCKED_FOR: Final = timedelta(minutes=5)
LONGEST: Final = 200
"""Characters of a password that are looked at; a longer one is wrong."""
_SALT: Final = 16
_READ: Final = select(STAFF).where(STAFF.c.login == bindparam("login"))
_ADD: Final = insert(STAFF)
_FAILED: Final = (
    update(STAFF)
    .where(STAFF.c.login == bindparam("who"))
    .values(failed=bindparam("to_failed"), locked_until=bindparam("to_locked_until"))
)
_NOBODY: Final = os.urandom(_SALT), os.urandom(32)


@dataclass(frozen=True, slots=True)
class Account:
    """Who logged in."""

    login: str
    role: Role


class LockedError(Exception):
    """Too many wrong passwords in a row: right ones do not count either, for a while."""


class Accounts:
    """The accounts of one supervisor."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._turn = asyncio.Lock()  # a guess costs 16 MiB: one at a time

    async def make(self, login: str, role: Role, password: str) -> None:
        """Make an account, unless there is one of this name."""
        if self._store.read(lambda connection: connection.execute(_READ, {"login": login}).first()) is not None:
            return
        salt = os.urandom(_SALT)
        row = {
            "login": login,
            "role": role,
            "salt": salt,
            "hash": await asyncio.to_thread(_hash, password, salt),
            "failed": 0,
            "locked_until": 0,
        }
        await self._store.write(lambda connection: _add(connection, row))

    async def check(self, login: str, password: str) -> Account | None:
        """The account, when the password is its own; None otherwise, alike for a wrong password and an unknown name.

        Raises:
            LockedError: it is locked, or this was one wrong password too many.
        """
        async with self._turn:
            row = self._store.read(lambda connection: connection.execute(_READ, {"login": login}).first())
            if row is not None and row.locked_until > self._now():
                raise LockedError
            salt, known = (row.salt, row.hash) if row is not None else _NOBODY
            right = len(password) <= LONGEST and hmac.compare_digest(
                await asyncio.to_thread(_hash, password[:LONGEST], salt), known
            )
            if row is None:
                return None
            failed = 0 if right else row.failed + 1
            await self._note(login, failed % TRIES, locks=failed >= TRIES)
        if failed >= TRIES:
            raise LockedError
        return Account(row.login, Role(row.role)) if right else None

    async def _note(self, login: str, failed: int, *, locks: bool) -> None:
        until = self._now() + milliseconds(LOCKED_FOR) if locks else 0
        values = {"who": login, "to_failed": failed, "to_locked_until": until}
        await self._store.write(lambda connection: connection.execute(_FAILED, values))

    def _now(self) -> int:
        return milliseconds(self._clock.machine())


async def demo_accounts(accounts: Accounts, secrets_folder: Path) -> Mapping[str, str]:
    """The accounts of a simulation, with their passwords by login; made at the first start.

    Raises:
        ValueError: the file with the passwords is damaged.
    """
    path = secrets_folder / DEMO_FILE
    if not path.exists():
        made = {role.value: _password() for role in Role}
        write_secret(path, json.dumps(made).encode())
    try:
        passwords = {str(login): str(password) for login, password in json.loads(path.read_bytes()).items()}
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path}: the demo accounts cannot be read") from error
    for role in Role:
        await accounts.make(role.value, role, passwords[role.value])
    return passwords


def _password() -> str:
    """Twelve letters and digits that are not taken for each other."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))


def _hash(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode(errors="surrogateescape"), salt=salt, n=2**14, r=8, p=1, dklen=32)


def _add(connection: Connection, row: dict[str, object]) -> None:
    if connection.execute(_READ, {"login": row["login"]}).first() is None:
        connection.execute(_ADD, row)
