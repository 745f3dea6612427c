"""The portal's one database: what was delivered, whose it is, who is logged in, and who may look for whom.

If it is read, so is who has how many entries in which month, by tags of that month; what they say lies under the month's key
(`warifu.kernel.vault`). There is never a name or a number: the portal holds neither, but for what someone types as a label for their proxy. If it is changed, the
gateway's and the institutions' records tell. If it is lost, accounts are opened anew at the next login, but what was delivered is gone from
here: the gateway forgets a delivery once it was acknowledged, and only its own records still have it.
"""

from __future__ import annotations

from typing import Final

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

metadata: Final = MetaData()

entries: Final = Table(
    "entries",
    metadata,
    Column(
        "arrival",
        # On SQLite the table itself lies in this order, and needs no other key for it.
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="Position in the order of arrival, from 1.",
    ),
    Column("request_id", String(36), nullable=False),
    Column("month", Integer, nullable=False, index=True, comment="Of the request: whose key seals the row."),
    Column("requested_at", BigInteger, nullable=False, comment="Simulated time, milliseconds since 1970, UTC."),
    Column("sealed", LargeBinary, nullable=False, comment="What was delivered; see warifu.portal.kept."),
    Column("request_leaf", BigInteger, comment="Place of the request record in the log; absent while not known."),
    Column("outcome_leaf", BigInteger, comment="Place of the outcome record in the log; absent while not known."),
    Column("log_key", String(8), comment="Id of the key of the log in which those places are, hexadecimal."),
    UniqueConstraint("request_id"),
    # The few whose places are to be asked for, found without looking at the others.
    Index(
        "ix_entries_unplaced",
        "arrival",
        sqlite_where=text("request_leaf IS NULL"),
        postgresql_where=text("request_leaf IS NULL"),
    ),
)
"""Each exchange whole, as it was delivered. Whose it is, only its sealed content says: a person's are found by their lines (`portal.history.schema`)."""

accounts: Final = Table(
    "accounts",
    metadata,
    Column("account", String(32), primary_key=True, comment="Random; names nobody."),
    Column("opened_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)

account_certificates: Final = Table(
    "account_certificates",
    metadata,
    Column("serial", String(64), primary_key=True, comment="Serial number of a card certificate, hexadecimal."),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Index("ix_account_certificates_account", "account"),
)

account_subjects: Final = Table(
    "account_subjects",
    metadata,
    Column("subject", LargeBinary, primary_key=True, comment="A code of the person; history is the union over all."),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Column("claimed_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
    Column("held", LargeBinary, comment="In which months entries are, sealed; see warifu.portal.history.holds."),
    Column("held_at", BigInteger, comment="Position in the order of arrival up to which that tells."),
    # All that every page of the history asks of an account is in the index.
    Index("ix_account_subjects_account", "account", "subject", "held_at", "held"),
)

superseded: Final = Table(
    "superseded",
    metadata,
    Column(
        "subject",
        LargeBinary,
        primary_key=True,
        comment="A code that no longer serves, since the resident code changed.",
    ),
)

positions: Final = Table(
    "positions",
    metadata,
    Column("name", String(32), primary_key=True),
    Column(
        "position",
        BigInteger,
        nullable=False,
        comment="How far a list of the gateway has been read, or deliveries counted.",
    ),
)

claims: Final = Table(
    "claims",
    metadata,
    Column("serial", String(64), primary_key=True, comment="Certificate for which a code is being obtained."),
    Column("acquisition_number", LargeBinary, nullable=False, comment="Erased with the row once the code is claimed."),
    Column("made_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True, comment="SHA-256 of the cookie's value."),
    Column("account", ForeignKey("accounts.account"), nullable=False),
    Column("opened_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
    Column("seen_at", BigInteger, nullable=False, comment="Machine time, milliseconds; within SEEN_STEP of the truth."),
    Column(
        "acting", ForeignKey("mandates.mandate"), comment="The mandate under which somebody else's history is read."
    ),
    Column("serial", String(64), nullable=False, comment="Serial number of the certificate that opened it."),
    Column("kiosk", Boolean, nullable=False, comment="It was opened at a terminal that others use after."),
    Index("ix_sessions_account", "account"),
    Index("ix_sessions_serial", "serial"),
    sqlite_with_rowid=False,  # every page looks for one: found with its row at once
)

proxy_words: Final = Table(
    "proxy_words",
    metadata,
    Column("word_hash", LargeBinary, primary_key=True, comment="SHA-256 of the pairing word."),
    Column("principal", ForeignKey("accounts.account"), nullable=False, unique=True, comment="One living word each."),
    Column("label", String(40), nullable=False, comment="What the principal calls the proxy."),
    Column("scope", String(16), nullable=False, comment="warifu.portal.proxies.scopes.Scope."),
    Column("days", Integer, nullable=False, comment="How long the mandate is to last, simulated."),
    Column("made_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)

proxy_children: Final = Table(
    "proxy_children",
    metadata,
    Column(
        "token_hash", LargeBinary, primary_key=True, comment="Of the parent's session, which goes for the child's card."
    ),
    Column("label", String(40), nullable=False, comment="What the parent calls the child."),
    Column("own_label", String(40), nullable=False, comment="What the child calls the parent."),
    Column("days", Integer, nullable=False, comment="How long the mandate is to last, simulated."),
    Column("made_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
)

proxy_guesses: Final = Table(
    "proxy_guesses",
    metadata,
    Column("account", ForeignKey("accounts.account"), primary_key=True, comment="Who typed words that were none."),
    Column("first_at", BigInteger, nullable=False, comment="Machine time, milliseconds: when the counting began."),
    Column("guesses", Integer, nullable=False),
)

mandates: Final = Table(
    "mandates",
    metadata,
    Column("mandate", String(32), primary_key=True, comment="Random: one person's right to read another's history."),
    Column("principal", ForeignKey("accounts.account"), nullable=False),
    Column("proxy", ForeignKey("accounts.account"), nullable=False),
    Column("proxy_label", String(40), nullable=False, comment="What the principal calls the proxy."),
    Column("principal_label", String(40), nullable=False, comment="What the proxy calls the principal."),
    Column("kind", String(8), nullable=False, comment="CONSENT of the principal, or PARENT with the principal's card."),
    Column("scope", String(16), nullable=False, comment="warifu.portal.proxies.scopes.Scope."),
    Column("since", BigInteger, nullable=False, comment="Simulated time, milliseconds."),
    Column("until", BigInteger, nullable=False, comment="Simulated time, milliseconds: from then on it is over."),
    Column("ended_at", BigInteger, comment="Simulated time, milliseconds."),
    Column("traced", Integer, nullable=False, comment="How many traces it has."),
    Index("ix_mandates_principal", "principal"),
    Index("ix_mandates_proxy", "proxy"),
)

traces: Final = Table(
    "traces",
    metadata,
    Column("mandate", ForeignKey("mandates.mandate"), primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False, comment="Simulated time, milliseconds."),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="From 1, within the mandate."),
    Column("act", String(16), nullable=False, comment="warifu.portal.proxies.traces.Act."),
    sqlite_with_rowid=False,
)

challenges: Final = Table(
    "challenges",
    metadata,
    Column("challenge_hash", LargeBinary, primary_key=True, comment="SHA-256 of the 32 random bytes."),
    Column("session_hash", LargeBinary, nullable=False, comment="SHA-256 of the pre-login cookie's value."),
    Column("made_at", BigInteger, nullable=False, comment="Machine time, milliseconds."),
    Column("next_path", String(512), nullable=False, comment="Page of this portal to open after the login."),
)
