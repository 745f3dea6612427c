"""Step 2: what is asked for the first time is decided, converted and recorded; on return it is durable, and only then a permit may be signed.

Inquiries that queue while others are being written are written together, whoever asks; the same one again is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from warifu.exchange import permit as permits
from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import permit, record, stored
from warifu.gateway.asked import Asked
from warifu.gateway.books import Books
from warifu.gateway.convert import Conversion, Converted
from warifu.gateway.decide import Allowed, Decisions, Refused
from warifu.gateway.directory import Directory
from warifu.gateway.record import New
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.coalesce import Coalescer
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import day_at, milliseconds
from warifu.kernel.limits import BATCH
from warifu.kernel.months import month_at

Begun = Stored | LinkageError
GROUPS: Final = 64
"""Calls whose inquiries are written together, at most."""


class _Moment(NamedTuple):
    """When inquiries were taken, in milliseconds: one reading of both clocks for all that is decided and written of them."""

    machine: int
    network: int


class _Entry(NamedTuple):
    """What is written of a new inquiry."""

    exchange: Stored
    records: tuple[New, ...]
    shown: bool


class Beginnings:
    """Begins exchanges."""

    def __init__(
        self, books: Books, clock: Clock, decisions: Decisions, conversion: Conversion, directory: Directory
    ) -> None:
        self._books, self._clock = books, clock
        self._decisions, self._conversion, self._directory = decisions, conversion, directory
        self._queue: Coalescer[Sequence[Asked], list[Begun]] = Coalescer(self._run, GROUPS)

    async def begin(self, asked: Sequence[Asked]) -> list[Begun]:
        """The exchange of each, found or new. Errors of one: CLIENT_REQUEST_CHANGED; CLIENT_DIRECTORY_ENTRY_UNKNOWN.

        No two calls at a time may ask for the same request id.

        Raises whatever keeps all of them from being decided or written.
        """
        return await self._queue(asked)

    async def record_pretences(self, caller: str, asked: Sequence[Asked]) -> None:
        """Enter, under the caller's own name, that it asked in another's. The ids stay free for whom they belong to."""
        if not asked:
            return
        at, version = self._moment(), self._decisions.table_version()
        new = [
            New.of(entry, at.machine, None)
            for one in asked
            for entry in _denied_records(one, caller, at.network, version, None)
        ]
        await self._books.months.ready([month_at(at.network)])
        await self._books.log.write(lambda connection: self._books.records.add(connection, new))

    async def _run(self, groups: Sequence[Sequence[Asked]]) -> list[list[Begun] | Exception]:
        begun: dict[str, Begun] = {}
        for together in _together(groups):
            begun |= await self._begin(together)
        return [[begun[one.request_id] for one in group] for group in groups]

    async def _begin(self, asked: Sequence[Asked]) -> Mapping[str, Begun]:
        begun = self._find(asked)
        while new := [one for one in asked if one.request_id not in begun]:
            made = self._entries(new)
            entries = [entry for entry in made.values() if isinstance(entry, _Entry)]
            await self._books.months.ready(entry.exchange.month for entry in entries)
            try:
                await self._books.log.write(lambda connection, entries=entries: self._write(connection, entries))  # type: ignore[misc]
            except IntegrityError:  # another replica took one of them in the same moment
                found = self._find(new)
                if not found:
                    raise
                begun |= found
            else:
                begun |= {id_: one.exchange if isinstance(one, _Entry) else one for id_, one in made.items()}
        return begun

    def _find(self, asked: Sequence[Asked]) -> dict[str, Begun]:
        ids = [one.request_id for one in asked]
        found = self._books.store.read(lambda connection: self._books.exchanges.find_all(connection, ids))
        return {one.request_id: _checked(one, found[one.request_id]) for one in asked if one.request_id in found}

    def _entries(self, asked: Sequence[Asked]) -> dict[str, _Entry | LinkageError]:
        """Decided and converted at one moment."""
        at = self._moment()
        people = self._conversion.open_all([(one.inquiry.subject, one.requester) for one in asked])
        inquiries = [(one.header, person) for one, person in zip(asked, people, strict=True)]
        decided = self._decisions.decide(inquiries, day_at(at.network))
        keys = self._directory.sealing_key_ids({one.requester for one in asked})
        made: dict[str, _Entry | LinkageError] = {}
        for one, converted, decision in zip(asked, people, decided, strict=True):
            if isinstance(decision, Refused):
                made[one.request_id] = self._deny(one, decision, converted, at)
            elif (key := keys.get(one.requester)) is not None:
                made[one.request_id] = self._allow(one, decision, converted, key, at)
            else:
                unknown = {"owner": one.requester}
                made[one.request_id] = LinkageError(Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN, metadata=unknown)
        return made

    def _allow(self, asked: Asked, allowed: Allowed, converted: Converted, key_id: str, at: _Moment) -> _Entry:
        assert converted.person is not None, "a code that does not serve is refused"
        entry = record.of_request(asked.header, asked.requester, at.network, allowed.table_version, allowed.row)
        subject = converted.person.seen_by(asked.header.provider)
        committed = records.commit(entry)
        leave = permit.write(asked, allowed, subject, committed.commitment, key_id, at.machine, at.network)
        exchange = _exchange(asked, at, committed.commitment, leave, entry)
        return _Entry(exchange, (New(entry, committed, at.machine, exchange.permit_hash),), shown=False)

    def _deny(self, asked: Asked, refused: Refused, converted: Converted, at: _Moment) -> _Entry:
        entries = _denied_records(asked, asked.requester, at.network, refused.table_version, refused)
        requested, decided = (New.of(entry, at.machine, None) for entry in entries)
        exchange = _exchange(asked, at, requested.committed.commitment, None)._replace(
            outcome=pb.OUTCOME_DENIED,
            outcome_commitment=decided.committed.commitment,
            denial=refused.denial.SerializeToString(),
        )
        # A refused inquiry is shown to the person too, when there is one and the requester did not ask otherwise.
        return _Entry(exchange, (requested, decided), shown=converted.person is not None and not exchange.withheld)

    def _write(self, connection: Connection, entries: Sequence[_Entry]) -> None:
        """In one transaction: of each all, or of all nothing."""
        self._books.exchanges.add(connection, [one.exchange for one in entries])
        self._books.records.add(connection, [new for one in entries for new in one.records])
        stored.show(connection, [one.exchange.request_id for one in entries if one.shown])

    def _moment(self) -> _Moment:
        return _Moment(milliseconds(self._clock.machine()), milliseconds(self._clock.network()))


def _together(groups: Sequence[Sequence[Asked]]) -> Iterator[list[Asked]]:
    """What is written in one transaction: whole calls, up to BATCH inquiries."""
    now: list[Asked] = []
    for group in groups:
        if now and len(now) + len(group) > BATCH:
            yield now
            now = []
        now = [*now, *group]
    if now:
        yield now


def _checked(asked: Asked, found: Stored) -> Begun:
    same = (found.requester, found.inquiry_hash) == (asked.requester, asked.digest)
    return found if same else LinkageError(Reason.CLIENT_REQUEST_CHANGED)


def _denied_records(
    asked: Asked, requester: str, network: int, table_version: str, refused: Refused | None
) -> Iterator[pb.AccessRecord]:
    requested = record.of_request(asked.header, requester, network, table_version, refused.row if refused else None)
    yield requested
    reason = refused.denial.reason if refused else Reason.CLIENT_NOT_YOURS
    yield record.of_outcome(requested, pb.OUTCOME_DENIED, reason, None, withheld=asked.header.non_disclosure)


def _exchange(
    asked: Asked, at: _Moment, commitment: bytes, leave: bytes | None, requested: pb.AccessRecord | None = None
) -> Stored:
    return Stored(
        request_id=asked.request_id,
        requester=asked.requester,
        provider=asked.header.provider,
        inquiry_hash=asked.digest,
        inquiry=asked.received,
        query=asked.query,
        recorded_at=at.machine,
        commitment=commitment,
        exchange_time=at.network,
        permit=leave,
        permit_hash=permits.permit_hash(leave) if leave is not None else None,
        review_until=at.network + permit.REVIEW_WITHIN if leave is not None else None,
        outcome=stored.OPEN,
        withheld=asked.header.non_disclosure,
        answer=None,
        answer_index=None,
        outcome_commitment=None,
        denial=None,
        failure=None,
        requested=requested,
    )
