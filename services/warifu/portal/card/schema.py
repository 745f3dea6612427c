"""Tables of sessions that ended before their time, of certificates that will end, and of what citizens left for later use."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from warifu.portal.schema import metadata

ended_sessions: Final = Table(
    "ended_sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True, comment="SHA-256 of the cookie's value."),
    Column("why", String(16), nullable=False, comment="warifu.portal.card.endings.Why."),
    Column("at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)

certificate_ends: Final = Table(
    "certificate_ends",
    metadata,
    Column("serial", String(64), primary_key=True, comment="Of a card's certificate, hexadecimal."),
    Column("ends_at", BigInteger, nullable=False, comment="Simulated time, milliseconds."),
    Column("told_at", BigInteger, comment="Simulated time, milliseconds, of the notice; absent while it is to come."),
    Index(
        "ix_certificate_ends_untold",
        "ends_at",
        sqlite_where=text("told_at IS NULL"),
        postgresql_where=text("told_at IS NULL"),
    ),
)

left_records: Final = Table(
    "left_records",
    metadata,
    Column("account", ForeignKey("accounts.account"), primary_key=True),
    Column("kind", String(16), primary_key=True, comment="benefits or insurance."),
    Column("month", Integer, nullable=False, comment="Whose key seals it."),
    Column("since", BigInteger, nullable=False, comment="Simulated time, milliseconds."),
    Column("sealed", LargeBinary, nullable=False, comment="See warifu.portal.card.safe."),
    Index("ix_left_records_month", "month"),
)
