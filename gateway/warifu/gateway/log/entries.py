"""Log entries: commitments in the order of commitment, waiting for their place in the log or standing at it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, bindparam, func, select, update

from warifu.gateway.schema import ENTRY, WAITING
from warifu.kernel.bulk import Bulk

_ADD = Bulk(ENTRY, "position", "commitment", "committed_at")
_LAST = select(func.max(ENTRY.c.position))
_OLDEST = select(ENTRY.c.committed_at).where(WAITING).order_by(ENTRY.c.position).limit(1)
_FIRST = select(ENTRY.c.position).where(WAITING).order_by(ENTRY.c.position).limit(1)
_WAITING = (
    select(ENTRY.c.position, ENTRY.c.commitment)
    .where(WAITING)
    .order_by(ENTRY.c.position)
    .limit(bindparam("most", literal_execute=False))
)
_PLACE = (
    update(ENTRY)
    .where(ENTRY.c.position >= bindparam("first"), ENTRY.c.position <= bindparam("last"))
    .values(leaf_index=ENTRY.c.position + bindparam("shift"))
)
_FORGET_PLACES = update(ENTRY).values(leaf_index=None)
_FIND = select(ENTRY.c.commitment, ENTRY.c.leaf_index).where(
    ENTRY.c.commitment.in_(bindparam("commitments", expanding=True))
)
_LEAVES = (
    select(ENTRY.c.commitment)
    .where(ENTRY.c.leaf_index >= bindparam("first"), ENTRY.c.leaf_index < bindparam("end"))
    .order_by(ENTRY.c.leaf_index)
)


def add(connection: Connection, commitment: bytes, committed_at: int) -> int:
    """Let a commitment wait; `committed_at` in machine milliseconds. Returns its position."""
    return add_all(connection, [(commitment, committed_at)])


def add_all(connection: Connection, commitments: Sequence[tuple[bytes, int]]) -> int:
    """Let commitments, each with its time, wait at positions that follow each other. Returns the first one."""
    first = last(connection) + 1
    _ADD.add(connection, [(first + place, *one) for place, one in enumerate(commitments)])
    return first


def oldest_waiting(connection: Connection) -> int | None:
    """When the oldest waiting entry was committed, machine milliseconds; None when nothing waits."""
    found: int | None = connection.execute(_OLDEST).scalar()
    return found


def last(connection: Connection) -> int:
    """The newest position; 0 when nothing was ever committed."""
    return int(connection.execute(_LAST).scalar() or 0)


def first_waiting(connection: Connection) -> int | None:
    """The oldest position that waits; None when nothing does."""
    found: int | None = connection.execute(_FIRST).scalar()
    return found


def waiting(connection: Connection, most: int) -> Sequence[tuple[int, bytes]]:
    """Positions and commitments of what waits, oldest first."""
    return [(row.position, row.commitment) for row in connection.execute(_WAITING, {"most": most})]


def place(connection: Connection, positions: Sequence[int], first: int) -> None:
    """Give these entries, in ascending order, the leaf indexes from `first` on."""
    shifts = [index - position for index, position in enumerate(positions, first)]
    for shift, run in groupby(zip(positions, shifts, strict=True), key=itemgetter(1)):  # one a run of neighbours
        members = [position for position, _ in run]
        connection.execute(_PLACE, {"first": members[0], "last": members[-1], "shift": shift})


def forget_places(connection: Connection) -> None:
    """All wait again: for a new log alone."""
    connection.execute(_FORGET_PLACES)


def find(connection: Connection, commitments: Sequence[bytes]) -> list[int | None]:
    """The leaf index of each commitment; None where it waits or was never committed."""
    rows = connection.execute(_FIND, {"commitments": list(commitments)})
    known = {row.commitment: row.leaf_index for row in rows}
    return [known.get(one) for one in commitments]


def leaves(connection: Connection, first: int, end: int) -> list[bytes]:
    """Commitments at the leaf indexes from `first` up to `end`."""
    return list(connection.execute(_LEAVES, {"first": first, "end": end}).scalars())
