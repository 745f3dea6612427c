"""Accounts of the supervisor's staff (`warifu.staff`): an office each, no name.

In simulation they are made at the first start with random passwords, which lie beside the party's other secrets and are shown on the login
page: a class needs them, and nothing real depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row

from warifu.kernel.clock import Clock
from warifu.kernel.store import Store
from warifu.staff.accounts import Accounts
from warifu.staff.passwords import demo_passwords
from warifu.staff.sessions import Sessions
from warifu.watchdog.schema import STAFF, STAFF_SESSION
from warifu.watchdog.staff.roles import Role

DEMO_FILE: Final = "demo-staff.json"


@dataclass(frozen=True, slots=True)
class Account:
    """Who logged in."""

    login: str
    role: Role


def accounts_of(store: Store, clock: Clock) -> Accounts[Account]:
    """The accounts of one supervisor."""
    return Accounts(store, clock, STAFF, _account)


def sessions_of(store: Store, clock: Clock, *, secure: bool) -> Sessions[Account]:
    """The sessions of one supervisor's staff. `secure`: the console is served over HTTPS."""
    return Sessions(store, clock, STAFF, STAFF_SESSION, _account, secure=secure)


async def demo_accounts(accounts: Accounts[Account], secrets_folder: Path) -> Mapping[str, str]:
    """The accounts of a simulation, with their passwords by login; made at the first start.

    Raises:
        ValueError: the file with the passwords is damaged.
    """
    passwords = demo_passwords(secrets_folder / DEMO_FILE, [role.value for role in Role])
    for role in Role:
        await accounts.make(role.value, role, passwords[role.value])
    return passwords


def _account(row: Row[Any]) -> Account:
    return Account(row.login, Role(row.role))
