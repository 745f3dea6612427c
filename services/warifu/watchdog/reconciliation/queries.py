"""Runs of the audit: at most one at a time, in a thread of its own, so that the witness goes on answering; kept when they have ended."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, insert, select

from warifu.kernel.clock import Clock
from warifu.kernel.instants import milliseconds
from warifu.kernel.store import Store
from warifu.watchdog.audit.engine import Report
from warifu.watchdog.audit.sources import UnreachableError
from warifu.watchdog.schema import RECONCILIATION

_LOG: Final = logging.getLogger(__name__)
KEPT: Final = 1_000
"""Findings of one run that are kept; how many there were is told."""
Audits = Callable[[], Awaitable[Report]]
"""Makes the audit, in whatever loop it is awaited in. Raises UnreachableError."""
_ADD: Final = insert(RECONCILIATION)
_ALL: Final = select(RECONCILIATION).order_by(RECONCILIATION.c.id.desc()).limit(100)
_ONE: Final = select(RECONCILIATION).where(RECONCILIATION.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Ended:
    """What a run came to."""

    entries: int = 0
    findings: Sequence[dict[str, str]] = ()
    trouble: str = ""
    """Why it could not be finished; empty when it was."""


class Reconciliations:
    """The runs of one supervisor."""

    def __init__(self, store: Store, clock: Clock, audits: Audits | None) -> None:
        """`audits`: None where no other party can be reached."""
        self._store, self._clock, self._audits = store, clock, audits
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Is one under way."""
        return self._task is not None and not self._task.done()

    def start(self) -> bool:
        """Begin one; False when one is under way already, or none can be made."""
        if self.running or self._audits is None:
            return False
        self._task = asyncio.get_running_loop().create_task(self._run(self._audits))
        return True

    async def wait(self) -> None:
        """Until the one under way has ended."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def all(self) -> Sequence[Any]:
        """The newest 100, newest first."""
        return self._store.read(lambda connection: connection.execute(_ALL).all())

    def one(self, number: int) -> Any | None:
        """One run; None when there is none."""
        return self._store.read(lambda connection: connection.execute(_ONE, {"id": number}).first())

    async def _run(self, audits: Audits) -> None:
        started = milliseconds(self._clock.network())
        try:
            report = await asyncio.to_thread(lambda: asyncio.run(_made(audits)))
            findings = [finding.document() for finding in report.findings]
            ended = Ended(report.entries, findings)
        except UnreachableError as error:
            ended = Ended(trouble=str(error) or "unreachable")
        except Exception as error:  # noqa: BLE001 - staff must see that it broke off, whatever it was
            _LOG.warning("reconciliation broke off", exc_info=error)
            ended = Ended(trouble=type(error).__name__)
        row = {
            "at": started,
            "entries": ended.entries,
            "found": len(ended.findings),
            "findings": json.dumps(ended.findings[:KEPT]).encode(),
            "trouble": ended.trouble,
        }
        await self._store.write(lambda connection: connection.execute(_ADD, row))


async def _made(audits: Audits) -> Report:
    return await audits()
