"""The gateway's tables. No individual number, no resident code, no readable payload, and no column by which to find a person.

What an exchange was about is sealed under the key of its month (`warifu.kernel.vault`), and institutions are found by tags of that key;
ids, times and hashes are plain.

Times are milliseconds since 1970 (UTC): `…_at` of the machine clock unless the comment says network clock.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
"""Counts up with each row; the order of commitment, since one process writes at a time: whoever pages after a position misses none."""

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
    Column("month", Integer, nullable=False, index=True),  # of the exchange's time: whose key seals it
    Column("inquiry_hash", LargeBinary(32), nullable=False),  # sameness of requests
    Column("recorded_at", BigInteger, nullable=False),
    Column("exchange_time", BigInteger, nullable=False),  # network clock
    Column("review_until", BigInteger),  # network clock
    Column("commitment", LargeBinary(32), nullable=False),  # of the request record
    Column("permit_hash", LargeBinary(32)),
    Column("outcome_commitment", LargeBinary(32)),  # of the outcome record, once there is one
    Column("waiting", Integer, nullable=False),  # 1 the provider has said nothing, 2 it waits for a clerk, 0 final
    Column("due_tag", LargeBinary(16)),  # the provider's, while it waits
    Column("asked", LargeBinary, nullable=False),  # sealed: what was asked, permitted or denied; written once
    Column("answered", LargeBinary, nullable=False),  # sealed: what it came to
    Column("query_block", BigInteger, nullable=False),  # the block that holds its query
    Column("answer_block", BigInteger),  # and the one that holds its answer
)
"""One row an exchange: what is needed to resume it after any crash, and to say again what was said. Contents lie under the month's key."""

UNFINISHED = EXCHANGE.c.waiting > 0
"""No outcome yet, or PENDING."""

Index("exchange_unfinished", EXCHANGE.c.due_tag, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)

BLOCK = Table(
    "block",
    metadata,
    Column("block", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("month", Integer, nullable=False, index=True),  # of the youngest exchange that it serves: whose key seals it
    Column("sealed", LargeBinary, nullable=False),  # a query or answer block as received, which the gateway cannot open
)
"""Sealed blocks of exchanges, once each: those of a batch share theirs."""

ENTRY = Table(
    "log_entry",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("commitment", LargeBinary(32), nullable=False, unique=True),  # the leaf's data, and all that the public sees
    Column("committed_at", BigInteger, nullable=False),
    Column("leaf_index", BigInteger, unique=True),  # place in the log, from 0; absent while it waits
)
"""What is logged: a row a record or event, in the same transaction. Positions are given without gaps, in the order of commitment, since one
process writes at a time. Waiting rows get the next leaf indexes in the order of position; an index once given never changes in a living
log, and no row is ever removed."""

WAITING = ENTRY.c.leaf_index.is_(None)
Index("log_entry_waiting", ENTRY.c.position, sqlite_where=WAITING, postgresql_where=WAITING)

RECORD = Table(
    "record",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("request_id", _REQUEST_ID, nullable=False),
    Column("kind", Integer, nullable=False),  # exchange.v1.RecordKind
    Column("month", Integer, nullable=False),  # of the exchange's time: whose key seals it
    Column("requester_tag", LargeBinary(16), nullable=False),
    Column("provider_tag", LargeBinary(16), nullable=False),
    Column(
        "sealed", LargeBinary, nullable=False
    ),  # exchange.v1.CommittedRecord: the record and what opens its commitment
    Column("permit_hash", LargeBinary(32)),  # absent of what was refused
    Index("record_requester", "month", "requester_tag", "position"),
    Index("record_provider", "month", "provider_tag", "position"),
)
"""Access records (art. 23) with what opens their commitments, at the positions of their log entries, under their month's key. Only ever
added to, until their term is over. A permitted exchange's are found by the commitments in its row: an index of all request ids would cost a
third of what it takes to write a record."""

REFUSED = RECORD.c.permit_hash.is_(None)
"""Records of what was refused: these are found by request id, since an inquiry under another's name has no row of its own."""
Index("record_refused", RECORD.c.request_id, sqlite_where=REFUSED, postgresql_where=REFUSED)

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

CORRECTION = Table(
    "correction",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("request_id", _REQUEST_ID, nullable=False, index=True),
    Column("month", Integer, nullable=False, index=True),  # of the exchange's time: whose key seals it
    Column("sealed", LargeBinary, nullable=False),  # log.v1.CommittedEvent: what was said and what opens its commitment
)
"""What institutions say is wrong in the records of an exchange, at the positions of their log entries. Erased with the records."""

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
    Column("fence", BigInteger, nullable=False),  # under which the head was moved last; never goes back
)
"""The log's head. Leaves, subtrees and this row change in one transaction that compares the size before (compare and swap)."""

LEASE = Table(
    "log_lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    Column("holder", String(64), nullable=False),  # the process that integrates, by a name of its own making
    Column("fence", BigInteger, nullable=False),  # one more with every holder
    Column("expires_at", BigInteger, nullable=False),  # milliseconds by the database's clock
)
"""Which of the processes on this store gives entries their places. It is there once entries were placed."""

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

RULINGS = Table(
    "rulings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    Column("issued_at", BigInteger, nullable=False),
    Column("signed", LargeBinary, nullable=False),  # supervision.v1.SignedRulings as taken
)
"""What the supervisor has in force: the newest whole that it signed."""
