"""The table of operations. Whose they are and when they were is plain; what was done is sealed under the month's key."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from warifu.portal.schema import metadata

operations: Final = Table(
    "operations",
    metadata,
    Column("number", Integer, primary_key=True, comment="In the order in which they came; never shown."),
    Column("operation", String(32), nullable=False, unique=True, comment="Random; by which pages name it."),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Column("at", BigInteger, nullable=False, comment="Simulated time, milliseconds; its month's key seals the row."),
    Column(
        "sealed", LargeBinary, nullable=False, comment="Act, what about, mandate; warifu.portal.operations.queries."
    ),
    Index("ix_operations_account", "account", "number"),
)
