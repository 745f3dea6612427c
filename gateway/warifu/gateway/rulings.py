"""What the supervisor rules, at the gateway: taken when it is newer, durable and entered at once, decided by from then on, and relayed.

Only what stops or approves something is an entry; that the same was signed anew is none.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from warifu import law
from warifu.exchange import rulings
from warifu.exchange.rulings import NOTHING, Ruled
from warifu.gateway.log.log import Log
from warifu.gateway.schema import RULINGS
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store
from warifu.kernel.trust import Trust
from warifu.supervision.v1 import supervision_pb2 as pb

_READ: Final = select(RULINGS.c.issued_at, RULINGS.c.signed)
_ISSUED: Final = select(RULINGS.c.issued_at)
_CLEAR: Final = delete(RULINGS)
_ADD: Final = insert(RULINGS)
_NOTHING: Final = rulings.compose(law.NOTHING_RULED, 0).SerializeToString()


class GatewayRulings:
    """The rulings that one gateway decides by."""

    def __init__(self, store: Store, trust: Trust, clock: Clock, log: Log) -> None:
        self._store, self._trust, self._clock, self._log = store, trust, clock, log
        self._ruled = self._stored()

    def current(self) -> law.Rulings:
        """By which decisions are made."""
        return self._ruled.rulings

    def signed(self) -> pb.SignedRulings | None:
        """As the supervisor signed them; None while it ruled nothing yet."""
        row = self._row()
        return pb.SignedRulings.FromString(row.signed) if row is not None else None

    async def put(self, signed: pb.SignedRulings) -> None:
        """Take new rulings, durable and in force on return; the same again has no effect.

        Raises:
            LinkageError: CLIENT_RULINGS_INVALID; CLIENT_RULINGS_OLD: older than those taken before.
        """
        try:
            ruled = rulings.verify(signed, self._trust, self._clock.machine())
        except rulings.RulingsError as error:
            raise LinkageError(Reason.CLIENT_RULINGS_INVALID, metadata={"problem": str(error)}) from error
        await self._log.write(lambda connection: self._keep(connection, signed, ruled))
        await self.reload()

    async def reload(self) -> int:
        """Take up what another process of this gateway took; a periodic job."""
        row = self._store.read(lambda connection: connection.execute(_ISSUED).first())
        if row is None or row.issued_at == self._ruled.issued_at:
            return 0
        self._ruled = self._stored()
        return 1

    def _keep(self, connection: Connection, signed: pb.SignedRulings, ruled: Ruled) -> None:
        known = connection.execute(_READ).first()
        if known is not None and known.issued_at > ruled.issued_at:
            raise LinkageError(Reason.CLIENT_RULINGS_OLD)
        connection.execute(_CLEAR)
        connection.execute(
            _ADD,
            {"id": 1, "issued_at": ruled.issued_at, "signed": signed.SerializeToString(deterministic=True)},
        )
        before = pb.SignedRulings.FromString(known.signed).rulings if known is not None else _NOTHING
        if rulings.content_of(pb.Rulings.FromString(before)) != ruled.content:
            self._log.events.ruled(signed, sha256(ruled.content).digest())(connection)

    def _stored(self) -> Ruled:
        """Checked when they were taken; since then this store is what vouches for them."""
        row = self._row()
        if row is None:
            return NOTHING
        signed = pb.SignedRulings.FromString(row.signed)
        return rulings.read(pb.Rulings.FromString(signed.rulings), self._clock.machine())

    def _row(self) -> Any:
        return self._store.read(lambda connection: connection.execute(_READ).first())
