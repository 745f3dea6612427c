"""Accounts: whose certificate, and which codes are theirs. No name and no number is ever known here.

A certificate that is new to the portal is enrolled: the portal makes an acquisition number, the numbering body passes it on with what
it knows of the holder, the gateway gives the portal's code for it. A person may come to have several codes, since a change of the
resident code retires the one before; the account keeps them all, and the history is the union.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Column, Connection, Delete, Update, bindparam, delete, func, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.portal.ports import Enrolment, Numbering
from warifu.portal.schema import (
    account_certificates,
    account_subjects,
    accounts,
    claims,
    metadata,
    positions,
    superseded,
)

ACCOUNT_SIZE: Final = 16
ACQUISITION_SIZE: Final = 16
_SPENT: Final = frozenset({Reason.CLIENT_ACQUISITION_REFUSED, Reason.CLIENT_ACQUISITION_CHANGED})
"""The acquisition number is past its life, or the person's resident code changed since it was used."""
_SUPERSEDED_LIST: Final = "superseded"
Join = Callable[[Connection, str, str], None]
"""What a feature does, in the write that makes one account (the first) another's, where moving its rows is not enough."""

_ACCOUNT_OF: Final = select(account_certificates.c.account).where(account_certificates.c.serial == bindparam("serial"))
_CERTIFICATES: Final = (
    select(account_certificates.c.serial)
    .where(account_certificates.c.account == bindparam("account"))
    .order_by(account_certificates.c.serial)
)
_HOLDER_OF: Final = select(account_subjects.c.account).where(account_subjects.c.subject == bindparam("subject"))
_SUBJECTS: Final = select(account_subjects.c.claimed_at, account_subjects.c.subject).where(
    account_subjects.c.account == bindparam("account")
)
_SERVING: Final = (
    select(func.count())
    .select_from(account_subjects.outerjoin(superseded, account_subjects.c.subject == superseded.c.subject))
    .where(account_subjects.c.account == bindparam("account"), superseded.c.subject.is_(None))
)
_CLAIM_OF: Final = select(claims.c.acquisition_number).where(claims.c.serial == bindparam("serial"))
_CLAIM: Final = insert(claims)
_CLAIMED: Final = delete(claims).where(claims.c.serial == bindparam("serial"))
_OPEN: Final = insert(accounts)
_ADD_CERTIFICATE: Final = insert(account_certificates)
_ADD_SUBJECT: Final = insert(account_subjects)
_POSITION: Final = select(positions.c.position).where(positions.c.name == _SUPERSEDED_LIST)
_ADVANCE: Final = update(positions).where(positions.c.name == _SUPERSEDED_LIST).values(position=bindparam("to"))
_BEGIN: Final = insert(positions)
_IS_SUPERSEDED: Final = select(superseded.c.subject).where(superseded.c.subject == bindparam("subject"))
_SUPERSEDE: Final = insert(superseded)


class Accounts:
    """The accounts of one portal."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        numbering: Numbering,
        enrolment: Enrolment,
        ids: Ids,
        joins: Sequence[Join] = (),
        known: Callable[[Sequence[bytes]], Awaitable[None]] | None = None,
    ) -> None:
        """`joins`: see `Join`; `known`: told at each login which codes are its holder's."""
        self._known = known
        self._store, self._clock, self._ids = store, clock, ids
        self._numbering, self._enrolment, self._joins = numbering, enrolment, joins

    async def log_in(self, serial: str) -> str:
        """The account of the certificate's holder, opened at the first login; afterwards its newest code serves.

        Raises:
            LinkageError: no code could be obtained for a holder who has no account yet. A holder who has one is let in with what
                is there; the code is asked for again at the next login.
        """
        account = await self._account(serial)
        if self._known is not None:
            await self._known(self.subjects(account))
        return account

    async def _account(self, serial: str) -> str:
        account: str | None = self._store.read(
            lambda c: c.execute(_ACCOUNT_OF, {"serial": serial}).scalar_one_or_none()
        )
        if account is not None and self._serves(account):
            return account
        try:
            return await self._enrol(serial, account)
        except LinkageError:
            if account is None:
                raise
            return account

    def subjects(self, account: str) -> Sequence[bytes]:
        """Every code of the account's holder, present and past, oldest first."""
        claimed = self._store.read(lambda c: c.execute(_SUBJECTS, {"account": account}).all())
        # Nearly everybody has one: the database would begin a sort for it.
        return [subject for _, subject in (claimed if len(claimed) == 1 else sorted(map(tuple, claimed)))]

    def of(self, serial: str) -> str | None:
        """The account that was opened with a certificate, if there is one; none is opened."""
        return self._store.read(lambda c: c.execute(_ACCOUNT_OF, {"serial": serial}).scalar_one_or_none())

    def certificates(self, account: str) -> Sequence[str]:
        """Serial numbers of every certificate with which the account was opened."""
        return self._store.read(lambda c: c.execute(_CERTIFICATES, {"account": account}).scalars().all())

    async def learn_superseded(self) -> int:
        """Ask the gateway which codes no longer serve; their holders obtain new ones at their next login. Returns how many."""
        after = self._store.read(lambda c: c.execute(_POSITION).scalar_one_or_none())
        subjects, position = await self._enrolment.superseded(after or 0)
        if after is not None and position == after:
            return 0
        return await self._store.write(lambda c: _note_superseded(c, subjects, position, known=after is not None))

    def _serves(self, account: str) -> bool:
        return bool(self._store.read(lambda c: c.execute(_SERVING, {"account": account}).scalar_one()))

    async def _enrol(self, serial: str, account: str | None) -> str:
        try:
            subject = await self._subject(serial)
        except LinkageError as error:
            if error.reason not in _SPENT:
                raise
            # A number left over from an interrupted login: once more with a new one.
            await self._store.write(lambda c: c.execute(_CLAIMED, {"serial": serial}))
            subject = await self._subject(serial)
        now = milliseconds(self._clock.machine())
        return await self._store.write(lambda c: self._bind(c, serial, account, subject, now))

    async def _subject(self, serial: str) -> bytes:
        acquisition_number = await self._acquisition_number(serial)
        await self._numbering.enrol(acquisition_number, serial)
        return await self._enrolment.claim(acquisition_number)

    async def _acquisition_number(self, serial: str) -> bytes:
        """One a certificate until it is claimed: after a crash in between, the same number obtains the same code."""
        row = {
            "serial": serial,
            "acquisition_number": secrets.token_bytes(ACQUISITION_SIZE),
            "made_at": milliseconds(self._clock.machine()),
        }

        def make(connection: Connection) -> bytes:
            known = connection.execute(_CLAIM_OF, {"serial": serial}).scalar_one_or_none()
            if known is None:
                connection.execute(_CLAIM, row)
            return known or row["acquisition_number"]  # type: ignore[return-value]

        return await self._store.write(make)

    def _bind(self, connection: Connection, serial: str, account: str | None, subject: bytes, now: int) -> str:
        """Bind certificate and code to one account: the one that has either, or a new one. Both name the same person."""
        holder = connection.execute(_HOLDER_OF, {"subject": subject}).scalar_one_or_none()
        target = holder or account or self._opened(connection, now)
        if account is not None and account != target:
            self._join(connection, account, target)
        if connection.execute(_ACCOUNT_OF, {"serial": serial}).scalar_one_or_none() is None:
            connection.execute(_ADD_CERTIFICATE, {"serial": serial, "account": target})
        if holder is None:
            connection.execute(_ADD_SUBJECT, {"subject": subject, "account": target, "claimed_at": now})
        connection.execute(_CLAIMED, {"serial": serial})
        return target

    def _join(self, connection: Connection, before: str, after: str) -> None:
        """Make everything of one account another's: features first, then all rows. Of what an account has once the other's own stays."""
        for join in self._joins:
            join(connection, before, after)
        for move in _moves():
            connection.execute(move, {"before": before, "after": after})
        for drop in _drops():
            connection.execute(drop, {"before": before})

    def _opened(self, connection: Connection, now: int) -> str:
        account = self._ids.token("account", ACCOUNT_SIZE).hex()
        connection.execute(_OPEN, {"account": account, "opened_at": now})
        return account


@cache
def _moves() -> tuple[Update, ...]:
    """What makes one account's rows another's, in every table of every feature, but where an account has a single row of its own."""
    return tuple(
        update(column.table).where(column == bindparam("before")).values({column: bindparam("after")})
        for column in _naming()
        if not _is_single(column)
    )


@cache
def _drops() -> tuple[Delete, ...]:
    """What forgets the single rows of an account that is another's now: a pairing word, tries that were counted, a wish of a developer."""
    return tuple(
        delete(column.table).where(column == bindparam("before")) for column in _naming() if _is_single(column)
    )


def _naming() -> Sequence[Column[Any]]:
    """Every column that names an account."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.c
        if any(key.target_fullname == "accounts.account" for key in column.foreign_keys)
    ]


def _is_single(column: Column[Any]) -> bool:
    return bool(column.unique or column.primary_key)


def _note_superseded(connection: Connection, subjects: Sequence[bytes], position: int, *, known: bool) -> int:
    for subject in subjects:
        if connection.execute(_IS_SUPERSEDED, {"subject": subject}).first() is None:
            connection.execute(_SUPERSEDE, {"subject": subject})
    if known:
        connection.execute(_ADVANCE, {"to": position})
    else:
        connection.execute(_BEGIN, {"name": _SUPERSEDED_LIST, "position": position})
    return len(subjects)
