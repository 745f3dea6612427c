"""Filings of ordinance uses and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import day_at, milliseconds, timestamp
from warifu.kernel.limits import CODE, FILED_TEXT, FREE_TEXT, ID, check_text, malformed
from warifu.kernel.store import Store
from warifu.law import LawBook, Origin
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.schema import ORDINANCE_USE


class State(StrEnum):
    """How a filing stands."""

    FILED = "filed"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


FOLLOWS: Final = {
    State.FILED: (State.APPROVED, State.REFUSED),
    State.APPROVED: (State.WITHDRAWN,),
    State.REFUSED: (),
    State.WITHDRAWN: (),
}
"""What may be decided of a filing. To ask again, an institution files anew."""
_ADD: Final = insert(ORDINANCE_USE)
_ALL: Final = select(ORDINANCE_USE).order_by(ORDINANCE_USE.c.id.desc()).limit(500)
_OF: Final = _ALL.where(ORDINANCE_USE.c.institution == bindparam("institution"))
_SAME: Final = select(ORDINANCE_USE).where(
    ORDINANCE_USE.c.institution == bindparam("institution"), ORDINANCE_USE.c.reference == bindparam("reference")
)
_ONE: Final = select(ORDINANCE_USE).where(ORDINANCE_USE.c.id == bindparam("id"))
_APPROVED: Final = (
    select(ORDINANCE_USE).where(ORDINANCE_USE.c.state == State.APPROVED.value).order_by(ORDINANCE_USE.c.id.desc())
)
_DECIDE: Final = (
    update(ORDINANCE_USE)
    .where(ORDINANCE_USE.c.id == bindparam("which"), ORDINANCE_USE.c.state == bindparam("was"))
    .values(state=bindparam("to_state"), decided_at=bindparam("at"), note=bindparam("to_note"))
)
_TESTS: Final = ("same_aim", "similar_content", "no_wider")


class OrdinanceUses:
    """The filings of one supervisor."""

    def __init__(self, store: Store, clock: Clock, book: Callable[[], LawBook]) -> None:
        self._store, self._clock, self._book = store, clock, book

    async def file(self, institution: str, filing: pb.FileOrdinanceUseRequest) -> pb.OrdinanceUse:
        """Take a filing, durable on return; the same again changes nothing.

        Raises:
            LinkageError: CLIENT_MALFORMED, CLIENT_TOO_LARGE naming the field; CLIENT_REFERENCE_CHANGED.
        """
        self._check(institution, filing)
        row = await self._store.write(lambda connection: self._keep(connection, institution, filing))
        return told(row)

    def of(self, institution: str) -> Sequence[Any]:
        """An institution's own, newest first."""
        return self._store.read(lambda connection: connection.execute(_OF, {"institution": institution}).all())

    def all(self) -> Sequence[Any]:
        """The newest 500, newest first."""
        return self._store.read(lambda connection: connection.execute(_ALL).all())

    def one(self, number: int) -> Any | None:
        """One filing; None when there is none."""
        return self._store.read(lambda connection: connection.execute(_ONE, {"id": number}).first())

    def in_force(self) -> dict[tuple[str, str], date]:
        """Approvals by institution and row: from which simulated day on."""
        rows = self._store.read(lambda connection: connection.execute(_APPROVED).all())
        return {(row.institution, row.row): day_at(row.decided_at) for row in rows}

    async def decide(self, number: int, to: State, note: str) -> bool:
        """Decide a filing; False when that cannot follow from how it stands."""
        row = self.one(number)
        if row is None or to not in FOLLOWS[State(row.state)]:
            return False
        values = {"which": number, "was": row.state, "to_state": to, "at": self._now(), "to_note": note}
        return await self._store.write(lambda connection: connection.execute(_DECIDE, values).rowcount == 1)

    def _check(self, institution: str, filing: pb.FileOrdinanceUseRequest) -> None:
        check_text(filing.reference, "reference", ID)
        check_text(filing.ordinance, "ordinance", FREE_TEXT)
        for name in _TESTS:
            check_text(getattr(filing, name), name, FILED_TEXT)
        book = self._book()
        row = book.rows.get(check_text(filing.row, "row", CODE))
        asking = book.institutions.get(institution)
        if row is None or row.origin is not Origin.ORDINANCE:
            raise malformed("row", "no row by ordinance")
        if asking is None or asking.role.code not in row.requester_roles:
            raise malformed("row", "not a row of the caller's")
        statutory = {one.affair.code for one in book.rows.values() if one.origin is Origin.STATUTE}
        if check_text(filing.statutory_affair, "statutory_affair", CODE) not in statutory:
            raise malformed("statutory_affair", "not an affair by statute")

    def _keep(self, connection: Connection, institution: str, filing: pb.FileOrdinanceUseRequest) -> Any:
        key = {"institution": institution, "reference": filing.reference}
        content = filing.SerializeToString(deterministic=True)
        known = connection.execute(_SAME, key).first()
        if known is None:
            values = {"row": filing.row, "filing": content, "state": State.FILED, "filed_at": self._now()}
            connection.execute(_ADD, key | values)
        elif known.filing != content:
            raise LinkageError(Reason.CLIENT_REFERENCE_CHANGED)
        return connection.execute(_SAME, key).one()

    def _now(self) -> int:
        return milliseconds(self._clock.network())


def told(row: Any) -> pb.OrdinanceUse:
    """A filing as its institution is told."""
    return pb.OrdinanceUse(
        reference=row.reference,
        row=row.row,
        state=row.state,
        filed_at=timestamp(row.filed_at),
        decided_at=timestamp(row.decided_at) if row.decided_at is not None else None,
        note=row.note,
    )
