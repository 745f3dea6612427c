"""A word ahead of a certificate's end, once, by the simulated clock: in reality a letter comes some three months before (to be verified).

When a certificate is first shown here the numbering body says when it ends; that is kept until the notice was given. One job looks for what
has come near, by an index, and asks how it stands then: who has renewed, or whose card was replaced, is told nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.portal.card.schema import certificate_ends as ends
from warifu.portal.notices.queries import Notices
from warifu.portal.ports import Numbering, Standing
from warifu.portal.schema import account_certificates
from warifu.web import languages
from warifu.web.dates import written

AHEAD: Final = timedelta(days=92)
"""How long before its end a holder is told, and may renew: three months."""
NOTICE: Final = "card-expiry"
PAGE: Final = "/card"
_BATCH: Final = 100
_TOLD: Final = frozenset({pb.CERTIFICATE_STATUS_GOOD, pb.CERTIFICATE_STATUS_SUSPENDED})
"""A suspended card runs out too, and its holder may find it again."""

_KNOWN: Final = select(ends.c.serial).where(ends.c.serial == bindparam("which"))
_ADD: Final = insert(ends)
_NEAR: Final = (
    select(ends.c.serial, account_certificates.c.account)
    .join_from(ends, account_certificates, ends.c.serial == account_certificates.c.serial)
    .where(ends.c.told_at.is_(None), ends.c.ends_at <= bindparam("by"))
    .order_by(ends.c.ends_at)
    .limit(_BATCH)
)
_CLOSE: Final = (
    update(ends).where(ends.c.serial == bindparam("which"), ends.c.told_at.is_(None)).values(told_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Ends:
    """The ends of certificates with which one portal's accounts were opened."""

    store: Store
    clock: Clock
    numbering: Numbering
    notices: Notices

    async def note(self, serial: str, standing: Standing) -> None:
        """Keep when a card's certificate ends, at its first login; a phone's ends with its card's."""
        if standing.kind != pb.CERTIFICATE_KIND_AUTHENTICATION or standing.not_after is None:
            return
        row = {"serial": serial, "ends_at": milliseconds(standing.not_after), "told_at": None}
        if self.store.read(lambda c: c.execute(_KNOWN, {"which": serial}).first()) is None:
            await self.store.write(lambda c: _keep(c, row))

    async def tell(self) -> int:
        """Tell everyone whose certificate ends soon and who was not told yet; how many certificates were looked at.

        Raises:
            LinkageError: the numbering body cannot be asked how one stands; whoever was not told is told later.
        """
        by = {"by": milliseconds(self.clock.network() + AHEAD)}
        near = self.store.read(lambda c: c.execute(_NEAR, by).all())
        for row in near:
            standing = await self.numbering.standing(row.serial)
            await self.store.write(lambda c, one=row, now=standing: self._tell(c, one, now))  # type: ignore[misc]
        return len(near)

    def _tell(self, connection: Connection, row: Row[Any], standing: Standing) -> None:
        now = milliseconds(self.clock.network())
        if connection.execute(_CLOSE, {"which": row.serial, "now": now}).rowcount and standing.status in _TOLD:
            self.notices.add(connection, row.account, NOTICE, PAGE, _words(standing))


def _keep(connection: Connection, row: dict[str, Any]) -> None:
    if connection.execute(_KNOWN, {"which": row["serial"]}).first() is None:
        connection.execute(_ADD, row)


def _words(standing: Standing) -> dict[str, str]:
    """The last day, in each language."""
    assert standing.not_after is not None, "what was issued has an end"
    return {f"ends-{language}": written(standing.not_after, language).day for language in languages.LANGUAGES}
