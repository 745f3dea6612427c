"""The tables of a staffed face, made on its own metadata. An account is a staff code or an office, never a name.

Of passwords only scrypt hashes are kept, of a session's secret only the hash, and of a second factor nothing (`warifu.staff.totp`).
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table

_CODE: Final = String(64)


def staff_table(metadata: MetaData, *more: Column[Any]) -> Table:
    """Accounts; `more` are the face's own columns."""
    return Table(
        "staff",
        metadata,
        Column("login", _CODE, primary_key=True),
        Column("role", String(16), nullable=False),
        Column("salt", LargeBinary(16), nullable=False),
        Column("hash", LargeBinary(32), nullable=False),  # scrypt of the password
        Column("failed", Integer, nullable=False),  # wrong tries in a row
        Column("locked_until", BigInteger, nullable=False),
        *more,
    )


def session_table(metadata: MetaData) -> Table:
    """Living sessions."""
    return Table(
        "staff_session",
        metadata,
        Column("token_hash", LargeBinary(32), primary_key=True),
        Column("login", _CODE, nullable=False),
        Column("opened_at", BigInteger, nullable=False),
        Column("seen_at", BigInteger, nullable=False),
    )
