"""What the history keeps beside the entries: lines by which they are listed, marks by which they are filtered, and corrections.

A line is what a page tells of an entry, without its records, where the page looks for it: under a tag of the person's code, in the order of time.
A mark is a tag of the month, the person's code and one thing that an entry says, so that a filter finds the few among many without opening
the others. If it is read, so is which entries of one person and month are alike in something; in what, only the month's key says.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, text

from warifu.portal.schema import metadata

lines: Final = Table(
    "entry_lines",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False, comment="Of the request: whose key seals the row."),
    Column(
        "holder", LargeBinary(16), primary_key=True, comment="Tag of the portal's code for the person, in that month."
    ),
    Column("requested_at", BigInteger, primary_key=True, autoincrement=False, comment="Simulated time, milliseconds."),
    Column("request_id", String(36), primary_key=True),
    Column("sealed", LargeBinary, nullable=False, comment="What a page tells; see warifu.portal.history.lines."),
    # Without a row id the table itself lies in the order of its key: a month of a person's own is one short run, and of short rows many lie on one page.
    sqlite_with_rowid=False,
)

marks: Final = Table(
    "entry_marks",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False, comment="Of the request: whose key makes the tag."),
    Column("mark", LargeBinary(16), primary_key=True, comment="See warifu.portal.history.marks."),
    Column("requested_at", BigInteger, primary_key=True, autoincrement=False, comment="Simulated time, milliseconds."),
    Column("request_id", String(36), primary_key=True),
    sqlite_with_rowid=False,
)

arrived_in: Final = Table(
    "arrived_in",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False, comment="Of the request."),
    Column(
        "arrival",
        BigInteger,
        nullable=False,
        index=True,
        comment="Of the newest entry of the month, whoever it is about.",
    ),
)
"""The months that have entries, and how far in the order of arrival the newest of each is."""

corrections: Final = Table(
    "corrections",
    metadata,
    Column("commitment", LargeBinary(32), primary_key=True, comment="Of the correcting entry: the leaf's data."),
    Column("request_id", String(36), nullable=False, index=True, comment="The entry that is corrected."),
    Column("month", Integer, nullable=False, index=True, comment="Of the request: whose key seals the row."),
    Column("sealed", LargeBinary, nullable=False, comment="log.v1.CommittedEvent."),
    Column(
        "arrival",
        BigInteger,
        nullable=False,
        unique=True,
        comment="Position in the order of arrival of all that is delivered.",
    ),
    Column("leaf", BigInteger, comment="Place in the log; absent while not known."),
    Column("log_key", String(8), comment="Id of the key of the log in which that place is, hexadecimal."),
    Index(
        "ix_corrections_unplaced",
        "arrival",
        sqlite_where=text("leaf IS NULL"),
        postgresql_where=text("leaf IS NULL"),
    ),
)
