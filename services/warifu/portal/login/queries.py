"""Challenges: made for one browser, good for three minutes and one use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.portal.login.proof import CHALLENGE_SIZE, ProofError
from warifu.portal.schema import challenges

LIFE: Final = timedelta(minutes=3)
"""From the portal's page to the way back, machine time: a PIN is typed in that time also where somebody explains it to a class."""

_INSERT: Final = insert(challenges)
_SELECT: Final = select(challenges.c.next_path).where(
    challenges.c.challenge_hash == bindparam("challenge"),
    challenges.c.session_hash == bindparam("session"),
    challenges.c.made_at > bindparam("since"),
)
_USE: Final = delete(challenges).where(challenges.c.challenge_hash == bindparam("challenge"))
_PURGE: Final = delete(challenges).where(challenges.c.made_at <= bindparam("since"))


@dataclass(frozen=True, slots=True)
class Challenges:
    """The challenges that a portal has given out."""

    store: Store
    clock: Clock

    async def make(self, session_hash: bytes, next_path: str) -> bytes:
        """A challenge of 32 random bytes for the browser with this pre-login session."""
        challenge = secrets.token_bytes(CHALLENGE_SIZE)
        row = {
            "challenge_hash": sha256(challenge).digest(),
            "session_hash": session_hash,
            "made_at": milliseconds(self.clock.machine()),
            "next_path": next_path,
        }
        await self.store.write(lambda connection: connection.execute(_INSERT, row))
        return challenge

    async def use(self, challenge: bytes, session_hash: bytes) -> str:
        """Use a challenge up, for ever, and return the page to open after the login.

        Any showing uses it up, also one that fails, so that nothing can be tried twice with the same challenge.

        Raises:
            ProofError: not given to this browser, over a minute old, or used before.
        """
        keys = {"challenge": sha256(challenge).digest(), "session": session_hash, "since": self._since()}

        def once(connection: Connection) -> str | None:
            found = connection.execute(_SELECT, keys).scalar_one_or_none()
            connection.execute(_USE, {"challenge": keys["challenge"]})
            return found

        then = await self.store.write(once)
        if then is None:
            raise ProofError("not a challenge given to this browser within the last minute, or used before")
        return then

    async def purge(self) -> int:
        """Forget challenges past their life; returns how many."""
        since = {"since": self._since()}
        return await self.store.write(lambda connection: connection.execute(_PURGE, since).rowcount)

    def _since(self) -> int:
        return milliseconds(self.clock.machine() - LIFE)
