"""Bearer tokens (RFC 6750): what a developer's program shows instead of a session's cookie, below `/api/` and nowhere else.

A token is made by whoever is logged in and opens what their session opens, for a day by the machine clock; of the token only its hash is
kept. The real portal has no such thing: tokens are for those who build a portal's pages against this one.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select
from starlette.requests import Request

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.portal.api.schema import api_tokens
from warifu.portal.sessions import Session, token_hash
from warifu.web.face import API

LIFE: Final = timedelta(hours=24)
MOST: Final = 10
"""Living tokens of one account."""
LONGEST_LABEL: Final = 40
_SCHEME: Final = "bearer "
_NAME_SIZE: Final = 16

_ADD: Final = insert(api_tokens)
_FIND: Final = select(api_tokens.c.account, api_tokens.c.made_at).where(api_tokens.c.token_hash == bindparam("hash"))
_OF: Final = (
    select(api_tokens.c.token, api_tokens.c.label, api_tokens.c.made_at)
    .where(api_tokens.c.account == bindparam("whose"), api_tokens.c.made_at > bindparam("since"))
    .order_by(api_tokens.c.made_at.desc(), api_tokens.c.token)
)
_COUNT: Final = select(func.count()).where(
    api_tokens.c.account == bindparam("whose"), api_tokens.c.made_at > bindparam("since")
)
_END: Final = delete(api_tokens).where(
    api_tokens.c.token == bindparam("which"), api_tokens.c.account == bindparam("whose")
)
_PURGE: Final = delete(api_tokens).where(api_tokens.c.made_at <= bindparam("since"))


@dataclass(frozen=True, slots=True)
class Token:
    """A living token, as its owner sees it."""

    token: str
    label: str
    made_at: int
    """Machine time, milliseconds."""

    @property
    def ends_at(self) -> int:
        """Machine time, milliseconds, from which on it opens nothing."""
        return self.made_at + milliseconds(LIFE)


class TooManyTokensError(Exception):
    """The account has `MOST` living tokens."""


def bearer(request: Request) -> str | None:
    """The token that a request shows; None when it shows none, or is not for the API, where tokens do not count."""
    header = request.headers.get("authorization", "")
    if not request.url.path.startswith(API) or not header.lower().startswith(_SCHEME):
        return None
    return header[len(_SCHEME) :].strip()


class Tokens:
    """The bearer tokens of one portal."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def make(self, account: str, label: str) -> tuple[Token, str]:
        """A new token and its secret, which is never shown again.

        Raises:
            TooManyTokensError: end one first.
        """
        secret, now = secrets.token_urlsafe(32), milliseconds(self._clock.machine())
        made = Token(secrets.token_hex(_NAME_SIZE), label[:LONGEST_LABEL], now)
        row = {
            "token": made.token,
            "token_hash": token_hash(secret),
            "account": account,
            "label": made.label,
            "made_at": now,
        }
        await self._store.write(lambda connection: _add(connection, row, self._since()))
        return made, secret

    def of(self, account: str) -> Sequence[Token]:
        """The account's living tokens, newest first."""
        values = {"whose": account, "since": self._since()}
        return self._store.read(lambda c: [Token(*row) for row in c.execute(_OF, values)])

    async def end(self, account: str, token: str) -> bool:
        """End one of the account's tokens; False when it has none of this name."""
        values = {"which": token, "whose": account}
        return await self._store.write(lambda connection: connection.execute(_END, values).rowcount > 0)

    def session(self, request: Request) -> Session | None:
        """What a request's token opens: a session of its owner, who acts for nobody; None for a token that lives no more."""
        secret = bearer(request)
        if not secret:
            return None
        key = token_hash(secret)
        row = self._store.read(lambda connection: connection.execute(_FIND, {"hash": key}).one_or_none())
        return Session(key, row.account) if row is not None and row.made_at > self._since() else None

    async def purge(self) -> int:
        """Forget tokens that have ended; how many."""
        since = {"since": self._since()}
        return await self._store.write(lambda connection: connection.execute(_PURGE, since).rowcount)

    def _since(self) -> int:
        return milliseconds(self._clock.machine() - LIFE)


def _add(connection: Connection, row: dict[str, object], since: int) -> None:
    if connection.execute(_COUNT, {"whose": row["account"], "since": since}).scalar_one() >= MOST:
        raise TooManyTokensError
    connection.execute(_ADD, row)
