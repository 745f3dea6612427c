"""Steps 3 to 5 for many: what queues for one provider while it is asked goes out to it together, and is settled together.

Each pair of requester and provider has its own lanes, so a provider that hangs holds up nobody else, and no call or block mixes two requesters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from warifu.gateway.forward import Forwarder
from warifu.gateway.outcome import Outcomes
from warifu.gateway.stored import Stored
from warifu.kernel.coalesce import Coalescer
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH, EXCHANGE_DEADLINE, MESSAGE_BYTES, PROVIDE_DEADLINE

Pair = tuple[str, str]
GROUPS: Final = int(BATCH)
"""Callers whose exchanges wait in one lane, at most."""
TOGETHER: Final = 32
"""Exchanges of different callers in one call, at most: each caller gets the whole block that its answer is in."""
CALL_BYTES: Final = MESSAGE_BYTES - 512 * 1024
"""What permits and distinct query blocks of one call may add up to; the rest is for what is around them."""
PROOF_BYTES: Final = 1024
"""A permit's signature and path, at most."""
QUEUED: Final = (EXCHANGE_DEADLINE - PROVIDE_DEADLINE) / 2 / 1000
"""Seconds that an exchange may have waited for its lane and still be sent, so that its caller hears in time what became of it."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Exchanges that one caller waits for."""

    exchanges: Sequence[Stored]
    since: float
    """The event loop's time."""


class Lanes:
    """Asks providers and settles what they say."""

    def __init__(self, forwarder: Forwarder, outcomes: Outcomes) -> None:
        self._forwarder, self._outcomes = forwarder, outcomes
        self._pairs: dict[Pair, Coalescer[_Group, list[Stored | Exception]]] = {}
        self._waiting: dict[Pair, int] = {}

    async def ask(self, pair: Pair, exchanges: Sequence[Stored]) -> list[Stored | Exception]:
        """Each after its provider was asked, durable; or why nothing new is known of it."""
        if pair not in self._pairs:
            self._pairs[pair], self._waiting[pair] = Coalescer(self._run, GROUPS), 0
        self._waiting[pair] += 1
        try:
            return await self._pairs[pair](_Group(exchanges, asyncio.get_running_loop().time()))
        finally:
            self._waiting[pair] -= 1
            if not self._waiting[pair]:  # a pair may never exchange anything again
                del self._pairs[pair], self._waiting[pair]

    async def _run(self, groups: Sequence[_Group]) -> list[list[Stored | Exception]]:
        results: list[list[Stored | Exception]] = []
        for together in _together(groups):
            results += await self._call(together)
        return results

    async def _call(self, groups: Sequence[_Group]) -> list[list[Stored | Exception]]:
        """One after the other: a provider has no more than its lanes' calls at a time."""
        now = asyncio.get_running_loop().time()
        alive = [group for group in groups if now - group.since <= QUEUED]
        flat = [one for group in alive for one in group.exchanges]
        became: dict[str, Stored | Exception] = {}
        for call in _calls(flat):
            became |= zip((one.request_id for one in call), await self._settled(call), strict=True)
        late = LinkageError(Reason.PROVIDER_TIMEOUT)
        return [[became.get(one.request_id, late) for one in group.exchanges] for group in groups]

    async def _settled(self, call: Sequence[Stored]) -> Sequence[Stored | Exception]:
        try:
            return await self._outcomes.settle(call, await self._forwarder.ask(call))
        except Exception as error:  # noqa: BLE001 - told to everyone who waits for it
            return [error] * len(call)


def _together(groups: Sequence[_Group]) -> Iterator[list[_Group]]:
    """Groups that share calls, in order: small ones up to TOGETHER exchanges, a larger one by itself."""
    now: list[_Group] = []
    size = 0
    for group in groups:
        if now and size + len(group.exchanges) > TOGETHER:
            yield now
            now, size = [], 0
        now.append(group)
        size += len(group.exchanges)
    if now:
        yield now


def _calls(exchanges: Sequence[Stored]) -> Iterator[list[Stored]]:
    """In calls of at most BATCH exchanges and CALL_BYTES."""
    call: list[Stored] = []
    blocks: set[bytes] = set()
    size = 0
    for one in exchanges:
        added = len(one.permit or b"") + PROOF_BYTES + (0 if one.query in blocks else len(one.query))
        if call and (len(call) >= BATCH or size + added > CALL_BYTES):
            yield call
            call, blocks, size = [], set(), 0
            added = len(one.permit or b"") + PROOF_BYTES + len(one.query)
        call.append(one)
        blocks.add(one.query)
        size += added
    if call:
        yield call
