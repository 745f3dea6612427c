"""The cards themselves: a P-256 key that never leaves here, its certificate, and the one thing it signs.

To issue a card, key and certificate request are made, and the card authority issues the certificate for the person whom the simulator
names by number and basic items, as a municipal counter would. `warifu.simulator.cards.stock` does so ahead of time; the first presentation
does it at the latest.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from sqlalchemy import bindparam, select, update

from warifu.common.v1 import common_pb2
from warifu.exchange.keys import write_secret
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.peers import Peers
from warifu.kernel.store import Store
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.portal.login import proof
from warifu.simulator.cards.schema import cards, people

DEADLINE: Final = 5.0
_NONCE: Final = 12
_KEY: Final = 32


class Issuer(Protocol):
    """The card authority."""

    async def issue(self, request: bytes, individual_number: str, items: common_pb2.BasicItems) -> bytes:
        """A certificate (DER) for a PKCS #10 request (DER); raises LinkageError."""


@dataclass(frozen=True, slots=True)
class IssuerCalls:
    """`Issuer` over gRPC, at the numbering body."""

    peers: Peers

    async def issue(self, request: bytes, individual_number: str, items: common_pb2.BasicItems) -> bytes:
        """See `Issuer`."""
        asked = numbering_pb2.IssueCertificateRequest(
            certificate_request=request, individual_number=individual_number, basic_items=items
        )
        stub = self.peers.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering")
        try:
            return (await stub.IssueCertificate(asked, timeout=DEADLINE)).certificate
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party="numbering") from error


_CARD: Final = select(cards.c.certificate, cards.c.sealed_key).where(cards.c.person == bindparam("handle"))
_HOLDER: Final = select(people.c.individual_number, people.c.basic_items).where(people.c.person == bindparam("handle"))
_ISSUED: Final = (
    update(cards)
    .where(cards.c.person == bindparam("handle"))
    .values(certificate=bindparam("der"), sealed_key=bindparam("key"), issued_at=bindparam("now"))
)


def storage_key(secrets: Path) -> bytes:
    """The key under which cards' keys lie in the store, made at first use."""
    path = secrets / "cards.key"
    if not path.exists():
        write_secret(path, os.urandom(_KEY))
    key = path.read_bytes()
    if len(key) != _KEY:
        raise ValueError(f"{path} is damaged")
    return key


@dataclass(slots=True)
class Cards:
    """The cards of one card service. Ask for a signature only after the PIN was right."""

    store: Store
    clock: Clock
    issuer: Issuer
    key: bytes
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def sign(self, person: str, challenge: bytes, origin: str, session_hash: bytes) -> proof.Proof:
        """The card's proof for a portal's challenge; the card is issued first if it never was.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN, or what the authority raised.
            ProofError: challenge, origin or session hash of a wrong form.
        """
        certificate, key = await self._card(person)
        return proof.Proof(challenge, certificate, proof.sign(key, challenge, origin, session_hash))

    async def make(self, person: str) -> None:
        """Issue the person's card, unless they have one.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN, or what the authority raised.
        """
        await self._card(person)

    async def _card(self, person: str) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        async with self._locks[person]:
            row = self.store.read(lambda c: c.execute(_CARD, {"handle": person}).one_or_none())
            if row is None:
                raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
            if row.certificate is None or row.sealed_key is None:
                return await self._issue(person)
            return row.certificate, self._open(person, row.sealed_key)

    async def _issue(self, person: str) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        holder = self.store.read(lambda c: c.execute(_HOLDER, {"handle": person}).one_or_none())
        if holder is None:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
        key = ec.generate_private_key(ec.SECP256R1())
        # Nameless, as certificates for user authentication are: who holds the card, the authority alone knows.
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
        items = common_pb2.BasicItems.FromString(holder.basic_items)
        certificate = await self.issuer.issue(request.public_bytes(Encoding.DER), holder.individual_number, items)
        row = {
            "handle": person,
            "der": certificate,
            "key": self._seal(person, key),
            "now": milliseconds(self.clock.network()),
        }
        await self.store.write(lambda c: c.execute(_ISSUED, row))
        return certificate, key

    def _seal(self, person: str, key: ec.EllipticCurvePrivateKey) -> bytes:
        nonce = os.urandom(_NONCE)
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return nonce + AESGCM(self.key).encrypt(nonce, plain, person.encode())

    def _open(self, person: str, sealed: bytes) -> ec.EllipticCurvePrivateKey:
        plain = AESGCM(self.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], person.encode())
        key = load_der_private_key(plain, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key
