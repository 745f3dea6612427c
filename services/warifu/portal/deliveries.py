"""Receiving records: opened, checked, stored, and only then acknowledged.

A record that is stored already is acknowledged again without effect; one that differs from what is stored, or cannot be believed, is
left out of the answer and hinders no other of its call. Where its records stand in the log says nothing of what they are: places are noted, not
compared, and what is noted wrongly proves nothing to the citizen's browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from sqlalchemy import Connection, bindparam, insert, select, update

from warifu.exchange import domains
from warifu.exchange.keys import InstitutionKeys, OpenError
from warifu.exchange.record import RecordError, check
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import stamped
from warifu.kernel.partitions import Months
from warifu.kernel.store import Store
from warifu.portal.history import corrections, keeping
from warifu.portal.history.corrections import Correction, CorrectionError
from warifu.portal.history.schema import lines, marks
from warifu.portal.kept import COLUMNS, Kept, Seals
from warifu.portal.schema import entries, positions
from warifu.portal.v1 import portal_pb2, portal_pb2_grpc

MOST: Final = 500
"""Records in one call."""
FINAL: Final = frozenset(
    {
        exchange_pb2.OUTCOME_ANSWERED,
        exchange_pb2.OUTCOME_DENIED,
        exchange_pb2.OUTCOME_ERROR,
        exchange_pb2.OUTCOME_EXPIRED,
    }
)
_same = attrgetter("requester", "provider", "affair", "procedure", "item")
"""What both records of one exchange must say alike."""
_PLACES: Final = ("request_leaf", "outcome_leaf", "log_key")

_ARRIVALS: Final = "arrivals"
"""Row of `positions` that counts deliveries: a position is never used twice, also when entries have been erased."""

_STORED: Final = select(*COLUMNS).where(entries.c.request_id.in_(bindparam("request_ids", expanding=True)))
_PLACE: Final = (
    update(entries)
    .where(entries.c.request_id == bindparam("which"))
    .values(
        request_leaf=bindparam("request_leaf"), outcome_leaf=bindparam("outcome_leaf"), log_key=bindparam("log_key")
    )
)
_ARRIVED: Final = select(positions.c.position).where(positions.c.name == _ARRIVALS)
_COUNT: Final = update(positions).where(positions.c.name == _ARRIVALS).values(position=bindparam("arrived"))
_COUNT_FIRST: Final = insert(positions)


_Delivered = tuple[Kept, list[Correction]]


class DeliveryError(ValueError):
    """A delivery that cannot be believed, or must not be here; the message says why."""


class DeliveryServicer(portal_pb2_grpc.DeliveryServiceServicer):
    """`warifu.portal.v1.DeliveryService`. The access table lets only the gateway call it."""

    def __init__(self, store: Store, seals: Seals, keys: InstitutionKeys, log_key: str) -> None:
        """`log_key`: id of the pinned key of the log, hexadecimal."""
        self._store, self._seals, self._keys, self._log_key = store, seals, keys, log_key
        self._months = Months(store, entries, lines, marks)

    async def Deliver(  # noqa: N802 - the RPC's name
        self, request: portal_pb2.DeliverRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> portal_pb2.DeliverResponse:
        """Store what can be believed and tell which request ids are durable now.

        Raises:
            LinkageError: CLIENT_DELIVERY_INVALID when the block does not open, or not one record in it can be stored; CLIENT_TOO_MANY_ITEMS.
        """
        del context
        records = _opened(request, self._keys)
        if len(records) > MOST:
            raise LinkageError(Reason.CLIENT_TOO_MANY_ITEMS, metadata={"field": "records", "limit": str(MOST)})
        found = [entry for entry in map(self._entry, records) if entry is not None]
        if not found:
            raise LinkageError(Reason.CLIENT_DELIVERY_INVALID)
        await self._months.ready(entry.month for entry, _ in found)
        stored = await self._store.write(lambda connection: self._keep(connection, found))
        return portal_pb2.DeliverResponse(stored=stored)

    def _entry(self, shown: portal_pb2.ShownRecord) -> _Delivered | None:
        try:
            entry = entry_of(shown, self._log_key)
            corrected = _corrections(shown, entry)
        except DeliveryError:
            return None  # its request id stays out of the answer, so the gateway knows
        past = entry.month < self._seals.vault.first  # what is past its term must not come back
        return None if past else (entry, corrected)

    def _keep(self, connection: Connection, found: list[_Delivered]) -> list[str]:
        """Insert what is new; request ids that are stored as delivered, now or before."""
        counted = connection.execute(_ARRIVED).scalar()
        arrived = counted or 0
        known, stored = self._known(connection, [entry.request_id for entry, _ in found]), []
        new: list[Kept] = []
        places: list[dict[str, object]] = []
        for entry, corrected in found:
            before = known.setdefault(entry.request_id, entry)
            if before is entry:
                arrived += 1
                new.append(entry._replace(arrival=arrived))
            elif not _is_same(before, entry):
                continue
            elif entry.log_key is not None:
                places.append({"which": entry.request_id, **{name: getattr(entry, name) for name in _PLACES}})
            arrived = corrections.keep(connection, self._seals.vault, entry, corrected, arrived, self._log_key)
            stored.append(entry.request_id)
        keeping.keep_all(connection, self._seals, new)
        if places:
            connection.execute(_PLACE, places)
        if counted is None and arrived:
            connection.execute(_COUNT_FIRST, {"name": _ARRIVALS, "position": arrived})
        elif arrived != counted:
            connection.execute(_COUNT, {"arrived": arrived})
        return stored

    def _known(self, connection: Connection, request_ids: list[str]) -> dict[str, Kept]:
        rows = connection.execute(_STORED, {"request_ids": request_ids})
        return {row.request_id: self._seals.opened(row) for row in rows}


def entry_of(shown: portal_pb2.ShownRecord, log_key: str) -> Kept:
    """The entry of a delivered record, but for its place in the order of arrival.

    Raises:
        DeliveryError: a commitment does not fit; the two records are not of one exchange; it is not final; or it is marked as not to be
            disclosed, in which case it must never be kept here, whoever sent it.
    """
    records = [_checked(part) for part in (shown.request, shown.outcome)]
    request, outcome = records
    _check_pair(request, outcome)
    if not shown.subject:
        raise DeliveryError("no subject")
    # Places that cannot be so, as when nobody said them, are asked for later (`places`).
    placed = shown.request_leaf < shown.outcome_leaf
    return Kept(
        request_id=request.request_id,
        requested_at=stamped(request.requested_at),
        subject=shown.subject,
        answered_at=stamped(outcome.answered_at) if outcome.HasField("answered_at") else None,
        requester=request.requester,
        provider=request.provider,
        affair=request.affair,
        procedure=request.procedure,
        item=request.item,
        row=request.row if request.HasField("row") else None,
        outcome=outcome.outcome,
        request_record=shown.request,
        outcome_record=shown.outcome,
        request_leaf=shown.request_leaf if placed else None,
        outcome_leaf=shown.outcome_leaf if placed else None,
        log_key=log_key if placed else None,
    )


def _corrections(shown: portal_pb2.ShownRecord, entry: Kept) -> list[Correction]:
    if len(shown.corrections) > corrections.MOST:
        raise DeliveryError("too many corrections")
    try:
        return [corrections.read(one, entry) for one in shown.corrections]
    except CorrectionError as error:
        raise DeliveryError("a correction that cannot be believed") from error


def _opened(request: portal_pb2.DeliverRequest, keys: InstitutionKeys) -> Sequence[portal_pb2.ShownRecord]:
    try:
        plain = keys.open(request.key_id, request.sealed, domains.DELIVERY_SEAL)
        return portal_pb2.Deliveries.FromString(plain).records
    except (OpenError, DecodeError) as error:
        raise LinkageError(Reason.CLIENT_DELIVERY_INVALID) from error


def _checked(part: bytes) -> exchange_pb2.AccessRecord:
    try:
        return check(exchange_pb2.CommittedRecord.FromString(part))
    except (RecordError, DecodeError) as error:
        raise DeliveryError("not a committed record") from error


def _check_pair(request: exchange_pb2.AccessRecord, outcome: exchange_pb2.AccessRecord) -> None:
    kinds = (request.kind, outcome.kind)
    if kinds != (exchange_pb2.RECORD_KIND_REQUEST, exchange_pb2.RECORD_KIND_OUTCOME):
        raise DeliveryError("not a request record and an outcome record")
    if request.request_id != outcome.request_id:
        raise DeliveryError("records of another exchange")
    if _same(request) != _same(outcome):
        raise DeliveryError("the two records contradict each other")
    if outcome.outcome not in FINAL:
        raise DeliveryError("not final")
    if request.non_disclosure or outcome.non_disclosure:
        raise DeliveryError("not to be disclosed")


def _is_same(known: Kept, delivered: Kept) -> bool:
    return (known.request_record, known.outcome_record) == (delivered.request_record, delivered.outcome_record)
