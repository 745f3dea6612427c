"""The watchdog's one database: the log's head that it cosigned last, what was reported to it, what it found.

If it is read, so is which institutions reported which commitment, and what is public anyway. If it is changed or set back, the cosignatures
that are out in the network tell: they name heads that are not in it any more. If it is lost, the evidence of what was found is lost with it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, UniqueConstraint

from warifu.exchange.directory import directory_table

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
