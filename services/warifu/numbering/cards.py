"""Card certificates: issue, status, and the person behind one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from sqlalchemy import Connection, Row, bindparam, insert, select, update

from warifu.common.v1 import common_pb2
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import malformed
from warifu.kernel.store import Store
from warifu.numbering.authority import Authority, read_request
from warifu.numbering.journal import Kind
from warifu.numbering.match import Matching
from warifu.numbering.people import People
from warifu.numbering.schema import CERTIFICATE
from warifu.numbering.v1.numbering_pb2 import (
    CERTIFICATE_STATUS_EXPIRED,
    CERTIFICATE_STATUS_GOOD,
    CERTIFICATE_STATUS_REVOKED,
    CERTIFICATE_STATUS_SUSPENDED,
    CERTIFICATE_STATUS_UNSPECIFIED,
)

if TYPE_CHECKING:
    from warifu.numbering.v1.numbering_pb2 import CertificateStatus

_SETTABLE = frozenset({CERTIFICATE_STATUS_GOOD, CERTIFICATE_STATUS_SUSPENDED, CERTIFICATE_STATUS_REVOKED})

_BY_SERIAL = select(CERTIFICATE).where(CERTIFICATE.c.serial == bindparam("b_serial"))
_ADD = insert(CERTIFICATE)
_REPLACE = (
    update(CERTIFICATE)
    .where(CERTIFICATE.c.person == bindparam("person_id"), CERTIFICATE.c.status != CERTIFICATE_STATUS_REVOKED)
    .values(status=CERTIFICATE_STATUS_REVOKED, changed_at=bindparam("at"))
)
_CHANGE = (
    update(CERTIFICATE)
    .where(CERTIFICATE.c.serial == bindparam("b_serial"), CERTIFICATE.c.status != CERTIFICATE_STATUS_REVOKED)
    .values(status=bindparam("b_status"), changed_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Cards:
    """The card authority's desk. A person has one certificate: issuing another revokes the one before."""

    store: Store
    clock: Clock
    people: People
    matching: Matching
    authority: Authority

    async def issue(self, caller: str, request: bytes, number: str, items: common_pb2.BasicItems | None) -> bytes:
        """A certificate, DER, for the key of a PKCS #10 request, for the person of `number` and `items`.

        Raises:
            LinkageError: CLIENT_MALFORMED for the request; CLIENT_PERSON_NOT_MATCHED, also for the dead; the others of `Matching.match`.
        """
        key = read_request(request)
        person = await self.matching.require(caller, number, items, Kind.CARD)
        if not self.people.is_alive(person):
            raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
        born = date.fromisoformat(self.people.registered(person).birth_date)
        certificate = self.authority.issue(key, self.clock.network(), born)
        await self.store.write(lambda connection: self._keep(connection, person, certificate))
        return certificate.public_bytes(serialization.Encoding.DER)

    def status(self, serial: str) -> CertificateStatus.ValueType:
        """The status on the network's day; UNSPECIFIED for a certificate that was never issued here."""
        row = self._row(serial)
        if row is None:
            return CERTIFICATE_STATUS_UNSPECIFIED
        if row.status != CERTIFICATE_STATUS_REVOKED and milliseconds(self.clock.network()) > row.not_after:
            return CERTIFICATE_STATUS_EXPIRED
        status: CertificateStatus.ValueType = row.status
        return status

    async def change_status(self, serial: str, status: CertificateStatus.ValueType) -> None:
        """Suspend, lift a suspension, or revoke for ever.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN; CLIENT_MALFORMED for a status that nobody sets; CLIENT_CARD_CERTIFICATE_NOT_GOOD for a
                revoked certificate.
        """
        if status not in _SETTABLE:
            raise malformed("status", "not GOOD, SUSPENDED or REVOKED")
        if self._row(serial) is None:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
        values = {"b_serial": serial.lower(), "b_status": status, "at": milliseconds(self.clock.network())}
        changed = await self.store.write(lambda connection: connection.execute(_CHANGE, values).rowcount)
        if not changed and status != CERTIFICATE_STATUS_REVOKED:
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)

    def holder(self, serial: str) -> int:
        """The person with this certificate, which is good now.

        Raises:
            LinkageError: CLIENT_CARD_CERTIFICATE_NOT_GOOD.
        """
        row = self._row(serial)
        if row is None or self.status(serial) != CERTIFICATE_STATUS_GOOD:
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        person: int = row.person
        return person

    def _row(self, serial: str) -> Row[tuple[object, ...]] | None:
        return self.store.read(
            lambda connection: connection.execute(_BY_SERIAL, {"b_serial": serial.lower()}).one_or_none()
        )

    def _keep(self, connection: Connection, person: int, certificate: x509.Certificate) -> None:
        at = milliseconds(self.clock.network())
        connection.execute(_REPLACE, {"person_id": person, "at": at})
        row = {
            "serial": f"{certificate.serial_number:x}",
            "person": person,
            "not_before": milliseconds(certificate.not_valid_before_utc),
            "not_after": milliseconds(certificate.not_valid_after_utc),
            "status": CERTIFICATE_STATUS_GOOD,
            "changed_at": at,
        }
        connection.execute(_ADD, row)
