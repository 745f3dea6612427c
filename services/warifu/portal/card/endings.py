"""Sessions end with the certificate that opened them: at once where the portal itself sent the report, within a second otherwise.

The numbering body lists what became of certificates; a job reads on from where it stopped. Whoever's session ended is told why at the next
click: the cookie still in their browser names the ended session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from starlette.requests import Request

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.portal.api.schema import api_tokens
from warifu.portal.card.schema import ended_sessions
from warifu.portal.ports import Numbering
from warifu.portal.schema import account_certificates, positions, sessions
from warifu.portal.sessions import COOKIE, LONGEST, token_hash

_LIST: Final = "card-changes"


class Why(StrEnum):
    """Why a session ended before its time."""

    SUSPENDED = "suspended"
    """The card was reported as lost."""
    REVOKED = "revoked"
    """The certificate was revoked or replaced."""
    ELSEWHERE = "elsewhere"
    """Its holder logged out everywhere, from another browser."""


_WHY: Final = {pb.CERTIFICATE_STATUS_SUSPENDED: Why.SUSPENDED, pb.CERTIFICATE_STATUS_REVOKED: Why.REVOKED}
_POSITION: Final = select(positions.c.position).where(positions.c.name == _LIST)
_ADVANCE: Final = update(positions).where(positions.c.name == _LIST).values(position=bindparam("to"))
_BEGIN: Final = insert(positions)
_OPENED_BY: Final = select(sessions.c.token_hash).where(sessions.c.serial == bindparam("which"))
_OF_ACCOUNT: Final = select(sessions.c.token_hash).where(sessions.c.account == bindparam("whose"))
_ACCOUNT_OF: Final = select(account_certificates.c.account).where(account_certificates.c.serial == bindparam("which"))
_KNOWN: Final = select(ended_sessions.c.token_hash).where(ended_sessions.c.token_hash == bindparam("hash"))
_NOTE: Final = insert(ended_sessions)
_END: Final = delete(sessions).where(sessions.c.token_hash == bindparam("hash"))
_END_TOKENS: Final = delete(api_tokens).where(api_tokens.c.account == bindparam("whose"))
_TOLD: Final = select(ended_sessions.c.why).where(ended_sessions.c.token_hash == bindparam("hash"))
_PURGE: Final = delete(ended_sessions).where(ended_sessions.c.at < bindparam("before"))


@dataclass(frozen=True, slots=True)
class Endings:
    """Ends sessions of one portal."""

    store: Store
    clock: Clock
    numbering: Numbering

    async def learn(self) -> int:
        """Read on in the list of what became of certificates; how many changes there were.

        Raises:
            LinkageError: the list cannot be read.
        """
        read = 0
        while True:
            after = self.store.read(lambda c: c.execute(_POSITION).scalar_one_or_none())
            changes = await self.numbering.status_changes(after or 0)
            if not changes:
                return read
            await self.store.write(lambda c, told=changes, begin=after is None: self._end(c, told, begin=begin))  # type: ignore[misc]
            read += len(changes)

    async def everywhere(self, account: str, here: bytes) -> int:
        """End every session and bearer token of an account; how many sessions beside the one `here`, which ends without a word."""
        at = milliseconds(self.clock.machine())

        def end(connection: Connection) -> int:
            hashes = connection.execute(_OF_ACCOUNT, {"whose": account}).scalars().all()
            _end_all(connection, [one for one in hashes if one != here], Why.ELSEWHERE, at)
            connection.execute(_END, {"hash": here})
            connection.execute(_END_TOKENS, {"whose": account})
            return len(hashes) - 1

        return await self.store.write(end)

    async def drop(self, session: bytes) -> None:
        """End one session without a word: its browser never got the cookie."""
        await self.store.write(lambda c: c.execute(_END, {"hash": session}))

    def why(self, request: Request) -> Why | None:
        """Why the session whose cookie came along ended, if it ended before its time within the last hour."""
        token = request.cookies.get(COOKIE)
        if not token:
            return None
        keys = {"hash": token_hash(token)}
        told = self.store.read(lambda c: c.execute(_TOLD, keys).scalar_one_or_none())
        return Why(told) if told is not None else None

    async def purge(self) -> int:
        """Forget endings that no session could have outlived; how many."""
        before = {"before": milliseconds(self.clock.machine() - LONGEST)}
        return await self.store.write(lambda c: c.execute(_PURGE, before).rowcount)

    def _end(self, connection: Connection, changes: Sequence[pb.StatusChange], *, begin: bool) -> None:
        at = milliseconds(self.clock.machine())
        for change in changes:
            why = _WHY.get(change.status)
            if why is not None:
                which = {"which": change.certificate_serial}
                _end_all(connection, list(connection.execute(_OPENED_BY, which).scalars()), why, at)
                for account in connection.execute(_ACCOUNT_OF, which).scalars().all():
                    connection.execute(_END_TOKENS, {"whose": account})
        to = changes[-1].position
        if begin:
            connection.execute(_BEGIN, {"name": _LIST, "position": to})
        else:
            connection.execute(_ADVANCE, {"to": to})


def _end_all(connection: Connection, hashes: list[bytes], why: Why, at: int) -> None:
    for one in hashes:
        if connection.execute(_KNOWN, {"hash": one}).first() is None:
            connection.execute(_NOTE, {"token_hash": one, "why": why, "at": at})
        connection.execute(_END, {"hash": one})
