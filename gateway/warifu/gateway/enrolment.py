"""Enrolment (符号の取得, art. 21-2): numbering deposits, the institution claims, a change of resident code supersedes.

A resident code lives as long as the call that brings it. An acquisition number is never stored, only its SHA-256 beside the code that
was derived at once; after its life the row goes too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, tuple_

from warifu.enrolment.v1 import enrolment_pb2 as pb
from warifu.exchange.v1.exchange_pb2 import SubjectReference
from warifu.gateway.codes import CodeScheme
from warifu.gateway.schema import DEPOSIT, SUPERSEDED
from warifu.kernel.bulk import Bulk, padded
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import ACQUISITION_BYTES, ACQUISITION_LIFE, BULK, PAGE, check_bytes, check_items
from warifu.kernel.store import Store

RESIDENT_CODE_DIGITS = 11
SUPERSEDED_PAGE = PAGE

_FIND = select(DEPOSIT).where(
    DEPOSIT.c.institution == bindparam("institution"), DEPOSIT.c.digest.in_(bindparam("digests", expanding=True))
)
_FORGET = delete(DEPOSIT).where(
    DEPOSIT.c.institution == bindparam("b_institution"), DEPOSIT.c.digest == bindparam("b_digest")
)
_ADD = Bulk(DEPOSIT, "institution", "digest", "subject", "expires_at")
_SLICE = 2000
"""Deposits erased in one transaction: a population's would otherwise hold everybody else up for minutes."""
_PURGE = delete(DEPOSIT).where(
    tuple_(DEPOSIT.c.institution, DEPOSIT.c.digest).in_(
        select(DEPOSIT.c.institution, DEPOSIT.c.digest).where(DEPOSIT.c.expires_at <= bindparam("now")).limit(_SLICE)
    )
)
_MARKED = select(SUPERSEDED.c.mark).where(SUPERSEDED.c.mark.in_(bindparam("marks", expanding=True)))
_IS_MARKED = select(SUPERSEDED.c.position).where(SUPERSEDED.c.mark == bindparam("mark"))
_SUPERSEDE = insert(SUPERSEDED)
_SUPERSEDED_AFTER = (
    select(SUPERSEDED)
    .where(SUPERSEDED.c.position > bindparam("after"))
    .order_by(SUPERSEDED.c.position)
    .limit(SUPERSEDED_PAGE)
)


class Enrolment:
    """Deposits, claims and superseded codes of one store."""

    def __init__(self, store: Store, scheme: CodeScheme, clock: Clock) -> None:
        self._store, self._scheme, self._clock = store, scheme, clock

    async def deposit(self, institution: str, deposits: Sequence[pb.Deposit]) -> None:
        """Derive and keep the codes for `institution` to claim. The same deposit again has no effect.

        Raises:
            LinkageError: CLIENT_RESIDENT_CODE_INVALID, CLIENT_CODE_SUPERSEDED, CLIENT_ACQUISITION_CHANGED when the number was
                used for another person; nothing of the call is kept then.
        """
        check_items(deposits, "deposits", BULK)
        codes = {_digest(one.acquisition_number): self._derive(one.resident_code, institution) for one in deposits}
        if len(codes) < len(deposits):
            raise LinkageError(Reason.CLIENT_ACQUISITION_CHANGED)
        self._refuse_superseded([self._scheme.mark(one.resident_code) for one in deposits])
        await self._store.write(lambda connection: self._keep(connection, institution, codes))

    def claim(self, institution: str, acquisition_numbers: Sequence[bytes]) -> list[SubjectReference | None]:
        """The codes of the institution's own acquisition numbers, in order; None where there is none to claim, whatever the reason."""
        check_items(acquisition_numbers, "acquisition_numbers", BULK)
        digests = [_digest(number) for number in acquisition_numbers]
        found = self._alive(institution, digests)
        return [found.get(digest) for digest in digests]

    async def supersede(self, old_resident_code: str, new_resident_code: str) -> None:
        """Mark the person behind the old code: codes derived from it serve no longer. The same again has no effect.

        Raises:
            LinkageError: CLIENT_RESIDENT_CODE_INVALID, also when both are the same.
        """
        _check_resident_code(old_resident_code)
        _check_resident_code(new_resident_code)
        if old_resident_code == new_resident_code:
            raise LinkageError(Reason.CLIENT_RESIDENT_CODE_INVALID)
        self._refuse_superseded([self._scheme.mark(new_resident_code)])
        mark = self._scheme.mark(old_resident_code)

        def change(connection: Connection) -> None:
            if not _is_marked(connection, mark):
                connection.execute(_SUPERSEDE, {"mark": mark})

        await self._store.write(change)

    def superseded(self, institution: str, after: int) -> tuple[list[SubjectReference], int]:
        """Codes that `institution` may hold and that serve no longer, and the position to go on from.

        The gateway keeps no list of who is enrolled where, so codes are named that the institution never claimed; it ignores them.
        """
        rows = self._store.read(lambda connection: connection.execute(_SUPERSEDED_AFTER, {"after": after}).all())
        codes = [code for row in rows for code in self._scheme.behind(row.mark, institution)]
        return codes, rows[-1].position if rows else after

    def is_superseded(self, mark: bytes) -> bool:
        """Was the resident code behind this mark changed."""
        return mark in self.superseded_among([mark])

    def superseded_among(self, marks: Sequence[bytes]) -> set[bytes]:
        """Those of these marks whose resident codes were changed."""
        return self._store.read(lambda connection: _marked(connection, marks))

    async def purge(self) -> int:
        """Erase the deposits whose life is over; how many."""
        now = milliseconds(self._clock.machine())
        if self._store.read(lambda connection: connection.execute(_EXPIRED, {"now": now}).first()) is None:
            return 0
        erased, slice_ = 0, _SLICE
        while slice_ == _SLICE:
            slice_ = await self._store.write(lambda connection: connection.execute(_PURGE, {"now": now}).rowcount)
            erased += slice_
        await self._store.truncate_log()  # else the erased would live on in the write-ahead log
        return erased

    def _derive(self, resident_code: str, institution: str) -> bytes:
        _check_resident_code(resident_code)
        return self._scheme.derive(resident_code, institution).SerializeToString()

    def _refuse_superseded(self, marks: list[bytes]) -> None:
        if self._store.read(lambda connection: _marked(connection, marks)):
            raise LinkageError(Reason.CLIENT_CODE_SUPERSEDED)

    def _keep(self, connection: Connection, institution: str, codes: dict[bytes, bytes]) -> None:
        now = milliseconds(self._clock.machine())
        expires_at = now + milliseconds(timedelta(seconds=ACQUISITION_LIFE))
        for row in _deposits(connection, institution, codes):
            if row.expires_at <= now:
                connection.execute(_FORGET, {"b_institution": institution, "b_digest": row.digest})
            elif row.subject != codes.pop(row.digest):
                raise LinkageError(Reason.CLIENT_ACQUISITION_CHANGED)
        if codes:
            _ADD.add(connection, [(institution, digest, code, expires_at) for digest, code in codes.items()])

    def _alive(self, institution: str, digests: Iterable[bytes]) -> dict[bytes, SubjectReference]:
        now = milliseconds(self._clock.machine())
        rows = self._store.read(lambda connection: _deposits(connection, institution, digests))
        found = {row.digest: SubjectReference.FromString(row.subject) for row in rows if row.expires_at > now}
        marks = {digest: self._scheme.open(subject, institution).mark() for digest, subject in found.items()}
        gone = self._store.read(lambda connection: _marked(connection, list(marks.values())))
        return {digest: subject for digest, subject in found.items() if marks[digest] not in gone}


_EXPIRED = select(DEPOSIT.c.digest).where(DEPOSIT.c.expires_at <= bindparam("now")).limit(1)


def _deposits(connection: Connection, institution: str, digests: Iterable[bytes]) -> Sequence[Row[tuple[object, ...]]]:
    return connection.execute(_FIND, {"institution": institution, "digests": padded(list(digests))}).all()


def _marked(connection: Connection, marks: Sequence[bytes]) -> set[bytes]:
    if len(marks) == 1:  # the driver's own placeholder: an expanded list costs several times as much
        return {mark for mark in marks if _is_marked(connection, mark)}
    return set(connection.execute(_MARKED, {"marks": padded(marks)}).scalars())


def _is_marked(connection: Connection, mark: bytes) -> bool:
    return connection.execute(_IS_MARKED, {"mark": mark}).first() is not None


def _digest(acquisition_number: bytes) -> bytes:
    return sha256(check_bytes(acquisition_number, "acquisition_number", exactly=ACQUISITION_BYTES)).digest()


def _check_resident_code(code: str) -> None:
    if len(code) != RESIDENT_CODE_DIGITS or not (code.isascii() and code.isdigit()):
        raise LinkageError(Reason.CLIENT_RESIDENT_CODE_INVALID)
