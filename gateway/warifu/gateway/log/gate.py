"""The gate: exchanges stop while the log cannot move or its witness is silent, and go on by themselves (fail closed).

A record that stays out of the log for longer than the merge delay, a witness that has not yet answered the head found at start, that has
been silent for too long or that refuses: each shuts it.
"""

from __future__ import annotations

from enum import StrEnum

from warifu.gateway.log import entries
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import MERGE_DELAY, WITNESS_SILENCE
from warifu.kernel.store import Store


class Shut(StrEnum):
    """Why."""

    BEHIND = "behind"
    """A record waits for longer than the merge delay."""
    UNWITNESSED = "unwitnessed"
    """The witness has not yet answered the head that was found at start."""
    SILENT = "silent"
    """The witness has not answered for too long."""
    REFUSED = "refused"
    """The witness knows of another past than the log shows."""


class Gate:
    """Open or shut. `witness_answered` and `witness_refused` are told by who asks the witness."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._heard_at: int | None = None
        self._refused = False
        self._looked_at, self._waiting_since = 0, 0

    def begin(self, *, new_log: bool) -> None:
        """A new log needs no witness for its past, since it has none; but from now on."""
        if new_log:
            self._heard_at = milliseconds(self._clock.machine())

    def witness_answered(self) -> None:
        """The witness cosigned just now."""
        self._heard_at, self._refused = milliseconds(self._clock.machine()), False

    def witness_answered_another(self, at: int) -> None:
        """The witness cosigned at `at`, machine milliseconds, at the asking of another process; it must have answered this one before."""
        if self._heard_at is not None:
            self._heard_at = max(self._heard_at, min(at, milliseconds(self._clock.machine())))

    def witness_refused(self) -> None:
        """The witness will not cosign what the log shows."""
        self._refused = True

    def state(self) -> Shut | None:
        """Why it is shut; None while it is open."""
        now = milliseconds(self._clock.machine())
        if self._refused:
            return Shut.REFUSED
        if self._heard_at is None:
            return Shut.UNWITNESSED
        if now - self._heard_at > WITNESS_SILENCE * 1000:
            return Shut.SILENT
        return Shut.BEHIND if self._is_behind(now) else None

    def _is_behind(self, now: int) -> bool:
        """What waits now was waiting at the last look or has been committed since: while neither can be old, nobody looks."""
        if not self._looked_at <= now <= self._waiting_since + MERGE_DELAY // 2:
            oldest = self._store.read(entries.oldest_waiting)
            self._looked_at, self._waiting_since = now, now if oldest is None else min(oldest, now)
        return now - self._waiting_since > MERGE_DELAY

    def check(self) -> None:
        """Let an exchange pass.

        Raises:
            LinkageError: GATEWAY_LOG_UNAVAILABLE.
        """
        if (shut := self.state()) is not None:
            raise LinkageError(Reason.GATEWAY_LOG_UNAVAILABLE, metadata={"because": shut})
