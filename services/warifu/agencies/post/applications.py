"""Applications as they were taken in: who applies, for what, and which case answers it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.agencies import subjects
from warifu.agencies.post.schema import APPLICATION
from warifu.common.v1 import common_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.portal.v1 import post_pb2

MOST: Final = 200
"""Applications in one list."""

_NEWEST = select(APPLICATION).order_by(APPLICATION.c.position.desc()).limit(MOST)
_WAITING = _NEWEST.where(APPLICATION.c.case_reference.is_(None), APPLICATION.c.problem.is_(None))
_ONE = select(APPLICATION).where(APPLICATION.c.application_id == bindparam("which"))
_LAST = select(APPLICATION.c.position).order_by(APPLICATION.c.position.desc()).limit(1)
_ADD = insert(APPLICATION)
_ASSIGN = (
    update(APPLICATION)
    .where(APPLICATION.c.application_id == bindparam("which"))
    .values(case_reference=bindparam("reference"))
)


@dataclass(frozen=True, slots=True)
class Application:
    """An application, opened and checked."""

    application_id: str
    procedure: str
    submitted_at: int
    """Simulated time, milliseconds since 1970."""
    applicant: common_pb2.BasicItems | None
    """The basic items from the signature certificate that was checked; None while there is a problem."""
    fields: tuple[tuple[str, str], ...]
    """(name within the form, what was typed), in the form's order; none when it could not be opened."""
    problem: Reason | None
    """Why it cannot be taken; None when good."""
    addressee_no: str | None
    """Who has these items here; None when nobody or several have: then they are received like a visitor with these items."""
    case_reference: str | None
    """The case that answers it."""


def listed(connection: Connection, *, waiting_only: bool = False) -> list[Application]:
    """Applications, newest first, at most 200; with `waiting_only` those that are good and have no case yet."""
    rows = connection.execute(_WAITING if waiting_only else _NEWEST).all()
    found = subjects.by_items(connection, {row.digest for row in rows if row.digest is not None})
    return [_application(row, found.get(row.digest, ())) for row in rows]


def require(connection: Connection, application_id: str) -> Application:
    """One application.

    Raises:
        LinkageError: CLIENT_APPLICATION_UNKNOWN.
    """
    row = connection.execute(_ONE, {"which": application_id}).one_or_none()
    if row is None:
        raise LinkageError(Reason.CLIENT_APPLICATION_UNKNOWN)
    known = subjects.by_items(connection, {row.digest}) if row.digest is not None else {}
    return _application(row, known.get(row.digest, ()))


def assign(connection: Connection, application_id: str, case_reference: str) -> None:
    """Note which case answers an application, in the transaction that opens the case. The same again has no effect.

    Raises:
        LinkageError: CLIENT_APPLICATION_UNKNOWN; what its problem is when it cannot be taken; CLIENT_APPLICATION_HAS_CASE when another
            case answers it.
    """
    application = require(connection, application_id)
    if application.problem is not None:
        raise LinkageError(application.problem)
    if application.case_reference not in {None, case_reference}:
        raise LinkageError(Reason.CLIENT_APPLICATION_HAS_CASE)
    connection.execute(_ASSIGN, {"which": application_id, "reference": case_reference})


def last_position(connection: Connection) -> int:
    """How far the portal's list has been read; 0 before the first."""
    return connection.execute(_LAST).scalar_one_or_none() or 0


def add(connection: Connection, row: dict[str, Any]) -> bool:
    """Keep an application that came, a row of `APPLICATION`; False when it is here already."""
    if connection.execute(_ONE, {"which": row["application_id"]}).first() is not None:
        return False
    connection.execute(_ADD, {"case_reference": None, **row})
    return True


def _application(row: Any, numbers: Collection[str]) -> Application:
    return Application(
        application_id=row.application_id,
        procedure=row.procedure,
        submitted_at=row.submitted_at,
        applicant=None if row.applicant is None else common_pb2.BasicItems.FromString(row.applicant),
        fields=_fields(row.signed),
        problem=None if row.problem is None else Reason(row.problem),
        addressee_no=next(iter(numbers)) if len(numbers) == 1 else None,
        case_reference=row.case_reference,
    )


def _fields(signed: bytes | None) -> tuple[tuple[str, str], ...]:
    if signed is None:
        return ()
    form = post_pb2.ApplicationForm.FromString(post_pb2.SignedApplication.FromString(signed).form)
    return tuple((field.name, field.value) for field in form.fields)
