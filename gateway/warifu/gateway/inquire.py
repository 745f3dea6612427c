"""Inquire, from the request as it came in to the answer that the gateway cannot read (design: one step, one file).

1 `asked` · 2 `decide`, `convert`, `record`, `permit` · 3, 4 `forward` · 5 `outcome` · and what the requester is told: `state`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from warifu.exchange import permit as permits
from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import asked as step1
from warifu.gateway import permit, record, stored
from warifu.gateway.asked import Asked
from warifu.gateway.books import Books
from warifu.gateway.convert import Conversion, Converted
from warifu.gateway.course import Course
from warifu.gateway.decide import Allowed, Decisions, Refused
from warifu.gateway.directory import Directory
from warifu.gateway.stored import Stored
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import day_at, milliseconds
from warifu.linkage.v1.linkage_pb2 import InquireRequest


@dataclass(frozen=True, slots=True)
class _Moment:
    """When an inquiry was taken, in milliseconds: one reading of both clocks for all that is decided and written of it."""

    machine: int
    network: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """What one transaction writes of a new inquiry: all of it, or nothing."""

    books: Books
    exchange: Stored
    records: tuple[tuple[pb.AccessRecord, pb.CommittedRecord], ...]
    shown: bool

    def write(self, connection: Connection) -> None:
        self.books.exchanges.add(connection, self.exchange)
        for entry, committed in self.records:
            self.books.records.add(connection, entry, committed, self.exchange.recorded_at, self.exchange.permit_hash)
        if self.shown:
            stored.show(connection, self.exchange.request_id)


class Inquiries:
    """Takes inquiries."""

    def __init__(
        self,
        books: Books,
        clock: Clock,
        decisions: Decisions,
        conversion: Conversion,
        directory: Directory,
        course: Course,
    ) -> None:
        self._books, self._clock = books, clock
        self._decisions, self._conversion, self._directory = decisions, conversion, directory
        self._course = course

    async def inquire(self, caller: str, call: InquireRequest) -> Stored:
        """The exchange, as far as it has come. The same call again, at any time, is about the same exchange.

        Raises:
            LinkageError: the call is not well-formed, names another requester, or its id was used with other bytes; or nothing is
                known of the outcome yet (PROVIDER_…), or the log cannot move (GATEWAY_LOG_UNAVAILABLE), and the same call may be
                made again.
        """
        asked = step1.read(call)
        await self._books.log.admit()
        if asked.header.requester != caller:
            await self._record_pretence(caller, asked)
            raise LinkageError(Reason.CLIENT_NOT_YOURS)
        if self._course.same(asked.request_id, caller, asked.digest) is False:
            raise LinkageError(Reason.CLIENT_REQUEST_CHANGED)
        return await self._course.join(asked.request_id, caller, asked.digest, lambda: self._run(asked))

    async def _run(self, asked: Asked) -> Stored:
        exchange = self._find(asked) or await self._begin(asked)
        return await self._course.advance(exchange) if exchange.outcome == stored.OPEN else exchange

    def _find(self, asked: Asked) -> Stored | None:
        found = self._books.store.read(lambda connection: self._books.exchanges.find(connection, asked.request_id))
        if found is not None and (found.requester, found.inquiry_hash) != (asked.header.requester, asked.digest):
            raise LinkageError(Reason.CLIENT_REQUEST_CHANGED)
        return found

    async def _begin(self, asked: Asked) -> Stored:
        """Decide, convert and record; on return the exchange is durable, and only then may a permit be signed."""
        at = self._moment()
        converted = self._conversion.open(asked.inquiry.subject, asked.header.requester)
        decision = self._decisions.decide(asked.header, converted, day_at(at.network))
        if isinstance(decision, Allowed):
            entry = self._allow(asked, decision, converted, at)
        else:
            entry = self._deny(asked, decision, converted, at)
        try:
            await self._books.log.write(entry.write)
        except IntegrityError:  # another replica took the same inquiry in the same moment
            found = self._find(asked)
            if found is None:
                raise
            return found
        return entry.exchange

    def _allow(self, asked: Asked, allowed: Allowed, converted: Converted, at: _Moment) -> _Entry:
        assert converted.person is not None, "a code that does not serve is refused"
        key_id = self._directory.sealing_key_id(asked.header.requester)
        entry = record.of_request(asked.header, asked.header.requester, at.network, allowed.table_version, allowed.row)
        committed = records.commit(entry)
        subject = converted.person.seen_by(asked.header.provider)
        leave = permit.write(asked, allowed, subject, committed.commitment, key_id, at.machine, at.network)
        return self._entry(_new(asked, at, committed.commitment, leave), ((entry, committed),), shown=False)

    def _deny(self, asked: Asked, refused: Refused, converted: Converted, at: _Moment) -> _Entry:
        requested, decided = _denied_records(asked, asked.header.requester, at.network, refused.table_version, refused)
        exchange = replace(
            _new(asked, at, requested[1].commitment, None),
            outcome=pb.OUTCOME_DENIED,
            outcome_commitment=decided[1].commitment,
            denial=refused.denial.SerializeToString(),
        )
        # A refused inquiry is shown to the person too, when there is one and the requester did not ask otherwise.
        shown = converted.person is not None and not exchange.withheld
        return self._entry(exchange, (requested, decided), shown=shown)

    def _entry(
        self, exchange: Stored, records: tuple[tuple[pb.AccessRecord, pb.CommittedRecord], ...], *, shown: bool
    ) -> _Entry:
        return _Entry(self._books, exchange, records, shown)

    async def _record_pretence(self, caller: str, asked: Asked) -> None:
        """Enter, under the caller's own name, that it asked in another's. The id stays free for whom it belongs to."""
        at = self._moment()
        pair = _denied_records(asked, caller, at.network, self._decisions.table_version(), None)

        def write(connection: Connection) -> None:
            for entry, committed in pair:
                self._books.records.add(connection, entry, committed, at.machine, None)

        await self._books.log.write(write)

    def _moment(self) -> _Moment:
        return _Moment(milliseconds(self._clock.machine()), milliseconds(self._clock.network()))


_Pair = tuple[tuple[pb.AccessRecord, pb.CommittedRecord], tuple[pb.AccessRecord, pb.CommittedRecord]]


def _denied_records(asked: Asked, requester: str, network: int, table_version: str, refused: Refused | None) -> _Pair:
    requested = record.of_request(asked.header, requester, network, table_version, refused.row if refused else None)
    reason = refused.denial.reason if refused else Reason.CLIENT_NOT_YOURS
    decided = record.of_outcome(requested, pb.OUTCOME_DENIED, reason, None, withheld=asked.header.non_disclosure)
    return (requested, records.commit(requested)), (decided, records.commit(decided))


def _new(asked: Asked, at: _Moment, commitment: bytes, leave: bytes | None) -> Stored:
    return Stored(
        request_id=asked.request_id,
        requester=asked.header.requester,
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
    )
