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

    op.create_table(
        "diary",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("network_at", sa.BigInteger(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("about", sa.String(length=64), nullable=False),
        sa.Column("owed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("diary", schema=None) as batch_op:
        batch_op.create_index(
            "diary_owed", ["id"], unique=False, sqlite_where=sa.text("owed = 1"), postgresql_where=sa.text("owed = 1")
        )

    op.create_table(
        "leak",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("known_on", sa.String(length=10), nullable=False),
        sa.Column("wrongful", sa.Boolean(), nullable=False),
        sa.Column("preliminary", sa.LargeBinary(), nullable=True),
        sa.Column("preliminary_on", sa.String(length=10), nullable=True),
        sa.Column("final", sa.LargeBinary(), nullable=True),
        sa.Column("final_on", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("institution", "reference", name="leak_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "measure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.String(length=10), nullable=False),
        sa.Column("reply_by", sa.String(length=10), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("replied_on", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("measure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_measure_institution"), ["institution"], unique=False)

    op.create_table(
        "ordinance_use",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("row", sa.String(length=64), nullable=False),
        sa.Column("filing", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("filed_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("institution", "reference", name="ordinance_use_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "staff",
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("login"),
    )
    op.create_table(
        "staff_session",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "stop",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("ground", sa.String(length=16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since_on", sa.String(length=10), nullable=False),
        sa.Column("lifted_on", sa.String(length=10), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "suspicion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("institution", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("listed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )

    op.create_table(
        "reconciliation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("findings", sa.LargeBinary(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
