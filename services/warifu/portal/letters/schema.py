"""Letters and where each stands.

If it is read, so is which account wrote how many letters about which of its entries, and whether to the supervisor. To which institution and
what, lies under the key of the entry's month, and goes with it. If it is lost, what was not fetched yet must be written again.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from warifu.portal.schema import metadata

letters: Final = Table(
    "letters",
    metadata,
    Column("letter_id", String(36), primary_key=True),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Column("request_id", String(36), nullable=False, comment="The entry that it is about."),
    Column("month", Integer, nullable=False, index=True, comment="Of the entry: whose key seals the row."),
    Column("box", LargeBinary(16), nullable=False, comment="Tag of the addressee in that month."),
    Column("position", BigInteger, nullable=False, comment="Among those to this addressee, from 1."),
    Column("to_supervisor", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="What was written; see warifu.portal.letters.queries."),
    Column("sent_at", BigInteger, nullable=False, comment="Simulated time, milliseconds."),
    Column("answer_by", String(10), nullable=False, comment="Last simulated day of the answer, ISO."),
    Column("answer", LargeBinary, comment="Sealed; absent until it came."),
    Column("answered_at", BigInteger, comment="Simulated time, milliseconds."),
    Index("ix_letters_account", "account", "sent_at", "letter_id"),
    Index("ix_letters_box", "box", "position"),
    Index(
        "ix_letters_open",
        "answer_by",
        sqlite_where=text("answer IS NULL"),
        postgresql_where=text("answer IS NULL"),
    ),
)

boxes: Final = Table(
    "letter_boxes",
    metadata,
    Column("addressee", String(64), primary_key=True, comment="Institution code, or `watchdog`."),
    Column("sent", BigInteger, nullable=False, comment="How many letters were ever sent there."),
)
"""Counts positions: none is used twice, also when letters have been erased."""
