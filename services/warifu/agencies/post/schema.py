"""What came by the citizen portal's post, and what it is still to be told. Times are milliseconds since 1970 (UTC) of the network clock.

An application is what a person signed for this institution alone, so it stands here as open as the addressees' own items do; nothing of an
exchange is among it. A letter names an exchange and no person.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from warifu.agencies.schema import NO, metadata

APPLICATION = Table(
    "application",
    metadata,
    Column("application_id", String(36), primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),  # at the portal, among those to this institution
    Column("procedure", String(64), nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("signed", LargeBinary),  # portal.v1.SignedApplication, the evidence; absent when it could not be opened
    Column(
        "applicant", LargeBinary
    ),  # common.v1.BasicItems from the checked certificate; absent while there is a problem
    Column("digest", LargeBinary(16)),  # of the applicant's folded items, by which the addressee is found
    Column("problem", String(64)),  # reason code, when it cannot be taken
    Column("case_reference", String(64), unique=True),  # the case that answers it
)
"""Applications, opened and checked. Only `case_reference` ever changes."""

_WAITING = APPLICATION.c.case_reference.is_(None) & APPLICATION.c.problem.is_(None)
Index("application_waiting", APPLICATION.c.position, sqlite_where=_WAITING, postgresql_where=_WAITING)

PROGRESS = Table(
    "application_progress",
    metadata,
    Column("application_id", String(36), primary_key=True),
    Column("message", LargeBinary, nullable=False),  # portal.v1.TellProgressRequest, the newest alone
    Column("revision", Integer, nullable=False),  # how often there was something new to tell
    Column("told", Integer, nullable=False),  # the revision that the portal has
    Column("refused", String(64)),  # reason code, when the portal will never take it; kept for whoever looks into it
)
"""How each application goes, as its applicant is to be told."""

OWED_PROGRESS = (PROGRESS.c.told < PROGRESS.c.revision) & PROGRESS.c.refused.is_(None)
Index("progress_owed", PROGRESS.c.application_id, sqlite_where=OWED_PROGRESS, postgresql_where=OWED_PROGRESS)

LETTER = Table(
    "letter",
    metadata,
    Column("letter_id", String(36), primary_key=True),
    Column("position", BigInteger, nullable=False, unique=True),  # at the portal, among those to this institution
    Column("request_id", String(64), nullable=False, index=True),
    Column("objection", Boolean, nullable=False),
    Column("text", String(1000), nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("answer_by", String(10), nullable=False),
    Column("answer", String(1000)),
    Column("answered_at", BigInteger),
    Column("clerk", String(60)),  # who answered
    Column("correction", String(200)),  # statement of the correcting entry that was made with the answer
    Column("told", Boolean, nullable=False),  # the portal has the answer
    Column("refused", String(64)),  # reason code, when the portal will never take it
)
"""Questions and objections about exchanges in which this institution took part."""

OWED_ANSWER = LETTER.c.answer.is_not(None) & LETTER.c.told.is_(NO) & LETTER.c.refused.is_(None)
Index("letter_owed", LETTER.c.letter_id, sqlite_where=OWED_ANSWER, postgresql_where=OWED_ANSWER)
