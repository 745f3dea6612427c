"""In which months a person has entries, so that a page looks into those alone.

By a month's tags nobody sees who has entries when, the portal neither: to find a person's it would have to look into every month of the term.
So what it found once is kept beside the person's code, as a row of bits: every entry that had arrived up to a stated position is in one of
those months. A month in which anything arrived later is looked into as well. The bits can be old, then, but never wrong.

They are sealed under the key of the oldest month that is left, so they tell of no month for longer than that month's own key; as many bytes
whatever they say; and they are made when their holder logs in, not when something arrives, so they do not tell that either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, text, update

from warifu.kernel.months import Month
from warifu.kernel.vault import ErasedError, Vault, VaultError
from warifu.portal.history.schema import arrived_in
from warifu.portal.kept import Kept
from warifu.portal.schema import account_subjects

_SIZE: Final = 16
"""Bytes of the bits: more months than a term has."""

_NOTE: Final = text(
    "INSERT INTO arrived_in (month, arrival) VALUES (:month, :arrival)"
    " ON CONFLICT (month) DO UPDATE SET arrival = excluded.arrival"
)
_KNOWN: Final = text(
    "SELECT account_subjects.held, arrived_in.month FROM account_subjects"
    " LEFT JOIN arrived_in ON arrived_in.arrival > account_subjects.held_at"
    " WHERE account_subjects.subject = :subject"
)
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
    kept, later = _known(connection, vault, subject)
    if kept is not None and not later:
        return kept
    found = set(connection.execute(_ALL).scalars()) if kept is None else later.union(kept)
    return sorted((month for month in found if month >= vault.first), reverse=True)


def is_behind(connection: Connection, vault: Vault, subject: bytes) -> bool:
    """Whether there is anything to look into beyond what is kept."""
    kept, later = _known(connection, vault, subject)
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


def _known(connection: Connection, vault: Vault, subject: bytes) -> tuple[list[Month] | None, set[Month]]:
    """The months that are kept, newest first, None when there are none that can be read; and those in which something arrived later."""
    rows = connection.execute(_KNOWN, {"subject": subject}).all()
    if not rows or rows[0][0] is None:
        return None, set()
    return _opened(vault, subject, rows[0][0]), {month for _, month in rows if month is not None}


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
