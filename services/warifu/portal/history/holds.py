"""In which months a person has entries, so that a page looks into those alone.

By a month's tags nobody sees who has entries when, the portal neither: to find a person's it would have to look into every month of the term.
So what it found once is kept beside the person's code, as a row of bits: every entry that had arrived up to a stated position is in one of
those months. A month in which anything arrived later is looked into as well. The bits can be old, then, but never wrong.

They are sealed under the key of the oldest month that is left, so they tell of no month for longer than that month's own key; as many bytes
whatever they say; and they are made when their holder logs in, not when something arrives, so they do not tell that either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, text, update

from warifu.kernel.months import Month
from warifu.kernel.ready import Ready
from warifu.kernel.vault import ErasedError, Vault, VaultError
from warifu.portal.history.schema import arrived_in
from warifu.portal.kept import Kept
from warifu.portal.schema import account_subjects
from warifu.portal.sessions import beside

_SIZE: Final = 16
"""Bytes of the bits: more months than a term has."""

_NOTE: Final = text(
    "INSERT INTO arrived_in (month, arrival) VALUES (:month, :arrival)"
    " ON CONFLICT (month) DO UPDATE SET arrival = excluded.arrival"
)
_ROW: Final = (account_subjects.c.held, arrived_in.c.month, account_subjects.c.subject)
_LATER: Final = arrived_in.c.arrival > account_subjects.c.held_at
_KNOWN: Final = Ready(
    select(*_ROW)
    .select_from(account_subjects.outerjoin(arrived_in, _LATER))
    .where(account_subjects.c.subject == bindparam("subject")),
    "subject",
)
_KNOWN_OF: Final = Ready(
    select(*_ROW)
    .select_from(account_subjects.outerjoin(arrived_in, _LATER))
    .where(account_subjects.c.account == bindparam("account")),
    "account",
)
BESIDE: Final = beside(
    *_ROW,
    joined=lambda sessions: sessions.outerjoin(
        account_subjects, account_subjects.c.account == sessions.c.account
    ).outerjoin(arrived_in, _LATER),
)
"""`Rows` of a session's own account (`Sessions.beside`)."""
Rows = Sequence[tuple[Any, ...]]
"""What is known of codes, whatever it was read with: bits, month in which something arrived later, code; one for each such month, or one a code."""
_ALL: Final = select(arrived_in.c.month)
_ARRIVED: Final = select(func.max(arrived_in.c.arrival))
_KEEP: Final = (
    update(account_subjects)
    .where(account_subjects.c.subject == bindparam("which"))
    .values(held=bindparam("held"), held_at=bindparam("held_at"))
)


def note(connection: Connection, new: Sequence[Kept]) -> None:
    """In the transaction that keeps new entries: that something arrived in their months."""
    newest: dict[Month, int] = {}
    for kept in new:
        newest[kept.month] = max(kept.arrival, newest.get(kept.month, 0))
    if newest:
        connection.execute(_NOTE, [{"month": month, "arrival": arrival} for month, arrival in newest.items()])


def months(connection: Connection, vault: Vault, subject: bytes) -> list[Month]:
    """Every month that may have entries about a code, newest first; months whose keys were destroyed are left out."""
    return _months(connection, vault, subject, _KNOWN.rows(connection, (subject,)))


def months_of(connection: Connection, vault: Vault, whose: str | Rows) -> list[tuple[bytes, list[Month]]]:
    """Each code of a person, present and past, with the months as `months` tells them; in no order. `whose`: an account, or what was read of it."""
    rows: Rows = _KNOWN_OF.rows(connection, (whose,)) if isinstance(whose, str) else whose
    if len(rows) == 1 and (subject := rows[0][2]) is not None:  # nearly everybody's
        return [(subject, _months(connection, vault, subject, rows))]
    by_code: dict[bytes, list[tuple[Any, ...]]] = {}
    for row in rows:
        if row[2] is not None:
            by_code.setdefault(row[2], []).append(row)
    return [(subject, _months(connection, vault, subject, told)) for subject, told in by_code.items()]


def _months(connection: Connection, vault: Vault, subject: bytes, rows: Rows) -> list[Month]:
    kept, later = _known(vault, subject, rows)
    if kept is not None and not later:
        return kept
    found = set(connection.execute(_ALL).scalars()) if kept is None else later.union(kept)
    return sorted((month for month in found if month >= vault.first), reverse=True)


def is_behind(connection: Connection, vault: Vault, subject: bytes) -> bool:
    """Whether there is anything to look into beyond what is kept."""
    kept, later = _known(vault, subject, _KNOWN.rows(connection, (subject,)))
    return kept is None or not later.issubset(kept)


def arrived(connection: Connection) -> int:
    """How far entries have arrived. To be read before the months are looked into that `keep` is then told of."""
    return connection.execute(_ARRIVED).scalar() or 0


def keep(connection: Connection, vault: Vault, subject: bytes, held: Iterable[Month], arrived_up_to: int) -> None:
    """Keep that all entries about a code that had arrived up to there are in these months.

    Raises:
        ErasedError: the first month's key was destroyed in this very moment.
    """
    first = vault.first
    bits = sum(1 << (month - first) for month in set(held) if month >= first)
    sealed = vault.seal(first, bits.to_bytes(_SIZE, "little"), _context(subject))
    connection.execute(_KEEP, {"which": subject, "held": sealed, "held_at": arrived_up_to})


def _known(vault: Vault, subject: bytes, rows: Rows) -> tuple[list[Month] | None, set[Month]]:
    """The months that are kept, newest first, None when there are none that can be read; and those in which something arrived later."""
    if not rows or rows[0][0] is None:
        return None, set()
    return _opened(vault, subject, rows[0][0]), {row[1] for row in rows if row[1] is not None}


def _opened(vault: Vault, subject: bytes, sealed: bytes) -> list[Month] | None:
    first = vault.first
    try:
        bits = int.from_bytes(vault.unseal(first, sealed, _context(subject)), "little")
    except (ErasedError, VaultError):  # its key is destroyed: it is made anew at the next login
        return None
    found = []
    while bits:
        last = bits.bit_length() - 1
        found.append(first + last)
        bits ^= 1 << last
    return found


def _context(subject: bytes) -> bytes:
    return b"held/" + subject
