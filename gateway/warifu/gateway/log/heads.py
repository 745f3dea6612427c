"""The log's signed head: one row, changed only forward, and only from the size it is known to have."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from warifu.gateway.schema import HEAD


class LostRaceError(RuntimeError):
    """Another process moved the head in between; nothing was written."""


@dataclass(frozen=True, slots=True)
class Head:
    """The row."""

    log_key: str
    size: int
    checkpoint: str
    """Signed note of `size`, with the log's signature."""
    witnessed_size: int
    witnessed: str | None
    """Signed note of `witnessed_size` with both signatures."""
    witnessed_at: int | None
    """Machine milliseconds at which the witness answered last."""
    fence: int = 0
    """The fencing number under which it was moved last."""


_NAMES = ("log_key", "size", "checkpoint", "witnessed_size", "witnessed", "witnessed_at", "fence")
_COLUMNS = [HEAD.c[name] for name in _NAMES]
_READ = select(*_COLUMNS)
_ADD = insert(HEAD)
_REMOVE = delete(HEAD)
_ADVANCE = (
    update(HEAD)
    .where(HEAD.c.size == bindparam("before"), HEAD.c.log_key == bindparam("key"), HEAD.c.fence <= bindparam("number"))
    .values(size=bindparam("after"), checkpoint=bindparam("note"), fence=bindparam("number"))
)
_WITNESS = (
    update(HEAD)
    .where(
        HEAD.c.log_key == bindparam("key"),
        HEAD.c.size >= bindparam("signed"),
        HEAD.c.witnessed_size <= bindparam("signed"),
    )
    .values(witnessed_size=bindparam("signed"), witnessed=bindparam("note"), witnessed_at=bindparam("at"))
)


def read(connection: Connection) -> Head | None:
    """The head; None before the log began."""
    row = connection.execute(_READ).first()
    return Head(*row) if row is not None else None


def begin(connection: Connection, log_key: str, checkpoint: str, fence: int = 0) -> None:
    """The head of a new, empty log; fencing numbers go on from `fence`."""
    connection.execute(_REMOVE)
    values = {"id": 1, "log_key": log_key, "size": 0, "checkpoint": checkpoint, "witnessed_size": 0, "fence": fence}
    connection.execute(_ADD, [values])


def advance(connection: Connection, before: Head, size: int, checkpoint: str, fence: int) -> None:
    """Move the head on, as whoever leads under the number `fence`.

    Raises:
        LostRaceError: it is not where `before` says, or was moved under a later number.
    """
    values = {"before": before.size, "key": before.log_key, "after": size, "note": checkpoint, "number": fence}
    if connection.execute(_ADVANCE, values).rowcount != 1:
        raise LostRaceError(f"the log's head is not at {before.size} any more, or is a later leader's")


def witness(connection: Connection, log_key: str, size: int, note: str, at: int) -> None:
    """Keep what the witness signed, unless a larger one is kept already."""
    connection.execute(_WITNESS, {"key": log_key, "signed": size, "note": note, "at": at})
