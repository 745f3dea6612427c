"""An interim server's tables: one database an institution, never joined with another's.

It holds addressee numbers and this institution's own codes; no individual number, no resident code, no name of its own, and no code
of any other institution. What an exchange was about is sealed under the key of its month (`warifu.interim.contents`) and dropped when its
term is over; ids, times, hashes and what queues of work need are plain. Addressees, protections and copies are no exchanges.

Times are milliseconds since 1970: `…_at` of the machine clock unless the comment says network clock.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from warifu.exchange.directory import directory_table

metadata = MetaData()

_ADDRESSEE = String(15)
_CODE = String(64)
_REQUEST_ID = String(36)
_DAY = String(10)
_POSITION = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in a column named INTEGER

ADDRESSEES = Table(
    "addressees",
    metadata,
    Column("addressee_no", _ADDRESSEE, primary_key=True),
    Column("subject", LargeBinary, unique=True),  # SubjectReference, the institution's own code; absent while unbound
    Column("bound_at", BigInteger),
)
"""Addressee number ↔ code. Invariant: a code belongs to one addressee, an addressee has at most one code that serves."""

ENROLMENTS = Table(
    "enrolments",
    metadata,
    Column("acquisition_number", LargeBinary(16), primary_key=True),
    Column("addressee_no", _ADDRESSEE, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
"""Enrolments under way. A row goes when its code was claimed or refused: an acquisition number is kept no longer (art. 21-2)."""

PROTECTIONS = Table(
    "protections",
    metadata,
    Column("addressee_no", _ADDRESSEE, ForeignKey("addressees.addressee_no"), primary_key=True),
    Column("non_disclosure", Boolean, nullable=False),
    Column("self_disclosure_blocked", Boolean, nullable=False),
    Column("manual_review", Boolean, nullable=False),
)
"""The three flags; no row means none."""

COPIES = Table(
    "copies",
    metadata,
    Column("addressee_no", _ADDRESSEE, ForeignKey("addressees.addressee_no"), primary_key=True),
    Column("item", _CODE, primary_key=True),
    Column("record_key", _CODE, primary_key=True),
    Column("layout_version", _CODE, nullable=False),
    Column("published_from", _DAY),
    Column("published_to", _DAY),
    Column("first_day", _DAY),
    Column("last_day", _DAY),
    Column("content", LargeBinary, nullable=False),  # items.v1.ItemContent
    Column("corrected_on", _DAY),  # 更正日, as the record states it
)
"""Copies (副本): what may be provided."""

COPY_CHANGES = Table(
    "copy_changes",
    metadata,
    Column("record_id", _CODE, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
)
"""Changes of copies that were made, by which the same one again has no effect."""

BLOCKS = Table(
    "blocks",
    metadata,
    Column("block", _POSITION, primary_key=True, autoincrement=True),
    Column("month", Integer, nullable=False, index=True),  # of the youngest exchange that it is for
    Column(
        "sealed", LargeBinary, nullable=False
    ),  # sealed: exchange.v1.SealedBlock as sent, or SealedAnswer as received
    sqlite_autoincrement=True,
)
"""Blocks of own exchanges, each once however many inquiries it is for (`warifu.interim.kept_blocks`)."""

INQUIRIES = Table(
    "inquiries",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("request_id", _REQUEST_ID, nullable=False, unique=True),
    Column(
        "month", Integer, nullable=False, index=True
    ),  # of the exchange's time, of the own clock until that is known
    Column("made_at", BigInteger, nullable=False),
    Column("requested_at", BigInteger),  # network clock
    Column("answered_at", BigInteger),  # network clock
    Column("review_until", BigInteger),  # network clock
    Column("waiting", Integer, nullable=False),  # 1 the gateway has not answered, 2 PENDING, 0 final
    Column("query_block", _POSITION, ForeignKey("blocks.block"), nullable=False),
    Column("answer_block", _POSITION, ForeignKey("blocks.block")),
    Column("asked", LargeBinary, nullable=False),  # sealed: what was asked and is sent, but for the query's block
    Column("answered", LargeBinary, nullable=False),  # sealed: what it came to, but for the answer's block
    sqlite_autoincrement=True,
)
"""Own inquiries (`warifu.interim.kept_inquiries`). Stored whole before anything is sent."""

UNFINISHED = INQUIRIES.c.waiting > 0
"""No outcome yet, or PENDING."""
Index("inquiries_unfinished", INQUIRIES.c.month, sqlite_where=UNFINISHED, postgresql_where=UNFINISHED)

ANSWER_BLOCKS = Table(
    "answer_blocks",
    metadata,
    Column("block", _POSITION, primary_key=True, autoincrement=True),
    Column("month", Integer, nullable=False, index=True),  # of the youngest exchange that it answers
    Column("sealed", LargeBinary, nullable=False),  # sealed: exchange.v1.SealedAnswer
    sqlite_autoincrement=True,
)
"""Answers as they left; sealed to their requesters, not readable here any more even with the month's key."""

PROVISIONS = Table(
    "provisions",
    metadata,
    Column("permit_id", _REQUEST_ID, primary_key=True),
    Column("permit_hash", LargeBinary(32), nullable=False),
    Column("month", Integer, nullable=False, index=True),  # of the exchange's time
    Column("block", _POSITION, ForeignKey("answer_blocks.block"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("asked", LargeBinary, nullable=False),  # sealed: the permit and what was found by it
    Column("answered", LargeBinary, nullable=False),  # sealed: what it came to
)
"""Used permits with their answers (`warifu.interim.kept_provisions`). Invariant: a permit id enters once, in the same transaction as its
record and its sealed answer."""

REVIEWS = Table(
    "reviews",
    metadata,
    Column("permit_id", _REQUEST_ID, ForeignKey("provisions.permit_id"), primary_key=True),
    Column("month", Integer, nullable=False, index=True),  # of the exchange's time
    Column("requested_at", BigInteger, nullable=False),  # network clock
    Column("review_until", BigInteger, nullable=False),  # network clock
    Column("waiting", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # sealed: why it waits, and who decided what
)
"""Answers that wait or waited for a clerk."""

WAITING = REVIEWS.c.waiting
"""Not decided."""
_WAITING = text("waiting")  # a bare column would be written into migrations as a string, which is no condition
Index("reviews_waiting", REVIEWS.c.review_until, sqlite_where=_WAITING, postgresql_where=_WAITING)

RECORDS = Table(
    "records",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("request_id", _REQUEST_ID, nullable=False),  # found by the constraint's own index
    Column("kind", Integer, nullable=False),  # exchange.v1.RecordKind
    Column("side", String(9), nullable=False),  # requester or provider
    Column("month", Integer, nullable=False, index=True),  # of the exchange's time
    Column("sealed", LargeBinary, nullable=False),  # sealed: the record that the commitment is over, and its salt
    Column("commitment", LargeBinary(32), nullable=False),
    Column("permit_hash", LargeBinary(32)),
    UniqueConstraint("request_id", "side", "kind", name="records_once"),
    sqlite_autoincrement=True,
)
"""This institution's own access records (art. 23). Only ever added to, until their term is over."""

PROMISES = Table(
    "promises",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=False),  # of the request's record in RECORDS
    Column("request_id", _REQUEST_ID, nullable=False),
    Column("month", Integer, nullable=False, index=True),  # of the exchange's time
    Column("asked", Boolean, nullable=False),  # this institution asked; otherwise it provided
    Column("commitment", LargeBinary(32), nullable=False),
    Column("receipt", LargeBinary),  # sealed: linkage.v1.Receipt as received first; absent when it provided
    Column("promised_at", BigInteger, nullable=False),
    Column("state", Integer, nullable=False),  # interim.v1.PromiseState
    Column("look_at", BigInteger, nullable=False),  # not to be looked at, or reported again, before
    Column("log_key", String(200)),  # verifier key of the log in which it was found
    Column("leaf_index", BigInteger),
    Column("problem", String(40)),  # found at the last look
    Column("found_at", BigInteger),
    Column("reported_at", BigInteger),
)
"""What the gateway promised to have logged, by receipt or permit, and what became of it. A broken promise stays broken."""

OPEN_PROMISES = PROMISES.c.state == 1
"""Waiting to be looked up in the log (interim.v1.PromiseState)."""
BROKEN_PROMISES = PROMISES.c.state == 3  # noqa: PLR2004 - interim.v1.PromiseState
"""Not kept."""
Index("promises_open", PROMISES.c.look_at, sqlite_where=OPEN_PROMISES, postgresql_where=OPEN_PROMISES)
Index("promises_broken", PROMISES.c.position, sqlite_where=BROKEN_PROMISES, postgresql_where=BROKEN_PROMISES)

JOURNAL = Table(
    "journal",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),  # network clock
    Column("what", String(40), nullable=False),
    Column("addressee_no", _ADDRESSEE),
    Column("reason", String(200)),
    sqlite_autoincrement=True,
)
"""What was done to addressees by hand, and why: unbinding, protection. What was done in an exchange stands in its review."""

MARKS = Table(
    "marks",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Where lists were read to, and the version of the own directory entry."""

DIRECTORY = directory_table(metadata)
"""Directory entries of others that were seen, and the own one that the gateway took last."""
