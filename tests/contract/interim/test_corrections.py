"""An institution corrects through its interim server, over the real gateway: as requester and as provider, in its own name alone."""

from __future__ import annotations

from contract.interim_world import NHI, OTHER_NHI, TAX, WAIT, World, reason_of

from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import Reason

SAID = "照会先の市を誤りました。"


def call(institution: str, request_id: str) -> pb.CorrectRequest:
    """A correction."""
    return pb.CorrectRequest(institution=institution, request_id=request_id, statement=SAID)


async def test_both_sides_correct_and_nobody_else(world: World) -> None:
    """Requester and provider each get the commitment of their entry, the same one again for the same words; others took no part."""
    state = await world.ask(world.question())
    first = await world.interim(NHI).correct(state.request_id, SAID)
    again = await world.face(NHI, "counter").Correct(call(NHI, state.request_id), timeout=WAIT)
    assert len(first.commitment) == 32
    assert again == first
    other = await world.face(TAX).Correct(call(TAX, state.request_id), timeout=WAIT)
    assert other.commitment != first.commitment
    refused = world.interim(OTHER_NHI).correct(state.request_id, SAID)
    assert await reason_of(refused) == Reason.CLIENT_REQUEST_UNKNOWN


async def test_nobody_corrects_in_another_s_name(world: World) -> None:
    """A call that names another institution than the caller's is refused before anything is entered."""
    state = await world.ask(world.question())
    spoken = world.face(NHI, "counter").Correct(call(TAX, state.request_id), timeout=WAIT)
    assert await reason_of(spoken) == Reason.CLIENT_NOT_YOURS


async def test_a_gateway_that_is_away_is_told(world: World) -> None:
    """While the gateway cannot be asked nothing is entered, and the same may be tried again."""
    state = await world.ask(world.question())
    await world.down("gateway")
    assert await reason_of(world.interim(NHI).correct(state.request_id, SAID)) == Reason.GATEWAY_UNAVAILABLE
