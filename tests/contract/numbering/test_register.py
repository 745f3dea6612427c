"""Who is registered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.numbering_desk import match
from tiny import reason_of
from town import CITY, TAX, Town, code_of, person

from warifu.kernel.errors import Reason
from warifu.numbering import party as numbering
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc


async def test_registering_says_what_is_wrong_with_each(network: Town) -> None:
    """Every registration is answered in order: taken code, bad code, known person, too few items, too long a name; the same again is fine."""
    await network.people([person(0)])
    register = network.register("residency", CITY)
    wanted = [
        (person(0), code_of(0), ""),
        (person(1), code_of(0), Reason.CLIENT_RESIDENT_CODE_TAKEN),
        (person(1), "12345678901", Reason.CLIENT_RESIDENT_CODE_INVALID),
        (person(0), None, Reason.CLIENT_PERSON_REGISTERED),
        (person(0), code_of(5), ""),
        (person(1, name=""), None, Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS),
        (person(1, name="名" * 101), None, Reason.CLIENT_TOO_LARGE),
        (person(1, birth_date="2026-02-30"), None, Reason.CLIENT_MALFORMED),
        (person(1, sex=9), None, Reason.CLIENT_MALFORMED),
        (person(7), None, ""),
        (person(8), None, ""),
    ]
    requests = [
        pb.RegisterRequest(institution=CITY, reference=f"r{n}", basic_items=items, resident_code=code)
        for n, (items, code, _) in enumerate(wanted)
    ]
    responses = [response async for response in register.Register(iter(requests))]
    assert [response.reference for response in responses] == [f"r{n}" for n in range(len(wanted))]
    assert [response.error.reason for response in responses] == [reason for *_, reason in wanted]


@pytest.mark.slow
async def test_a_hundred_thousand_in_one_stream(network: Town) -> None:
    """10^5 items in one stream are each answered in order, while the party reads ahead no further than a few batches."""
    sent = 0

    async def requests() -> AsyncIterator[pb.RegisterRequest]:
        nonlocal sent
        for n in range(100_000):
            sent = n
            yield pb.RegisterRequest(institution=CITY, reference=str(n), basic_items=person(sex=0))

    received, ahead = 0, 0
    async for response in network.register("residency", CITY).Register(requests()):
        assert response.reference == str(received)
        received += 1
        ahead = max(ahead, sent - received)
    assert received == 100_000
    assert ahead < 20_000


async def test_who_may_write_into_the_register(network: Town) -> None:
    """A tax office may not register; a portal may not match; an agency issues no cards."""
    stream = network.register("tax", TAX).Register(iter([pb.RegisterRequest(institution=TAX)]))
    assert await reason_of(stream.read(), "numbering") == Reason.CLIENT_CALLER_NOT_ALLOWED
    portal = network.numbering("portal", "portal-main")
    reason = await reason_of(portal.Match(match("", person(), "portal-main")), "numbering")
    assert reason == Reason.CLIENT_CALLER_NOT_ALLOWED
    cards = network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "tax", TAX)
    assert await reason_of(cards.IssueCertificate(pb.IssueCertificateRequest()), "numbering") == (
        Reason.CLIENT_CALLER_NOT_ALLOWED
    )


async def test_outside_a_simulation_codes_are_drawn_here(tmp_path: Path) -> None:
    """Without a simulation a chosen code is refused, a drawn one serves, and the loader may not write."""
    made = Town.make(tmp_path)
    async with made.serve("numbering", numbering.build, simulation=False):
        requests = [
            pb.RegisterRequest(institution=CITY, basic_items=person(0), resident_code=code_of(0)),
            pb.RegisterRequest(institution=CITY, basic_items=person(1)),
        ]
        responses = [r async for r in made.register("residency", CITY).Register(iter(requests))]
        assert [r.error.reason for r in responses] == [Reason.CLIENT_MALFORMED, ""]
        loader = made.register().Register(iter(requests))
        assert await reason_of(loader.read(), "numbering") == Reason.CLIENT_CALLER_NOT_ALLOWED
        await made.close()
