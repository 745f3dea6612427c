"""Letters as they came from the portal, and which letters to institutions are overdue.

If it is read, so is what citizens wrote to the supervisor about which exchange; who wrote, nobody here knows.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from warifu.watchdog.schema import metadata

LETTER: Final = Table(
    "letter",
    metadata,
    Column("letter_id", String(36), primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),
    Column("request_id", String(36), nullable=False),
    Column("objection", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_at", BigInteger, nullable=False),  # network clock
    Column("answer_by", String(10), nullable=False),
    Column("requester", String(64), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("answer", Text),
    Column("answered_at", BigInteger),  # network clock
    Column("owed", Integer, nullable=False),  # 1: the portal has not acknowledged the answer yet
)
"""Letters to the supervisor, by their positions at the portal."""

OVERDUE: Final = Table(
    "overdue_letter",
    metadata,
    Column("letter_id", String(36), primary_key=True),
    Column("institution", String(64), nullable=False),
    Column("request_id", String(36), nullable=False),
    Column("objection", Boolean, nullable=False),
    Column("answer_by", String(10), nullable=False),
)
"""Letters to institutions whose term is over without an answer, as the portal listed them last: replaced whole, no text."""
