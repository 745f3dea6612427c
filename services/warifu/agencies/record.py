"""Records changes of life, one or a million: durable here, registered at the interim server, known to the numbering body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from warifu.agencies import ledger, subjects
from warifu.agencies.deliver import Delivery
from warifu.agencies.ledger import Entry
from warifu.agencies.office import Business
from warifu.agency.v1 import agency_pb2
from warifu.kernel.instants import milliseconds

BATCH: Final = 500
"""Most changes in one transaction."""


class Recording:
    """Records for one business system."""

    def __init__(self, business: Business, delivery: Delivery) -> None:
        self._business, self._delivery = business, delivery

    async def record(self, requests: Sequence[agency_pb2.RecordRequest]) -> list[agency_pb2.RecordResponse]:
        """Record what can be recorded, in order; one response a request.

        An error after the change was recorded (no enrolment, no copy) is told with the addressee number: the change is kept, and what
        may pass later is tried again without another call.
        """
        digests: dict[bytes, bytes] = {}
        entries = [Entry.read(request, digests) for request in requests]
        good = [entry for entry in entries if entry.error is None]
        self._number(good)
        if good:
            await self._business.store.write(lambda connection: self._write(connection, good))
        recorded = {entry.addressee_no for entry in good if entry.error is None}
        failures = await self._delivery.deliver(recorded) if recorded else {}
        for entry in good:
            entry.error = entry.error or failures.get(entry.addressee_no)
        return [_response(entry) for entry in entries]

    def _number(self, entries: Sequence[Entry]) -> None:
        """Have a number ready for whoever is new; drawn here, in the order of the stream."""
        digests = {entry.digest for entry in entries if entry.digest}
        known = self._business.store.read(lambda connection: subjects.by_items(connection, digests))
        spare: dict[bytes, str] = {}
        for entry in entries:
            if entry.digest and entry.digest not in known:
                if entry.digest not in spare:
                    spare[entry.digest] = subjects.new_number(self._business.ids, self._business.institution)
                entry.spare = spare[entry.digest]

    def _write(self, connection: Connection, entries: Sequence[Entry]) -> None:
        business = self._business
        ledger.write(connection, business.kind, business.office(), milliseconds(business.clock.network()), entries)


def _response(entry: Entry) -> agency_pb2.RecordResponse:
    return agency_pb2.RecordResponse(
        reference=entry.request.reference,
        addressee_no=entry.addressee_no or None,
        error=entry.error.failure() if entry.error is not None else None,
    )
