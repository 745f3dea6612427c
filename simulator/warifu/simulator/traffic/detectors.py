"""What the rules of detection point at, as the supervisor is told it.

Asked of the gateway and of every institution that took part, by the supervisor's inspector, with the same calls that the supervisor makes twice
a minute. Nothing is opened or entered by it. A rule tells at most 100 references of a group, a party at most the newest 200 groups of a rule,
and it looks at the newest 20,000 records: so it is asked during the traffic, too, and what it told once counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

import grpc

from warifu.exchange.detection import GATEWAY
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.limits import SUSPICIONS
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.simulator.called import calling
from warifu.simulator.doors import identity_channel
from warifu.simulator.state import NetworkFile
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.supervision.v1 import supervision_pb2_grpc

_PAGE: Final = 500
_WITHIN: Final = 300.0
"""Seconds for a look: the gateway opens up to 20,000 records for it."""
_FURTHEST: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One group that a rule pointed at."""

    rule: str
    count: int
    """Records of the group, told or not."""
    told: frozenset[str]
    """Request ids that were told."""


@dataclass(slots=True)
class Detectors:
    """The inspector's look at a network. Use from one event loop; close with `close`."""

    network: NetworkFile
    _channels: dict[str, grpc.aio.Channel] = field(default_factory=dict)
    _listed: dict[tuple[str, str], pb.Suspicion] = field(default_factory=dict)
    full: set[tuple[str, str]] = field(default_factory=set)
    """Rule and source of listings that had as many groups as are told at once: older groups were not told in them."""
    _begun: int = 0
    """Place of the gateway's last record before the traffic."""

    async def begin(self) -> None:
        """Note where the gateway's records end, so that only later ones are read."""
        low, high = 0, _FURTHEST
        while low < high:
            middle = (low + high) // 2
            if (await self._records(middle, 1)).records:
                low = middle + 1
            else:
                high = middle
        self._begun = low

    async def look(self, first: date, sources: Iterable[str]) -> None:
        """Ask the gateway, or institutions, what is pointed at since a simulated day; what was told before is kept."""
        for source in sources:
            self._keep(source, await self._listing(source, first.isoformat()))

    async def _listing(self, source: str, first: str) -> Iterable[pb.Suspicion]:
        if source == GATEWAY:
            gateway = supervision_pb2_grpc.GatewaySupervisionServiceStub(self._channel(GATEWAY))
            request = pb.ListSuspicionsRequest(from_day=first)
            with calling("ListSuspicions", source):
                return (await gateway.ListSuspicions(request, timeout=_WITHIN)).suspicions
        stub = supervision_pb2_grpc.InterimSupervisionServiceStub(self._channel(self.network.extra["kinds"][source]))
        asked = pb.ListInquirySuspicionsRequest(institution=source, from_day=first)
        with calling("ListInquirySuspicions", source):
            return (await stub.ListInquirySuspicions(asked, timeout=_WITHIN)).suspicions

    async def pointed_at(self) -> list[Suspicion]:
        """All that was told, with places in the log as request ids. Call it when the log has taken everything in."""
        places = await self._places() if any(one.leaves for one in self._listed.values()) else {}
        return [
            Suspicion(
                one.rule,
                one.count,
                frozenset([*one.request_ids, *(places[leaf] for leaf in one.leaves if leaf in places)]),
            )
            for one in self._listed.values()
        ]

    async def close(self) -> None:
        """Close every channel."""
        for channel in self._channels.values():
            await channel.close()

    def _keep(self, source: str, suspicions: Iterable[pb.Suspicion]) -> None:
        """The longest listing of each group: groups only grow, but old records drop out of a look."""
        groups = Counter[str]()
        for one in suspicions:
            groups[one.rule] += 1
            known = self._listed.get((source, one.id))
            if known is None or known.count <= one.count:
                self._listed[source, one.id] = one
        self.full.update((rule, source) for rule, count in groups.items() if count >= SUSPICIONS)

    async def _places(self) -> Mapping[int, str]:
        """Request ids by place in the log."""
        found: dict[int, str] = {}
        after: int | None = self._begun
        while after is not None:
            page = await self._records(after, _PAGE)
            for one in page.records:
                if one.HasField("leaf_index") and one.HasField("record"):
                    record = exchange_pb2.AccessRecord.FromString(one.record.record)
                    found[one.leaf_index] = record.request_id
            after = page.next if page.HasField("next") else None
        return found

    async def _records(self, after: int, limit: int) -> linkage_pb2.ListRecordsResponse:
        stub = linkage_pb2_grpc.GatewayAuditServiceStub(self._channel(GATEWAY))
        with calling("ListRecords", GATEWAY):
            return await stub.ListRecords(linkage_pb2.ListRecordsRequest(after=after, limit=limit), timeout=_WITHIN)

    def _channel(self, party: str) -> grpc.aio.Channel:
        if party not in self._channels:
            entry, ca = self.network.party(party), Path(self.network.ca)
            self._channels[party] = identity_channel(entry, ca, self.network.inspector)
        return self._channels[party]
