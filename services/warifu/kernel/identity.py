"""Who calls: the one SPIFFE URI in the client certificate (design §3, SPIFFE X.509-SVID §2).

The TLS layer has proved that the peer holds the key of a certificate under the network's root. What it does not do is done here: exactly
one URI, in the network's trust domain, and the right to act as a client.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from warifu.kernel.errors import LinkageError, Reason

TRUST_DOMAIN: Final = "warifu.example"
COUNTER: Final = "counter"
"""The party name in a counter terminal's certificate; its code is the institution's."""
_SPIFFE: Final = re.compile(r"spiffe://([a-z0-9.-]+)/([a-z][a-z0-9_]{0,31})/([a-z][a-z0-9_-]{0,63})")

_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the certificate says."""

    party: str
    """Such as "tax", "gateway", "portal", or "counter" for a counter terminal."""
    code: str
    """Institution code, such as "tax-480011"; "main" where a party is no institution."""
    serial: int
    """The certificate's serial number."""
    not_after: datetime
    """End of the certificate's validity; aware, UTC."""
    not_before: datetime = _ALWAYS
    """Its beginning."""

    @property
    def uri(self) -> str:
        """The SPIFFE URI."""
        return spiffe(self.party, self.code)

    def require(self, institution: str) -> None:
        """Refuse a call in another institution's name. A counter's certificate counts as its institution's.

        Raises:
            LinkageError: CLIENT_NOT_YOURS.
        """
        if self.code != institution:
            raise LinkageError(Reason.CLIENT_NOT_YOURS)


_current: ContextVar[Caller] = ContextVar("warifu-caller")


def current() -> Caller:
    """Who makes the call that is being handled.

    Raises:
        LookupError: outside a handler.
    """
    return _current.get()


def set_current(caller: Caller) -> None:
    """Say who makes the call that this task handles. For the interceptor, and for tests of handlers without a network."""
    _current.set(caller)


def spiffe(party: str, code: str) -> str:
    """The identity as a URI: spiffe://warifu.example/<party>/<code>."""
    return f"spiffe://{TRUST_DOMAIN}/{party}/{code}"


@lru_cache(maxsize=1024)
def parse(pem: bytes) -> Caller:
    """The caller of a client certificate. Remembered by its bytes, so that a kept channel costs one dictionary look-up.

    Raises:
        LinkageError: CLIENT_CERTIFICATE_INVALID with the problem: not one URI, another trust domain, not for clients.
    """
    try:
        return caller_of(x509.load_pem_x509_certificate(pem))
    except ValueError as error:
        raise _invalid("not a certificate") from error


def caller_of(certificate: x509.Certificate) -> Caller:
    """The caller of a parsed certificate; see `parse`."""
    match = _SPIFFE.fullmatch(_only_uri(certificate))
    if match is None or match[1] != TRUST_DOMAIN:
        raise _invalid("another trust domain or form")
    if not _for_clients(certificate):
        raise _invalid("not for clients")
    return Caller(
        match[2], match[3], certificate.serial_number, certificate.not_valid_after_utc, certificate.not_valid_before_utc
    )


def _only_uri(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise _invalid("no SPIFFE URI") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1 or len(list(names)) != 1:
        raise _invalid("not exactly one SPIFFE URI")
    return uris[0]


def _for_clients(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage


def _invalid(problem: str) -> LinkageError:
    return LinkageError(Reason.CLIENT_CERTIFICATE_INVALID, metadata={"problem": problem})
