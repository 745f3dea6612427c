"""Log entries: commitments in the order of commitment, waiting for their place in the log or standing at it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, insert, select, update

from warifu.gateway.schema import ENTRY, WAITING

_ADD = insert(ENTRY)
_OLDEST = select(func.min(ENTRY.c.committed_at)).where(WAITING)
_WAITING = (
    select(ENTRY.c.position, ENTRY.c.commitment)
    .where(WAITING)
    .order_by(ENTRY.c.position)
    .limit(bindparam("most", literal_execute=False))
)
_PLACE = update(ENTRY).where(ENTRY.c.position == bindparam("at")).values(leaf_index=bindparam("place"))
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
    made = connection.execute(_ADD, {"commitment": commitment, "committed_at": committed_at})
    return int(made.inserted_primary_key[0])  # type: ignore[index] # an insert of one row has one


def oldest_waiting(connection: Connection) -> int | None:
    """When the oldest waiting entry was committed, machine milliseconds; None when nothing waits."""
    found: int | None = connection.execute(_OLDEST).scalar()
    return found


def waiting(connection: Connection, most: int) -> Sequence[tuple[int, bytes]]:
    """Positions and commitments of what waits, oldest first."""
    return [(row.position, row.commitment) for row in connection.execute(_WAITING, {"most": most})]


def place(connection: Connection, positions: Sequence[int], first: int) -> None:
    """Give these entries the leaf indexes from `first` on."""
    connection.execute(_PLACE, [{"at": at, "place": first + index} for index, at in enumerate(positions)])


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
