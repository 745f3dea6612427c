"""The watchdog's one database: the log's head that it cosigned last, what was reported to it, what it found, and its staff's desk.

If it is read, so is which institutions reported which commitment, and what is public anyway. If it is changed or set back, the cosignatures
that are out in the network tell: they name heads that are not in it any more. If it is lost, the evidence of what was found is lost with it.

Of the desk: `…_on` are simulated days (ISO), `…_at` machine milliseconds unless the comment says network clock. Institutions are named,
their staff and citizens never.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from warifu.exchange.directory import directory_table
from warifu.staff.tables import session_table, staff_table

metadata: Final = MetaData()

_ID: Final = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite numbers rows by itself only in a column named INTEGER

HEAD: Final = Table(
    "head",
    metadata,
    Column("log", String(255), primary_key=True, comment="Verifier key of the log."),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", Text, nullable=False, comment="The checkpoint with the log's signature."),
    Column("cosigned_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)
"""The newest head that was cosigned, a row a log. Only ever moved forward; a row of a log that is not pinned any more stays as it is."""

FINDING: Final = Table(
    "finding",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False, comment="warifu.watchdog.findings.Kind."),
    Column("subject", LargeBinary(32), nullable=False, comment="SHA-256 of what it is about: the same twice is one."),
    Column("found_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
    Column("network_at", BigInteger, nullable=False, comment="Simulated time, milliseconds."),
    Column("party", String(32), nullable=False, comment="Whose side it is on."),
    Column("entry", BigInteger, comment="Place in the log, where it is about one entry."),
    Column("detail_ja", Text, nullable=False),
    Column("detail_en", Text, nullable=False),
    Column(
        "evidence", LargeBinary, nullable=False, comment="By which others can check it; its form follows from the kind."
    ),
    UniqueConstraint("kind", "subject", name="finding_once"),
    sqlite_autoincrement=True,
)
"""What was found. Only ever added to."""

REPORT: Final = Table(
    "report",
    metadata,
    Column("commitment", LargeBinary(32), primary_key=True),
    Column("receipt", LargeBinary, nullable=False, comment="warifu.linkage.v1.Receipt, its signature checked."),
    Column("reporter", String(255), nullable=False, comment="SPIFFE URI of the institution that reported first."),
    Column("received_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
    Column("state", String(16), nullable=False, comment="warifu.watchdog.reports.State."),
    Column(
        "due_at", BigInteger, comment="Machine time, milliseconds, of the next look at the log; absent when closed."
    ),
    Column("leaf_index", BigInteger, comment="Where the log proved to hold it."),
)
"""Receipts that were reported, and what the log said since."""

Index("report_due", REPORT.c.due_at)

DIRECTORY: Final = directory_table(metadata)
"""Directory entries of the gateway: its keys, by which receipts are checked, as long as they are remembered."""

_CODE: Final = String(64)
_DAY: Final = String(10)


def _number() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


STAFF: Final = staff_table(metadata)
"""Accounts of the supervisor's staff: an office, no name."""

STAFF_SESSION: Final = session_table(metadata)

DIARY: Final = Table(
    "diary",
    metadata,
    _number(),
    Column("at", BigInteger, nullable=False),
    Column("network_at", BigInteger, nullable=False),  # network clock
    Column("login", _CODE, nullable=False),
    Column("role", String(16), nullable=False),
    Column("act", String(32), nullable=False),
    Column("about", _CODE, nullable=False),
    Column("owed", Integer, nullable=False),  # 1: to be entered in the public log, and not yet acknowledged
    sqlite_autoincrement=True,
)
"""What staff did. Only ever added to; an opening is owed to the public log until the gateway acknowledges it."""

OWED: Final = DIARY.c.owed == 1
"""Not yet entered."""
Index("diary_owed", DIARY.c.id, sqlite_where=OWED, postgresql_where=OWED)

SUSPICION: Final = Table(
    "suspicion",
    metadata,
    _number(),
    Column("key", _CODE, nullable=False, unique=True),  # the party's own identifier: the same again is the same
    Column("rule", String(32), nullable=False),
    Column("institution", _CODE, nullable=False),
    Column("source", _CODE, nullable=False),  # who listed it: "gateway" or an institution
    Column("first_at", BigInteger, nullable=False),  # network clock
    Column("last_at", BigInteger, nullable=False),  # network clock
    Column("count", Integer, nullable=False),
    Column("listed", LargeBinary, nullable=False),  # supervision.v1.Suspicion as listed last
    sqlite_autoincrement=True,
)
"""What rules of detection point at: no proof of anything, and no person."""

STOP: Final = Table(
    "stop",
    metadata,
    _number(),
    Column("institution", _CODE, nullable=False),
    Column("ground", String(16), nullable=False),  # warifu.law.Stopped
    Column("why", Text, nullable=False),
    Column("since_on", _DAY, nullable=False),
    Column("lifted_on", _DAY),
    sqlite_autoincrement=True,
)
"""Institutions whose exchanges were stopped, and freed again. A row is in force until it is lifted."""

ORDINANCE_USE: Final = Table(
    "ordinance_use",
    metadata,
    _number(),
    Column("institution", _CODE, nullable=False),
    Column("reference", _CODE, nullable=False),
    Column("row", _CODE, nullable=False),
    Column("filing", LargeBinary, nullable=False),  # supervision.v1.FileOrdinanceUseRequest
    Column("state", String(16), nullable=False),  # warifu.watchdog.ordinances.queries.State
    Column("filed_at", BigInteger, nullable=False),  # network clock
    Column("decided_at", BigInteger),  # network clock
    Column("note", Text),
    UniqueConstraint("institution", "reference", name="ordinance_use_once"),
    sqlite_autoincrement=True,
)
"""Ordinance uses (独自利用事務) as filed, and what was decided."""

MEASURE: Final = Table(
    "measure",
    metadata,
    _number(),
    Column("institution", _CODE, nullable=False, index=True),
    Column("kind", String(16), nullable=False),  # warifu.watchdog.measures.queries.Kind
    Column("title", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("issued_on", _DAY, nullable=False),
    Column("reply_by", _DAY),
    Column("reply", Text),
    Column("replied_on", _DAY),
    sqlite_autoincrement=True,
)
"""Guidance, recommendations and orders, with the reply. Published as they are; they block nothing."""

LEAK: Final = Table(
    "leak",
    metadata,
    _number(),
    Column("institution", _CODE, nullable=False),
    Column("reference", _CODE, nullable=False),
    Column("known_on", _DAY, nullable=False),
    Column("wrongful", Boolean, nullable=False),
    Column("preliminary", LargeBinary),  # supervision.v1.ReportLeakRequest
    Column("preliminary_on", _DAY),
    Column("final", LargeBinary),
    Column("final_on", _DAY),
    UniqueConstraint("institution", "reference", name="leak_once"),
    sqlite_autoincrement=True,
)
"""Leaks (art. 29-4) by their reports."""

RECONCILIATION: Final = Table(
    "reconciliation",
    metadata,
    _number(),
    Column("at", BigInteger, nullable=False),  # network clock, when it began
    Column("entries", BigInteger, nullable=False),
    Column("found", Integer, nullable=False),
    Column("findings", LargeBinary, nullable=False),  # JSON, as `warifu audit --json` prints them
    Column("trouble", Text, nullable=False),  # why it could not be finished; empty when it was
    sqlite_autoincrement=True,
)
"""What runs of the audit came to. Findings name entries, institutions and fields, no person."""
