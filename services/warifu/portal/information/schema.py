"""The table of requests for own information. What came of them lies at the portal's interim server; nothing here tells a value.

Whose a request is and when it was made is plain; what was asked, and of whom, is sealed under the month's key.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from warifu.portal.schema import metadata

information_requests: Final = Table(
    "information_requests",
    metadata,
    Column("number", Integer, primary_key=True, comment="In the order in which they were made; never shown."),
    Column("request_id", String(36), nullable=False, unique=True, comment="Of the exchange."),
    Column("account", ForeignKey("accounts.account"), nullable=False, comment="Whose information it is."),
    Column("at", BigInteger, nullable=False, comment="Simulated time, milliseconds; its month's key seals the row."),
    Column("sealed", LargeBinary, nullable=False, comment="Row, provider, year, mandate."),
    Column("open", Boolean, nullable=False, comment="Its outcome was not noticed yet."),
    Index("ix_information_requests_account", "account", "number"),
    Index(
        "ix_information_requests_open",
        "number",
        sqlite_where=text("open"),
        postgresql_where=text("open"),
    ),
)
