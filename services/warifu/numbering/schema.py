"""The numbering body's tables. No linkage code, no acquisition number, nothing that an agency knows.

Times are milliseconds since 1970 (UTC) of the network clock. Columns named `sealed` hold AES-SIV ciphertexts (see vault.py): equal values have
equal ciphertexts, so that a column is its own index, and a stolen database file without the key shows neither a number nor a code.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()

_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in a column named INTEGER
_DIGEST = LargeBinary(16)
_SEALED = LargeBinary(64)

PERSON = Table(
    "person",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=False),
    Column("name", String(100), nullable=False),
    Column("kana", String(100)),
    Column("address", String(200), nullable=False),
    Column("birth_date", String(10), nullable=False),
    Column("sex", Integer, nullable=False),  # common.v1.Sex
    Column("digest", _DIGEST, nullable=False, index=True),  # of the folded items; not unique: people may share all four
    Column("died_on", String(10)),
    Column("registered_at", BigInteger, nullable=False),
)
"""Everyone, with the 4 basic items as registered now."""

FORMER_ITEMS = Table(
    "former_items",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("person", _ID, primary_key=True, autoincrement=False),
    Column("until_at", BigInteger, nullable=False),
)
"""Digests of items that a person had before: whoever has not heard of a move can still enrol the person, and nobody else."""

RESIDENT_CODE = Table(
    "resident_code",
    metadata,
    Column("sealed", _SEALED, primary_key=True),
    Column("person", _ID, nullable=False, index=True),
    Column("origin", Boolean, nullable=False),  # the person's first code: individual numbers derive from it for life
    Column("since_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)
"""Every code ever given; none is given twice."""

CURRENT_CODE = RESIDENT_CODE.c.ended_at.is_(None)
Index(
    "resident_code_current",
    RESIDENT_CODE.c.person,
    unique=True,
    sqlite_where=CURRENT_CODE,
    postgresql_where=CURRENT_CODE,
)

INDIVIDUAL_NUMBER = Table(
    "individual_number",
    metadata,
    Column("sealed", _SEALED, primary_key=True),
    Column("person", _ID, nullable=False, index=True),
    Column("counter", Integer, nullable=False),  # changes before this number
    Column("since_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("reason", String(200)),  # why it was ended
)
"""Every individual number ever assigned."""

CODE_CHANGE = Table(
    "code_change",
    metadata,
    Column("position", _ID, primary_key=True, autoincrement=True),
    Column("old_sealed", _SEALED, nullable=False),
    Column("new_sealed", _SEALED, nullable=False),
    Column("institution", String(64), nullable=False),  # which residency institution asked
    Column("changed_at", BigInteger, nullable=False),
    Column("told_at", BigInteger),  # when the gateway acknowledged; absent while it is owed
    sqlite_autoincrement=True,
)
"""Changes of resident code, and the outbox towards the gateway."""

OWED = CODE_CHANGE.c.told_at.is_(None)
Index("code_change_owed", CODE_CHANGE.c.position, sqlite_where=OWED, postgresql_where=OWED)

CARD = Table(
    "card",
    metadata,
    Column("number", String(14), primary_key=True),  # printed on its face; see warifu.exchange.card_number
    Column("person", _ID, nullable=False, index=True),
    Column("form", Integer, nullable=False),  # numbering.v1.CardForm: card or phone
    Column("issued_at", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),  # numbering.v1.CertificateStatus: GOOD, SUSPENDED or REVOKED
    Column("changed_at", BigInteger, nullable=False),
)
"""What carries certificates: cards, and phones that take a card's place."""

CERTIFICATE = Table(
    "certificate",
    metadata,
    Column("serial", String(40), primary_key=True),  # hexadecimal, lower case; 20 bytes at most (RFC 5280 §4.1.2.2)
    Column("card", String(14), nullable=False, index=True),
    Column("person", _ID, nullable=False, index=True),
    Column("kind", Integer, nullable=False),  # numbering.v1.CertificateKind
    Column("not_before", BigInteger, nullable=False),
    Column("not_after", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),  # numbering.v1.CertificateStatus: GOOD, SUSPENDED or REVOKED
    Column("changed_at", BigInteger, nullable=False),
)
"""Card certificates. The certificate itself goes to its card; only its holder and status stay."""

STATUS_CHANGE = Table(
    "status_change",
    metadata,
    Column("position", _ID, primary_key=True, autoincrement=True),
    Column("serial", String(40), nullable=False),
    Column("status", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""What became of certificates, in order, for whoever let their holders in."""

HELP_REPORT = Table(
    "help_report",
    metadata,
    Column("receipt", String(12), primary_key=True),
    Column("reported_at", BigInteger, nullable=False),
    Column("by_card_number", Boolean, nullable=False),
)
"""Every report to the help line. What was typed is not kept, and whether it fitted says the other table alone."""

SUSPENSION = Table(
    "suspension",
    metadata,
    Column("card", String(14), primary_key=True),
    Column("receipt", String(12), primary_key=True),
)
"""Which card a report suspended."""

CARD_ORDER = Table(
    "card_order",
    metadata,
    Column("position", _ID, primary_key=True, autoincrement=True),
    Column("order_id", String(36), nullable=False, unique=True),
    Column("institution", String(64), nullable=False),  # whose counter
    Column("card", String(14), nullable=False),
    Column("person", _ID, nullable=False),
    Column("act", Integer, nullable=False),  # numbering.v1.CardAct
    Column("clerk", String(60), nullable=False),
    Column("approver", String(60), nullable=False),  # empty where none is needed
    Column("ordered_at", BigInteger, nullable=False),
    Column("made_at", BigInteger),  # when a new card was made out for it
    sqlite_autoincrement=True,
)
"""What counters decided about cards, and who decided it."""

LOOKUP = Table(
    "lookup",
    metadata,
    Column("position", _ID, primary_key=True, autoincrement=True),
    Column("institution", String(64), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("times", Integer, nullable=False),
    Column("looked_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""Who looked, how and with what success; never for whom or for what. One row for the equal ones of a batch."""

COUNTER = Table(
    "counter",
    metadata,
    Column("name", String(24), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""How far the drawing of codes has come."""
