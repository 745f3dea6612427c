"""What applicants are to be told: only the newest of each application, owed until the portal has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.agencies.post.schema import OWED_PROGRESS, PROGRESS
from warifu.kernel.errors import Reason
from warifu.portal.v1 import post_pb2

MOST: Final = 200
"""Messages of one round."""

_ONE = select(PROGRESS).where(PROGRESS.c.application_id == bindparam("which"))
_OWED = select(PROGRESS).where(OWED_PROGRESS).order_by(PROGRESS.c.application_id).limit(MOST)
_ADD = insert(PROGRESS)
_CHANGE = (
    update(PROGRESS)
    .where(PROGRESS.c.application_id == bindparam("which"))
    .values(message=bindparam("new_message"), revision=bindparam("new_revision"), refused=None)
)
_TOLD = update(PROGRESS).where(PROGRESS.c.application_id == bindparam("which")).values(told=bindparam("new_told"))
_REFUSED = update(PROGRESS).where(PROGRESS.c.application_id == bindparam("which")).values(refused=bindparam("why"))


@dataclass(frozen=True, slots=True)
class Owed:
    """One message that the portal does not have yet."""

    request: post_pb2.TellProgressRequest
    revision: int


def owe(connection: Connection, request: post_pb2.TellProgressRequest) -> None:
    """Owe the applicant this progress, in the transaction that makes it true. The same again owes nothing.

    It replaces what was said before, so it is to be whole: state, every paper saved and to be brought, every request id.
    """
    message = request.SerializeToString(deterministic=True)
    before = connection.execute(_ONE, {"which": request.application_id}).one_or_none()
    if before is None:
        row = {"application_id": request.application_id, "message": message, "revision": 1, "told": 0}
        connection.execute(_ADD, row)
    elif before.message != message:
        values = {"which": request.application_id, "new_message": message, "new_revision": before.revision + 1}
        connection.execute(_CHANGE, values)


def owed(connection: Connection) -> list[Owed]:
    """What is still to be told."""
    rows = connection.execute(_OWED)
    return [Owed(post_pb2.TellProgressRequest.FromString(row.message), row.revision) for row in rows]


def mark_told(connection: Connection, told: Owed) -> None:
    """The portal has it."""
    connection.execute(_TOLD, {"which": told.request.application_id, "new_told": told.revision})


def mark_refused(connection: Connection, refused: Owed, reason: Reason) -> None:
    """The portal will never take it."""
    connection.execute(_REFUSED, {"which": refused.request.application_id, "why": str(reason)})
