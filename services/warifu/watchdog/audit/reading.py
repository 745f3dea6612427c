"""Reads a network into the scratch file, in an order that a living network cannot fool.

Institutions are read before the gateway: what they hold by then, the gateway must have recorded. The gateway is read before the log's
head: what it has recorded by then must be in the log once the merge delay is over. Then the tails are read once more, so that each leaf
has its record and each answer its two other sides. What an institution shows only then is marked `late`: the gateway was not asked since.
Nothing is judged here but what reading needs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.limits import MERGE_DELAY
from warifu.linkage.v1 import linkage_pb2
from warifu.log.v1 import log_pb2
from warifu.portal.v1 import portal_pb2
from warifu.tlog.checkpoint import Trust, read_checkpoint
from warifu.tlog.merkle import HASH_SIZE
from warifu.tlog.notes import NoteError
from warifu.tlog.proofs import TileMissingError
from warifu.tlog.tiles import TILE_WIDTH, Bundle, TileError, bundle_at, decode_entries
from warifu.watchdog.audit.findings import GATEWAY, PORTAL
from warifu.watchdog.audit.scratch import Scratch
from warifu.watchdog.audit.sources import Sources, UnreadableError

SLACK: Final = 3.0
"""Seconds beyond the merge delay that a record is waited for."""
AT_ONCE: Final = 4
"""Institutions that are read side by side."""
_EVENT: Final = "event"

Progress = Callable[[str, int, int | None], None]
"""Is told what is being read or checked, how many are done, and of how many where that is known."""
Pause = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Read:
    """What was read beside what is in the scratch file."""

    witnessed: str | None = None
    """The newest head, as the parties are told."""
    published: str | None = None
    """As everyone is told; read before the other, so it is not larger."""
    previous: str | None = None
    """The head of the audit that is resumed."""
    size: int = 0
    """Leaves that the newest head says; 0 when it is not to be relied on."""
    leaves_problem: str | None = None
    """Why the leaves could not be read whole."""
    directory_mark: int = 0
    """The gateway's newest position when the directory was read."""
    directory: dict[str, exchange_pb2.SignedDirectoryEntry | None] = field(default_factory=dict)
    """Entries by owner."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Parties that did not show their records, and why."""


class Reading:
    """One run of reading."""

    def __init__(
        self, sources: Sources, scratch: Scratch, trust: Trust, progress: Progress, patience: float, pause: Pause
    ) -> None:
        self._sources, self._scratch, self._trust = sources, scratch, trust
        self._progress, self._patience, self._pause = progress, patience, pause
        self.read = Read()

    async def run(self) -> Read:
        """Read everything that is new since the file was begun.

        Raises:
            UnreachableError: a party is away. What was read so far is kept.
        """
        for forgotten in (
            "UPDATE held SET late = 0",
            "UPDATE shown SET late = 0",
            "UPDATE corrected SET late = 0",
            "DELETE FROM overdue",
        ):
            self._scratch.execute(forgotten)
        await self._institutions(late=False)
        await self._portal(late=False)
        await self._gateway()
        await self._wait_for_places()
        await self._head()
        await self._leaves()
        await self._gateway()
        await self._directory()
        await self.tails()
        return self.read

    async def tails(self) -> None:
        """Read what came since: at the gateway, then at the institutions and the portal."""
        await self._gateway()
        await self._institutions(late=True)
        await self._portal(late=True)
        self._scratch.commit()

    async def _institutions(self, *, late: bool) -> None:
        turns = asyncio.Semaphore(AT_ONCE)

        async def read(code: str) -> None:
            async with turns:
                await self._tolerant(code, self._institution(code, late=late))

        await asyncio.gather(*(read(code) for code in self._sources.institutions))

    async def _institution(self, code: str, *, late: bool) -> None:
        after = self._scratch.after(code)
        while True:
            page = await self._sources.institution(code, after)
            if page.records:
                after = page.records[-1].position
                self._scratch.add("held", (_held(code, one, late=late) for one in page.records))
                self._keep(code, after, len(page.records))
            if not page.HasField("next"):
                return

    async def _gateway(self) -> None:
        await self._tolerant(GATEWAY, self._gateway_records())

    async def _gateway_records(self) -> None:
        first_open = self._scratch.one("SELECT min(position) FROM gateway WHERE leaf IS NULL")
        after = self._scratch.after(GATEWAY)
        after = after if first_open is None else min(after, first_open - 1)
        while True:
            page = await self._sources.gateway(after)
            if page.records:
                after = page.records[-1].position
                self._scratch.add("gateway", map(_gateway_row, page.records))
                self._scratch.add("corrected", _entered(page.records))
                self._keep(GATEWAY, after, len(page.records))
            if not page.HasField("next"):
                return

    async def _portal(self, *, late: bool) -> None:
        await self._tolerant(PORTAL, self._portal_records(late=late))

    async def _portal_records(self, *, late: bool) -> None:
        after = self._scratch.after(PORTAL)
        while True:
            page = await self._sources.portal(after)
            if page.records:
                after = page.records[-1].position
                shown = [one for one in page.records if not one.HasField("correction")]
                self._scratch.add("shown", (_shown_row(one, late=late) for one in shown))
                self._scratch.add("corrected", _told(page.records, late=late))
                self._keep(PORTAL, after, len(page.records))
            if not page.HasField("next"):
                return

    async def _wait_for_places(self) -> None:
        """A record is not late before the merge delay is over, by our own clock, since we first saw it."""
        seen = self._scratch.one("SELECT max(position) FROM gateway WHERE leaf IS NULL")
        if seen is not None:
            await self._pause(MERGE_DELAY / 1000 + SLACK)
            await self._gateway()
            self._overdue("leaf IS NULL AND position <= ?", seen)

    async def _head(self) -> None:
        """The newest head; the witness may be one behind the records that were read."""
        self.read.previous = self._scratch.get("head")
        placed = self._scratch.one("SELECT max(leaf) FROM gateway")
        ends = time.monotonic() + self._patience
        while True:
            shown = await self._sources.heads()
            self.read.witnessed, self.read.published = shown.witnessed, shown.published
            self.read.size = self._size(shown.witnessed)
            if placed is None or self.read.size > placed or time.monotonic() >= ends:
                break
            await self._pause(0.5)
        if self.read.size:
            self._overdue("leaf >= ?", self.read.size)

    def _overdue(self, condition: str, value: int) -> None:
        """Note records that had their time to be in the log that the head signs: those that come later are not meant."""
        self._scratch.execute(f"INSERT OR IGNORE INTO overdue SELECT position FROM gateway WHERE {condition}", value)

    def _size(self, note: str | None) -> int:
        try:
            return read_checkpoint(note, self._trust).checkpoint.size if note is not None else 0
        except NoteError:
            return 0

    async def _leaves(self) -> None:
        """Entry bundles up to the head's size, from where they were read last. Whether they are the head's is checked later."""
        size = self.read.size
        if size == 0:
            return
        self._scratch.execute("DELETE FROM leaf WHERE idx >= ?", size)
        known = self._scratch.one("SELECT count(*) FROM leaf")
        try:
            for index in range(known // TILE_WIDTH, -(-size // TILE_WIDTH)):
                entries = await self._bundle(bundle_at(index, size))
                first = index * TILE_WIDTH
                self._scratch.add("leaf", ((first + at, entry) for at, entry in enumerate(entries)))
                self._scratch.commit()
                self._progress("log", min(size, first + TILE_WIDTH), size)
        except (TileError, TileMissingError, UnreadableError) as error:
            self.read.leaves_problem = str(error)
            return
        if self.read.witnessed is not None:
            self._scratch.put("head", self.read.witnessed)

    async def _bundle(self, bundle: Bundle) -> Sequence[bytes]:
        """A log may drop a partial bundle once it has the full one (c2sp.org/tlog-tiles)."""
        try:
            content, width = await self._sources.tile(bundle.path), bundle.width
        except TileMissingError:
            if bundle.full:
                raise
            content, width = await self._sources.tile(Bundle(bundle.index).path), TILE_WIDTH
        entries = decode_entries(content, width)[: bundle.width]
        if any(len(entry) != HASH_SIZE for entry in entries):
            raise TileError(f"{bundle.path} holds an entry that is no commitment")
        return entries

    async def _directory(self) -> None:
        self.read.directory_mark = self._scratch.after(GATEWAY)
        owners = {GATEWAY, *self._sources.institutions, *announced_owners(self._scratch)}
        for owner in sorted(owners):
            self.read.directory[owner] = await self._sources.directory(owner)

    async def _tolerant(self, party: str, reading: Awaitable[None]) -> None:
        try:
            await reading
        except UnreadableError as error:
            self.read.unreadable.setdefault(party, str(error))

    def _keep(self, source: str, after: int, count: int) -> None:
        self._scratch.read_to(source, after)
        self._scratch.commit()
        self._progress(source, count, None)


def events(scratch: Scratch, kind: str) -> Iterable[tuple[int, log_pb2.NetworkEvent]]:
    """Position and content of the events of a kind, such as "table", in order."""
    rows = scratch.rows("SELECT position, record FROM gateway WHERE event = ? ORDER BY position", kind)
    return ((position, log_pb2.NetworkEvent.FromString(event)) for position, event in rows)


def announced_owners(scratch: Scratch) -> set[str]:
    """Whose directory entries the log ever announced."""
    return {event.directory.owner for _, event in events(scratch, "directory")}


def _gateway_row(one: linkage_pb2.PositionedRecord) -> tuple[object, ...]:
    leaf = one.leaf_index if one.HasField("leaf_index") else None
    permit_hash = one.permit_hash if one.HasField("permit_hash") else None
    if one.HasField("event"):
        content = one.event
        return (
            one.position,
            leaf,
            None,
            _event_kind(content.event),
            content.event,
            content.salt,
            content.commitment,
            None,
        )
    if one.HasField("record"):
        kept = one.record
        return (
            one.position,
            leaf,
            _request_id(kept.record),
            None,
            kept.record,
            kept.salt,
            kept.commitment,
            permit_hash,
        )
    return (one.position, leaf, None, None, None, None, None, permit_hash)


def _held(code: str, one: linkage_pb2.PositionedRecord, *, late: bool) -> tuple[object, ...]:
    kept, permit_hash = one.record, one.permit_hash if one.HasField("permit_hash") else None
    evidence = one.evidence.SerializeToString()
    row = (kept.record, kept.salt, kept.commitment, permit_hash, evidence)
    return (code, one.position, _request_id(kept.record), int(late), *row)


def _shown_row(one: portal_pb2.DeliveredRecord, *, late: bool) -> tuple[object, ...]:
    request, outcome = one.request.SerializeToString(), one.outcome.SerializeToString()
    return (
        one.position,
        _request_id(one.request.record),
        int(late),
        request,
        outcome,
        one.request_leaf,
        one.outcome_leaf,
    )


def _entered(records: Iterable[linkage_pb2.PositionedRecord]) -> Iterator[tuple[object, ...]]:
    """Corrections among the gateway's events."""
    for one in records:
        request_id = _corrects(one.event.event) if one.HasField("event") else None
        if request_id is not None:
            leaf = one.leaf_index if one.HasField("leaf_index") else None
            yield (GATEWAY, one.position, request_id, 0, one.event.event, one.event.commitment, leaf)


def _told(records: Iterable[portal_pb2.DeliveredRecord], *, late: bool) -> Iterator[tuple[object, ...]]:
    """Corrections that the portal shows; one that says of no exchange that it corrects it counts as one of no known exchange."""
    for one in records:
        if one.HasField("correction"):
            leaf = one.correction_leaf if one.HasField("correction_leaf") else None
            request_id = _corrects(one.correction.event) or ""
            yield (PORTAL, one.position, request_id, int(late), one.correction.event, one.correction.commitment, leaf)


def _corrects(event: bytes) -> str | None:
    """The exchange that an event corrects; None when it is another event, or none."""
    try:
        read = log_pb2.NetworkEvent.FromString(event)
    except ValueError:  # google.protobuf.message.DecodeError
        return None
    return read.correction.request_id if read.HasField("correction") else None


def _request_id(record: bytes) -> str | None:
    try:
        return exchange_pb2.AccessRecord.FromString(record).request_id or None
    except ValueError:  # google.protobuf.message.DecodeError
        return None


def _event_kind(event: bytes) -> str | None:
    try:
        return log_pb2.NetworkEvent.FromString(event).WhichOneof("event") or _EVENT
    except ValueError:
        return _EVENT
