"""Corrections as they are kept: what an institution says is wrong in an entry, with what proves that it said so. The entry stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.exchange import event as events
from warifu.exchange.record import RecordError
from warifu.kernel.instants import stamped
from warifu.kernel.vault import Vault
from warifu.log.v1.log_pb2 import CommittedEvent, NetworkEvent
from warifu.portal.history.schema import corrections
from warifu.portal.kept import Kept
from warifu.portal.v1 import portal_pb2

MOST: Final = 20
"""Of one entry; more are not believed."""

_ADD: Final = insert(corrections)
_KNOWN: Final = select(corrections.c.commitment).where(corrections.c.commitment == bindparam("which"))
_PLACE: Final = (
    update(corrections)
    .where(corrections.c.commitment == bindparam("which"))
    .values(leaf=bindparam("new_leaf"), log_key=bindparam("new_log_key"))
)
_OF: Final = (
    select(corrections)
    .where(corrections.c.request_id.in_(bindparam("request_ids", expanding=True)))
    .order_by(corrections.c.arrival)
)


class CorrectionError(ValueError):
    """A correction that cannot be believed; the message says why."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One correcting entry, opened."""

    request_id: str
    institution: str
    """Code of who says so."""
    statement: str
    at: int
    """Simulated time, milliseconds."""
    committed: CommittedEvent
    leaf: int | None = None
    """Place in the log; None while not known."""


def read(shown: portal_pb2.ShownCorrection, entry: Kept) -> Correction:
    """A correction as it was delivered with its entry.

    Raises:
        CorrectionError: its commitment does not fit, or it is about another exchange or by somebody who took no part.
    """
    try:
        committed = CommittedEvent.FromString(shown.event)
        found = _opened(committed, events.check(committed), shown.leaf)
    except (DecodeError, RecordError) as error:
        raise CorrectionError("not a committed event") from error
    if found.request_id != entry.request_id or found.institution not in {entry.requester, entry.provider}:
        raise CorrectionError("not a correction of this entry")
    return found


def keep(
    connection: Connection, vault: Vault, entry: Kept, found: Sequence[Correction], arrived: int, log_key: str
) -> int:
    """Keep what is new of an entry's corrections, and note where all stand in the log; the last position of arrival.

    Raises:
        ErasedError: the entry's term is over.
    """
    for one in found:
        which = {"which": one.committed.commitment}
        if connection.execute(_KNOWN, which).first() is None:
            arrived += 1
            connection.execute(_ADD, _row(vault, entry, one, arrived, log_key))
        else:
            connection.execute(_PLACE, {**which, "new_leaf": one.leaf, "new_log_key": log_key})
    return arrived


def of(connection: Connection, vault: Vault, request_ids: Sequence[str]) -> list[Correction]:
    """The corrections of these entries, in the order of arrival.

    Raises:
        ErasedError: their term is over.
    """
    rows = connection.execute(_OF, {"request_ids": list(request_ids)})
    return [opened(vault, row) for row in rows]


def opened(vault: Vault, row: Any) -> Correction:
    """The correction of a row.

    Raises:
        ErasedError: its term is over.
    """
    committed = CommittedEvent.FromString(vault.unseal(row.month, row.sealed, _context(row.commitment)))
    return _opened(committed, NetworkEvent.FromString(committed.event), row.leaf)


def _opened(committed: CommittedEvent, event: NetworkEvent, leaf: int | None) -> Correction:
    said = event.correction
    return Correction(said.request_id, said.institution, said.statement, stamped(event.at), committed, leaf)


def _row(vault: Vault, entry: Kept, one: Correction, arrival: int, log_key: str) -> dict[str, object]:
    commitment = one.committed.commitment
    return {
        "commitment": commitment,
        "request_id": entry.request_id,
        "month": entry.month,
        "sealed": vault.seal(entry.month, one.committed.SerializeToString(), _context(commitment)),
        "arrival": arrival,
        "leaf": one.leaf,
        "log_key": log_key,
    }


def _context(commitment: bytes) -> bytes:
    return b"correction/" + commitment
