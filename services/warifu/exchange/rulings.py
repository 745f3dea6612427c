"""What the supervisor rules, signed by itself and relayed by the gateway: stops, and approvals of ordinance uses (docs/SUPERVISION.md §4).

All that is in force is one signed whole, so nothing can be left out of it, and what is older than what a reader knows is never taken. An
approval counts at a provider only while the whole that holds it is fresh: a gateway that keeps a withdrawal back gains minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from warifu import law
from warifu.exchange.directory import Issuer
from warifu.exchange.form import FormError, parse_whole
from warifu.kernel import identity
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import datetime_at, milliseconds, stamped, timestamp
from warifu.kernel.limits import CODE, RULINGS, RULINGS_LIFE, check_items, check_text
from warifu.kernel.trust import TrustError
from warifu.supervision.v1 import supervision_pb2 as pb

TAG: Final = b"warifu/rulings/v1\0"
"""Signed: everything that the supervisor has in force, by its TLS key."""
VERSION: Final = 1
SUPERVISOR: Final = ("watchdog", "main")
_CLOCK_SKEW: Final = timedelta(seconds=30)
_GROUNDS: Final[Mapping[int, law.Stopped]] = {
    pb.STOP_GROUND_ART_28: law.Stopped.ART_28,
    pb.STOP_GROUND_BY_HAND: law.Stopped.BY_HAND,
}
_UNBELIEVABLE: Final = (
    ValueError,
    OverflowError,
    InvalidSignature,
    UnsupportedAlgorithm,
    TrustError,
    LinkageError,
    FormError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


class RulingsError(ValueError):
    """Rulings that must not be believed."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """Rulings that were checked."""

    issued_at: int
    """Machine milliseconds; by it newer ones are told from older ones."""
    rulings: law.Rulings
    content: bytes
    """What is ruled, without the time of the signature: the same bytes mean the same rulings."""

    def is_fresh(self, now: datetime) -> bool:
        """Whether an approval in them may be counted on at machine time `now`."""
        age = milliseconds(now) - self.issued_at
        return age <= RULINGS_LIFE * 1000


NOTHING: Final = Ruled(0, law.NOTHING_RULED, b"")
"""Before the supervisor ruled anything."""


def sign(rulings: pb.Rulings, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> pb.SignedRulings:
    """Rulings with the signature of the supervisor's certificate."""
    content = rulings.SerializeToString(deterministic=True)
    return pb.SignedRulings(
        rulings=content,
        certificate=certificate.public_bytes(Encoding.DER),
        signature=key.sign(TAG + content, ECDSA(SHA256())),
    )


def verify(signed: pb.SignedRulings, issuer: Issuer, now: datetime) -> Ruled:
    """The rulings, when the supervisor signed them with a good certificate.

    Raises:
        RulingsError: a certificate that is foreign, revoked, out of date or not the supervisor's; altered; of the future; malformed.
    """
    try:
        certificate = x509.load_der_x509_certificate(signed.certificate)
        issuer.check_issued(certificate)
        caller = identity.caller_of(certificate)
        key = certificate.public_key()
        if (caller.party, caller.code) != SUPERVISOR or not isinstance(key, EllipticCurvePublicKey):
            raise RulingsError(f"signed by {caller.uri}")
        key.verify(signed.signature, TAG + signed.rulings, ECDSA(SHA256()))
        return read(parse_whole(pb.Rulings, signed.rulings, "rulings"), now)
    except _UNBELIEVABLE as error:
        raise RulingsError(str(error) or type(error).__name__) from error


def read(rulings: pb.Rulings, now: datetime) -> Ruled:
    """Rulings as the law takes them.

    Raises:
        ValueError, LinkageError: malformed, or of the future.
    """
    if rulings.version != VERSION:
        raise ValueError("an unknown version")
    issued = stamped(rulings.issued_at)
    if datetime_at(issued) > now + _CLOCK_SKEW:
        raise ValueError("issued in the future")
    check_items(rulings.stops, "stops", RULINGS, required=False)
    check_items(rulings.approvals, "approvals", RULINGS, required=False)
    stops = {check_text(one.institution, "stops.institution", CODE): _stop(one) for one in rulings.stops}
    approvals = {
        (check_text(one.institution, "approvals.institution", CODE), check_text(one.row, "approvals.row", CODE)):
        date.fromisoformat(one.since)
        for one in rulings.approvals
    }  # fmt: skip
    return Ruled(issued, law.Rulings(stops, approvals), content_of(rulings))


def content_of(rulings: pb.Rulings) -> bytes:
    """What is ruled, in one form, without the time of the signature."""
    content = pb.Rulings(
        version=rulings.version,
        stops=sorted(rulings.stops, key=lambda one: one.institution),
        approvals=sorted(rulings.approvals, key=lambda one: (one.institution, one.row)),
    )
    return content.SerializeToString(deterministic=True)


def compose(rulings: law.Rulings, issued_at: int) -> pb.Rulings:
    """The message for what is in force; `issued_at` in machine milliseconds."""
    grounds = {ground: value for value, ground in _GROUNDS.items()}
    return pb.Rulings(
        version=VERSION,
        issued_at=timestamp(issued_at),
        stops=[
            pb.Stop(institution=code, ground=grounds[ground], since=since.isoformat())  # type: ignore[arg-type] # values of the enum
            for code, (ground, since) in sorted(rulings.stops.items())
        ],
        approvals=[
            pb.Approval(institution=code, row=row, since=since.isoformat())
            for (code, row), since in sorted(rulings.approvals.items())
        ],
    )


def _stop(stop: pb.Stop) -> tuple[law.Stopped, date]:
    if stop.ground not in _GROUNDS:
        raise ValueError("a stop without a ground")
    return _GROUNDS[stop.ground], date.fromisoformat(stop.since)
