"""A card in a test's hand, and the counters and help line that act on it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from contract.numbering_desk import card_request
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from town import CITY, Town

from warifu.common.v1 import common_pb2
from warifu.exchange.card_request import wish
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc


@dataclass(slots=True)
class Hand:
    """Someone's card, as the card service holds it."""

    network: Town
    number: str
    """Individual number."""
    items: common_pb2.BasicItems
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: bytes = b""
    card: str = ""

    @property
    def cards(self):
        """The card authority, as the card service calls it."""
        return self.network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "simulator", "main")

    @property
    def serial(self) -> str:
        """Of the certificate for user authentication."""
        return serial_of(self.certificate)

    async def make(self, **identification) -> Hand:
        """Have the card made out."""
        named = identification or {"individual_number": self.number, "basic_items": self.items}
        made = await self.cards.IssueCertificate(
            pb.IssueCertificateRequest(certificate_request=card_request(self.key), **named)
        )
        self.certificate, self.card = made.certificate, made.card_number
        return self

    async def add(self, kind: int, signer: ec.EllipticCurvePrivateKey | None = None) -> tuple[bytes, str]:
        """One more certificate, and what carries it."""
        key = ec.generate_private_key(ec.SECP256R1())
        request = card_request(key)
        signature = (signer or self.key).sign(wish(kind, request), ec.ECDSA(SHA256()))
        made = await self.cards.AddCertificate(
            pb.AddCertificateRequest(
                kind=kind, certificate_request=request, card_certificate=self.certificate, signature=signature
            )
        )
        if kind == pb.CERTIFICATE_KIND_AUTHENTICATION:
            self.key, self.certificate = key, made.certificate
        return made.certificate, made.card_number

    async def status(self, serial: str | None = None) -> int:
        """Of its own certificate, or of another."""
        request = pb.CheckCertificateRequest(certificate_serial=serial or self.serial)
        return (await self.cards.CheckCertificate(request)).status


async def hand(network: Town, number: str, items: common_pb2.BasicItems) -> Hand:
    """A card that was made out."""
    return await Hand(network, number, items).make()


async def report(network: Town, **fields) -> str:
    """A report to the help line; its receipt."""
    line = network.stub(numbering_pb2_grpc.HelpLineServiceStub, "numbering", "portal", "portal-main")
    return (await line.Suspend(pb.SuspendRequest(**fields))).receipt


def desk(network: Town, institution: str = CITY):
    """A card counter."""
    return network.stub(numbering_pb2_grpc.CardDeskServiceStub, "numbering", "counter", institution)


def order(card: str, act: int, **changes) -> pb.OrderCardRequest:
    """An order by two people of the city's counter."""
    values = {
        "institution": CITY,
        "order_id": str(uuid.uuid4()),
        "card_number": card,
        "act": act,
        "clerk": "c-0001",
        "approver": "c-0002",
    }
    return pb.OrderCardRequest(**{**values, **changes})


def serial_of(certificate: bytes) -> str:
    """Its serial number, as the network writes it."""
    return f"{x509.load_der_x509_certificate(certificate).serial_number:x}"
