"""The gateway's tables. No individual number, no resident code, no readable payload, and no column by which to find a person.

Times are milliseconds since 1970 (UTC): `…_at` of the machine clock unless the comment says network clock.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

_INSTITUTION = String(64)
_REQUEST_ID = String(36)
_POSITION = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in a column named INTEGER
"""Counts up with each row; the order of commitment, since one writer commits."""

DEPOSIT = Table(
    "deposit",
    metadata,
    Column("institution", _INSTITUTION, primary_key=True),
    Column(
        "digest", LargeBinary(32), primary_key=True
    ),  # SHA-256 of the acquisition number, which itself is never stored
    Column("subject", LargeBinary, nullable=False),  # the institution's own code, derived at once
    Column("expires_at", BigInteger, nullable=False, index=True),
)
"""Codes that wait to be claimed. Short-lived: whoever reads it learns codes, but not whose."""

SUPERSEDED = Table(
    "superseded",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("mark", LargeBinary, nullable=False, unique=True),  # opaque without the code keys
    sqlite_autoincrement=True,
)
"""What changes of resident code left behind: by them a code that no longer serves is known."""

EXCHANGE = Table(
    "exchange",
    metadata,
    Column("request_id", _REQUEST_ID, primary_key=True),
    Column("requester", _INSTITUTION, nullable=False),
    Column("provider", _INSTITUTION, nullable=False),
    Column("inquiry_hash", LargeBinary(32), nullable=False),  # sameness of requests
    Column("inquiry", LargeBinary, nullable=False),  # as received
    Column("query", LargeBinary, nullable=False),  # as received: sealed for the provider
    Column("recorded_at", BigInteger, nullable=False),
    Column("commitment", LargeBinary(32), nullable=False),  # of the request record
    Column("exchange_time", BigInteger, nullable=False),  # network clock
    Column(
        "permit", LargeBinary
    ),  # the permit without its signature, so that whoever resumes signs the same; absent when denied
    Column("permit_hash", LargeBinary(32)),
    Column("review_until", BigInteger),  # network clock
    Column("outcome", Integer, nullable=False),  # exchange.v1.Outcome; 0 while the provider has said nothing
    Column(
        "withheld", Boolean, nullable=False
    ),  # requester or provider asked for non-disclosure; once true, always true
    Column("answer", LargeBinary),  # SealedAnswer as received
    Column("answer_index", Integer),
    Column("outcome_commitment", LargeBinary(32)),  # of the outcome record, once there is one
    Column("denial", LargeBinary),  # linkage.v1.Denial
    Column("failure", LargeBinary),  # common.v1.Failure
)
"""One row an exchange: what is needed to resume it after any crash, and to say again what was said."""

UNFINISHED = EXCHANGE.c.outcome.in_((0, 2))
"""No outcome yet, or PENDING."""

Index("exchange_unfinished", EXCHANGE.c.outcome, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)

ENTRY = Table(
    "log_entry",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("commitment", LargeBinary(32), nullable=False, unique=True),  # the leaf's data, and all that the public sees
    Column("committed_at", BigInteger, nullable=False),
    Column("leaf_index", BigInteger, unique=True),  # place in the log, from 0; absent while it waits
    sqlite_autoincrement=True,
)
"""What is logged: a row a record or event, in the same transaction. Waiting rows get the next leaf indexes in the order of position;
an index once given never changes in a living log, and no row is ever removed."""

WAITING = ENTRY.c.leaf_index.is_(None)
Index("log_entry_waiting", ENTRY.c.position, sqlite_where=WAITING, postgresql_where=WAITING)

RECORD = Table(
    "record",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("request_id", _REQUEST_ID, nullable=False, index=True),
    Column("kind", Integer, nullable=False),  # exchange.v1.RecordKind
    Column("requester", _INSTITUTION, nullable=False),
    Column("provider", _INSTITUTION, nullable=False),
    Column("record", LargeBinary, nullable=False),  # AccessRecord, the bytes that the commitment is over
    Column("salt", LargeBinary(32), nullable=False),
    Column("permit_hash", LargeBinary(32)),
    Index("record_requester", "requester", "position"),
    Index("record_provider", "provider", "position"),
)
"""Access records (art. 23) with what opens their commitments, at the positions of their log entries. Only ever added to."""

EVENT = Table(
    "event",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("event", LargeBinary, nullable=False),  # log.v1.NetworkEvent, the bytes that the commitment is over
    Column("salt", LargeBinary(32), nullable=False),
    Column("kind", String(32), nullable=False),  # name of the event's field
    Column("subject", String(64), nullable=False),  # whom or what it is about: an owner, or empty
    Column("digest", LargeBinary(32)),  # of what is in force since
    Index("event_newest", "kind", "subject", "position"),
)
"""Changes of what exchanges are decided by, with what opens their commitments, at the positions of their log entries."""

SUBTREE = Table(
    "log_subtree",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)
"""Roots of the log's complete subtrees of 256**level leaves, level 1 and above; level 0 is computed from the entries."""

HEAD = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    Column("log_key", String(200), nullable=False),  # verifier key: another one in trust/ means a new log
    Column("size", BigInteger, nullable=False),
    Column("checkpoint", Text, nullable=False),  # signed note of this size
    Column("witnessed_size", BigInteger, nullable=False),
    Column("witnessed", Text),  # signed note of that size with the witness' signature; absent before its first
    Column("witnessed_at", BigInteger),  # when the witness answered last
)
"""The log's head. Leaves, subtrees and this row change in one transaction that compares the size before (compare and swap)."""

OUTBOX = Table(
    "outbox",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("request_id", _REQUEST_ID, nullable=False, unique=True),
    sqlite_autoincrement=True,
)
"""Final exchanges that the portal has not yet acknowledged."""

DIRECTORY = Table(
    "directory",
    metadata,
    Column("owner", _INSTITUTION, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("hpke_key_id", String(64), nullable=False),
    Column("entry", LargeBinary, nullable=False),  # SignedDirectoryEntry as its owner signed it
)
"""Public keys that are relayed: the newest entry of each owner."""
