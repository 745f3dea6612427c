"""Runs the errands of recorded changes: other basic items first, then enrolment, copies and protection, and deaths last."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row

from warifu.agencies import copies, errands, ledger, subjects
from warifu.agencies.errands import Due, Errand
from warifu.agencies.office import Business
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering.v1 import numbering_pb2

_AT_ONCE: Final = 16
"""People about whom the numbering body is told at once."""


Ready = Mapping[str, Sequence[interim_pb2.RegisterCopiesRequest]]
"""Copies by addressee number."""


@dataclass(slots=True)
class _Round:
    """One delivery: what came of it."""

    failures: dict[str, LinkageError] = field(default_factory=dict)
    """By addressee number, the first."""
    done: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    enrolled: list[str] = field(default_factory=list)

    def write(self, connection: Connection) -> None:
        """Keep what came of it, in a transaction."""
        errands.settle(connection, self.done, self.refused)
        subjects.mark_enrolled(connection, self.enrolled)

    def close(self, due: Due, error: LinkageError | None) -> None:
        """Note what came of one errand; what may pass later stays owed."""
        if error is None:
            self.done.append(due.position)
            return
        self.failures.setdefault(due.addressee_no, error)
        if not error.retryable:
            self.refused.append((due.position, str(error.reason)))


class Delivery:
    """Delivers for one business system; one delivery at a time, so that nothing overtakes what was recorded before it."""

    def __init__(self, business: Business) -> None:
        self._business = business

    async def deliver(self, numbers: Collection[str]) -> Mapping[str, LinkageError]:
        """Enrol these addressees, run what is owed about them, and say of whom something failed, and why."""
        async with self._business.turn:
            return await self.deliver_now(numbers, {})

    async def catch_up(self) -> int:
        """Run what is still owed from before; how much was done."""
        store = self._business.store
        if self._business.turn.locked() or not (due := store.read(errands.open_ones)):
            return 0  # whoever holds the turn delivers
        before = len(due)
        await self.deliver({one.addressee_no for one in due})
        return before - len(store.read(errands.open_ones))

    async def deliver_now(self, numbers: Collection[str], ready: Ready) -> Mapping[str, LinkageError]:
        """`deliver` for whoever holds the turn. `ready` are the copies of those to whom all are owed, where they are at hand."""
        store, made = self._business.store, _Round()
        rows = store.read(lambda connection: subjects.by_number(connection, numbers))
        due = store.read(lambda connection: errands.open_for(connection, numbers))
        by_errand: dict[Errand, list[Due]] = defaultdict(list)
        for one in due:
            by_errand[one.errand].append(one)
        await self._tell(made, by_errand[Errand.CHANGE])  # before enrolment, which names people by their items now
        await self._enrol(made, [row for row in rows.values() if not row.enrolled], by_errand[Errand.REGISTER])
        await self._all_copies(made, by_errand[Errand.COPIES], ready)
        await self._copies(made, by_errand[Errand.COPY])
        await self._protections(made, by_errand[Errand.PROTECTION])
        await self._tell(made, by_errand[Errand.DEATH])
        if made.done or made.refused or made.enrolled:
            await store.write(made.write)
        return made.failures

    async def _enrol(self, made: _Round, rows: Sequence[Row[Any]], newcomers: Sequence[Due]) -> None:
        """By the basic items held here. Whoever is not matched, and may be new, is registered first."""
        failed = await self.enrol_by_items(rows)
        registering = {one.addressee_no: one for one in newcomers}
        unknown = [row for row in rows if _is_unknown(failed.get(row.addressee_no)) and row.addressee_no in registering]
        if unknown:
            failed |= await self._register(unknown)
            failed |= await self.enrol_by_items([row for row in unknown if failed[row.addressee_no] is None])
        for row in rows:
            error = failed[row.addressee_no]
            if error is None:
                made.enrolled.append(row.addressee_no)
            else:
                made.failures.setdefault(row.addressee_no, error)
        for one in newcomers:
            made.close(one, failed.get(one.addressee_no))

    async def enrol_by_items(self, rows: Sequence[Row[Any]]) -> dict[str, LinkageError | None]:
        """Enrol addressees by the items held here: for each None, or why not. The caller holds the turn."""
        if not rows:
            return {}
        requests = [
            interim_pb2.EnrolRequest(
                institution=self._business.institution,
                addressee_no=row.addressee_no,
                basic_items=subjects.items_of(row),
            )
            for row in rows
        ]
        responses = await self._business.interim.enrol(requests)
        return {response.addressee_no: _error(response) for response in responses}

    async def _register(self, rows: Sequence[Row[Any]]) -> dict[str, LinkageError | None]:
        numbers = [row.addressee_no for row in rows]
        try:
            results = await self._business.numbering.register([subjects.items_of(row) for row in rows])
        except LinkageError as error:
            return dict.fromkeys(numbers, error)
        return {
            number: None if error is None or error.reason == Reason.CLIENT_PERSON_REGISTERED else error
            for number, error in zip(numbers, results, strict=True)
        }

    async def _copies(self, made: _Round, due: Sequence[Due]) -> None:
        if not due:
            return
        requests = [interim_pb2.RegisterCopiesRequest.FromString(one.message) for one in due]
        for one, error in zip(due, await copies.register(self._business.interim, requests), strict=True):
            made.close(one, error)

    async def _all_copies(self, made: _Round, due: Sequence[Due], ready: Ready) -> None:
        if not due:
            return
        missing = [one.addressee_no for one in due if one.addressee_no not in ready]
        at_hand = {**ready, **self._made_again(missing)} if missing else ready
        requests = [copy for one in due for copy in at_hand[one.addressee_no]]
        failed: dict[str, LinkageError] = {}
        for request, error in zip(requests, await copies.register(self._business.interim, requests), strict=True):
            if error is not None:
                failed.setdefault(request.addressee_no, error)
        for one in due:
            made.close(one, failed.get(one.addressee_no))

    def _made_again(self, numbers: Collection[str]) -> Ready:
        """What is owed since before; nothing of whoever is owed each copy by itself by now."""
        office, records = self._business.office(), self._business.kind.table.records
        assert records is not None  # only a kind that keeps records owes copies

        def read(connection: Connection) -> Ready:
            made = ledger.first_copies(connection, office, records, numbers)
            # Looked at last: as long as the errand is open, the records are those that it was for.
            owing = errands.owing_copies(connection, numbers)
            return {number: made[number] if number in owing else [] for number in numbers}

        return self._business.store.read(read)

    async def _protections(self, made: _Round, due: Iterable[Due]) -> None:
        for one in due:
            error = None
            try:
                await self._business.interim.set_protection(interim_pb2.SetProtectionRequest.FromString(one.message))
            except LinkageError as refused:
                error = refused
            made.close(one, error)

    async def _tell(self, made: _Round, due: Sequence[Due]) -> None:
        """Tell the numbering body: one person's changes in order, several people at once."""
        people: dict[str, list[Due]] = defaultdict(list)
        for one in sorted(due, key=lambda each: each.position):
            people[one.addressee_no].append(one)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def tell(person: list[Due]) -> None:
            async with slots:
                for one in person:
                    made.close(one, await self._told(one))

        await asyncio.gather(*(tell(person) for person in people.values()))

    async def _told(self, due: Due) -> LinkageError | None:
        numbering = self._business.numbering
        try:
            if due.errand is Errand.CHANGE:
                change = numbering_pb2.NoteChangeRequest.FromString(due.message)
                await numbering.note_change(change.before, change.after)
            else:
                death = numbering_pb2.NoteDeathRequest.FromString(due.message)
                await numbering.note_death(death.basic_items, death.died_on)
        except LinkageError as error:
            return error
        return None


def _is_unknown(error: LinkageError | None) -> bool:
    return error is not None and error.reason == Reason.CLIENT_PERSON_NOT_MATCHED


def _error(response: interim_pb2.EnrolResponse) -> LinkageError | None:
    failure: common_pb2.Failure | None = response.error if response.HasField("error") else None
    return None if failure is None else LinkageError.from_failure(failure)
