"""The audit: reads a network, then makes every check; what may be under way is given a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from warifu.exchange.directory import DirectoryError, Issuer, verify_entry
from warifu.exchange.keys import VerifyingKey
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.instants import stamped
from warifu.kernel.months import month_at
from warifu.watchdog.audit.cases import Case, cases
from warifu.watchdog.audit.checks import EACH, LAGGING, WHOLE
from warifu.watchdog.audit.findings import GATEWAY, Finding, Kind
from warifu.watchdog.audit.ground import Ground, Rules
from warifu.watchdog.audit.reading import Pause, Progress, Read, Reading
from warifu.watchdog.audit.scratch import Scratch
from warifu.watchdog.audit.sources import Sources

PATIENCE: Final = 10.0
"""Seconds that a network is given to finish what is under way."""
_TELL_EVERY: Final = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit came to."""

    entries: int
    """Leaves of the log that were hashed into its signed head."""
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, object]:
        """As `warifu audit --json` prints it."""
        return {"entries": self.entries, "findings": [finding.document() for finding in self.findings]}


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit of one network."""

    sources: Sources
    scratch: Scratch
    rules: Rules
    issuer: Issuer
    """Knows which certificates are good, for the gateway's own key."""
    progress: Progress = lambda _what, _done, _total: None
    patience: float = PATIENCE
    pause: Pause = asyncio.sleep
    without: Collection[Kind] = ()
    """Checks that are left out; for tests of what each is needed for."""

    async def run(self) -> Report:
        """Read, check, and say what was found.

        Raises:
            UnreachableError: a party is away. What was read is in the scratch file, to be resumed.
        """
        reading = Reading(self.sources, self.scratch, self.rules.trust, self.progress, self.patience, self.pause)
        read = await reading.run()
        findings, ends = self._checked(read), time.monotonic() + self.patience
        while any(finding.kind in LAGGING for finding in findings) and time.monotonic() < ends:
            await self.pause(1.0)
            await reading.tails()
            findings = self._checked(read)
        return Report(read.size, findings)

    def _checked(self, read: Read) -> tuple[Finding, ...]:
        ground = Ground(
            self.scratch,
            read,
            self.rules,
            frozenset(self.sources.institutions) - set(read.unreadable),
            self._gateway_key(read),
        )
        found = [finding for kind, check in WHOLE.items() if kind not in self.without for finding in check(ground)]
        return (*found, *self._of_exchanges(ground))

    def _of_exchanges(self, ground: Ground) -> Iterator[Finding]:
        checks = [check for kind, check in EACH.items() if kind not in self.without]
        if GATEWAY in ground.read.unreadable:
            return  # nothing can be compared
        count = 0
        for count, case in enumerate(cases(self.scratch), 1):
            if not _is_over(ground, case):
                for check in checks:
                    yield from check(ground, case)
            if count % _TELL_EVERY == 0:
                self.progress("exchanges", count, None)
        self.progress("exchanges", count, count)

    def _gateway_key(self, read: Read) -> VerifyingKey | None:
        signed = read.directory.get(GATEWAY)
        try:
            return verify_entry(signed, self.issuer, self.rules.now).signing if signed is not None else None
        except DirectoryError:
            return None


def _is_over(ground: Ground, case: Case) -> bool:
    """Its contents are past their term: parties erase them on the same day, but not in the same moment."""
    records = [one.record for one in (*case.requests, *case.outcomes)]
    records += [one.record for side in case.sides() for one in side.records]
    records += [exchange_pb2.AccessRecord.FromString(one.request.record) for one in case.shown]
    return any(month_at(stamped(record.requested_at)) in ground.over for record in records)
