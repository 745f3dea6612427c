"""Answers that wait for a clerk, flags that protect a person, and what either tells others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from contract.interim_portal import Portal
from contract.interim_world import (
    NHI,
    PENDING,
    PORTAL,
    PROVIDED,
    REQUESTED,
    TAX,
    TAX_ITEM,
    WITHHELD,
    World,
    copy,
    outcomes,
    protect,
    reason_of,
    release,
    seen_by_the_gateway,
    tax,
)
from sqlalchemy import select

from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.drive import LOOKS
from warifu.interim.review import sampled
from warifu.interim.schema import JOURNAL
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel.errors import Reason


async def test_manual_review_waits_for_a_clerk_who_provides(world: World) -> None:
    """With manual review ordered the answer waits; the clerk sees whom and why, provides, and the asker gets what the copy says then (PROTO-6.8, PROTO-6.11)."""
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True))
    question = world.question()
    state = await world.ask(question)
    assert (state.outcome, state.fine_outcome, len(state.records)) == (ex.OUTCOME_PENDING, PENDING, 0)
    (review,) = (await world.interim(TAX).list_reviews(pb.ListReviewsRequest(institution=TAX))).reviews
    assert (review.permit_id, review.addressee_no, review.requester) == (question.request_id, "1", NHI)
    assert review.why.ja
    assert review.why.en
    await world.interim(TAX).register_copies([copy("r-2", change=pb.COPY_CHANGE_DIFFERENCE, content=tax(income=7))])
    await world.interim(TAX).release_review(release(question.request_id, pb.REVIEW_DECISION_PROVIDE))
    state = await world.collect(NHI, question.request_id)
    assert (state.outcome, state.fine_outcome) == (ex.OUTCOME_ANSWERED, PROVIDED)
    assert state.records[0].content.local_tax.total_income_yen == 7
    for code in (NHI, TAX):
        assert outcomes(await world.records(code)) == [
            REQUESTED,
            (ex.RECORD_KIND_OUTCOME, ex.OUTCOME_ANSWERED, PROVIDED),
        ]
    again = release(question.request_id, pb.REVIEW_DECISION_WITHHOLD)
    assert await reason_of(world.interim(TAX).release_review(again)) == Reason.CLIENT_REVIEW_CLOSED
    never = release("no-such-permit", pb.REVIEW_DECISION_PROVIDE)
    assert await reason_of(world.interim(TAX).release_review(never)) == Reason.CLIENT_REVIEW_UNKNOWN


async def test_a_clerk_who_withholds_is_told_to_the_asker_alone(world: World) -> None:
    """A withheld answer is ANSWERED for the gateway and WITHHELD for the two institutions, in the size of any other answer (PROTO-8.2)."""
    plain = world.question()
    await world.ask(plain)
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True))
    question = world.question()
    await world.ask(question)
    await world.interim(TAX).release_review(release(question.request_id, pb.REVIEW_DECISION_WITHHOLD))
    state = await world.collect(NHI, question.request_id)
    assert (state.outcome, state.fine_outcome, len(state.records)) == (ex.OUTCOME_ANSWERED, WITHHELD, 0)
    assert seen_by_the_gateway(world, question.request_id) == seen_by_the_gateway(world, plain.request_id)


async def test_the_same_decision_again_changes_nothing(world: World) -> None:
    """A decision sent again under its id, also at the same moment, is answered like the first and recorded once; any other is refused as closed."""
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True))
    question = world.question()
    await world.ask(question)
    decided = release(question.request_id, pb.REVIEW_DECISION_WITHHOLD)
    decided.decision_id = "proposal-1"
    interim = world.interim(TAX)
    await asyncio.gather(interim.release_review(decided), interim.release_review(decided))
    await interim.release_review(decided)
    assert outcomes(await world.records(TAX)) == [REQUESTED, (ex.RECORD_KIND_OUTCOME, ex.OUTCOME_ANSWERED, WITHHELD)]
    for name, value in (("decision_id", "proposal-2"), ("decision", pb.REVIEW_DECISION_PROVIDE)):
        other = pb.ReleaseReviewRequest()
        other.CopyFrom(decided)
        setattr(other, name, value)
        assert await reason_of(interim.release_review(other)) == Reason.CLIENT_REVIEW_CLOSED
    nameless = release(question.request_id, pb.REVIEW_DECISION_WITHHOLD)
    assert await reason_of(interim.release_review(nameless)) == Reason.CLIENT_REVIEW_CLOSED


async def test_ordinary_answers_wait_too(world: World) -> None:
    """A sampled exchange and one whose copy was corrected within 7 days wait for a clerk like a protected person's."""
    state = await world.ask(world.question(request_id=_drawn(world)))
    assert state.fine_outcome == PENDING
    await world.interim(TAX).register_copies(
        [copy("r-2", change=pb.COPY_CHANGE_DIFFERENCE, content=tax(corrected_on="2026-06-10"))]
    )
    assert (await world.ask(world.question())).fine_outcome == PENDING
    whys = [
        one.why.en for one in (await world.interim(TAX).list_reviews(pb.ListReviewsRequest(institution=TAX))).reviews
    ]
    assert len(set(whys)) == 2
    world.clock.set(world.clock.network() + timedelta(days=7), stopped=True)
    assert (await world.ask(world.question())).fine_outcome == PROVIDED


def _drawn(world: World) -> str:
    """A request id that the tax office's sample draws."""
    ids = (f"00000000-0000-4000-9000-{n:012d}" for n in range(1000))
    return next(one for one in ids if sampled(world.interim(TAX).ground.sample_key, one))


async def test_the_sample_knows_no_person(world: World) -> None:
    """Also an answer about somebody who is unknown at the provider waits when it is drawn, and then says just that."""
    await world.interim(TAX).unbind(pb.UnbindRequest(institution=TAX, addressee_no="1", reason="mislink"))
    request_id = _drawn(world)
    assert (await world.ask(world.question(request_id=request_id))).fine_outcome == PENDING
    await world.interim(TAX).release_review(release(request_id, pb.REVIEW_DECISION_PROVIDE))
    state = await world.collect(NHI, request_id)
    assert (state.outcome, state.fine_outcome) == (ex.OUTCOME_ANSWERED, ex.FINE_OUTCOME_NOT_REGISTERED)


async def test_nobody_else_can_tell_who_was_drawn(world: World) -> None:
    """The draw depends on the provider's own key: another key draws others, about 1 in 40."""
    key = world.interim(TAX).ground.sample_key
    ids = [f"00000000-0000-4000-9000-{n:012d}" for n in range(4000)]
    drawn = {one for one in ids if sampled(key, one)}
    assert 60 <= len(drawn) <= 140
    assert drawn != {one for one in ids if sampled(bytes(32), one)}
    assert drawn != {one for one in ids if sampled(world.interim(NHI).ground.sample_key, one)}


async def test_a_review_that_nobody_decides_expires_everywhere(world: World) -> None:
    """After 30 days an undecided answer is EXPIRED for both institutions and cannot be released any more (PROTO-6.11)."""
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True))
    question = world.question()
    assert (await world.ask(question)).outcome == ex.OUTCOME_PENDING
    world.clock.set(world.clock.network() + timedelta(days=31), stopped=True)
    decision = release(question.request_id, pb.REVIEW_DECISION_PROVIDE)
    assert await reason_of(world.interim(TAX).release_review(decision)) == Reason.CLIENT_REVIEW_CLOSED
    await world.settle()
    state = await world.collect(NHI, question.request_id)
    assert (state.outcome, state.error.reason) == (ex.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED)
    for code in (NHI, TAX):
        assert outcomes(await world.records(code)) == [REQUESTED, (ex.RECORD_KIND_OUTCOME, ex.OUTCOME_EXPIRED, 0)]
    assert not (await world.interim(TAX).list_reviews(pb.ListReviewsRequest(institution=TAX))).reviews


async def test_non_disclosure_of_either_side_reaches_the_gateway(world: World) -> None:
    """A person protected at the asker or at the provider is withheld from the history, and both sides' records say so (PROTO-6.10)."""
    plain, hidden_there, hidden_here = world.question(), world.question(), world.question()
    await world.ask(plain)
    await world.interim(TAX).set_protection(protect(TAX, non_disclosure=True))
    assert (await world.ask(hidden_there)).fine_outcome == PROVIDED
    await world.interim(TAX).set_protection(protect(TAX))
    await world.interim(NHI).set_protection(protect(NHI, non_disclosure=True))
    assert (await world.ask(hidden_here)).fine_outcome == PROVIDED
    hidden = {hidden_there.request_id, hidden_here.request_id}
    for code in (NHI, TAX):
        told = {one.request_id for one in await world.records(code) if one.non_disclosure}
        assert told == hidden
    withheld = [_withheld(world, one.request_id) for one in (plain, hidden_there, hidden_here)]
    assert withheld == [False, True, True]


async def test_non_disclosure_set_while_an_answer_waits_counts(world: World) -> None:
    """A flag that comes while the answer waits hides the exchange, and lifting it again takes nothing back (PROTO-7.9)."""
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True))
    first, second = world.question(), world.question()
    assert (await world.ask(first)).fine_outcome == PENDING
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True, non_disclosure=True))
    assert (await world.ask(second)).fine_outcome == PENDING
    await world.interim(TAX).release_review(release(first.request_id, pb.REVIEW_DECISION_PROVIDE))
    await world.interim(TAX).set_protection(protect(TAX))
    await world.interim(TAX).release_review(release(second.request_id, pb.REVIEW_DECISION_PROVIDE))
    for question in (first, second):
        assert (await world.collect(NHI, question.request_id)).fine_outcome == PROVIDED
        assert _withheld(world, question.request_id)
        for code in (NHI, TAX):
            ends = [one for one in await world.records(code) if one.request_id == question.request_id]
            assert ends[-1].non_disclosure


def _withheld(world: World, request_id: str) -> bool:
    exchange = world.running["gateway"].party.view(request_id)[0]
    return next(value.text for value in exchange.values if value.name == "withheld") == "True"


async def test_a_flag_on_an_unknown_number_is_refused(world: World) -> None:
    """A flag on a mistyped addressee number would protect nobody, so it is refused; flags that are set stand in the journal."""
    request = protect(TAX, manual_review=True)
    request.addressee_no = "77"
    assert await reason_of(world.interim(TAX).set_protection(request)) == Reason.CLIENT_ADDRESSEE_UNKNOWN
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True))
    store = world.interim(TAX).ground.store
    rows = store.read(lambda connection: connection.execute(select(JOURNAL)).all())
    assert [(row.what, row.addressee_no, row.reason) for row in rows] == [("protect 001", "1", "支援措置")]


async def test_own_information_is_withheld_when_blocked(world: World) -> None:
    """The person's own request through the portal is answered, and WITHHELD once self-disclosure is blocked (PROTO-6.9)."""
    portal = await Portal.begin(world)
    assert (await portal.ask(TAX, "S01", TAX_ITEM)).outcome == PROVIDED
    await world.interim(TAX).set_protection(protect(TAX, self_disclosure_blocked=True))
    answer = await portal.ask(TAX, "S01", TAX_ITEM)
    assert (answer.outcome, len(answer.records)) == (WITHHELD, 0)
    assert (await world.ask(world.question())).fine_outcome == PROVIDED
    assert PORTAL in {one.requester for one in await world.records(TAX)}


async def test_where_many_wait_a_few_are_looked_at_each_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What began to wait just now is not looked at; later a few at a time are, those first that were looked at least recently."""
    await world.interim(TAX).set_protection(protect(TAX, manual_review=True))
    asked = [world.question() for _ in range(2 * LOOKS + 1)]
    for question in asked:
        assert (await world.ask(question)).outcome == ex.OUTCOME_PENDING
    driver, looked = world.interim(NHI)._driver, list[str]()

    async def look(request_id: str) -> None:
        looked.append(request_id)
        driver._polled[request_id] = driver._ground.machine()

    monkeypatch.setattr(driver, "collect", look)
    await driver.resume()
    assert looked == []
    driver._polled = {question.request_id: place for place, question in enumerate(asked)}
    for _ in range(4):
        await driver.resume()
    assert looked == [question.request_id for question in asked]
