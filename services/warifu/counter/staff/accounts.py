"""Accounts of one counter's staff. In a simulation they are made when the institution's login page is first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Row

from warifu.counter.schema import STAFF, STAFF_SESSION
from warifu.counter.staff.duty import ALWAYS, Duty
from warifu.counter.staff.roles import Right, Role, may
from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.staff.accounts import Accounts, Second
from warifu.staff.passwords import demo_passwords
from warifu.staff.sessions import Sessions
from warifu.staff.totp import Codes


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who works here, by staff code."""

    login: str
    role: Role
    office: str
    duty: Duty
    granted_until: int
    """Network time, milliseconds; 0 where nothing was granted."""
    used_step: int

    def may(self, right: Right) -> bool:
        """Whether it is their work."""
        return may(self.role, right)

    def on_duty(self, now: datetime) -> bool:
        """Whether they may work at this network time."""
        return self.duty.covers(now) or milliseconds(now) < self.granted_until


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """An account of a simulation."""

    login: str
    role: Role
    office: str
    duty: Duty


_FULL: Final = Duty.of(range(5), "8:30", "17:15")
DEMO: Final = (
    DemoAccount("c-0001", Role.CLERK, "window-1", _FULL),
    DemoAccount("c-0002", Role.CLERK, "window-2", Duty.of(range(5), "13:00", "17:15")),
    DemoAccount("c-0003", Role.REVIEWER, "review", _FULL),
    DemoAccount("c-0004", Role.CHIEF, "section", ALWAYS),
    DemoAccount("c-0005", Role.CARD_CLERK, "card-window", _FULL),
)
"""Full-time and afternoon clerks; the chief is on call, so that somebody can always let the others work."""
CARD_KIND: Final = "residency"
"""Kind of institution with a card counter."""


def demo_staff(kind: str) -> tuple[DemoAccount, ...]:
    """Who works at an institution of a kind."""
    return tuple(one for one in DEMO if one.role is not Role.CARD_CLERK or kind == CARD_KIND)


def accounts_of(store: Store, clock: Clock, office: str, codes: Codes, turn: asyncio.Lock) -> Accounts[Account]:
    """The accounts of the institution `office`, with one-time passwords; see `Accounts` for `turn`."""
    second: Second = partial(_second, clock, codes, office)
    return Accounts(store, clock, STAFF, account_of, second=second, turn=turn)


def sessions_of(store: Store, clock: Clock, path: str, *, secure: bool) -> Sessions[Account]:
    """The sessions of an institution, whose pages lie below `path`."""
    return Sessions(store, clock, STAFF, STAFF_SESSION, account_of, secure=secure, path=path)


def account_of(row: Row[Any]) -> Account:
    """The account of a row."""
    duty = Duty(row.duty_days, row.duty_from, row.duty_to)
    return Account(row.login, Role(row.role), row.office, duty, row.granted_until, row.used_step)


class Demo:
    """The accounts that a simulation makes up: their passwords are random and shown on the login page."""

    def __init__(self, secrets: Path) -> None:
        """`secrets`: the party's folder of secrets."""
        self._secrets = secrets
        self._made: dict[str, Mapping[str, str]] = {}
        self._turn = asyncio.Lock()

    async def passwords(self, institution: str, kind: str, accounts: Accounts[Account]) -> Mapping[str, str]:
        """Passwords by login, the accounts made where they were not.

        Raises:
            ValueError: the file with the passwords is damaged.
        """
        async with self._turn:
            if institution not in self._made:
                self._made[institution] = await self._make(institution, kind, accounts)
        return self._made[institution]

    async def _make(self, institution: str, kind: str, accounts: Accounts[Account]) -> Mapping[str, str]:
        staff = demo_staff(kind)
        known = demo_passwords(self._secrets / f"{institution}.demo-staff.json", [one.login for one in staff])
        for one in staff:
            await accounts.make(
                one.login,
                one.role,
                known[one.login],
                office=one.office,
                duty_days=one.duty.days,
                duty_from=one.duty.start,
                duty_to=one.duty.end,
                granted_until=0,
                used_step=0,
            )
        return known


def _second(clock: Clock, codes: Codes, office: str, row: Row[Any], code: str) -> Mapping[str, Any] | None:
    """Checks a one-time password; see `Second`."""
    step = codes.accepted(office, row.login, code, now=clock.machine(), after=row.used_step)
    return None if step is None else {"used_step": step}
