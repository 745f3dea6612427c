"""Applications that citizens sent, or are about to sign.

If it is read, so is which account applied to which institution for which procedure, and where that stands. What was filled in lies sealed:
before the signature under the month's key (`warifu.kernel.vault`), from then on for the institution alone, and it is erased here once the
institution has it. If it is lost, what was not fetched yet must be sent again.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from warifu.portal.schema import metadata

drafts: Final = Table(
    "application_drafts",
    metadata,
    Column("application_id", String(36), primary_key=True),
    Column("account", ForeignKey("accounts.account"), nullable=False, index=True),
    Column("month", Integer, nullable=False, comment="Whose key seals the row."),
    Column("institution", String(64), nullable=False),
    Column("procedure", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="portal.v1.ApplicationForm as it is to be signed."),
    Column("made_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)
"""Filled in and not signed yet; forgotten after an hour."""

applications: Final = Table(
    "applications",
    metadata,
    Column("application_id", String(36), primary_key=True),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Column("institution", String(64), nullable=False),
    Column("position", BigInteger, nullable=False, comment="Among those to this institution, from 1."),
    Column("procedure", String(64), nullable=False),
    Column("month", Integer, nullable=False, comment="Of the submission: whose key seals what was told."),
    Column("submitted_at", BigInteger, nullable=False, comment="Simulated time, milliseconds."),
    Column("sealed", LargeBinary, comment="portal.v1.SignedApplication, for the institution; erased once it has it."),
    Column("key_id", String(64), nullable=False, comment="Of the institution's key."),
    Column("state", Integer, nullable=False, comment="portal.v1.ApplicationState."),
    Column("state_at", BigInteger, nullable=False, comment="Simulated time, milliseconds."),
    Column("told", LargeBinary, comment="portal.v1.TellProgressRequest, newest, under the month's key."),
    UniqueConstraint("institution", "position"),
    Index("ix_applications_account", "account", "submitted_at"),
)
"""Sent, and where each stands."""
