"""What the rules of detection point at in the gateway's own records; told to the supervisor as places in the log (docs/SUPERVISION.md §3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import select

from warifu.exchange import detection
from warifu.exchange.detection import Seen
from warifu.exchange.lawbook import CurrentLaw
from warifu.gateway.schema import ENTRY, EVENT
from warifu.gateway.search import Search
from warifu.kernel.errors import LinkageError
from warifu.kernel.instants import day_at, stamped
from warifu.kernel.limits import CODE, check_text, malformed
from warifu.kernel.store import Store
from warifu.log.v1.log_pb2 import NetworkEvent
from warifu.supervision.v1.supervision_pb2 import ListSuspicionsRequest, ListSuspicionsResponse

PORTAL: Final = "portal"
"""Kind of the citizens' own requests: people ask about themselves at any hour."""
_CHANGES: Final = (
    select(EVENT.c.position, EVENT.c.kind, EVENT.c.event, ENTRY.c.leaf_index)
    .join(ENTRY, ENTRY.c.position == EVENT.c.position)
    .where(EVENT.c.kind.in_(("table", "rights")))
    .order_by(EVENT.c.position)
)


class Suspicions:
    """Applies the rules when it is asked, and keeps nothing of it."""

    def __init__(self, store: Store, search: Search, law: CurrentLaw) -> None:
        self._store, self._search, self._law = store, search, law

    async def list(self, request: ListSuspicionsRequest) -> ListSuspicionsResponse:
        """Suspicions from a simulated day on.

        Raises:
            LinkageError: CLIENT_MALFORMED: not a day; GATEWAY_TABLE_INVALID.
        """
        first = day(request.from_day)
        seen = [one async for one in self._seen(first)]
        found = [*detection.by_gateway(seen), *detection.table_changes(self._changes(first))]
        return ListSuspicionsResponse(suspicions=detection.listed(found))

    async def _seen(self, first: date) -> Any:
        institutions = self._law.book().institutions
        async for asked in self._search.newest(first):
            record, requester = asked.record, institutions.get(asked.record.requester)
            if asked.leaf is not None and not (requester is not None and requester.kind == PORTAL):
                at = stamped(record.requested_at)
                yield Seen(str(asked.leaf), at, record.requester, asked.position, denied=asked.denied)

    def _changes(self, first: date) -> Sequence[Seen]:
        """Changes after the first entry of their kind, by which the network began."""
        rows = self._store.read(lambda connection: connection.execute(_CHANGES).all())
        begun: set[str] = set()
        changes = []
        for row in rows:
            at = stamped(NetworkEvent.FromString(row.event).at)
            if row.kind in begun and row.leaf_index is not None and day_at(at) >= first:
                changes.append(Seen(str(row.leaf_index), at, detection.GATEWAY, row.position))
            begun.add(row.kind)
        return changes


def day(text: str) -> date:
    """The day that a text names.

    Raises:
        LinkageError: CLIENT_MALFORMED.
    """
    try:
        return date.fromisoformat(check_text(text, "from_day", CODE))
    except ValueError as error:
        if isinstance(error, LinkageError):
            raise
        raise malformed("from_day", "not a day") from error
