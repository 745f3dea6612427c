"""The table of notices. Whose they are and when they came is plain; what they are about is sealed under the month's key."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from warifu.portal.schema import metadata

notices: Final = Table(
    "notices",
    metadata,
    Column("number", Integer, primary_key=True, comment="In the order in which they came; never shown."),
    Column("notice", String(32), nullable=False, unique=True, comment="Random; by which pages name it."),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Column("at", BigInteger, nullable=False, comment="Simulated time, milliseconds; its month's key seals the row."),
    Column("sealed", LargeBinary, nullable=False, comment="Kind, page and values; see warifu.portal.notices.queries."),
    Column("read_at", BigInteger, comment="Simulated time, milliseconds; absent while unread."),
    Index("ix_notices_account", "account", "number"),
)
