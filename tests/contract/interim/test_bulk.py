"""Many inquiries of one institution: by the connector, one call each, and by one stream (一括照会)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from contract.interim_world import NHI, OTHER_TAX, TAX, WAIT, World, copy, count, reason_of, tax

from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.provide import Provision
from warifu.interim.schema import ANSWER_BLOCKS, BLOCKS, INQUIRIES, RECORDS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.coalesce import LANES
from warifu.kernel.errors import LinkageError, Reason
from warifu.provision.v1 import provision_pb2

PROVIDED = ex.FINE_OUTCOME_PROVIDED


OTHER_INCOME = 7_654_321
"""Of person 2; the others have the world's."""


@pytest.fixture
async def people(world: World) -> World:
    """Three people, known to both institutions by the numbers 1 to 3, each with a copy at the provider."""
    for index in (1, 2):
        for code in (NHI, TAX):
            assert not (await world.enrol(code, str(index + 1), index)).HasField("error")
    await world.interim(TAX).register_copies([copy("r-2", "2", content=tax(income=OTHER_INCOME)), copy("r-3", "3")])
    return world


def questions(world: World, how_many: int) -> list[pb.InquireRequest]:
    """Inquiries about the three by turns, under ids that no clerk looks at by sample."""
    return [world.question(str(place % 3 + 1)) for place in range(how_many)]


async def stream(chunks: Iterable[list[pb.InquireRequest]]) -> AsyncIterator[pb.InquireBulkRequest]:
    """The chunks of a bulk."""
    for chunk in chunks:
        yield pb.InquireBulkRequest(inquiries=chunk)


async def test_concurrent_inquiries_travel_together(people: World) -> None:
    """Forty at once are forty exchanges with their own records, in two query blocks and as many answer blocks."""
    connector = people.interim(NHI).connector
    asked = questions(people, 40)
    states = await asyncio.gather(*(connector.inquire(question) for question in asked))

    assert [state.request_id for state in states] == [question.request_id for question in asked]
    assert {state.fine_outcome for state in states} == {PROVIDED}
    assert count(people, NHI, INQUIRIES) == 40
    assert count(people, NHI, BLOCKS) == 4, "two lanes, each a query block and its answer"
    assert count(people, TAX, ANSWER_BLOCKS) == 2
    for code in (NHI, TAX):
        assert count(people, code, RECORDS) == 80
        assert len({record.request_id for record in await people.records(code)}) == 40


async def test_each_gets_its_own_answer(people: World) -> None:
    """Whoever asks about different people in one batch gets each person's own copy."""
    connector = people.interim(NHI).connector
    states = await asyncio.gather(*(connector.inquire(question) for question in questions(people, 9)))
    incomes = [state.records[0].content.local_tax.total_income_yen for state in states]
    assert incomes == [OTHER_INCOME if place % 3 == 1 else 1_234_567 for place in range(9)]


async def test_a_bad_one_among_many_harms_no_other(people: World) -> None:
    """An unknown addressee, another institution's name and a refused purpose fail by themselves."""
    connector = people.interim(NHI).connector
    good = questions(people, 6)
    unknown, foreign, refused = questions(people, 3)
    unknown.addressee_no = "99"
    foreign.institution = TAX
    refused.item = "TM90000000000099"
    mixed = [good[0], unknown, good[1], foreign, *good[2:4], refused, *good[4:]]
    results = await asyncio.gather(*(connector.inquire(one) for one in mixed), return_exceptions=True)

    told = dict(zip((one.request_id for one in mixed), results, strict=True))
    assert {told[one.request_id].fine_outcome for one in good} == {PROVIDED}
    assert told[unknown.request_id].reason == Reason.CLIENT_ADDRESSEE_UNKNOWN
    assert told[foreign.request_id].reason == Reason.CLIENT_NOT_YOURS
    assert told[refused.request_id].outcome == ex.OUTCOME_DENIED


async def test_a_caller_that_leaves_in_the_middle_of_a_batch_takes_nobody_along(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives up while the batch is with the provider ends nothing: the others are answered, and so is its own inquiry, as its id tells."""
    provide, gate, reached = Provision.provide, asyncio.Event(), asyncio.Event()

    async def held(self: Provision, request: provision_pb2.ProvideRequest) -> provision_pb2.ProvideResponse:
        reached.set()
        await gate.wait()
        return await provide(self, request)

    monkeypatch.setattr(Provision, "provide", held)
    asked = questions(people, 6)
    calls = [asyncio.create_task(people.interim(NHI).connector.inquire(question)) for question in asked]
    await asyncio.wait_for(reached.wait(), WAIT)
    calls[2].cancel()
    gate.set()
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(told.pop(2), asyncio.CancelledError)
    assert {state.fine_outcome for state in told if isinstance(state, pb.InquiryState)} == {PROVIDED}
    assert len(told) == 5
    assert (await people.collect(NHI, asked[2].request_id)).fine_outcome == PROVIDED
    assert count(people, NHI, RECORDS) == 12


async def test_the_same_request_again_is_the_same_exchange(people: World) -> None:
    """Asked again, at the same moment and later, an inquiry under its id is one exchange; other words under it are refused."""
    connector = people.interim(NHI).connector
    (question,) = questions(people, 1)
    states = await asyncio.gather(*(connector.inquire(question) for _ in range(5)))
    states.append(await connector.inquire(question))
    assert {(state.request_id, state.fine_outcome) for state in states} == {(question.request_id, PROVIDED)}
    assert count(people, NHI, INQUIRIES) == 1
    changed = people.question("2", request_id=question.request_id)
    assert await reason_of(connector.inquire(changed)) == Reason.CLIENT_REQUEST_CHANGED


async def test_what_the_gateway_did_not_hear_goes_on_by_itself(people: World) -> None:
    """While the gateway is down an inquiry waits, stored; it is answered once the gateway is back, without being asked again."""
    await people.interim(NHI).ground.directory.entry(TAX)
    await people.down("gateway")
    asked = questions(people, 3)
    waiting = [asyncio.create_task(people.interim(NHI).connector.inquire(question)) for question in asked]
    async with asyncio.timeout(60):
        while count(people, NHI, INQUIRIES) < 3:  # noqa: ASYNC110 - what is waited for is in another thread
            await asyncio.sleep(0.01)
    await people.up("gateway")
    await people.settle()
    assert {state.fine_outcome for state in await asyncio.gather(*waiting)} == {PROVIDED}


@pytest.mark.parametrize("way", ["connector", "face", "again"])
async def test_a_provider_that_stands_still_holds_up_no_other(
    people: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Once nothing came of a provider, what the institution asks another is answered while all calls to that one hang."""
    assert not (await people.enrol(OTHER_TAX, "1")).HasField("error")
    await people.interim(OTHER_TAX).register_copies([copy("r-1", institution=OTHER_TAX)])
    provide, gate, calls = Provision.provide, asyncio.Event(), list[str]()
    trouble = {TAX, OTHER_TAX} if way == "again" else {TAX}

    async def hanging(self: Provision, request: provision_pb2.ProvideRequest) -> provision_pb2.ProvideResponse:
        calls.append(request.provider)
        if request.provider in trouble:
            trouble.discard(request.provider)
            raise LinkageError(Reason.PROVIDER_UNAVAILABLE)
        if request.provider == TAX:
            try:
                await gate.wait()
            finally:  # let go, or given up by the gateway
                calls.append("ended")
        return await provide(self, request)

    async def ask(question: pb.InquireRequest) -> pb.InquiryState:
        return await (people.ask(question) if way == "face" else interim.connector.inquire(question))

    monkeypatch.setattr(Provision, "provide", hanging)
    interim = people.interim(NHI)
    stuck = [asyncio.create_task(ask(people.question()))]
    async with asyncio.timeout(WAIT):
        while calls != [TAX, TAX]:  # noqa: ASYNC110 - the first try told nothing, the second hangs
            await asyncio.sleep(0.01)
        for _ in range(3):  # more than there are lanes
            stuck += [asyncio.create_task(ask(people.question())) for _ in range(2)]
            await asyncio.sleep(0.02)
        state = await ask(people.question(provider=OTHER_TAX))

    assert state.fine_outcome == PROVIDED
    assert "ended" not in calls
    assert calls.count(TAX) < LANES * 5, "none had ended by its deadline either"
    gate.set()
    assert {state.fine_outcome for state in await asyncio.gather(*stuck)} == {PROVIDED}


async def test_a_bulk_tells_of_each_under_its_id(people: World) -> None:
    """A stream of chunks gives one result an inquiry: its state, or why it was not stored."""
    face = people.face(NHI)
    asked = questions(people, 30)
    asked[7].addressee_no = "99"
    chunks = [asked[:10], asked[10:25], asked[25:]]
    results = [one async for response in face.InquireBulk(stream(chunks)) for one in response.results]

    assert sorted(one.request_id for one in results) == sorted(one.request_id for one in asked)
    by_id = {one.request_id: one for one in results}
    assert by_id[asked[7].request_id].refused.reason == Reason.CLIENT_ADDRESSEE_UNKNOWN
    others = [one.inquiry for one in results if one.HasField("inquiry")]
    assert [one.fine_outcome for one in others] == [PROVIDED] * 29


async def test_a_bulk_is_taken_up_again(people: World) -> None:
    """What was not answered before a stream broke is sent again under its ids, with what was: nothing is asked twice."""
    face = people.face(NHI)
    asked = questions(people, 12)
    call = face.InquireBulk(stream([asked[:6], asked[6:]]))
    await anext(aiter(call))
    call.cancel()
    results = [one async for response in face.InquireBulk(stream([asked])) for one in response.results]
    assert {one.inquiry.fine_outcome for one in results} == {PROVIDED}
    assert len(results) == 12
    assert count(people, NHI, INQUIRIES) == 12
    assert len(await people.records(NHI)) == 24


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        ("without an id", Reason.CLIENT_MALFORMED),
        ("empty", Reason.CLIENT_MALFORMED),
        ("too many", Reason.CLIENT_TOO_MANY_ITEMS),
    ],
)
async def test_a_chunk_out_of_form_ends_the_stream(people: World, chunk: str, reason: Reason) -> None:
    """Without request ids, without inquiries, or with more than a batch: the call ends with the reason."""
    question = people.question()
    question.ClearField("request_id")
    inquiries = {"without an id": [question], "empty": [], "too many": [people.question()] * 201}[chunk]

    async def read() -> None:
        async for _ in people.face(NHI).InquireBulk(stream([inquiries])):
            pass

    assert await reason_of(read()) == reason
