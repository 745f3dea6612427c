"""A business system's tables: one database an institution, never joined with another's, and apart from its interim server's.

It knows people by its own addressee numbers and their basic items. No linkage code, no individual number, no resident code.
Times are milliseconds since 1970 (UTC) of the network clock.
"""

from __future__ import annotations

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
    literal_column,
)

metadata = MetaData()

_ADDRESSEE = String(15)
_DAY = String(10)
_DIGEST = LargeBinary(16)
_POSITION = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in a column named INTEGER

NO = literal_column("FALSE", Boolean)
"""Not 0, which PostgreSQL takes for no truth value: migrations have conditions of indexes as one text for both databases."""

SUBJECT = Table(
    "subject",
    metadata,
    Column("addressee_no", _ADDRESSEE, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("kana", String(100)),
    Column("address", String(200), nullable=False),
    Column("birth_date", _DAY, nullable=False),
    Column("sex", Integer, nullable=False),  # common.v1.Sex
    Column("digest", _DIGEST, nullable=False, index=True),  # of the folded items, by which they are found
    Column(
        "enrolled", Boolean, nullable=False
    ),  # the interim server had a code once; whether it serves now, that one knows
    Column("known_at", BigInteger, nullable=False),
)
"""Addressees: who is known here."""

UNENROLLED = SUBJECT.c.enrolled.is_(NO)
Index("subject_unenrolled", SUBJECT.c.addressee_no, sqlite_where=UNENROLLED, postgresql_where=UNENROLLED)

FORMER_ITEMS = Table(
    "former_items",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("addressee_no", _ADDRESSEE, primary_key=True),
)
"""Items that an addressee had before: papers under an old address or name still find their file."""

ORIGINAL = Table(
    "original",
    metadata,
    Column("addressee_no", _ADDRESSEE, primary_key=True),
    Column("record_key", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),  # items.v1.ItemContent
    Column("first_day", _DAY),
    Column("last_day", _DAY),
    Column("published_from", _DAY),
    Column("revision", Integer, nullable=False),  # how often the values were recorded
    Column("recorded_at", BigInteger, nullable=False),
)
"""The original data (正本) as they stand."""

CHANGE = Table(
    "change",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("reference", String(64), nullable=False, unique=True),
    Column("digest", LargeBinary(32), nullable=False),  # sameness of requests
    Column("addressee_no", _ADDRESSEE, nullable=False, index=True),
    Column("record_key", String(64)),
    Column("content", LargeBinary, nullable=False),  # agency.v1.Change as recorded
    Column("recorded_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""The history of changes (異動履歴): what was recorded, in order. Only ever added to."""

DUE = Table(
    "due",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("addressee_no", _ADDRESSEE, nullable=False, index=True),
    Column("errand", String(16), nullable=False),
    Column("message", LargeBinary, nullable=False),
    Column("refused", String(64)),  # reason code, when it will never be accepted; kept for whoever looks into it
    sqlite_autoincrement=True,
)
"""What is recorded here and not yet known to the interim server or the numbering body; a row goes when it was acknowledged."""

OPEN = DUE.c.refused.is_(None)
Index("due_open", DUE.c.position, sqlite_where=OPEN, postgresql_where=OPEN)
