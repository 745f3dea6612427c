"""The person's own request through the portal, at the provider: what it is answered, when it waits, and that no flag can be told from it."""

from __future__ import annotations

from itertools import product

import pytest
from contract.interim_portal import Portal
from contract.interim_world import PORTAL, TAX, TAX_ITEM, World

from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.v1 import interim_pb2 as pb

pytestmark = pytest.mark.asyncio
FLAGS = ("non_disclosure", "self_disclosure_blocked", "manual_review")


def _protection(flags: tuple[bool, ...]) -> pb.SetProtectionRequest:
    chosen = dict(zip(FLAGS, flags, strict=True))
    return pb.SetProtectionRequest(institution=TAX, addressee_no="1", reason="支援措置", **chosen)


@pytest.mark.parametrize("flags", [flags for flags in product((False, True), repeat=3) if flags[1]])
async def test_a_blocked_person_s_request_ends_like_one_without_a_record(world: World, flags: tuple[bool, ...]) -> None:
    """With 自己情報提供不可, whatever else is set: final at once, no record, no mark of non-disclosure, at both ends and at the gateway."""
    portal = await Portal.begin(world)
    await world.interim(TAX).set_protection(_protection(flags))
    answer = await portal.ask(TAX, "S01", TAX_ITEM)
    assert (answer.outcome, len(answer.records), answer.non_disclosure) == (ex.FINE_OUTCOME_WITHHELD, 0, False)
    own = [one for one in await world.records(TAX) if one.requester == PORTAL]
    assert [one.kind for one in own] == [ex.RECORD_KIND_REQUEST, ex.RECORD_KIND_OUTCOME]
    assert not any(one.non_disclosure for one in own)
    exchange = world.running["gateway"].party.view(own[0].request_id)[0]
    assert next(value.text for value in exchange.values if value.name == "withheld") == "False"


async def test_non_disclosure_hides_no_request_of_the_person_s_own(world: World) -> None:
    """With 不開示 alone the own request is answered, and its exchange is not withheld; that of another institution is, as before."""
    portal = await Portal.begin(world)
    await world.interim(TAX).set_protection(_protection((True, False, False)))
    answer = await portal.ask(TAX, "S01", TAX_ITEM)
    assert (answer.outcome, answer.non_disclosure) == (ex.FINE_OUTCOME_PROVIDED, False)
    question = world.question()
    await world.ask(question)
    hidden = {one.request_id: one.non_disclosure for one in await world.records(TAX)}
    assert hidden.pop(question.request_id)
    assert not any(hidden.values())
