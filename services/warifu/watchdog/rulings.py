"""What is in force, signed with the supervisor's own certificate and given to the gateway.

At once when it changes, and anew every minute, since a provider counts on an approval only while its signature is fresh.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from warifu import law
from warifu.exchange import rulings
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.supervision import Network

_LOG: Final = logging.getLogger(__name__)
ANEW: Final = timedelta(minutes=1)


class Stopping(Protocol):
    """Who knows the stops."""

    def in_force(self) -> Mapping[str, tuple[law.Stopped, date]]:
        """By institution."""


class Approving(Protocol):
    """Who knows the approvals."""

    def in_force(self) -> Mapping[tuple[str, str], date]:
        """By institution and row."""


class RulingsDesk:
    """Signs and tells. `run` is a periodic job."""

    def __init__(self, network: Network, clock: Clock, identity: Path, stops: Stopping, approvals: Approving) -> None:
        """`identity` is the folder with cert.pem and key.pem of the supervisor."""
        self._network, self._clock, self._identity = network, clock, identity
        self._stops, self._approvals = stops, approvals
        self._told: tuple[law.Rulings, datetime] | None = None

    def in_force(self) -> law.Rulings:
        """What is in force here."""
        return law.Rulings(self._stops.in_force(), self._approvals.in_force())

    async def run(self) -> int:
        """Tell the gateway when something changed, or the signature grows old; was there a change. What it does not take is told again."""
        before = self._told
        return int(await self.tell() and (before is None or before[0] != self._told_rulings()))

    async def tell(self) -> bool:
        """Tell it now, when there is something to tell; False when it does not take it."""
        now, ruled = self._clock.machine(), self.in_force()
        if self._told is not None and self._told[0] == ruled and now - self._told[1] < ANEW:
            return True
        try:
            await self._network.put(self._signed(ruled))
        except LinkageError as error:
            if not error.retryable:
                _LOG.warning("rulings not taken", extra={"reason": error.reason})
            return False
        self._told = ruled, now
        return True

    def _told_rulings(self) -> law.Rulings | None:
        return self._told[0] if self._told is not None else None

    def _signed(self, ruled: law.Rulings) -> pb.SignedRulings:
        certificate = x509.load_pem_x509_certificate((self._identity / "cert.pem").read_bytes())
        key = load_pem_private_key((self._identity / "key.pem").read_bytes(), password=None)
        assert isinstance(key, EllipticCurvePrivateKey)
        return rulings.sign(rulings.compose(ruled, milliseconds(self._clock.machine())), certificate, key)
