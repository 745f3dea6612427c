"""The interim server's faces with the real gateway and numbering over real mTLS: an exchange, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.interim_world import NHI, TAX, World, copy, tax
from town import person

from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.v1 import interim_pb2 as pb


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The network, with one person enrolled at the insurer and the tax office, whose tax year 2025 is registered."""
    made = await World.begin(tmp_path)
    try:
        await made.register(person(n) for n in range(3))
        for code in (NHI, TAX):
            response = await made.enrol(code, "1")
            assert not response.HasField("error"), response
        (registered,) = await made.interim(TAX).register_copies([copy("r-1")])
        assert not registered.HasField("error"), registered
        yield made
    finally:
        await made.end()


async def test_an_exchange_reaches_the_business_system(world: World) -> None:
    """A question comes back PROVIDED with the released fields alone, and both institutions hold its two records."""
    state = await world.ask(world.question())
    assert (state.outcome, state.fine_outcome) == (ex.OUTCOME_ANSWERED, ex.FINE_OUTCOME_PROVIDED), state
    (record,) = state.records
    assert (record.record_key, record.layout_version) == ("2025", "2026-06")
    assert record.content.local_tax.total_income_yen == tax().local_tax.total_income_yen
    for code in (NHI, TAX):
        kinds = [(one.kind, one.fine_outcome) for one in await world.records(code)]
        assert kinds == [(ex.RECORD_KIND_REQUEST, 0), (ex.RECORD_KIND_OUTCOME, ex.FINE_OUTCOME_PROVIDED)]
