"""Having the log witnessed: each new head, and from time to time the same again, is shown to the watchdog with its proof of consistency.

One call is in flight; heads that come meanwhile are passed over, since the newest one covers them. Where several processes run on one store,
who signed a head shows it; each hears the witness itself once, at its start, and what it answers the others afterwards counts too.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import grpc

from warifu.exchange.logkeys import LogKeys
from warifu.gateway.log import heads
from warifu.gateway.log.gate import Gate
from warifu.gateway.log.growth import Growth
from warifu.gateway.log.heads import Head
from warifu.gateway.log.lease import Lease
from warifu.gateway.log.sequencer import read_head
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import milliseconds
from warifu.kernel.limits import CALL_DEADLINE, MERGE_DELAY, WITNESS_REFRESH
from warifu.kernel.peers import Peers
from warifu.kernel.store import Store
from warifu.tlog.notes import Note, NoteError, parse_signatures
from warifu.watchdog.v1.watchdog_pb2 import AddCheckpointRequest, AddCheckpointResponse
from warifu.watchdog.v1.watchdog_pb2_grpc import WitnessServiceStub

_LOG: Final = logging.getLogger(__name__)
PARTY: Final = "watchdog"


class RefusedError(RuntimeError):
    """The witness, or what it says, contradicts the log: an operator must look before anything is exchanged."""


class WitnessCaller:
    """Asks the witness: a periodic job, and at once after each new head."""

    def __init__(self, store: Store, clock: Clock, peers: Peers, keys: LogKeys, gate: Gate, lease: Lease) -> None:
        self._store, self._clock, self._peers, self._keys, self._gate = store, clock, peers, keys, gate
        self._lease = lease
        self._growth = Growth(store)
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._answered_once = False
        self._refusal = ""

    def wake(self) -> None:
        """There is a new head."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._follow())

    async def shown(self) -> None:
        """Wait until the newest head was shown, but not so long that entries would wait for longer than they may."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=MERGE_DELAY / 1000 / 4)

    async def close(self) -> None:
        """End the call in progress."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run(self) -> int:
        """Have the newest head witnessed, if it is not yet or not lately; 1 when it now is."""
        async with self._lock:
            head = self._head()
            if head.size == 0 or not self._is_due(head):
                self._hear_of(head)
                return 0
            try:
                note = await self._cosigned(head)
            except RefusedError as error:
                if self._head().size != head.size:  # another process moved it, and the witness knows a later one
                    return 0
                self._gate.witness_refused()
                if str(error) != self._refusal:  # once, not every second
                    _LOG.critical("the witness refuses the log", extra={"detail": str(error)})
                self._refusal = str(error)
                return 0
            except (grpc.aio.AioRpcError, LookupError, OSError):  # silent for now; the gate counts the time
                return 0
            at = milliseconds(self._clock.machine())
            await self._store.write(lambda connection: heads.witness(connection, head.log_key, head.size, note, at))
            self._answered_once, self._refusal = True, ""
            self._gate.witness_answered()
            return 1

    async def _follow(self) -> None:
        try:
            while await self.run():
                pass
        except Exception as error:  # noqa: BLE001 - the job of the next second tries again
            _LOG.warning("cannot have the log witnessed", exc_info=error)

    def _head(self) -> Head:
        head = self._store.read(heads.read)
        assert head is not None, "the log was begun at start"
        return head

    def _is_due(self, head: Head) -> bool:
        if not self._answered_once or head.witnessed_at is None:
            return True
        if head.size > head.witnessed_size and (self._lease.believed or not self._store.read(self._lease.elsewhere)):
            return True  # else whoever leads shows it, unless it cannot reach the witness
        return milliseconds(self._clock.machine()) - head.witnessed_at > WITNESS_REFRESH * 1000

    def _hear_of(self, head: Head) -> None:
        """What another process was answered counts for this one too, once the witness has answered it about what it found at its start."""
        if self._answered_once and head.witnessed_at is not None:
            self._gate.witness_answered_another(head.witnessed_at)

    async def _cosigned(self, head: Head) -> str:
        """The head's note with the witness' signature."""
        known = head.witnessed_size
        answer = await self._ask(head, known)
        if answer.WhichOneof("result") == "known_size":
            known = answer.known_size
            if known > head.size:
                raise RefusedError(f"the witness cosigned {known} leaves, the log has {head.size}: it was cut short")
            answer = await self._ask(head, known)
        if answer.WhichOneof("result") != "cosignature":
            raise RefusedError(f"the witness does not sign a tree of {head.size} leaves")
        return self._with_signature(head.checkpoint, answer.cosignature)

    async def _ask(self, head: Head, known: int) -> AddCheckpointResponse:
        proof = await self._growth.proof(known, read_head(head.checkpoint))
        request = AddCheckpointRequest(old_size=known, proof=proof, checkpoint=head.checkpoint)
        stub = self._peers.stub(WitnessServiceStub, PARTY)
        try:
            return await stub.AddCheckpoint(request, timeout=CALL_DEADLINE / 1000)
        except grpc.aio.AioRpcError as error:
            failure = LinkageError.from_rpc(error, party="provider")
            if failure.retryable or error.code() in _UNREACHABLE:
                raise
            raise RefusedError(str(failure.reason)) from error

    def _with_signature(self, checkpoint: str, line: str) -> str:
        try:
            note = Note.parse(checkpoint)
            for signature in parse_signatures(line):
                note = note.with_signature(signature)
            self._keys.witness.check(note)
        except NoteError as error:
            raise RefusedError(f"what the witness answered is no signature of its: {error}") from error
        return note.raw


_UNREACHABLE: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
