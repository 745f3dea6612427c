"""Deaths and full disks in the middle of an exchange: nothing is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from e2e.bad import case_of, full_disk, inquiry, kill, question, stage_of
from e2e.conftest import Running

from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import Reason
from warifu.simulator.clerk import Exchange
from warifu.simulator.scenarios.stage import Stage


async def test_a_provider_killed_in_mid_answer_loses_and_doubles_nothing(network: Running) -> None:
    """Inquiries in flight when the provider gets kill -9 are all answered once it is back, and each is on record once on every side."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk = stage.clerk(case.requester)
        answered, killed = asyncio.Event(), asyncio.Event()

        async def go_on_asking() -> list[Exchange]:
            """Always one inquiry under way, until the provider was killed and is back."""
            asked = []
            while not killed.is_set():
                asked.append(await clerk.inquire(case.addressee, question(stage, case)))
                answered.set()
            return asked

        asking = [asyncio.create_task(go_on_asking()) for _ in range(12)]
        await answered.wait()
        await kill(network, stage, "tax")
        killed.set()
        exchanges = [exchange for asked in await asyncio.gather(*asking) for exchange in asked]
        assert len(exchanges) > len(asking)
        for exchange in exchanges:
            state = exchange.state
            while state.outcome == exchange_pb2.OUTCOME_UNSPECIFIED:
                state = await clerk.collect(exchange.request_id)
            assert state.outcome in {exchange_pb2.OUTCOME_ANSWERED, exchange_pb2.OUTCOME_PENDING}
            for party in ("health_insurance", "gateway", "tax"):
                places = [holding.where for holding in await stage.view(party, exchange.request_id)]
                assert places, party
            provisions = [one for one in await stage.view("tax", exchange.request_id) if "provision" in one.where]
            assert len(provisions) == 1


async def told(stage: Stage, party: str, request_id: str, table: str) -> int:
    """How many rows of a table a party holds for an exchange."""
    return sum(holding.where.endswith(table) for holding in await stage.view(party, request_id))


async def test_a_replayed_request_is_one_exchange_also_across_kill_9(network: Running) -> None:
    """The same question under one id, twenty times at once and again after agency and gateway were killed, is one exchange; another question under it is refused."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk, asked = stage.clerk(case.requester), question(stage, case)
        request_id = str(uuid.uuid4())
        first, *others = await asyncio.gather(*(clerk.inquire(case.addressee, asked, request_id) for _ in range(20)))
        assert {other.request_id for other in others} == {first.request_id} == {request_id}
        await kill(network, stage, "health_insurance")
        await kill(network, stage, "gateway")
        again = await clerk.inquire(case.addressee, asked, request_id)
        assert (again.outcome, again.request_id) == (first.outcome, request_id)
        changed = question(stage, case, office="another")
        assert await stage.refusal(clerk.inquire(case.addressee, changed, request_id)) == Reason.CLIENT_REQUEST_CHANGED
        assert await told(stage, "gateway", request_id, "/exchange") == 1
        assert await told(stage, "tax", request_id, "provisions") == 1


@pytest.mark.parametrize("party", ["gateway", "tax"])
async def test_a_full_disk_on_the_way_delays_and_loses_nothing(network: Running, party: str) -> None:
    """While gateway or provider cannot write, the inquiry waits and nobody is told an answer; with room again it is answered, once."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk = stage.clerk(case.requester)
        with full_disk(network, party):
            receipt = await clerk.interim.Inquire(inquiry(case, question(stage, case)), timeout=15)
            request = interim_pb2.CollectRequest(
                institution=case.requester, request_id=receipt.request_id, wait_ms=1000
            )
            waiting = await clerk.interim.Collect(request, timeout=15)
            assert waiting.inquiry.outcome == exchange_pb2.OUTCOME_UNSPECIFIED
            assert await told(stage, party, receipt.request_id, "") == 0
        state = await clerk.collect(receipt.request_id)
        assert state.outcome in {exchange_pb2.OUTCOME_ANSWERED, exchange_pb2.OUTCOME_PENDING}
        assert await told(stage, "gateway", receipt.request_id, "/exchange") == 1
        assert await told(stage, "tax", receipt.request_id, "provisions") == 1


async def test_a_full_disk_at_the_asker_is_told_to_the_clerk(network: Running) -> None:
    """An agency that cannot store a question refuses it as its own store's trouble and sends nothing; the same question works with room again."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk, asked, request_id = stage.clerk(case.requester), question(stage, case), str(uuid.uuid4())
        with full_disk(network, "health_insurance"):
            refused = await stage.refusal(clerk.inquire(case.addressee, asked, request_id))
            assert refused == Reason.PROVIDER_STORE_UNAVAILABLE
            assert await told(stage, "gateway", request_id, "") == 0
        exchange = await clerk.inquire(case.addressee, asked, request_id)
        assert exchange.state.outcome in {exchange_pb2.OUTCOME_ANSWERED, exchange_pb2.OUTCOME_PENDING}
