"""What goes out to a provider together: within the limits of a call, in order, once, and only for as long as anybody waits."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from unit.gateway.samples import PROVIDER, REQUESTER, stored

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import lanes
from warifu.gateway.forward import Reply
from warifu.gateway.lanes import CALL_BYTES, PROOF_BYTES, TOGETHER, Lanes
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import BATCH

PAIR = REQUESTER, PROVIDER


class Provider:
    """Answers what it is asked, once it may."""

    def __init__(self):
        self.calls, self.gate = [], asyncio.Event()

    async def ask(self, batch):
        """See `Forwarder`."""
        self.calls.append([one.request_id for one in batch])
        await self.gate.wait()
        return [Reply(pb.OUTCOME_ANSWERED) for _ in batch]


class Settles:
    """Keeps nothing."""

    async def settle(self, before, replies):
        """See `Outcomes`."""
        return [one._replace(outcome=reply.outcome) for one, reply in zip(before, replies, strict=True)]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 300_000)), min_size=1, max_size=60))
def test_calls_keep_within_number_and_bytes(chosen):
    """Every exchange is in one call, in order; no call is too large, and none could have taken the next exchange."""
    blocks = [bytes([number]) * size for number, size in chosen]
    exchanges = [stored(query=blocks[place % len(blocks)]) for place in range(230)]
    calls = list(lanes._calls(exchanges))
    assert [one for call in calls for one in call] == exchanges

    def size(call):
        return sum(len(one.permit) + PROOF_BYTES for one in call) + sum(map(len, {one.query for one in call}))

    for call, following in pairwise(calls):
        assert len(call) == BATCH or size([*call, following[0]]) > CALL_BYTES
    assert all(len(call) <= BATCH and size(call) <= CALL_BYTES for call in calls)


async def test_what_queues_goes_out_together_and_nobody_is_kept_waiting_for_a_pair():
    """While both lanes are busy single exchanges gather, at most TOGETHER a call; a large group goes by itself; then the pair is forgotten."""
    provider = Provider()
    here = Lanes(provider, Settles())
    groups = [[stored()] for _ in range(2 * TOGETHER + 3)] + [[stored() for _ in range(BATCH)]]
    first = [asyncio.create_task(here.ask(PAIR, [stored()])) for _ in range(2)]
    await asyncio.sleep(0.01)
    asked = [asyncio.create_task(here.ask(PAIR, group)) for group in groups]
    await asyncio.sleep(0.01)
    assert [len(call) for call in provider.calls] == [1, 1]
    provider.gate.set()
    results = await asyncio.gather(*asked)
    await asyncio.gather(*first)
    assert [[one.request_id for one in result] for result in results] == [
        [one.request_id for one in group] for group in groups
    ]
    assert max(len(call) for call in provider.calls if len(call) != BATCH) <= TOGETHER
    assert len(provider.calls) <= 2 + 2 * 3 + 1
    assert sum(len(call) for call in provider.calls) == 2 + len(groups) - 1 + BATCH
    assert not here._pairs


async def test_two_pairs_do_not_wait_for_each_other():
    """A provider that hangs leaves the lanes of another free."""
    provider = Provider()
    here = Lanes(provider, Settles())
    stuck = [asyncio.create_task(here.ask(PAIR, [stored()])) for _ in range(4)]
    await asyncio.sleep(0.01)
    other = asyncio.create_task(here.ask(("pension-900001", PROVIDER), [stored(requester="pension-900001")]))
    await asyncio.sleep(0.01)
    assert len(provider.calls) == 3
    provider.gate.set()
    await asyncio.gather(*stuck, other)


async def test_what_waited_too_long_is_not_sent(monkeypatch):
    """Its caller is told PROVIDER_TIMEOUT, and the provider never sees it."""
    monkeypatch.setattr(lanes, "QUEUED", -1)
    provider = Provider()
    (result,) = await Lanes(provider, Settles()).ask(PAIR, [stored()])
    assert isinstance(result, LinkageError)
    assert result.reason == Reason.PROVIDER_TIMEOUT
    assert not provider.calls
