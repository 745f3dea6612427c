"""What becomes of certificates: every change of status is written here and listed for whoever let their holders in.

All functions are for use inside a write. A revoked card or certificate never changes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.numbering.schema import CARD, CERTIFICATE, STATUS_CHANGE
from warifu.numbering.v1.numbering_pb2 import (
    CARD_FORM_PHONE,
    CERTIFICATE_KIND_SIGNATURE,
    CERTIFICATE_STATUS_GOOD,
    CERTIFICATE_STATUS_REVOKED,
    CERTIFICATE_STATUS_SUSPENDED,
)

if TYPE_CHECKING:
    from warifu.numbering.v1.numbering_pb2 import CertificateKind, CertificateStatus

_LIVING: Final = CERTIFICATE.c.status != CERTIFICATE_STATUS_REVOKED
_ON_CARD: Final = select(CERTIFICATE.c.serial, CERTIFICATE.c.kind, CERTIFICATE.c.status).where(
    CERTIFICATE.c.card == bindparam("of_card"), _LIVING
)
_SIGNATURES: Final = select(CERTIFICATE.c.serial).where(
    CERTIFICATE.c.person == bindparam("person_id"), CERTIFICATE.c.kind == CERTIFICATE_KIND_SIGNATURE, _LIVING
)
_CARDS: Final = select(CARD.c.number).where(
    CARD.c.person == bindparam("person_id"), CARD.c.status != CERTIFICATE_STATUS_REVOKED
)
_PHONES: Final = _CARDS.where(CARD.c.form == CARD_FORM_PHONE)
_CHANGE: Final = (
    update(CERTIFICATE)
    .where(CERTIFICATE.c.serial == bindparam("b_serial"), _LIVING)
    .values(status=bindparam("b_status"), changed_at=bindparam("at"))
)
_NOTE: Final = insert(STATUS_CHANGE)
_CHANGE_CARD: Final = (
    update(CARD)
    .where(CARD.c.number == bindparam("of_card"), CARD.c.status != CERTIFICATE_STATUS_REVOKED)
    .values(status=bindparam("b_status"), changed_at=bindparam("at"))
)


def change(connection: Connection, serials: Sequence[str], status: CertificateStatus.ValueType, at: int) -> None:
    """Give certificates another status and list the change."""
    if not serials:
        return
    connection.execute(_CHANGE, [{"b_serial": serial, "b_status": status, "at": at} for serial in serials])
    connection.execute(_NOTE, [{"serial": serial, "status": status, "changed_at": at} for serial in serials])


def suspend(connection: Connection, card: str, at: int) -> None:
    """Suspend a card with everything on it."""
    _change_card(connection, card, CERTIFICATE_STATUS_GOOD, CERTIFICATE_STATUS_SUSPENDED, at)


def release(connection: Connection, card: str, at: int) -> None:
    """Lift a card's suspension."""
    _change_card(connection, card, CERTIFICATE_STATUS_SUSPENDED, CERTIFICATE_STATUS_GOOD, at)


def revoke(connection: Connection, card: str, at: int) -> None:
    """Revoke a card for ever, with everything on it."""
    serials = [row.serial for row in connection.execute(_ON_CARD, {"of_card": card})]
    change(connection, serials, CERTIFICATE_STATUS_REVOKED, at)
    connection.execute(_CHANGE_CARD, {"of_card": card, "b_status": CERTIFICATE_STATUS_REVOKED, "at": at})


def revoke_all(connection: Connection, person: int, at: int) -> None:
    """Revoke everything that a person has."""
    for card in connection.execute(_CARDS, {"person_id": person}).scalars().all():
        revoke(connection, card, at)


def revoke_phones(connection: Connection, person: int, at: int) -> None:
    """A phone's certificate hangs on the card's: when that one ends, so does it."""
    for card in connection.execute(_PHONES, {"person_id": person}).scalars().all():
        revoke(connection, card, at)


def revoke_kind(connection: Connection, card: str, kind: CertificateKind.ValueType, at: int) -> None:
    """Revoke a card's certificates of one kind, which others replace."""
    serials = [row.serial for row in connection.execute(_ON_CARD, {"of_card": card}) if row.kind == kind]
    change(connection, serials, CERTIFICATE_STATUS_REVOKED, at)


def lapse_signatures(connection: Connection, person: int, at: int) -> None:
    """Revoke a person's certificates for signatures, since they carry items that have changed."""
    serials = connection.execute(_SIGNATURES, {"person_id": person}).scalars().all()
    change(connection, serials, CERTIFICATE_STATUS_REVOKED, at)


def _change_card(
    connection: Connection,
    card: str,
    before: CertificateStatus.ValueType,
    after: CertificateStatus.ValueType,
    at: int,
) -> None:
    serials = [row.serial for row in connection.execute(_ON_CARD, {"of_card": card}) if row.status == before]
    change(connection, serials, after, at)
    connection.execute(_CHANGE_CARD, {"of_card": card, "b_status": after, "at": at})
