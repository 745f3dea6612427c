"""The watchdog's database in its first form."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "directory_entries",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "version"),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="warifu.watchdog.findings.Kind."),
        sa.Column(
            "subject",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="SHA-256 of what it is about: the same twice is one.",
        ),
        sa.Column("found_at", sa.BigInteger(), nullable=False, comment="Machine time, milliseconds."),
        sa.Column("network_at", sa.BigInteger(), nullable=False, comment="Simulated time, milliseconds."),
        sa.Column("party", sa.String(length=32), nullable=False, comment="Whose side it is on."),
        sa.Column("entry", sa.BigInteger(), nullable=True, comment="Place in the log, where it is about one entry."),
        sa.Column("detail_ja", sa.Text(), nullable=False),
        sa.Column("detail_en", sa.Text(), nullable=False),
        sa.Column(
            "evidence",
            sa.LargeBinary(),
            nullable=False,
            comment="By which others can check it; its form follows from the kind.",
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject", name="finding_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "head",
        sa.Column("log", sa.String(length=255), nullable=False, comment="Verifier key of the log."),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, comment="The checkpoint with the log's signature."),
        sa.Column("cosigned_at", sa.BigInteger(), nullable=False, comment="Machine time, milliseconds."),
        sa.PrimaryKeyConstraint("log"),
    )
    op.create_table(
        "report",
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column(
            "receipt", sa.LargeBinary(), nullable=False, comment="warifu.linkage.v1.Receipt, its signature checked."
        ),
        sa.Column(
            "reporter",
            sa.String(length=255),
            nullable=False,
            comment="SPIFFE URI of the institution that reported first.",
        ),
        sa.Column("received_at", sa.BigInteger(), nullable=False, comment="Machine time, milliseconds."),
        sa.Column("state", sa.String(length=16), nullable=False, comment="warifu.watchdog.reports.State."),
        sa.Column(
            "due_at",
            sa.BigInteger(),
            nullable=True,
            comment="Machine time, milliseconds, of the next look at the log; absent when closed.",
        ),
        sa.Column("leaf_index", sa.BigInteger(), nullable=True, comment="Where the log proved to hold it."),
        sa.PrimaryKeyConstraint("commitment"),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index("report_due", ["due_at"], unique=False)

