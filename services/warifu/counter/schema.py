"""A counter's tables: one database an institution, never joined with another's. Who works there, what they did, what waits for a second person.

If it is read, so is which staff code handled which addressee number, and when; no name, number or answer stands here. If it is lost, so is
the record of who did what at the counter; business system and interim server keep their own.

`…_at` are milliseconds of the network clock unless the comment says machine clock, `…_on` simulated days (ISO). A person is an addressee number.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from warifu.staff.tables import session_table, staff_table

metadata: Final = MetaData()

_ID: Final = BigInteger().with_variant(
    Integer, "sqlite"
)  # SQLite numbers rows by itself only in a column named INTEGER
_CODE: Final = String(64)
_DAY: Final = String(10)


def _number() -> Column[int]:
    return Column("id", _ID, primary_key=True, autoincrement=True)


STAFF: Final = staff_table(
    metadata,
    Column("office", _CODE, nullable=False),  # key of warifu.counter.staff.roles.OFFICES
    Column("duty_days", Integer, nullable=False),  # bit n: weekday n, Monday is 0
    Column("duty_from", Integer, nullable=False),  # minutes of the day in Japan
    Column("duty_to", Integer, nullable=False),
    Column("granted_until", BigInteger, nullable=False),  # may work outside duty hours before this instant
    Column("used_step", BigInteger, nullable=False),  # newest one-time password used, machine clock's 30 seconds
)
"""Accounts: the login is the staff code that the network's records name."""

STAFF_SESSION: Final = session_table(metadata)

ACT: Final = Table(
    "act",
    metadata,
    _number(),
    Column("at", BigInteger, nullable=False),
    Column("machine_at", BigInteger, nullable=False),  # machine clock
    Column("login", _CODE, nullable=False),
    Column("office", _CODE, nullable=False),
    Column("role", String(16), nullable=False),
    Column("act", String(32), nullable=False),  # key of warifu.counter.acts.words.ACTS
    Column("about", _CODE, nullable=False),
    sqlite_autoincrement=True,
)
"""What staff did, written before it was done. Only ever added to."""

ACT_END: Final = Table(
    "act_end",
    metadata,
    Column("act", _ID, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("result", _CODE, nullable=False),  # "done", or the reason code of a refusal
)
"""How an act ended. Without a row nobody knows: the process ended in between. Only ever added to."""

PROPOSAL: Final = Table(
    "proposal",
    metadata,
    _number(),
    Column("kind", String(32), nullable=False),
    Column("content", LargeBinary, nullable=False),  # exactly what is done when it is approved
    Column("about", _CODE, nullable=False),
    Column("why", String(200), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("proposed_by", _CODE, nullable=False),
    Column("state", String(16), nullable=False),  # warifu.counter.proposals.queries.State
    Column("decided_at", BigInteger),
    Column("decided_by", _CODE),
    Column("result", _CODE),  # reason code, when it could not be done
    sqlite_autoincrement=True,
)
"""Acts that need a second person."""

WAITING: Final = PROPOSAL.c.state == "waiting"
Index("proposal_waiting", PROPOSAL.c.id, sqlite_where=WAITING, postgresql_where=WAITING)

VISIT: Final = Table(
    "visit",
    metadata,
    _number(),
    Column("on", _DAY, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("login", _CODE, nullable=False),
    Column("addressee_no", String(15), nullable=False),
    Column("created", Integer, nullable=False),  # 1: a new addressee was made
    Column("number_paper", String(32), nullable=False),  # on which the number was read
    Column("papers", String(200), nullable=False),  # identity documents seen, codes joined by spaces
    Column("seen", String(200), nullable=False),  # what the clerk ticked, codes joined by spaces
    Column("ended_at", BigInteger),
    sqlite_autoincrement=True,
)
"""Visitors who were identified: number checked and identity proofed. It counts on its day alone."""
