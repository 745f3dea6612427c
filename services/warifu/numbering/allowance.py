"""How often an institution may look: a token bucket each, on the machine clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import LOOKUPS_A_MINUTE

_MINUTE = 60.0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: datetime


class Allowance:
    """`a_minute` uses an institution and minute, which may come at once; then they come back evenly.

    Invariant: in any span of n minutes an institution uses at most (n + 1) × `a_minute`.
    """

    def __init__(self, clock: Clock, a_minute: int = LOOKUPS_A_MINUTE) -> None:
        self._clock, self._capacity = clock, float(a_minute)
        self._buckets: dict[str, _Bucket] = {}

    def left(self, institution: str) -> int:
        """How many uses are left now."""
        return int(self._filled(institution).tokens)

    def use(self, institution: str, count: int = 1) -> None:
        """Use the allowance, also below what is left: what happened is counted.

        See `require`.
        """
        self._filled(institution).tokens -= count

    def require(self, institution: str) -> None:
        """Refuse when nothing is left.

        Raises:
            LinkageError: CLIENT_RATE_LIMITED.
        """
        if self.left(institution) < 1:
            raise LinkageError(Reason.CLIENT_RATE_LIMITED)

    def _filled(self, institution: str) -> _Bucket:
        now = self._clock.machine()
        bucket = self._buckets.setdefault(institution, _Bucket(self._capacity, now))
        gained = max((now - bucket.filled_at).total_seconds(), 0.0) * self._capacity / _MINUTE
        bucket.tokens = min(self._capacity, bucket.tokens + gained)
        bucket.filled_at = now
        return bucket
