"""The cards themselves: P-256 keys that never leave here, their certificates, and the two things that they sign.

To make a card out, key and certificate request are made, and the card authority issues the certificate for the person whom the simulator
names by number and basic items, as a municipal counter would. `warifu.simulator.cards.stock` does so ahead of time; the first presentation
does it at the latest. A certificate for signatures, or for a phone, is issued when it is first needed.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from warifu.common.v1 import common_pb2
from warifu.exchange import application
from warifu.exchange.card_request import wish
from warifu.exchange.keys import write_secret
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.portal.login import proof
from warifu.simulator.cards.issuer import Issued, Issuer
from warifu.simulator.cards.pins import PASSWORD_TRIES, TRIES
from warifu.simulator.cards.schema import cards, people
from warifu.simulator.cards.words import phone_of

if TYPE_CHECKING:
    from warifu.numbering.v1.numbering_pb2 import CertificateKind

_NONCE: Final = 12
_KEY: Final = 32
_MINE: Final = cards.c.card == bindparam("handle")
_CARD: Final = select(cards).where(_MINE)
_BY_NUMBER: Final = select(cards.c.card).where(cards.c.number == bindparam("printed"))
_HOLDER: Final = select(people.c.individual_number, people.c.basic_items, people.c.issued_on).where(
    people.c.person == bindparam("handle")
)
_ISSUED: Final = (
    update(cards)
    .where(_MINE)
    .values(
        certificate=bindparam("der"),
        sealed_key=bindparam("key"),
        number=bindparam("printed"),
        issued_at=bindparam("now"),
    )
)
_ANEW: Final = (
    update(cards)
    .where(_MINE)
    .values(
        tries_left=TRIES,
        pin=None,
        signature_tries_left=PASSWORD_TRIES,
        signature_password=None,
        signature_certificate=None,
        sealed_signature_key=None,
    )
)
_SIGNED_UP: Final = (
    update(cards).where(_MINE).values(signature_certificate=bindparam("der"), sealed_signature_key=bindparam("key"))
)
_ADD: Final = insert(cards)
_DROP: Final = delete(cards).where(_MINE)


def storage_key(secrets: Path) -> bytes:
    """The key under which cards' keys lie in the store, made at first use."""
    path = secrets / "cards.key"
    if not path.exists():
        write_secret(path, os.urandom(_KEY))
    key = path.read_bytes()
    if len(key) != _KEY:
        raise ValueError(f"{path} is damaged")
    return key


@dataclass(frozen=True, slots=True)
class SignedForm:
    """What goes back to a portal that had an application signed."""

    certificate: bytes
    """DER."""
    signature: bytes

    def parameters(self) -> dict[str, str]:
        """Query parameters for the way back."""
        return {"certificate": proof.encode(self.certificate), "signature": proof.encode(self.signature)}


@dataclass(slots=True)
class Cards:
    """The cards of one card service. Ask for a signature only after the PIN, or the signature password, was right."""

    store: Store
    clock: Clock
    issuer: Issuer
    key: bytes
    _locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def sign(self, card: str, challenge: bytes, origin: str, session_hash: bytes) -> proof.Proof:
        """The proof for a portal's challenge of a card or phone; a card is issued first if it never was.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN, or what the authority raised.
            ProofError: challenge, origin or session hash of a wrong form.
        """
        row = await self._card(card)
        key = self._open(card, row.sealed_key)
        return proof.Proof(challenge, row.certificate, proof.sign(key, challenge, origin, session_hash))

    async def sign_form(self, card: str, digest: bytes) -> SignedForm:
        """The signature of an application form with this SHA-256; the certificate for signatures is issued first if it never was.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN; CLIENT_CARD_UNDER_AGE; CLIENT_CARD_CERTIFICATE_NOT_GOOD when it has ended, since it ran
                out, the card was suspended, or the items in it changed; or what the authority raised.
        """
        row = await self._card(card)
        if row.signature_certificate is None:
            await self.renew(card, pb.CERTIFICATE_KIND_SIGNATURE)
            row = await self._card(card)
        elif not (await self.issuer.standing(application.serial(row.signature_certificate))).good:
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        key = self._open(card, row.sealed_signature_key)
        return SignedForm(row.signature_certificate, application.sign(key, digest))

    async def make(self, card: str) -> None:
        """Have the card made out, unless it was.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN, or what the authority raised.
        """
        await self._card(card)

    async def renew(self, card: str, kind: CertificateKind.ValueType) -> None:
        """A new certificate of `kind` on a card: for user authentication a renewal, for signatures also the first.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN, or what the authority raised.
        """
        key, issued = await self._added(card, kind)
        row = {"handle": card, "der": issued.certificate, "key": self._seal(card, key)}
        if kind == pb.CERTIFICATE_KIND_SIGNATURE:
            await self.store.write(lambda c: c.execute(_SIGNED_UP, row))
        else:
            await self._keep(card, key, issued)

    async def add_phone(self, person: str, pin: str) -> str:
        """A certificate for the person's phone, with a PIN of its own; the phone's handle. One that they had is replaced.

        Raises:
            LinkageError: CLIENT_CARD_UNKNOWN, or what the authority raised.
        """
        phone = phone_of(person)
        key, issued = await self._added(person, pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION)
        row = {
            "card": phone,
            "person": person,
            "number": issued.number,
            "tries_left": TRIES,
            "pin": pin,
            "certificate": issued.certificate,
            "sealed_key": self._seal(phone, key),
            "issued_at": milliseconds(self.clock.network()),
            "signature_tries_left": 0,
        }

        def keep(connection: Connection) -> None:
            connection.execute(_DROP, {"handle": phone})
            connection.execute(_ADD, row)

        await self.store.write(keep)
        return phone

    async def make_anew(self, number: str, order_id: str) -> bool:
        """Replace the card with this number by one that a counter ordered, with what it was handed out with; False when it is none of ours.

        Raises:
            LinkageError: what the authority raised.
        """
        card = self.by_number(number)
        if card is None:
            return False
        key, request = _key_and_request()
        async with self._locks[card]:
            issued = await self.issuer.issue_ordered(request, order_id)
            await self.store.write(lambda c: c.execute(_ANEW, {"handle": card}))
            await self._keep(card, key, issued)
            await self.store.write(lambda c: c.execute(_DROP, {"handle": phone_of(card)}))
        return True

    def by_number(self, number: str) -> str | None:
        """The handle of the card or phone with this number."""
        return self.store.read(lambda c: c.execute(_BY_NUMBER, {"printed": number}).scalar_one_or_none())

    def row(self, card: str) -> Row[Any] | None:
        """All that is kept of a card, sealed keys included."""
        return self.store.read(lambda c: c.execute(_CARD, {"handle": card}).one_or_none())

    async def _card(self, card: str) -> Row[Any]:
        async with self._locks[card]:
            row = self.row(card)
            if row is None:
                raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
            if row.certificate is None:
                await self._issue(card)
                row = self.row(card)
                assert row is not None
            return row

    async def _issue(self, person: str) -> None:
        holder = self.store.read(lambda c: c.execute(_HOLDER, {"handle": person}).one_or_none())
        if holder is None:
            raise LinkageError(Reason.CLIENT_CARD_UNKNOWN)
        key, request = _key_and_request()
        items = common_pb2.BasicItems.FromString(holder.basic_items)
        issued = await self.issuer.issue(request, holder.individual_number, items, holder.issued_on)
        await self._keep(person, key, issued)

    async def _added(self, card: str, kind: CertificateKind.ValueType) -> tuple[ec.EllipticCurvePrivateKey, Issued]:
        row = await self._card(card)
        key, request = _key_and_request()
        signature = self._open(card, row.sealed_key).sign(wish(kind, request), ec.ECDSA(SHA256()))
        return key, await self.issuer.add(kind, request, row.certificate, signature)

    async def _keep(self, card: str, key: ec.EllipticCurvePrivateKey, issued: Issued) -> None:
        row = {
            "handle": card,
            "der": issued.certificate,
            "key": self._seal(card, key),
            "printed": issued.number,
            "now": milliseconds(self.clock.network()),
        }
        await self.store.write(lambda c: c.execute(_ISSUED, row))

    def _seal(self, card: str, key: ec.EllipticCurvePrivateKey) -> bytes:
        nonce = os.urandom(_NONCE)
        plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return nonce + AESGCM(self.key).encrypt(nonce, plain, card.encode())

    def _open(self, card: str, sealed: bytes) -> ec.EllipticCurvePrivateKey:
        plain = AESGCM(self.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], card.encode())
        key = load_der_private_key(plain, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key


def _key_and_request() -> tuple[ec.EllipticCurvePrivateKey, bytes]:
    """A fresh key and a nameless PKCS #10 request (DER) for it: who holds the card, the authority alone knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    return key, request.public_bytes(Encoding.DER)
