"""Tables of the portal's bearer tokens."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table

from warifu.portal.schema import metadata

api_tokens: Final = Table(
    "api_tokens",
    metadata,
    Column("token", String(32), primary_key=True, comment="Names the token to its owner; opens nothing."),
    Column("token_hash", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the token itself."),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Column("label", String(40), nullable=False, comment="What its owner calls it."),
    Column("made_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
    Index("ix_api_tokens_account", "account"),
)

api_faults: Final = Table(
    "api_faults",
    metadata,
    Column("account", ForeignKey("accounts.account"), primary_key=True),
    Column("fault", String(8), nullable=False, comment="warifu.portal.api.faults.Fault; simulation only."),
)
