"""Tables of cases. Times are milliseconds since 1970 (UTC) of the network clock.

An inquiry's answer is not among them: it lies sealed at the interim server and is asked for anew each time a case is shown.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from warifu.agencies.schema import NO, metadata

_POSITION = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in a column named INTEGER
_STAFF = String(60)
_CODE = String(64)


def _who(prefix: str = "", *, nullable: bool = False) -> tuple[Column[Any], Column[Any]]:
    """Office and staff code of who did it."""
    return Column(f"{prefix}office", _STAFF, nullable=nullable), Column(f"{prefix}clerk", _STAFF, nullable=nullable)


CASE = Table(
    "cases",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),  # its reference is made of it
    Column("addressee_no", String(15), nullable=False, index=True),
    Column("procedure", _CODE, nullable=False),
    Column("application_id", String(36), unique=True),  # which it answers; absent for a visitor at the counter
    Column("opened_at", BigInteger, nullable=False),
    *_who(),
    Column("state", Integer, nullable=False),  # agency.v1.CaseState: OPEN, GRANTED or REFUSED
    Column("note", String(200)),
    Column("decided_at", BigInteger),
    *_who("decided_", nullable=True),
    Column("acts", Integer, nullable=False),  # how often there was something new to tell the applicant
    Column("told", Integer, nullable=False),  # up to which of them progress was owed
    sqlite_autoincrement=True,
)
"""Cases, numbered as they are opened. A decided case stays as it was decided."""

OPEN_CASES = CASE.c.state == 1
"""Not decided (agency.v1.CaseState)."""
UNTOLD = CASE.c.application_id.is_not(None) & (CASE.c.told < CASE.c.acts)
Index("case_open", CASE.c.position, sqlite_where=OPEN_CASES, postgresql_where=OPEN_CASES)
Index("case_untold", CASE.c.position, sqlite_where=UNTOLD, postgresql_where=UNTOLD)

CASE_INQUIRY = Table(
    "case_inquiry",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("request_id", String(36), nullable=False, unique=True),
    Column("case_no", _POSITION, ForeignKey("cases.position"), nullable=False),
    Column("key", _CODE, nullable=False),  # the caller's, by which the same again asks nothing new
    Column("digest", LargeBinary(32), nullable=False),  # sameness of what was asked
    Column("row", _CODE, nullable=False),
    Column("provider", _CODE, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    *_who(),
    Column("request", LargeBinary),  # interim.v1.InquireRequest until the interim server has it; then that one keeps it
    Column("refused", _CODE),  # reason code, when the interim server will never take it
    Column("settled", Boolean, nullable=False),  # its outcome is final, and the applicant's progress says so
    UniqueConstraint("case_no", "key", name="case_inquiry_once"),
    sqlite_autoincrement=True,
)
"""Inquiries of cases. Invariant: a row stands here before its request leaves the business system."""

UNSENT = CASE_INQUIRY.c.request.is_not(None) & CASE_INQUIRY.c.refused.is_(None)
UNSETTLED = CASE_INQUIRY.c.settled.is_(NO)
Index("case_inquiry_unsent", CASE_INQUIRY.c.position, sqlite_where=UNSENT, postgresql_where=UNSENT)
Index("case_inquiry_unsettled", CASE_INQUIRY.c.position, sqlite_where=UNSETTLED, postgresql_where=UNSETTLED)

CASE_PAPER = Table(
    "case_paper",
    metadata,
    Column("case_no", _POSITION, ForeignKey("cases.position"), primary_key=True),
    Column("row", _CODE, primary_key=True),
    Column("at", BigInteger, nullable=False),
    *_who(),
)
"""Papers that the person was asked to bring, by the row that would have saved them."""

CASE_FIELD = Table(
    "case_field",
    metadata,
    Column("case_no", _POSITION, ForeignKey("cases.position"), primary_key=True),
    Column("name", _CODE, primary_key=True),
    Column("value", String(500), nullable=False),
    Column("at", BigInteger, nullable=False),
    *_who(nullable=True),  # absent where the applicant filled it in
)
"""Places of the form that were filled by hand."""
