"""What one recorded change still has to be told: copies and protection to the interim server, life to the numbering body.

Stored in the same transaction as the change, delivered at once, and again by a job until acknowledged. Every errand may be run twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from warifu.agencies.schema import DUE, OPEN
from warifu.agencies.subjects import in_chunks
from warifu.kernel.bulk import Bulk

LIMIT = 500
"""Most errands of one round."""

_ADD = insert(DUE)
_OWE = Bulk(DUE, "addressee_no", "errand", "message")
_OPEN = select(DUE).where(OPEN).order_by(DUE.c.position).limit(LIMIT)
_OPEN_FOR = select(DUE).where(OPEN, DUE.c.addressee_no.in_(bindparam("keys", expanding=True)))
_DONE = delete(DUE).where(DUE.c.position == bindparam("b_position"))
_REFUSED = update(DUE).where(DUE.c.position == bindparam("b_position")).values(refused=bindparam("why"))


class Errand(StrEnum):
    """What to tell whom, and which message says it."""

    REGISTER = "register"
    """numbering: the person may be new there. BasicItems."""
    COPY = "copy"
    """interim: RegisterCopiesRequest."""
    COPIES = "copies"
    """interim: the copies of all records of an addressee who was taken over in bulk; without a message, made again from the records.
    Before one of these changes there is a COPY for each instead (`ledger`): an open one stands for first revisions alone."""
    PROTECTION = "protection"
    """interim: SetProtectionRequest."""
    CHANGE = "change"
    """numbering: NoteChangeRequest, without the institution."""
    DEATH = "death"
    """numbering: NoteDeathRequest, without the institution."""


_OWED_COPIES = select(DUE.c.position, DUE.c.addressee_no).where(
    OPEN, DUE.c.errand == Errand.COPIES.value, DUE.c.addressee_no.in_(bindparam("keys", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Due:
    """One errand that is owed."""

    position: int
    addressee_no: str
    errand: Errand
    message: bytes


def owe(connection: Connection, errands: Sequence[tuple[str, Errand, bytes]]) -> None:
    """Store what is owed: (addressee number, errand, message)."""
    if errands:
        rows = [{"addressee_no": number, "errand": str(what), "message": message} for number, what, message in errands]
        connection.execute(_ADD, rows)


def owe_copies(connection: Connection, numbers: Collection[str]) -> None:
    """Owe the copies of all records of these addressees."""
    _OWE.add(connection, [(number, str(Errand.COPIES), b"") for number in numbers])


def owing_copies(connection: Connection, numbers: Collection[str]) -> dict[str, int]:
    """Of these addressees those of whom the copies of all records are owed, each with the errand's position."""
    return {row.addressee_no: row.position for row in in_chunks(connection, _OWED_COPIES, list(numbers))}


def open_ones(connection: Connection) -> list[Due]:
    """The oldest errands that are owed."""
    return [_due(row) for row in connection.execute(_OPEN)]


def settle(connection: Connection, done: Collection[int], refused: Collection[tuple[int, str]]) -> None:
    """Forget what was acknowledged; mark what never will be, with the reason code."""
    if done:
        connection.execute(_DONE, [{"b_position": position} for position in done])
    if refused:
        connection.execute(_REFUSED, [{"b_position": position, "why": reason} for position, reason in refused])


def open_for(connection: Connection, numbers: Collection[str]) -> list[Due]:
    """What is owed about these addressees, oldest first."""
    rows = in_chunks(connection, _OPEN_FOR, list(numbers))
    return sorted((_due(row) for row in rows), key=lambda due: due.position)


def _due(row: Any) -> Due:
    return Due(row.position, row.addressee_no, Errand(row.errand), row.message)
