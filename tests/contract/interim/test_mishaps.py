"""Faults that are planted at an interim server by name: what whoever asks is told, about whom it is true and about whom not, and that it heals."""

from __future__ import annotations

from typing import Any

import pytest
from contract.interim_world import (
    NHI,
    NO_RECORD,
    OTHER_TAX,
    PENDING,
    PROCEDURE,
    PROVIDED,
    REQUESTED,
    TAX,
    World,
    copy,
    outcomes,
    reason_of,
    release,
    tax,
)
from contract.test_faults import plant, planted

from warifu.common.v1 import common_pb2
from warifu.control.v1 import control_pb2
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel import faults
from warifu.kernel.errors import LinkageError, Reason

FIRST, SECOND = 1_234_567, 7_654_321
"""Incomes of two people: of the one numbered 1 and of the one numbered 2, at both institutions."""


@pytest.fixture
async def two(world: World) -> World:
    """A second person beside the first, with an income of their own."""
    for code in (NHI, TAX):
        assert not (await world.enrol(code, "2", 1)).HasField("error")
    (registered,) = await world.interim(TAX).register_copies([copy("r-2", "2", content=tax(income=SECOND))])
    assert not registered.HasField("error")
    return world


async def plant_at_tax(world: World, name: str, **words: Any) -> None:
    """Plant one fault at the tax offices, and lift what was there."""
    await plant(world.state / "tax", control_pb2.Fault(name=name, **words))


async def income(world: World, number: str, **changes: Any) -> int:
    """The income that comes when the insurer asks about one of the two."""
    state = await world.ask(world.question(number, **changes))
    assert (state.outcome, state.fine_outcome) == (ex.OUTCOME_ANSWERED, PROVIDED), state
    return state.records[0].content.local_tax.total_income_yen


async def test_the_wrong_person_is_another_s_data_in_good_form(two: World) -> None:
    """Confined to one person, only that one's answers are another's; it is PROVIDED, and recorded as any other."""
    await plant_at_tax(two, "wrong-person", institution=TAX, addressee_no="1")
    assert await income(two, "1") == SECOND
    assert await income(two, "2") == SECOND
    assert await planted(two.state / "tax") == [("wrong-person", 1)]
    assert outcomes(await two.records(NHI))[0] == REQUESTED
    await plant(two.state / "tax")
    assert await income(two, "1") == FIRST


async def test_after_the_last_person_comes_the_first(two: World) -> None:
    """For everybody, each is taken for the next; whom nobody knows stays unknown."""
    await plant_at_tax(two, "wrong-person")
    assert await income(two, "1") == SECOND
    assert await income(two, "2") == FIRST
    assert not (await two.enrol(NHI, "3", 2)).HasField("error")
    state = await two.ask(two.question("3"))
    assert state.fine_outcome == ex.FINE_OUTCOME_NOT_REGISTERED


async def test_a_layout_that_nobody_knows_arrives_as_it_is(two: World) -> None:
    """The records claim it, for that procedure alone, and the values are right; of an answer without records it changes nothing."""
    await plant_at_tax(two, "wrong-layout", procedure=PROCEDURE, count=1)
    none = await two.ask(two.question(span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=1999))))
    assert none.fine_outcome == NO_RECORD
    state = await two.ask(two.question())
    assert [one.layout_version for one in state.records] == ["2099-06"]
    assert state.records[0].content.local_tax.total_income_yen == FIRST
    again = await two.ask(two.question())
    assert [one.layout_version for one in again.records] == ["2026-06"]


async def test_another_procedure_s_fault_is_not_met(two: World) -> None:
    """Confined to a procedure that is not asked for, and to another institution of the party, nothing goes wrong."""
    await plant_at_tax(two, "wrong-layout", procedure="JT90000000000999")
    assert [one.layout_version for one in (await two.ask(two.question())).records] == ["2026-06"]
    await plant_at_tax(two, "bad-signature", institution=OTHER_TAX)
    assert await income(two, "1") == FIRST


async def test_a_bad_signature_is_refused_by_whoever_asked(two: World) -> None:
    """The gateway relays it; the requester does not take the answer, says why, and shows nothing of it."""
    await plant_at_tax(two, "bad-signature", institution=TAX, count=1)
    state = await two.ask(two.question())
    assert state.outcome == ex.OUTCOME_ERROR
    assert state.error.reason == Reason.PROVIDER_ANSWER_INVALID
    assert not state.records
    assert await income(two, "1") == FIRST


async def test_answers_wait_for_a_clerk_and_are_provided(two: World) -> None:
    """About that person every answer is PENDING, with the sample's reason; what the clerk provides arrives."""
    await plant_at_tax(two, "review-pending", institution=TAX, addressee_no="2")
    assert await income(two, "1") == FIRST
    question = two.question("2")
    state = await two.ask(question)
    assert (state.outcome, state.fine_outcome) == (ex.OUTCOME_PENDING, PENDING)
    (review,) = (await two.interim(TAX).list_reviews(pb.ListReviewsRequest(institution=TAX))).reviews
    assert "40" in review.why.en
    await two.interim(TAX).release_review(release(question.request_id, pb.REVIEW_DECISION_PROVIDE))
    state = await two.collect(NHI, question.request_id)
    assert state.records[0].content.local_tax.total_income_yen == SECOND


async def test_a_stale_copy_provides_what_was_before(two: World) -> None:
    """What is registered meanwhile is refused as PROVIDER_UNAVAILABLE and stays owed; about others it is taken; lifted, it is taken too."""
    await plant_at_tax(two, "stale-copy", institution=TAX, addressee_no="1")
    changes = [
        copy(f"r-{number}-again", number, change=pb.COPY_CHANGE_DIFFERENCE, content=tax(income=5)) for number in "12"
    ]
    kept_back, taken = await two.interim(TAX).register_copies(changes)
    assert LinkageError.from_failure(kept_back.error).retryable
    assert kept_back.record_id == "r-1-again"
    assert not taken.HasField("error")
    assert await income(two, "1") == FIRST
    assert await income(two, "2") == 5
    await plant(two.state / "tax")
    (late,) = await two.interim(TAX).register_copies(changes[:1])
    assert not late.HasField("error")
    assert await income(two, "1") == 5


async def test_a_fast_clock_finds_every_permit_expired(two: World) -> None:
    """Exchanges with that institution end EXPIRED, without a look-up; lifted, a new one is answered."""
    await plant_at_tax(two, "clock-skew", institution=TAX)
    state = await two.ask(two.question())
    assert state.outcome == ex.OUTCOME_EXPIRED
    assert not await two.records(TAX)
    await plant(two.state / "tax")
    assert await income(two, "1") == FIRST


async def test_a_permit_that_comes_twice_is_used_once(two: World) -> None:
    """The provider has one request and one outcome on record, and the requester one answer."""
    await plant_at_tax(two, "provided-twice", institution=TAX, addressee_no="1")
    assert await income(two, "1") == FIRST
    assert len(await two.records(TAX)) == 2
    assert await planted(two.state / "tax") == [("provided-twice", 1)]


async def test_an_inquiry_that_comes_twice_is_one_exchange(two: World) -> None:
    """The gateway has one exchange of it, for that procedure, and both sides two records each."""
    await plant(two.state / "gateway", control_pb2.Fault(name="inquired-twice", institution=NHI, procedure=PROCEDURE))
    assert await income(two, "1") == FIRST
    assert [len(await two.records(code)) for code in (NHI, TAX)] == [2, 2]
    assert await planted(two.state / "gateway") == [("inquired-twice", 1)]


async def test_a_provider_is_down_for_one_person_alone(two: World) -> None:
    """The permit's own code is whom the institution knows: the others are answered at once, and that one once it is lifted."""
    await plant_at_tax(two, "provider-down", institution=TAX, addressee_no="1", count=1)
    assert await income(two, "2") == SECOND
    question = two.question("1")
    await two.interim(NHI).inquire(question)
    await two.settle()
    assert await planted(two.state / "tax") == []
    state = await two.collect(NHI, question.request_id)
    assert state.records[0].content.local_tax.total_income_yen == FIRST


async def test_an_answer_that_is_late_is_kept(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider has done all its work when the answer is held back; asked again it gives the same."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(faults, "sleep", sleep)
    await plant_at_tax(two, "provider-late", institution=TAX)
    assert await income(two, "1") == FIRST
    assert waited == [6.0]


async def test_an_expired_certificate_is_told_as_that(two: World) -> None:
    """The institution can neither look up whom to ask nor inquire, and is told CLIENT_CERTIFICATE_EXPIRED; what it stored is sent once that is over."""
    expired = control_pb2.Fault(name="certificate-expired", institution=NHI)
    await plant(two.state / "gateway", expired)
    assert await reason_of(two.interim(NHI).inquire(two.question())) == Reason.CLIENT_CERTIFICATE_EXPIRED
    await plant(two.state / "gateway")
    assert await income(two, "1") == FIRST
    await plant(two.state / "gateway", expired)
    question = two.question()
    await two.interim(NHI).inquire(question)
    await two.interim(NHI).jobs["inquiries"]()
    state = two.interim(NHI).known(question.request_id)
    assert state is not None
    assert state.outcome == ex.OUTCOME_UNSPECIFIED
    await plant(two.state / "gateway")
    assert (await two.collect(NHI, question.request_id)).outcome == ex.OUTCOME_ANSWERED
