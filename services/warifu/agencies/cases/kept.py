"""Cases as they are kept: the only place that reads and writes their tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Integer, Row, bindparam, delete, insert, select, update

from warifu.agencies.cases.schema import (
    CASE,
    CASE_FIELD,
    CASE_INQUIRY,
    CASE_PAPER,
    OPEN_CASES,
    UNSENT,
    UNSETTLED,
    UNTOLD,
)
from warifu.agencies.subjects import in_chunks
from warifu.agency.v1 import cases_pb2
from warifu.kernel.errors import LinkageError, Reason

ROUND: Final = 200
"""Most rows of one round of a job."""
_NOBODY: Final[dict[str, str | None]] = {"office": None, "clerk": None}
_PREFIX: Final = "c-"
_DIGITS: Final = 6
_NEWEST: Final = 2**62

_LIMIT = bindparam("limit", type_=Integer())
_ONE = select(CASE).where(CASE.c.position == bindparam("position"))
_BEFORE = select(CASE).where(CASE.c.position < bindparam("before")).order_by(CASE.c.position.desc()).limit(_LIMIT)
_OPEN_BEFORE = _BEFORE.where(OPEN_CASES)
_OF_APPLICATION = select(CASE).where(CASE.c.application_id == bindparam("application_id"))
_ADD_CASE = insert(CASE)
_ACT = update(CASE).where(CASE.c.position == bindparam("b_position")).values(acts=CASE.c.acts + 1)
_DECIDE = (
    update(CASE)
    .where(CASE.c.position == bindparam("b_position"), OPEN_CASES)
    .values(
        {name: bindparam(f"b_{name}") for name in ("state", "note", "decided_at", "decided_office", "decided_clerk")}
    )
)
_UNTOLD = select(CASE).where(UNTOLD).order_by(CASE.c.position).limit(ROUND)
_TOLD = update(CASE).where(CASE.c.position == bindparam("b_position")).values(told=bindparam("b_told"))

_KEYS: Final[BindParameter[Any]] = bindparam("keys", expanding=True)
_INQUIRIES = select(CASE_INQUIRY).where(CASE_INQUIRY.c.case_no.in_(_KEYS)).order_by(CASE_INQUIRY.c.position)
_BY_KEY = select(CASE_INQUIRY).where(
    CASE_INQUIRY.c.case_no == bindparam("case_no"), CASE_INQUIRY.c.key == bindparam("key")
)
_ADD_INQUIRY = insert(CASE_INQUIRY)
_UNSENT = select(CASE_INQUIRY).where(UNSENT).order_by(CASE_INQUIRY.c.position).limit(ROUND)
_OF_REQUEST = CASE_INQUIRY.c.request_id == bindparam("b_request_id")
_SENT = update(CASE_INQUIRY).where(_OF_REQUEST).values(request=None)
_REFUSED = update(CASE_INQUIRY).where(_OF_REQUEST).values(request=None, refused=bindparam("b_refused"))
_SETTLED = update(CASE_INQUIRY).where(_OF_REQUEST).values(settled=True)
_UNSETTLED = (
    select(CASE_INQUIRY)
    .join_from(CASE_INQUIRY, CASE, CASE_INQUIRY.c.case_no == CASE.c.position)
    .where(UNSETTLED, CASE.c.application_id.is_not(None))
    .order_by(CASE_INQUIRY.c.position)
    .limit(ROUND)
)

_PAPERS = select(CASE_PAPER).where(CASE_PAPER.c.case_no.in_(_KEYS)).order_by(CASE_PAPER.c.at, CASE_PAPER.c.row)
_ADD_PAPER = insert(CASE_PAPER)
_FIELDS = select(CASE_FIELD).where(CASE_FIELD.c.case_no.in_(_KEYS))
_ADD_FIELD = insert(CASE_FIELD)
_DROP_FIELD = delete(CASE_FIELD).where(
    CASE_FIELD.c.case_no == bindparam("b_case_no"), CASE_FIELD.c.name == bindparam("b_name")
)

_OLD = select(CASE.c.position).where(CASE.c.opened_at < bindparam("before")).order_by(CASE.c.position).limit(ROUND)
_DROP_OLD = tuple(
    delete(table).where(column.in_(_KEYS))
    for table, column in (
        (CASE_FIELD, CASE_FIELD.c.case_no),
        (CASE_PAPER, CASE_PAPER.c.case_no),
        (CASE_INQUIRY, CASE_INQUIRY.c.case_no),
        (CASE, CASE.c.position),
    )
)


@dataclass(frozen=True, slots=True)
class File:
    """One case with all that stands about it here."""

    case: Row[Any]
    inquiries: tuple[Row[Any], ...]
    papers: tuple[str, ...]
    """Rows whose papers the person was asked for."""
    fields: tuple[Row[Any], ...]

    @property
    def reference(self) -> str:
        """The case's reference."""
        return reference_of(self.case.position)

    @property
    def is_open(self) -> bool:
        """Not decided."""
        return bool(self.case.state == cases_pb2.CASE_STATE_OPEN)


def reference_of(position: int) -> str:
    """The reference of a case by its number, such as "c-000123"."""
    return f"{_PREFIX}{position:0{_DIGITS}d}"


def position_of(reference: str) -> int:
    """The number of a case by its reference.

    Raises:
        LinkageError: CLIENT_CASE_UNKNOWN when it is not written as references are.
    """
    digits = reference.removeprefix(_PREFIX)
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > len(str(_NEWEST)):
        raise LinkageError(Reason.CLIENT_CASE_UNKNOWN)
    if reference_of(int(digits)) != reference:
        raise LinkageError(Reason.CLIENT_CASE_UNKNOWN)
    return int(digits)


def require(connection: Connection, reference: str) -> File:
    """The case with this reference.

    Raises:
        LinkageError: CLIENT_CASE_UNKNOWN.
    """
    row = connection.execute(_ONE, {"position": position_of(reference)}).one_or_none()
    if row is None:
        raise LinkageError(Reason.CLIENT_CASE_UNKNOWN)
    return _files(connection, [row])[0]


def require_open(connection: Connection, reference: str) -> File:
    """The same when it is not decided.

    Raises:
        LinkageError: CLIENT_CASE_UNKNOWN, CLIENT_CASE_CLOSED.
    """
    file = require(connection, reference)
    if not file.is_open:
        raise LinkageError(Reason.CLIENT_CASE_CLOSED)
    return file


def newest(connection: Connection, before: int | None, limit: int, *, open_only: bool) -> list[File]:
    """Cases before a number, newest first."""
    query = _OPEN_BEFORE if open_only else _BEFORE
    values = {"before": _NEWEST if before is None else before, "limit": limit}
    return _files(connection, connection.execute(query, values).all())


def of_application(connection: Connection, application_id: str) -> File | None:
    """The case that answers an application."""
    row = connection.execute(_OF_APPLICATION, {"application_id": application_id}).one_or_none()
    return None if row is None else _files(connection, [row])[0]


def add(connection: Connection, values: dict[str, Any]) -> str:
    """A new case, open; its reference."""
    opened = {**values, "state": cases_pb2.CASE_STATE_OPEN, "acts": 1, "told": 0}
    key = connection.execute(_ADD_CASE, opened).inserted_primary_key
    assert key is not None
    return reference_of(key[0])


def decide(connection: Connection, file: File, values: dict[str, Any]) -> None:
    """Decide a case. `values`: state, note, decided_at, decided_office, decided_clerk.

    Raises:
        LinkageError: CLIENT_CASE_CLOSED when it was decided meanwhile.
    """
    decided = {f"b_{name}": value for name, value in values.items()}
    if connection.execute(_DECIDE, {"b_position": file.case.position, **decided}).rowcount != 1:
        raise LinkageError(Reason.CLIENT_CASE_CLOSED)
    note_act(connection, file.case.position)


def note_act(connection: Connection, position: int) -> None:
    """There is something new to tell the applicant."""
    connection.execute(_ACT, {"b_position": position})


def untold(connection: Connection) -> list[File]:
    """Cases with an application whose applicant is to be told something."""
    return _files(connection, connection.execute(_UNTOLD).all())


def mark_told(connection: Connection, file: File) -> None:
    """Progress was owed for what the case was when it was read."""
    connection.execute(_TOLD, {"b_position": file.case.position, "b_told": file.case.acts})


def by_key(connection: Connection, position: int, key: str) -> Row[Any] | None:
    """The inquiry of a case that was asked for with this key."""
    return connection.execute(_BY_KEY, {"case_no": position, "key": key}).one_or_none()


def add_inquiry(connection: Connection, values: dict[str, Any]) -> None:
    """Bind an inquiry that is to be sent."""
    connection.execute(_ADD_INQUIRY, {**values, "settled": False})
    note_act(connection, values["case_no"])


def unsent(connection: Connection) -> Sequence[Row[Any]]:
    """Inquiries that the interim server may not have yet, oldest first."""
    return connection.execute(_UNSENT).all()


def mark_sent(connection: Connection, request_id: str) -> None:
    """The interim server has the inquiry."""
    connection.execute(_SENT, {"b_request_id": request_id})


def mark_refused(connection: Connection, request_id: str, reason: Reason) -> None:
    """The interim server will never take the inquiry."""
    connection.execute(_REFUSED, {"b_request_id": request_id, "b_refused": str(reason)})


def unsettled(connection: Connection) -> Sequence[Row[Any]]:
    """Inquiries of applications' cases whose outcome was not final when they were looked at last."""
    return connection.execute(_UNSETTLED).all()


def mark_settled(connection: Connection, inquiries: Iterable[Row[Any]]) -> None:
    """The outcome of these is final: applicants are to be told."""
    for inquiry in inquiries:
        connection.execute(_SETTLED, {"b_request_id": inquiry.request_id})
        note_act(connection, inquiry.case_no)


def add_paper(connection: Connection, file: File, row: str, at: int, who: dict[str, str]) -> None:
    """Note that the person was asked for the paper of a row; once."""
    if row not in file.papers:
        connection.execute(_ADD_PAPER, {"case_no": file.case.position, "row": row, "at": at, **who})
        note_act(connection, file.case.position)


def fill(
    connection: Connection, position: int, fields: Iterable[tuple[str, str]], at: int, who: dict[str, str] | None
) -> None:
    """Put values, (name, value), into places of the form, an empty one to empty it; `who` is None for the applicant."""
    for name, value in fields:
        connection.execute(_DROP_FIELD, {"b_case_no": position, "b_name": name})
        if value:
            row: dict[str, Any] = {"case_no": position, "name": name, "value": value, "at": at}
            connection.execute(_ADD_FIELD, row | (who or _NOBODY))


def forget(connection: Connection, before: int) -> int:
    """Drop cases that were opened before `before`, with all that stands about them; how many, at most a round."""
    old = [row.position for row in connection.execute(_OLD, {"before": before})]
    if old:
        for statement in _DROP_OLD:
            connection.execute(statement, {"keys": old})
    return len(old)


def _files(connection: Connection, cases: Sequence[Row[Any]]) -> list[File]:
    positions = [case.position for case in cases]
    inquiries, papers, fields = (_grouped(connection, query, positions) for query in (_INQUIRIES, _PAPERS, _FIELDS))
    return [
        File(
            case,
            tuple(inquiries.get(case.position, ())),
            tuple(paper.row for paper in papers.get(case.position, ())),
            tuple(fields.get(case.position, ())),
        )
        for case in cases
    ]


def _grouped(connection: Connection, query: Any, positions: Collection[int]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in in_chunks(connection, query, list(positions)):
        found.setdefault(row.case_no, []).append(row)
    return found
