"""A numbering body and an enrolment of paper: what the portal and the card service ask them, answered without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from warifu.common.v1 import common_pb2
from warifu.exchange import application
from warifu.exchange.card_number import draw
from warifu.exchange.card_request import wish
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.basic_items import digest
from warifu.kernel.clock import JAPAN
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.simulator.cards.issuer import Issued, Standing

START = datetime(2026, 4, 6, 0, 5, tzinfo=UTC)
"""Network time at the start: 6 April 2026, 9:05 in Japan."""
LIFE = timedelta(days=1825)
EARLY = timedelta(days=92)


@dataclass(slots=True)
class TestClock:
    """Both clocks, moved by hand."""

    __test__ = False
    machine_now: datetime = START
    network_now: datetime = START

    def machine(self) -> datetime:
        """The machine clock."""
        return self.machine_now

    def network(self) -> datetime:
        """The network clock."""
        return self.network_now

    def today(self) -> date:
        """The network's day in Japan."""
        return self.network_now.astimezone(JAPAN).date()

    def pass_time(self, length: timedelta) -> None:
        """Both clocks go on."""
        self.machine_now += length
        self.network_now += length


@dataclass(slots=True)
class CardAuthority:
    """Issues card certificates as a card authority does, and tells their status."""

    clock: TestClock
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    statuses: dict[str, bool] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    """Individual number by serial."""
    deposits: dict[bytes, str] = field(default_factory=dict)
    """Individual number by acquisition number."""
    codes: dict[str, int] = field(default_factory=dict)
    """How often someone's resident code changed."""
    enrolled: int = 0
    down: bool = False
    cut_off: bool = False
    """Claims end as if the process had been killed."""
    asked: int = 0
    """How often a card was asked for."""
    strangers: set[str] = field(default_factory=set)
    """Individual numbers that match nobody."""
    lapsed: set[bytes] = field(default_factory=set)
    """Acquisition numbers past their life."""
    carriers: dict[str, str] = field(default_factory=dict)
    """Number of card or phone by serial."""
    owners: dict[str, str] = field(default_factory=dict)
    """Individual number by that number."""
    items: dict[str, common_pb2.BasicItems] = field(default_factory=dict)
    """By individual number."""
    kinds: dict[str, int] = field(default_factory=dict)
    """By serial, of others than cards' certificates for user authentication."""
    ends: dict[str, datetime] = field(default_factory=dict)
    """By serial."""
    minors: set[str] = field(default_factory=set)
    """Individual numbers of those who are too young to sign."""
    ordered: list[pb.CardOrder] = field(default_factory=list)
    orders_for: dict[str, str] = field(default_factory=dict)
    changed: list[tuple[str, int]] = field(default_factory=list)
    reports: list[pb.SuspendRequest] = field(default_factory=list)
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test card authority")])
        self.certificate = _certificate(name, name, self.key.public_key(), self.key, self.clock.network(), ca=True)

    def make(
        self,
        public: ec.EllipticCurvePublicKey,
        holder: str = "x",
        *,
        usage: bool = True,
        items: common_pb2.BasicItems | None = None,
        since: datetime | None = None,
    ) -> bytes:
        """A certificate, DER; for signatures when it carries items; as of `since`, by default as of now."""
        made = _certificate(
            x509.Name([]),
            self.certificate.subject,
            public,
            self.key,
            since or self.clock.network(),
            ca=False,
            usage=usage and items is None,
            items=items,
        )
        serial = f"{made.serial_number:x}"
        self.statuses[serial], self.holders[serial] = True, holder
        self.ends[serial] = made.not_valid_after_utc
        return made.public_bytes(Encoding.DER)

    # Issuer
    async def issue(
        self, request: bytes, individual_number: str, items: common_pb2.BasicItems, issued_on: str | None = None
    ) -> Issued:
        """See `warifu.simulator.cards.issuer.Issuer`."""
        self._reachable()
        self.asked += 1
        if individual_number in self.strangers:
            raise LinkageError(Reason.CLIENT_PERSON_NOT_MATCHED)
        asked = x509.load_der_x509_csr(request)
        assert asked.is_signature_valid
        assert items.name
        public = asked.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        since = datetime.fromisoformat(f"{issued_on}T12:00+09:00") if issued_on is not None else None
        return self._carry(self.make(public, individual_number, since=since), individual_number, items)

    async def issue_ordered(self, request: bytes, order_id: str) -> Issued:
        """See `warifu.simulator.cards.issuer.Issuer`."""
        self._reachable()
        old = self.orders_for.pop(order_id)
        for serial in [serial for serial, card in self.carriers.items() if card == old]:
            self._change(serial, pb.CERTIFICATE_STATUS_REVOKED)
        public = x509.load_der_x509_csr(request).public_key()
        number = self.owners[old]
        return self._carry(self.make(public, number), number, self.items[number])

    async def add(self, kind: int, request: bytes, card_certificate: bytes, signature: bytes) -> Issued:
        """See `warifu.simulator.cards.issuer.Issuer`."""
        self._reachable()
        shown = x509.load_der_x509_certificate(card_certificate)
        shown.public_key().verify(signature, wish(kind, request), ec.ECDSA(SHA256()))
        serial = f"{shown.serial_number:x}"
        if not self.statuses[serial]:
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        holder = self.holders[serial]
        if kind == pb.CERTIFICATE_KIND_SIGNATURE and holder in self.minors:
            raise LinkageError(Reason.CLIENT_CARD_UNDER_AGE)
        if kind == pb.CERTIFICATE_KIND_AUTHENTICATION and self.clock.network() < shown.not_valid_after_utc - EARLY:
            raise LinkageError(Reason.CLIENT_CARD_RENEWAL_EARLY)
        public = x509.load_der_x509_csr(request).public_key()
        items = self.items[holder] if kind == pb.CERTIFICATE_KIND_SIGNATURE else None
        made = self.make(public, holder, items=items)
        if kind == pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION:
            self.kinds[serial_of(made)] = kind
            return self._carry(made, holder, self.items[holder])
        if kind == pb.CERTIFICATE_KIND_AUTHENTICATION:
            self._change(serial, pb.CERTIFICATE_STATUS_REVOKED)
        self.carriers[serial_of(made)] = self.carriers[serial]
        return Issued(made, self.carriers[serial])

    async def orders(self, after: int) -> list[pb.CardOrder]:
        """See `warifu.simulator.cards.issuer.Issuer`."""
        self._reachable()
        return [one for one in self.ordered if one.position > after]

    def order(self, card: str, act: int) -> pb.CardOrder:
        """What a counter orders."""
        made = pb.CardOrder(
            position=len(self.ordered) + 1, order_id=str(len(self.ordered) + 1), card_number=card, act=act
        )
        self.ordered.append(made)
        self.orders_for[made.order_id] = card
        return made

    async def standing(self, serial: str) -> Standing:
        """See `warifu.simulator.cards.issuer.Issuer` and `warifu.portal.ports.Numbering`."""
        self._reachable()
        last = next((status for one, status in reversed(self.changed) if one == serial), None)
        if last is None and self.clock.network() > self.ends.get(serial, self.clock.network()):
            last = pb.CERTIFICATE_STATUS_EXPIRED
        good = pb.CERTIFICATE_STATUS_GOOD if self.statuses.get(serial) else pb.CERTIFICATE_STATUS_REVOKED
        kind = self.kinds.get(serial, pb.CERTIFICATE_KIND_AUTHENTICATION)
        return Standing(last or good, kind, self.ends.get(serial, self.clock.network() + LIFE))

    # Help line
    async def suspend(self, report: pb.SuspendRequest) -> str:
        """See `warifu.portal.ports.Numbering`."""
        self._reachable()
        self.reports.append(report)
        for serial, card in list(self.carriers.items()):
            holder = self.items[self.holders[serial]]
            if card == report.card_number or (report.HasField("holder") and digest(holder) == digest(report.holder)):
                self._change(serial, pb.CERTIFICATE_STATUS_SUSPENDED)
        return f"{len(self.reports):08}"

    async def status_changes(self, after: int) -> list[pb.StatusChange]:
        """See `warifu.portal.ports.Numbering`."""
        self._reachable()
        told = [
            pb.StatusChange(position=place, certificate_serial=serial, status=status)
            for place, (serial, status) in enumerate(self.changed, start=1)
        ]
        return told[after:]

    def release(self, card: str) -> None:
        """What a counter does with two people."""
        for serial in [serial for serial, carrier in self.carriers.items() if carrier == card]:
            self._change(serial, pb.CERTIFICATE_STATUS_GOOD)

    def _carry(self, made: bytes, individual_number: str, items: common_pb2.BasicItems) -> Issued:
        card = draw(Ids(), "card")
        self.carriers[serial_of(made)] = card
        self.owners[card], self.items[individual_number] = individual_number, items
        return Issued(made, card)

    def _change(self, serial: str, status: int) -> None:
        self.statuses[serial] = status == pb.CERTIFICATE_STATUS_GOOD
        self.changed.append((serial, status))

    # Numbering
    async def card_authority(self) -> x509.Certificate:
        """See `warifu.portal.ports.Numbering`."""
        self._reachable()
        return self.certificate

    async def is_good(self, serial: str) -> bool:
        """See `warifu.portal.ports.Numbering`."""
        self._reachable()
        return self.statuses.get(serial, False)

    async def enrol(self, acquisition_number: bytes, serial: str) -> None:
        """See `warifu.portal.ports.Numbering`."""
        self._reachable()
        self.enrolled += 1
        self.deposits[acquisition_number] = self.holders[serial]

    # Enrolment
    async def claim(self, acquisition_number: bytes) -> bytes:
        """See `warifu.portal.ports.Enrolment`."""
        self._reachable()
        if self.cut_off:
            raise ConnectionError
        if acquisition_number in self.lapsed or acquisition_number not in self.deposits:
            raise LinkageError(Reason.CLIENT_ACQUISITION_REFUSED)
        holder = self.deposits[acquisition_number]
        return subject(holder, self.codes.get(holder, 0))

    async def superseded(self, after: int) -> tuple[list[bytes], int]:
        """See `warifu.portal.ports.Enrolment`."""
        self._reachable()
        gone = [subject(holder, change) for holder, changes in self.codes.items() for change in range(changes)]
        return gone[after:], len(gone)

    def _reachable(self) -> None:
        if self.down:
            raise LinkageError(Reason.PROVIDER_UNAVAILABLE)


def serial_of(certificate: bytes) -> str:
    """The serial number as the network writes it."""
    return f"{x509.load_der_x509_certificate(certificate).serial_number:x}"


def _certificate(subject_name, issuer, public, key, now, *, ca, usage=True, items=None) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder(issuer, subject_name, public, x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + (2 * LIFE if ca else LIFE))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(not ca, items is not None, False, False, False, ca, ca, False, False), critical=True
        )
    )
    if not ca and usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    if items is not None:
        builder = builder.add_extension(application.holder_extension(items), critical=False)
    return builder.sign(key, SHA256())


def subject(holder: str, change: int = 0) -> bytes:
    """The portal's code for someone, serialised."""
    return exchange_pb2.SubjectReference(code=sha256(f"{holder}/{change}".encode()).digest()).SerializeToString(
        deterministic=True
    )
