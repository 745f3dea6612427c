"""Cards and their certificates: made out, added to, checked; and the person behind one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import Connection, Row, bindparam, insert, select

from warifu.common.v1 import common_pb2
from warifu.exchange import card_number
from warifu.exchange.card_request import wish
from warifu.kernel.clock import JAPAN, Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.instants import datetime_at, milliseconds
from warifu.kernel.limits import PAGE, PAGE_DEFAULT, malformed
from warifu.kernel.store import Store
from warifu.numbering import certificates
from warifu.numbering.authority import SIGNATURE_AGE, Authority, card_expiry, expiry, is_aged, read_request
from warifu.numbering.journal import Kind
from warifu.numbering.match import Matching
from warifu.numbering.orders import Orders
from warifu.numbering.people import People
from warifu.numbering.schema import CARD, CERTIFICATE, STATUS_CHANGE
from warifu.numbering.v1 import numbering_pb2 as pb

if TYPE_CHECKING:
    from warifu.numbering.v1.numbering_pb2 import CertificateKind, CertificateStatus

RENEWAL: Final = timedelta(days=92)
"""How long before its end a certificate may be renewed: three months."""
MAX_CERTIFICATE: Final = 4096

_BY_SERIAL: Final = select(CERTIFICATE).where(CERTIFICATE.c.serial == bindparam("b_serial"))
_CARD: Final = select(CARD).where(CARD.c.number == bindparam("of_card"))
_SUSPENDED: Final = select(CARD.c.number).where(
    CARD.c.person == bindparam("person_id"),
    CARD.c.form == pb.CARD_FORM_CARD,
    CARD.c.status == pb.CERTIFICATE_STATUS_SUSPENDED,
)
_ADD_CARD: Final = insert(CARD)
_ADD: Final = insert(CERTIFICATE)
_CHANGES: Final = (
    select(STATUS_CHANGE)
    .where(STATUS_CHANGE.c.position > bindparam("after"))
    .order_by(STATUS_CHANGE.c.position)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate and what carries it."""

    certificate: bytes
    """DER."""
    card: str
    """The number of the card or phone."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A certificate as it stands on the network's day."""

    status: CertificateStatus.ValueType
    kind: CertificateKind.ValueType
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Cards:
    """The card authority's desk. A person has one card, and a phone beside it at most: making another out revokes what was before."""

    store: Store
    clock: Clock
    people: People
    matching: Matching
    authority: Authority
    orders: Orders
    ids: Ids
    """Of card numbers."""
    simulation: bool
    """A card may be made out as of a day before the network began."""

    async def issue(
        self,
        caller: str,
        request: bytes,
        number: str,
        items: common_pb2.BasicItems | None,
        issued_on: str | None = None,
    ) -> Made:
        """A card for the person of `number` and `items`, with a certificate for the key of a PKCS #10 request.

        With `issued_on`, an ISO date, card and certificate are as old as if they had been handed out on that past day, in a simulation alone.

        Raises:
            LinkageError: CLIENT_MALFORMED for the request or the day; CLIENT_PERSON_NOT_MATCHED, also for the dead; the others of
                `Matching.match`; CLIENT_CARD_CERTIFICATE_NOT_GOOD for someone whose card is suspended: only a counter may make out another.
        """
        key, since = read_request(request), self._since(issued_on)
        person = await self.matching.require(caller, number, items, Kind.CARD)
        if self.store.read(lambda connection: connection.execute(_SUSPENDED, {"person_id": person}).first()):
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        return await self._make_out(person, key, None, since)

    async def issue_ordered(self, request: bytes, order_id: str) -> Made:
        """The card that a counter ordered; the counter knew for whom.

        Raises:
            LinkageError: CLIENT_MALFORMED for the request; CLIENT_CARD_UNKNOWN when there is no such order, or a card was made for it;
                CLIENT_PERSON_NOT_MATCHED for the dead.
        """
        key = read_request(request)
        return await self._make_out(self.orders.open_reissue(order_id), key, order_id, self.clock.network())

    async def add(
        self, kind: CertificateKind.ValueType, request: bytes, card_certificate: bytes, signature: bytes
    ) -> Made:
        """One more certificate for whoever holds the card with the authentication certificate `card_certificate` (DER).

        `signature` is that certificate's key's, over kind and request. A renewal serves until the fifth birthday after the end of the
        certificate before, so that coming early costs nothing.

        Raises:
            LinkageError: CLIENT_MALFORMED; CLIENT_CARD_CERTIFICATE_NOT_GOOD when the card's certificate is not ours or not good
                (an expired one can be renewed); CLIENT_CARD_RENEWAL_EARLY; CLIENT_CARD_UNDER_AGE.
        """
        if kind not in _ADDED:
            raise malformed("kind", "not SIGNATURE, SMARTPHONE_AUTHENTICATION or AUTHENTICATION")
        key = read_request(request)
        row = self._shown(kind, request, card_certificate, signature)
        self._require_fit(kind, row)
        registered = self.people.registered(row.person)
        born = date.fromisoformat(registered.birth_date)
        if kind == pb.CERTIFICATE_KIND_SIGNATURE and not is_aged(SIGNATURE_AGE, born, self.clock.today()):
            raise LinkageError(Reason.CLIENT_CARD_UNDER_AGE)
        holder = registered if kind == pb.CERTIFICATE_KIND_SIGNATURE else None
        made = self.authority.issue(key, self.clock.network(), self._end(kind, row, born), holder)
        carrier = await self.store.write(lambda connection: self._add(connection, kind, row, made))
        return Made(made.public_bytes(serialization.Encoding.DER), carrier)

    def check(self, serial: str) -> Checked | None:
        """A certificate on the network's day; None for one that was never issued here."""
        row = self._row(serial)
        if row is None:
            return None
        return Checked(on_day(row, milliseconds(self.clock.network())), row.kind, datetime_at(row.not_after))

    def changes(self, after: int, limit: int) -> Sequence[pb.StatusChange]:
        """Changes of status after a position, in order."""
        values = {"after": after, "most": min(limit or PAGE_DEFAULT, PAGE)}
        rows = self.store.read(lambda connection: connection.execute(_CHANGES, values).all())
        return [
            pb.StatusChange(position=row.position, certificate_serial=row.serial, status=row.status) for row in rows
        ]

    def holder(self, serial: str) -> int:
        """The person with this certificate for user authentication, which is good now.

        Raises:
            LinkageError: CLIENT_CARD_CERTIFICATE_NOT_GOOD.
        """
        row = self._row(serial)
        if row is None or row.kind == pb.CERTIFICATE_KIND_SIGNATURE or not self._is_good(row):
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        person: int = row.person
        return person

    def _since(self, issued_on: str | None) -> datetime:
        """From when a card counts that is made out now: noon of the named day in Japan, or this moment."""
        if issued_on is None:
            return self.clock.network()
        if not self.simulation:
            raise malformed("issued_on", "cards are made out on their day outside a simulation")
        try:
            noon = datetime.combine(date.fromisoformat(issued_on), time(12), JAPAN)
        except ValueError:
            raise malformed("issued_on", "not a date") from None
        if not self.authority.certificate.not_valid_before_utc <= noon or noon.date() >= self.clock.today():
            raise malformed("issued_on", "not a past day on which the card authority was there")
        return noon

    async def _make_out(
        self, person: int, key: ec.EllipticCurvePublicKey, order_id: str | None, since: datetime
    ) -> Made:
        if not self.people.is_alive(person):
            raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
        born = date.fromisoformat(self.people.registered(person).birth_date)
        end = card_expiry(since, born)
        certificate = self.authority.issue(key, since, min(expiry(since, born), end))
        number, at = card_number.draw(self.ids, f"card/{person}"), milliseconds(self.clock.network())
        card = _card(number, person, pb.CARD_FORM_CARD, milliseconds(since), milliseconds(end))

        def keep(connection: Connection) -> None:
            certificates.revoke_all(connection, person, at)
            if order_id is not None:
                self.orders.close(connection, order_id, at)
            connection.execute(_ADD_CARD, card)
            _keep(connection, card["number"], person, pb.CERTIFICATE_KIND_AUTHENTICATION, certificate, at)

        await self.store.write(keep)
        return Made(certificate.public_bytes(serialization.Encoding.DER), number)

    def _shown(
        self, kind: CertificateKind.ValueType, request: bytes, certificate: bytes, signature: bytes
    ) -> Row[tuple[Any, ...]]:
        """The kept row of the certificate whose key signed the wish."""
        not_good = LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        try:
            shown = x509.load_der_x509_certificate(certificate[:MAX_CERTIFICATE])
            shown.verify_directly_issued_by(self.authority.certificate)
            key = shown.public_key()
            assert isinstance(key, ec.EllipticCurvePublicKey)
            key.verify(signature, wish(kind, request), ec.ECDSA(SHA256()))
        except InvalidSignature:
            raise not_good from None
        except Exception:  # noqa: BLE001 - whatever the parser dislikes, the authority did not issue it
            raise malformed("card_certificate", "not a certificate of this authority") from None
        row = self._row(f"{shown.serial_number:x}")
        if row is None or row.kind != pb.CERTIFICATE_KIND_AUTHENTICATION:
            raise not_good
        return row

    def _require_fit(self, kind: CertificateKind.ValueType, row: Row[tuple[Any, ...]]) -> None:
        now = self.clock.network()
        status = on_day(row, milliseconds(now))
        renewal = kind == pb.CERTIFICATE_KIND_AUTHENTICATION
        lapsed = renewal and status == pb.CERTIFICATE_STATUS_EXPIRED
        if status != pb.CERTIFICATE_STATUS_GOOD and not lapsed:
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        if renewal and now < datetime_at(row.not_after) - RENEWAL:
            raise LinkageError(Reason.CLIENT_CARD_RENEWAL_EARLY)
        if milliseconds(now) > self._card(row.card).not_after:
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)

    def _end(self, kind: CertificateKind.ValueType, row: Row[tuple[Any, ...]], born: date) -> datetime:
        now, before = self.clock.network(), datetime_at(row.not_after)
        if kind == pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION:
            return before
        since = max(now, before) if kind == pb.CERTIFICATE_KIND_AUTHENTICATION else now
        return min(expiry(since, born), datetime_at(self._card(row.card).not_after))

    def _add(
        self,
        connection: Connection,
        kind: CertificateKind.ValueType,
        row: Row[tuple[Any, ...]],
        made: x509.Certificate,
    ) -> str:
        at, carrier = milliseconds(self.clock.network()), str(row.card)
        if kind != pb.CERTIFICATE_KIND_SIGNATURE:
            certificates.revoke_phones(connection, row.person, at)
        if kind == pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION:
            carrier = card_number.draw(self.ids, f"card/{row.person}")
            end = milliseconds(made.not_valid_after_utc)
            connection.execute(_ADD_CARD, _card(carrier, row.person, pb.CARD_FORM_PHONE, at, end))
        else:
            certificates.revoke_kind(connection, carrier, kind, at)
        _keep(connection, carrier, row.person, kind, made, at)
        return carrier

    def _is_good(self, row: Row[tuple[Any, ...]]) -> bool:
        return on_day(row, milliseconds(self.clock.network())) == pb.CERTIFICATE_STATUS_GOOD

    def _row(self, serial: str) -> Row[tuple[Any, ...]] | None:
        return self.store.read(
            lambda connection: connection.execute(_BY_SERIAL, {"b_serial": serial.lower()}).one_or_none()
        )

    def _card(self, number: str) -> Row[tuple[Any, ...]]:
        return self.store.read(lambda connection: connection.execute(_CARD, {"of_card": number}).one())


_ADDED: Final = frozenset(
    {
        pb.CERTIFICATE_KIND_AUTHENTICATION,
        pb.CERTIFICATE_KIND_SIGNATURE,
        pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION,
    }
)


def on_day(row: Row[tuple[Any, ...]], now: int) -> CertificateStatus.ValueType:
    """The status of a card's or certificate's row at a network time in milliseconds."""
    status: CertificateStatus.ValueType = row.status
    if status != pb.CERTIFICATE_STATUS_REVOKED and now > row.not_after:
        return pb.CERTIFICATE_STATUS_EXPIRED
    return status


def _card(number: str, person: int, form: pb.CardForm.ValueType, at: int, not_after: int) -> dict[str, Any]:
    return {
        "number": number,
        "person": person,
        "form": form,
        "issued_at": at,
        "not_after": not_after,
        "status": pb.CERTIFICATE_STATUS_GOOD,
        "changed_at": at,
    }


def _keep(
    connection: Connection,
    card: str,
    person: int,
    kind: CertificateKind.ValueType,
    certificate: x509.Certificate,
    at: int,
) -> None:
    row = {
        "serial": f"{certificate.serial_number:x}",
        "card": card,
        "person": person,
        "kind": kind,
        "not_before": milliseconds(certificate.not_valid_before_utc),
        "not_after": milliseconds(certificate.not_valid_after_utc),
        "status": pb.CERTIFICATE_STATUS_GOOD,
        "changed_at": at,
    }
    connection.execute(_ADD, row)
