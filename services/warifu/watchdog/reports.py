"""Reports of misconduct: a receipt that the gateway gave, for a record that its log does not hold.

A report is believed as far as the gateway's own signature goes and stored before it is acknowledged. Then the watchdog looks for itself: the
log is asked, an answer "here it is" counts only with a proof that leads to a head which the watchdog cosigned, and "not here" only when it
is said twice, a merge delay apart, by a log that serves. A missing record is looked for on, since one that turns up later is late, not well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from warifu.exchange import receipt as receipts
from warifu.exchange.directory import Directory
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import datetime_at, milliseconds, stamped
from warifu.kernel.limits import (
    ID,
    MERGE_DELAY,
    PAGE,
    RECEIPT_BYTES,
    WITNESS_REFRESH,
    WITNESS_SILENCE,
    check_bytes,
    check_text,
)
from warifu.kernel.store import Store
from warifu.linkage.v1.linkage_pb2 import Receipt
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.proofs import ProofError, TiledTree, TileMissingError, check_inclusion
from warifu.watchdog.findings import Finding, Findings, Kind
from warifu.watchdog.ports import GATEWAY, GatewayLog
from warifu.watchdog.schema import REPORT
from warifu.watchdog.witness import Witness


class State(StrEnum):
    """How far a report has been looked into."""

    OPEN = "open"
    """Not yet looked for."""
    MISSED = "missed"
    """The log said once that it does not hold it, or gave a place that it has not proved."""
    LOGGED = "logged"
    """The log proves to hold it: nothing was found."""
    UNLOGGED = "unlogged"
    """Found to be missing."""
    LATE = "late"
    """Found to be missing, and logged since."""


_KNOWN: Final = select(REPORT.c.commitment).where(REPORT.c.commitment == bindparam("commitment"))
_ADD: Final = insert(REPORT)
_DUE: Final = select(REPORT).where(REPORT.c.due_at <= bindparam("now")).order_by(REPORT.c.due_at).limit(int(PAGE))
_MOVE: Final = (
    update(REPORT)
    .where(REPORT.c.commitment == bindparam("of"))
    .values(state=bindparam("to_state"), due_at=bindparam("to_due_at"), leaf_index=bindparam("to_leaf_index"))
)
Reported = Row[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a report after a look."""

    state: State
    due_at: int | None = None
    leaf_index: int | None = None
    finding: Kind | None = None


def step(state: State, *, waited: int, now: int, index: int | None, proved: bool) -> Step:
    """The rule: what follows from what the log said.

    Args:
        state: before.
        waited: milliseconds since the report came in.
        now: machine milliseconds.
        index: where the log says that it holds the record; None when it says that it does not.
        proved: it has proved it, towards a head that was cosigned.
    """
    if proved:
        late = state == State.UNLOGGED
        return Step(State.LATE if late else State.LOGGED, leaf_index=index, finding=Kind.LATE_RECORD if late else None)
    if state == State.UNLOGGED:
        return Step(state, now + WITNESS_REFRESH * 1000)
    unproved_for_long = index is not None and waited > WITNESS_SILENCE * 1000
    if unproved_for_long or (index is None and state == State.MISSED):
        return Step(State.UNLOGGED, now + WITNESS_REFRESH * 1000, finding=Kind.UNLOGGED_RECORD)
    return Step(State.MISSED if index is None else state, now + MERGE_DELAY)


class Reports:
    """Takes reports and looks into them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        directory: Directory,
        log: GatewayLog,
        witness: Witness,
        findings: Findings,
    ) -> None:
        self._store, self._clock, self._directory = store, clock, directory
        self._log, self._witness, self._findings = log, witness, findings

    async def receive(self, reporter: str, receipt: Receipt) -> None:
        """Keep a report, durable on return; the same again has no effect, whoever brings it.

        Raises:
            LinkageError: CLIENT_MALFORMED, CLIENT_TOO_LARGE; CLIENT_RECEIPT_INVALID: the gateway did not sign it, as far as its directory
                entries tell; GATEWAY_… when those cannot be had.
        """
        await self._verify(receipt)
        await self._store.write(lambda connection: self._keep(connection, reporter, receipt))

    async def run(self) -> int:
        """Look into what is due; how many reports moved on. While the gateway does not answer they wait.

        Raises:
            LinkageError: the gateway refuses.
        """
        due = self._store.read(lambda connection: connection.execute(_DUE, {"now": self._now()}).all())
        if not due:
            return 0
        try:
            places = await self._log.find([one.commitment for one in due])
            steps = [await self._step(one, index) for one, index in zip(due, places, strict=True)]
        except LinkageError as error:
            if error.retryable:
                return 0
            raise
        await self._store.write(lambda connection: self._move(connection, due, steps))
        return len(due)

    async def _verify(self, receipt: Receipt) -> None:
        check_bytes(receipt.SerializeToString(), "receipt", limit=RECEIPT_BYTES)
        check_text(receipt.signature.key_id, "receipt.signature.key_id", ID)
        key = await self._directory.signing_key(GATEWAY, receipt.signature.key_id)
        if key is None:
            raise LinkageError(Reason.CLIENT_RECEIPT_INVALID)
        try:
            receipts.check(receipt, key)
        except LinkageError as error:
            raise LinkageError(Reason.CLIENT_RECEIPT_INVALID) from error

    def _keep(self, connection: Connection, reporter: str, receipt: Receipt) -> None:
        if connection.execute(_KNOWN, {"commitment": receipt.commitment}).first() is not None:
            return
        now = self._now()
        # Whatever time the receipt states, waiting for it to come is no way out.
        due_at = min(max(now, stamped(receipt.recorded_at) + MERGE_DELAY), now + MERGE_DELAY)
        values = {
            "commitment": receipt.commitment,
            "receipt": receipt.SerializeToString(deterministic=True),
            "reporter": reporter,
            "received_at": now,
            "state": State.OPEN,
            "due_at": due_at,
        }
        connection.execute(_ADD, values)

    async def _step(self, report: Reported, index: int | None) -> Step:
        proved = index is not None and await self._is_proved(report.commitment, index)
        now = self._now()
        return step(State(report.state), waited=now - report.received_at, now=now, index=index, proved=proved)

    async def _is_proved(self, commitment: bytes, index: int) -> bool:
        head = self._witness.head()
        if head is None:
            return False
        leaf = leaf_hash(commitment)
        try:  # a place beyond the head has no path: nobody vouches for it, yet
            path = await TiledTree(self._log.tile, head.size, head.root).inclusion(index)
            check_inclusion(leaf, index, head.size, path, head.root)
        except (ProofError, TileMissingError):
            return False
        return True

    def _move(self, connection: Connection, reports: Sequence[Reported], steps: Sequence[Step]) -> None:
        for report, taken in zip(reports, steps, strict=True):
            values = {"to_state": taken.state, "to_due_at": taken.due_at, "to_leaf_index": taken.leaf_index}
            connection.execute(_MOVE, {"of": report.commitment} | values)
            if taken.finding is not None:
                self._findings.add(connection, _finding(taken.finding, report, taken.leaf_index))

    def _now(self) -> int:
        return milliseconds(self._clock.machine())


def _finding(kind: Kind, report: Reported, index: int | None) -> Finding:
    recorded = datetime_at(stamped(Receipt.FromString(report.receipt).recorded_at)).isoformat(timespec="milliseconds")
    told = {"recorded": recorded, "reporter": str(report.reporter), "entry": str(index)}
    return Finding(kind, GATEWAY, report.commitment, report.receipt, told, index)
