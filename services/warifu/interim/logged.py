"""What the gateway promised to have logged is looked up in the log, after the fact: detection, which no exchange waits for.

A receipt promises the requester, a permit the provider, that a commitment is recorded and will be in the public log within the merge
delay. Once that is over, with `SLACK` for the difference of two clocks, its place is asked for and proved from the log's own tiles
against a checkpoint that log and witness signed with the pinned keys. What fails twice, `SLACK` apart, while the log answers, is a
broken promise; one with a receipt is reported to the supervisor. While log, witness or supervisor cannot be reached, it waits.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import grpc
from sqlalchemy import Connection, Integer, Row, bindparam, select, update

from warifu.exchange.logkeys import ORIGIN, LogKeys
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_inquiries, kept_provisions
from warifu.interim.collect import page_before
from warifu.interim.contents import Contents
from warifu.interim.ground import Ground, move_mark
from warifu.interim.logreader import LogReader, LogSilentError
from warifu.interim.schema import BROKEN_PROMISES, OPEN_PROMISES, PROMISES, RECORDS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.bulk import Bulk
from warifu.kernel.instants import milliseconds, stamped, timestamp
from warifu.kernel.limits import CALL_DEADLINE, MERGE_DELAY, PAGE, WITNESS_SILENCE, check_page
from warifu.linkage.v1 import linkage_pb2
from warifu.tlog.checkpoint import Checkpoint, Trust, read_checkpoint
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.notes import NoteError
from warifu.tlog.proofs import ProofError, TiledTree, TileMissingError
from warifu.watchdog.v1 import watchdog_pb2, watchdog_pb2_grpc

SLACK: Final = milliseconds(timedelta(seconds=30))
"""Machine milliseconds beyond the merge delay, for the difference of two parties' clocks; and between two looks."""
GATHER: Final = milliseconds(timedelta(seconds=10))
"""Machine milliseconds whose promises are looked up together: a busy institution asks the log some ten times a minute, not a hundred."""
REPORT_AGAIN: Final = milliseconds(timedelta(minutes=1))
"""Machine milliseconds between two attempts of a report that the supervisor does not take."""
MARK: Final = "promises"
WAITING, KEPT, BROKEN = pb.PROMISE_STATE_WAITING, pb.PROMISE_STATE_KEPT, pb.PROMISE_STATE_BROKEN
NOT_LOGGED: Final = "not-logged"
"""The log does not know the commitment."""
PROOF_INVALID: Final = "proof-invalid"
"""The log's tiles do not lead from the commitment to the signed root."""
CHECKPOINT_INVALID: Final = "checkpoint-invalid"
"""The log's head is not signed by the pinned keys."""
NOT_WITNESSED: Final = "not-witnessed"
"""No head that contains the commitment was cosigned within the time in which exchanges would have stopped."""

_NEW = (
    select(
        RECORDS.c.position,
        RECORDS.c.request_id,
        RECORDS.c.side,
        RECORDS.c.month,
    )
    .where(
        RECORDS.c.position > bindparam("after"),
        RECORDS.c.kind == exchange_pb2.RECORD_KIND_REQUEST,
        RECORDS.c.month >= bindparam("first"),
    )
    .order_by(RECORDS.c.position)
    .limit(int(PAGE))
)
_ADD = Bulk(
    PROMISES,
    *("position", "request_id", "month", "asked", "commitment", "receipt", "promised_at", "state", "look_at"),
)
_DUE = (
    select(PROMISES)
    .where(OPEN_PROMISES, PROMISES.c.look_at <= bindparam("now"))
    .order_by(PROMISES.c.look_at)
    .limit(int(PAGE))
)
_SETTLE = (
    update(PROMISES)
    .where(PROMISES.c.position == bindparam("b_position"), OPEN_PROMISES)
    .values({name: bindparam(name) for name in ("state", "look_at", "log_key", "leaf_index", "problem", "found_at")})
)
_OTHER_LOG = (
    update(PROMISES)
    .where(PROMISES.c.state == KEPT, PROMISES.c.log_key != bindparam("b_key"))
    .values(state=WAITING, log_key=None, leaf_index=None, look_at=bindparam("b_look_at"))
)
_UNREPORTED = (
    select(PROMISES)
    .where(BROKEN_PROMISES, PROMISES.c.receipt.is_not(None), PROMISES.c.reported_at.is_(None))
    .where(PROMISES.c.look_at <= bindparam("now"))
    .order_by(PROMISES.c.position)
    .limit(int(PAGE))
)
_REPORTED = (
    update(PROMISES)
    .where(PROMISES.c.position == bindparam("b_position"))
    .values(look_at=bindparam("look_at"), reported_at=bindparam("reported_at"))
)
_LIST = (
    select(PROMISES)
    .where(PROMISES.c.position < bindparam("before"))
    .order_by(PROMISES.c.position.desc())
    .limit(bindparam("limit", type_=Integer()))
)
_LIST_BROKEN = _LIST.where(BROKEN_PROMISES)
_LOG: Final = logging.getLogger(__name__)


class Promises:
    """Looks after one institution's promises: a periodic job."""

    def __init__(self, ground: Ground, keys: LogKeys, reader: LogReader) -> None:
        self._ground, self._keys, self._reader = ground, keys, reader
        self._trust = Trust(ORIGIN, keys.log, (keys.witness,), quorum=1)
        self._begun = False

    async def run(self) -> int:
        """Take up new promises, look up those whose time is over, report the broken; how many moved on."""
        if not self._begun:
            await self._forget_other_log()
            self._begun = True
        moved = await self._take_up() + await self._look()
        return moved + await self._report()

    async def _forget_other_log(self) -> None:
        """Places in a log of another key say nothing of this one: the promise is the same, and is looked up anew."""
        values = {"b_key": self._keys.log.vkey, "b_look_at": self._ground.machine() + MERGE_DELAY + SLACK}
        await self._ground.store.write(lambda connection: connection.execute(_OTHER_LOG, values))

    async def _take_up(self) -> int:
        """From the records, in the order of commitment, behind the exchanges that made them."""
        contents = self._ground.contents
        values = {"after": self._ground.mark(MARK), "first": contents.vault.first}
        new = self._ground.store.read(lambda connection: connection.execute(_NEW, values).all())
        rows = self._ground.store.read(lambda connection: _promises(connection, contents, new))
        if new:
            await self._ground.store.write(lambda connection: _keep(connection, rows, new[-1].position))
        return len(rows)

    async def _look(self) -> int:
        now = self._ground.machine()
        due = self._ground.store.read(lambda connection: connection.execute(_DUE, {"now": now}).all())
        if not due:
            return 0
        try:
            looked = await self._judged(due)
        except LogSilentError:
            return 0
        changes = [self._settled(row, found, now) for row, found in zip(due, looked, strict=True)]
        await self._ground.store.write(lambda connection: connection.execute(_SETTLE, changes))
        return sum(change["state"] != WAITING for change in changes)

    async def _judged(self, due: Sequence[Row[Any]]) -> list[int | str | None]:
        """Of each promise its place, what is wrong, or None while the witness has not come so far.

        Raises:
            LogSilentError: the log cannot be reached.
        """
        note = await self._reader.witnessed()
        if note is None:
            return [None] * len(due)
        try:
            head = read_checkpoint(note, self._trust).checkpoint
        except NoteError as error:
            _LOG.error("the log's head is not to be relied on", extra={"detail": str(error)})
            return [CHECKPOINT_INVALID] * len(due)
        places = await self._reader.find([row.commitment for row in due])
        tree = TiledTree(self._reader.tile, head.size, head.root)
        return [await self._proved(tree, head, row, place) for row, place in zip(due, places, strict=True)]

    async def _proved(self, tree: TiledTree, head: Checkpoint, row: Row[Any], place: int | None) -> int | str | None:
        if place is None:
            return NOT_LOGGED
        if place >= head.size:
            return None
        try:
            leaf = await tree.leaf(place)
        except (ProofError, TileMissingError) as error:
            return self._contradicted(row, str(error))
        return place if leaf == leaf_hash(row.commitment) else self._contradicted(row, f"leaf {place} is another")

    def _contradicted(self, row: Row[Any], detail: str) -> str:
        _LOG.error("the log proves something else", extra={"request_id": row.request_id, "detail": detail})
        self._reader.forget()
        return PROOF_INVALID

    def _settled(self, row: Row[Any], found: int | str | None, now: int) -> dict[str, Any]:
        change = {"b_position": row.position, "state": WAITING, "look_at": now + SLACK, "log_key": None}
        change |= {"leaf_index": None, "problem": None, "found_at": None}
        if isinstance(found, int):
            return change | {"state": KEPT, "log_key": self._keys.log.vkey, "leaf_index": found}
        if found is None:
            if now - row.promised_at <= WITNESS_SILENCE * 1000 + SLACK:
                return change | {"look_at": now + MERGE_DELAY}
            found = NOT_WITNESSED
        if row.problem is None:  # once may be a log that is just coming up again
            return change | {"problem": found}
        return change | {"state": BROKEN, "look_at": now, "problem": found, "found_at": now}

    async def _report(self) -> int:
        """Tell the supervisor of broken promises. At least once: it takes the same receipt again without effect."""
        now = self._ground.machine()
        broken = self._ground.store.read(lambda connection: connection.execute(_UNREPORTED, {"now": now}).all())
        reported = 0
        for row in broken:
            try:
                await self._tell(linkage_pb2.Receipt.FromString(promised(self._ground.contents, row) or b""))
            except (grpc.aio.AioRpcError, LookupError) as error:
                _LOG.warning("a broken promise is not reported yet", exc_info=error)
                await self._note(row, look_at=now + REPORT_AGAIN, reported_at=None)
                break
            await self._note(row, look_at=now, reported_at=self._ground.machine())
            reported += 1
        return reported

    async def _tell(self, receipt: linkage_pb2.Receipt) -> None:
        stub = self._ground.peers.stub(watchdog_pb2_grpc.ReportServiceStub, "watchdog", self._ground.institution)
        request = watchdog_pb2.ReportReceiptRequest(receipt=receipt)
        await stub.ReportReceipt(request, timeout=CALL_DEADLINE / 1000)

    async def _note(self, row: Row[Any], **values: int | None) -> None:
        change = {"b_position": row.position, **values}
        await self._ground.store.write(lambda connection: connection.execute(_REPORTED, change))

    async def list_promises(self, request: pb.ListPromisesRequest) -> pb.ListPromisesResponse:
        """Promises and how they stand, newest first.

        Raises:
            LinkageError: CLIENT_NOT_YOURS, CLIENT_MALFORMED.
        """
        self._ground.require(request.institution)
        before, limit = page_before(request.page_token), check_page(request.page_size)
        statement = _LIST_BROKEN if request.broken_only else _LIST
        values = {"before": before, "limit": limit + 1}
        rows = self._ground.store.read(lambda connection: connection.execute(statement, values).all())
        token = str(rows[limit - 1].position) if len(rows) > limit else ""
        return pb.ListPromisesResponse(promises=[_shown(row) for row in rows[:limit]], next_page_token=token)


def promised(contents: Contents, row: Any) -> bytes | None:
    """The serialised receipt in a row with position, month and receipt of a promise; None when there is none.

    Raises:
        ErasedError: its term is over.
    """
    if row.receipt is None:
        return None
    receipt: bytes = contents.open(row.month, f"promise/{row.position}", row.receipt)[0]
    return receipt


def _promises(connection: Connection, contents: Contents, rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What the receipt of each inquiry, and the permit of each provision, promises."""
    asked = [row.request_id for row in rows if row.side == "requester"]
    provided = [row.request_id for row in rows if row.side != "requester"]
    states = kept_inquiries.states(connection, contents, asked)
    permits = kept_provisions.known(connection, provided)
    return [
        _of_receipt(contents, row, states[row.request_id])
        if row.side == "requester"
        else _of_permit(contents, row, permits[row.request_id])
        for row in rows
    ]


def _of_receipt(contents: Contents, row: Row[Any], state: bytes | None) -> tuple[Any, ...]:
    assert state is not None
    receipt = linkage_pb2.ExchangeState.FromString(state).receipt
    sealed = contents.seal(row.month, f"promise/{row.position}", [receipt.SerializeToString()])
    return _promise(row, receipt.commitment, stamped(receipt.recorded_at), sealed, asked=True)


def _of_permit(contents: Contents, row: Row[Any], provided: Row[Any]) -> tuple[Any, ...]:
    permit = exchange_pb2.Permit.FromString(kept_provisions.permit_of(contents, provided))
    return _promise(row, permit.commitment, stamped(permit.issued_at), None, asked=False)


def _promise(
    row: Row[Any], commitment: bytes, promised_at: int, sealed: bytes | None, *, asked: bool
) -> tuple[Any, ...]:
    look_at = -(-(promised_at + MERGE_DELAY + SLACK) // GATHER) * GATHER
    return row.position, row.request_id, row.month, asked, commitment, sealed, promised_at, WAITING, look_at


def _shown(row: Row[Any]) -> pb.LogPromise:
    return pb.LogPromise(
        request_id=row.request_id,
        asked=row.asked,
        commitment=row.commitment,
        promised_at=timestamp(row.promised_at),
        state=row.state,
        leaf_index=row.leaf_index,
        problem=row.problem,
        found_at=timestamp(row.found_at) if row.found_at is not None else None,
        reported_at=timestamp(row.reported_at) if row.reported_at is not None else None,
    )


def _keep(connection: Connection, rows: Sequence[tuple[Any, ...]], position: int) -> None:
    _ADD.add(connection, rows)
    move_mark(connection, MARK, position)
