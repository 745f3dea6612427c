"""Table of sessions that ended before their time."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from warifu.portal.schema import metadata

ended_sessions: Final = Table(
    "ended_sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True, comment="SHA-256 of the cookie's value."),
    Column("why", String(16), nullable=False, comment="warifu.portal.card.endings.Why."),
    Column("at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)
