"""The interim server's faces with the real gateway and numbering over real mTLS: exchanges, reviews, enrolment, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from contract.interim_world import (
    INSURER,
    NHI,
    OTHER_TAX,
    PORTAL,
    TAX,
    TAX_ITEM,
    WAIT,
    World,
    copy,
    reason_of,
    tax,
)
from sqlalchemy import func, select
from town import code_of, person

from warifu.common.v1 import common_pb2
from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange.own_entry import OtherEntryError
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.review import sampled
from warifu.interim.schema import ENROLMENTS, JOURNAL, PROVISIONS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel.errors import Reason
from warifu.linkage.v1 import linkage_pb2

PROVIDED, NO_RECORD, NOT_REGISTERED, WITHHELD, PENDING = (
    ex.FINE_OUTCOME_PROVIDED,
    ex.FINE_OUTCOME_NO_RECORD,
    ex.FINE_OUTCOME_NOT_REGISTERED,
    ex.FINE_OUTCOME_WITHHELD,
    ex.FINE_OUTCOME_PENDING,
)


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


def protect(institution: str, **flags: bool) -> pb.SetProtectionRequest:
    """Flags of the person."""
    return pb.SetProtectionRequest(institution=institution, addressee_no="1", reason="支援措置", **flags)


def release(permit_id: str, decision: pb.ReviewDecision.ValueType) -> pb.ReleaseReviewRequest:
    """A clerk's decision at the tax office."""
    return pb.ReleaseReviewRequest(institution=TAX, permit_id=permit_id, decision=decision, clerk="t-3")


def count(world: World, code: str, table) -> int:
    """Rows of an institution's table."""
    store = world.interim(code).ground.store
    return store.read(lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one())


def outcomes(records: list[ex.AccessRecord]) -> list[tuple[int, int, int]]:
    """Kind, outcome, fine outcome of each record."""
    return [(one.kind, one.outcome, one.fine_outcome) for one in records]


REQUESTED = (ex.RECORD_KIND_REQUEST, 0, 0)


async def test_an_exchange_reaches_the_business_system(world: World) -> None:
    """A question comes back PROVIDED, and both institutions hold a record of the request and one of the outcome (PROTO-7.4)."""
    state = await world.ask(world.question())
    assert (state.outcome, state.fine_outcome) == (ex.OUTCOME_ANSWERED, PROVIDED), state
    (record,) = state.records
    assert (record.record_key, record.layout_version) == ("2025", "2026-06")
    assert record.content.local_tax.total_income_yen == tax().local_tax.total_income_yen
    assert state.requested_at == state.answered_at
    both = [await world.records(code) for code in (NHI, TAX)]
    for records in both:
        assert outcomes(records) == [REQUESTED, (ex.RECORD_KIND_OUTCOME, ex.OUTCOME_ANSWERED, PROVIDED)]
    for ours, theirs in zip(*both, strict=True):
        assert (ours.request_id, ours.requested_at, ours.office, ours.item) == (
            theirs.request_id,
            theirs.requested_at,
            theirs.office,
            theirs.item,
        )


async def test_only_asked_and_released_fields_arrive(world: World) -> None:
    """The answer holds the fields that the row releases and the clerk asked for, and no other (PROTO-6.4)."""
    state = await world.ask(world.question(fields=["tax_class", "municipality", "no_such_field"]))
    values = {field.name for field, _ in state.records[0].content.local_tax.ListFields()}
    assert values == {"tax_class", "municipality"} & set(_released(world))


def _released(world: World) -> tuple[str, ...]:
    return world.hosts["tax"].law.book().rows["P07"].fields


async def test_a_counter_works_by_its_own_certificate(world: World) -> None:
    """A counter terminal enrols, registers, asks and collects over the network, streams included."""
    tax_office, insurer = world.face(TAX, "counter"), world.face(NHI, "counter")
    for face, code in ((tax_office, TAX), (insurer, NHI)):
        requests = [pb.EnrolRequest(institution=code, addressee_no=str(n + 1), basic_items=person(n)) for n in range(3)]
        responses = [response async for response in face.Enrol(iter(requests))]
        assert [(one.addressee_no, one.HasField("error")) for one in responses] == [
            (str(n + 1), False) for n in range(3)
        ]
    copies = [copy(f"c-{n}", "2", 2010 + n) for n in range(10)]
    acknowledged = [response async for response in tax_office.RegisterCopies(iter(copies))]
    assert [(one.record_id, one.HasField("error")) for one in acknowledged] == [(f"c-{n}", False) for n in range(10)]
    question = world.question("2", span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2012)))
    receipt = await insurer.Inquire(question, timeout=WAIT)
    assert receipt.request_id == question.request_id
    collected = await insurer.Collect(
        pb.CollectRequest(institution=NHI, request_id=receipt.request_id, wait_ms=15_000), timeout=WAIT
    )
    assert collected.inquiry.records[0].record_key == "2012"
    listed = await insurer.ListInquiries(pb.ListInquiriesRequest(institution=NHI), timeout=WAIT)
    assert [(one.request_id, len(one.records)) for one in listed.inquiries] == [(receipt.request_id, 0)]


async def test_nobody_acts_for_another_institution(world: World) -> None:
    """Each call and each item of a stream must name the caller's own institution, over the network as in process."""
    insurer = world.face(NHI, "counter")
    assert await reason_of(insurer.Inquire(world.question(institution=INSURER))) == Reason.CLIENT_NOT_YOURS
    assert await reason_of(insurer.ListReviews(pb.ListReviewsRequest(institution=TAX))) == Reason.CLIENT_NOT_YOURS
    assert await reason_of(world.interim(NHI).inquire(world.question(institution=INSURER))) == Reason.CLIENT_NOT_YOURS
    responses = [one async for one in world.face(TAX).RegisterCopies(iter([copy("x-1", institution=OTHER_TAX)]))]
    assert responses[0].error.reason == Reason.CLIENT_NOT_YOURS
    stranger = interim_pb2_grpc.InterimServiceStub(world.channel("tax", "health_insurance", NHI))
    assert await reason_of(stranger.Inquire(world.question())) == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_records_are_read_by_the_institution_and_the_supervisor(world: World) -> None:
    """The supervisor reads any institution's records page by page; another institution is refused."""
    await world.ask(world.question())
    request = pb.ListRecordsRequest(institution=TAX, limit=1)
    watchdog = interim_pb2_grpc.InterimAuditServiceStub(world.channel("tax", "watchdog", "main"))
    first = await watchdog.ListRecords(request, timeout=WAIT)
    second = await watchdog.ListRecords(pb.ListRecordsRequest(institution=TAX, after=first.next, limit=1), timeout=WAIT)
    assert len(first.records) == len(second.records) == 1
    assert first.HasField("next")
    assert not second.HasField("next")
    assert first.records[0].permit_hash == second.records[0].permit_hash
    other = interim_pb2_grpc.InterimAuditServiceStub(world.channel("tax", "tax", OTHER_TAX))
    assert await reason_of(other.ListRecords(request)) == Reason.CLIENT_NOT_YOURS


async def test_every_fine_outcome_travels_in_one_size(world: World) -> None:
    """Provided, no record (this year's copy is not published yet) and not registered reach the asker, alike in size and outcome (PROTO-3.7, PROTO-6.3, PROTO-8.2)."""
    await world.interim(TAX).register_copies([copy("r-2", year=2026, published_from="2026-06-11")])
    await world.enrol(NHI, "2", 1)
    year = {year: common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=year)) for year in (2025, 2026)}
    asked = [
        (world.question(span=year[2025]), PROVIDED),
        (world.question(span=year[2026]), NO_RECORD),
        (world.question("2"), NOT_REGISTERED),
    ]
    sizes = set()
    for question, expected in asked:
        state = await world.ask(question)
        assert (state.outcome, state.fine_outcome) == (ex.OUTCOME_ANSWERED, expected)
        sizes.add(_told(world, question.request_id))
    assert len(sizes) == 1
    world.clock.set(world.clock.network() + timedelta(days=1), stopped=True)
    assert (await world.ask(world.question(span=year[2026]))).fine_outcome == PROVIDED


def _told(world: World, request_id: str) -> tuple[int, int]:
    """What the gateway could tell answers apart by: outcome and size."""
    exchange = next(one for one in world.running["gateway"].party.view(request_id) if one.where == "gateway/exchange")
    values = {value.name: value for value in exchange.values}
    return int(values["outcome"].text), len(values["answer"].raw)


async def test_a_denial_says_why_and_is_recorded(world: World) -> None:
    """What no row allows comes back DENIED with its reason, and stands in the asker's own records; the provider heard nothing."""
    state = await world.ask(world.question(item="TM90000000000002"))
    assert state.outcome == ex.OUTCOME_DENIED
    assert state.denial.reason.startswith("CLIENT_")
    records = await world.records(NHI)
    assert outcomes(records) == [REQUESTED, (ex.RECORD_KIND_OUTCOME, ex.OUTCOME_DENIED, 0)]
    assert records[1].reason == state.denial.reason
    assert await world.records(TAX) == []


async def test_who_is_not_enrolled_cannot_be_asked_about(world: World) -> None:
    """An unknown addressee and one without a code are refused before anything is sent, each by its own reason."""
    interim = world.interim(NHI)
    assert await reason_of(interim.inquire(world.question("9"))) == Reason.CLIENT_ADDRESSEE_UNKNOWN
    failed = await interim.enrol([pb.EnrolRequest(institution=NHI, addressee_no="9", basic_items=person(99))])
    assert failed[0].error.reason == Reason.CLIENT_PERSON_NOT_MATCHED
    assert await reason_of(interim.inquire(world.question("9"))) == Reason.CLIENT_NOT_ENROLLED
    unbound = await interim.list_unbound(pb.ListUnboundRequest(institution=NHI))
    assert list(unbound.addressee_nos) == ["9"]


async def test_the_same_request_has_one_effect(world: World) -> None:
    """The same request id with the same content is one exchange however often and however closely it is sent; other content is refused (PROTO-4.5)."""
    interim, question = world.interim(NHI), world.question()
    await asyncio.gather(*(interim.inquire(question) for _ in range(10)))
    await world.collect(NHI, question.request_id)
    await interim.inquire(question)
    assert len(await world.records(NHI)) == len(await world.records(TAX)) == 2
    changed = world.question(request_id=question.request_id, clerk="c-18")
    assert await reason_of(interim.inquire(changed)) == Reason.CLIENT_REQUEST_CHANGED


async def test_malformed_questions_name_their_field(world: World) -> None:
    """A question with a field out of form is refused with the field's name, and nothing is stored."""
    interim = world.interim(NHI)
    for changes, field in (({"item": "x"}, "item"), ({"clerk": ""}, "clerk"), ({"request_id": "1"}, "request_id")):
        with pytest.raises(Exception, match=field):
            await interim.inquire(world.question(**changes))
    listed = await interim.list_inquiries(pb.ListInquiriesRequest(institution=NHI))
    assert not listed.inquiries


async def test_an_inquiry_survives_the_gateways_absence_and_a_restart(world: World) -> None:
    """An inquiry made while the gateway is down is kept, taken up after the asker's own restart, and answered by the same bytes (PROTO-4.1)."""
    await world.ask(world.question())
    await world.down("gateway")
    question = world.question()
    await world.interim(NHI).inquire(question)
    before = _sent(world, question.request_id)
    await world.down("health_insurance")
    await world.up("health_insurance")
    await world.up("gateway")
    await world.settle()
    state = await world.collect(NHI, question.request_id)
    assert state.fine_outcome == PROVIDED
    assert _sent(world, question.request_id) == before


def _sent(world: World, request_id: str) -> bytes:
    inquiry = next(one for one in world.interim(NHI).view(request_id) if one.where == f"{NHI}/inquiries")
    return next(value.raw for value in inquiry.values if value.name == "sent")


async def test_an_inquiry_waits_for_a_provider_that_is_down(world: World) -> None:
    """While the provider is down the inquiry is under way; when it is back the answer comes, from one look-up."""
    await world.ask(world.question())
    await world.down("tax")
    question = world.question()
    await world.interim(NHI).inquire(question)
    waiting = await world.interim(NHI).collect(
        pb.CollectRequest(institution=NHI, request_id=question.request_id, wait_ms=300)
    )
    assert waiting.inquiry.outcome == ex.OUTCOME_UNSPECIFIED
    await world.up("tax")
    state = await world.collect(NHI, question.request_id)
    assert state.fine_outcome == PROVIDED
    assert count(world, TAX, PROVISIONS) == 2


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
    assert _told(world, question.request_id) == _told(world, plain.request_id)


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


async def test_enrolment_binds_one_person_to_one_number(world: World) -> None:
    """Enrolling again has no effect; another person under the number and the person under another number are refused (PROTO-2.7)."""
    assert not (await world.enrol(NHI, "1", 0)).HasField("error")
    assert (await world.enrol(NHI, "1", 1)).error.reason == Reason.CLIENT_ALREADY_BOUND
    assert (await world.enrol(NHI, "2", 0)).error.reason == Reason.CLIENT_ALREADY_BOUND
    assert count(world, NHI, ENROLMENTS) == 0
    nobody = pb.EnrolRequest(institution=NHI, addressee_no="3")
    (response,) = await world.interim(NHI).enrol([nobody])
    assert response.error.reason == Reason.CLIENT_MALFORMED


async def test_a_number_typed_at_enrolment_is_kept_nowhere(world: World) -> None:
    """The individual number goes to numbering alone: no file of the agency holds it afterwards, nor the acquisition number."""
    typed = await _number_of(world, 2)
    request = pb.EnrolRequest(institution=NHI, addressee_no="5", individual_number=typed)
    (response,) = await world.interim(NHI).enrol([request])
    assert not response.HasField("error"), response
    await world.interim(NHI).ground.store.truncate_log()
    files = [path for path in (world.state / "health_insurance").rglob("*") if path.is_file()]
    assert any(path.name == f"{NHI}.interim.db" for path in files)
    assert not [path for path in files if typed.encode() in path.read_bytes()]
    assert count(world, NHI, ENROLMENTS) == 0


async def _number_of(world: World, index: int) -> str:
    from contract.interim_world import SEED

    from warifu.numbering.keys import simulated
    from warifu.numbers import individual_number

    return individual_number.derive(simulated(SEED, "numbers"), code_of(index), 0)


async def test_enrolment_without_numbering_can_be_repeated(world: World) -> None:
    """While numbering is down an enrolment fails as retryable, the addressee is on the list, and a repeat succeeds."""
    await world.down("numbering")
    response = await world.enrol(NHI, "2", 1)
    assert response.error.retryable
    unbound = await world.interim(NHI).list_unbound(pb.ListUnboundRequest(institution=NHI))
    assert list(unbound.addressee_nos) == ["2"]
    await world.up("numbering")
    await asyncio.wait_for(world.interim(NHI).ground.peers.channel("numbering", NHI).channel_ready(), WAIT)
    assert not (await world.enrol(NHI, "2", 1)).HasField("error")


async def test_an_unbound_person_is_found_no_more(world: World) -> None:
    """After unbinding a mislink the provider finds nobody by the code, the asker cannot ask, and enrolling again mends it (PROTO-2.11)."""
    unbind = pb.UnbindRequest(institution=TAX, addressee_no="1", reason="誤った紐付け")
    await world.interim(TAX).unbind(unbind)
    assert (await world.ask(world.question())).fine_outcome == NOT_REGISTERED
    assert await reason_of(world.interim(TAX).unbind(unbind)) == Reason.CLIENT_NOT_ENROLLED
    await world.enrol(TAX, "1")
    assert (await world.ask(world.question())).fine_outcome == PROVIDED
    await world.interim(NHI).unbind(pb.UnbindRequest(institution=NHI, addressee_no="1", reason="x"))
    assert await reason_of(world.interim(NHI).inquire(world.question())) == Reason.CLIENT_NOT_ENROLLED


async def test_a_superseded_code_is_unbound_on_both_sides(world: World) -> None:
    """After a change of resident code the next inquiry is denied and unbinds the asker's code; the provider learns by asking (PROTO-2.9, PROTO-2.10)."""
    await world.ask(world.question())
    for party in ("health_insurance", "tax"):
        await world.running[party].jobs.stop()  # so that the denial itself is seen to unbind
    numbering = enrolment_pb2_grpc.EnrolmentServiceStub(world.channel("gateway", "numbering", "main"))
    change = enrolment_pb2.SupersedeRequest(old_resident_code=code_of(0), new_resident_code=code_of(50))
    await numbering.Supersede(change, timeout=WAIT)
    state = await world.ask(world.question())
    assert (state.outcome, state.denial.reason) == (ex.OUTCOME_DENIED, Reason.CLIENT_CODE_SUPERSEDED)
    assert await _unbound(world, NHI) == ["1"]
    assert await _unbound(world, TAX) == []
    await world.settle()
    for code in (NHI, TAX):
        assert await _unbound(world, code) == ["1"]
        assert world.interim(code).ground.mark("superseded") > 0
        assert len(await world.records(code)) >= 2
    assert await reason_of(world.interim(NHI).inquire(world.question())) == Reason.CLIENT_NOT_ENROLLED


async def _unbound(world: World, code: str) -> list[str]:
    response = await world.interim(code).list_unbound(pb.ListUnboundRequest(institution=code))
    return list(response.addressee_nos)


async def test_another_entry_under_the_own_name_raises_the_alarm(world: World) -> None:
    """When the relay shows another entry than ours, the health check of the directory fails; what was lost is published anew (PROTO-11.5)."""
    interim = world.interim(TAX)
    interim.checks["directory"]()
    ground = interim.ground
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from warifu.exchange.directory import make_entry
    from warifu.exchange.keys import InstitutionKeys
    from warifu.linkage.v1 import linkage_pb2_grpc

    folder = world.state / "tax" / "identities" / TAX
    certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    now = world.clock.machine()
    other = make_entry(InstitutionKeys.generate(TAX), 2**50, (now, now + timedelta(days=1)), certificate, key)
    stub = linkage_pb2_grpc.DirectoryServiceStub(world.channel("gateway", "tax", TAX))
    await stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=other), timeout=WAIT)
    world.clock.offset = timedelta(seconds=61)
    await interim.jobs["directory"]()
    with pytest.raises(OtherEntryError):
        interim.checks["directory"]()
    assert ground.institution == TAX


async def test_the_view_shows_what_is_held_and_received(world: World) -> None:
    """Each side's view of an exchange lists its own rows with the messages they hold, and no other exchange's."""
    question = world.question()
    await world.ask(question)
    await world.ask(world.question())
    asker = world.hosts["health_insurance"].view(question.request_id)
    provider = world.hosts["tax"].view(question.request_id)
    assert [one.where for one in asker] == [f"{NHI}/inquiries", f"{NHI}/records", f"{NHI}/records"]
    assert [one.where for one in provider] == [
        f"{TAX}/provisions",
        f"{TAX}/answer_blocks",
        f"{TAX}/records",
        f"{TAX}/records",
    ]
    permit = next(value for value in provider[0].values if value.name == "permit")
    assert permit.decodes_to == "warifu.exchange.v1.Permit"
    assert ex.Permit.FromString(permit.raw).permit_id == question.request_id


async def test_own_information_is_withheld_when_blocked(world: World) -> None:
    """The person's own request through the portal is answered, and WITHHELD once self-disclosure is blocked (PROTO-6.9)."""
    from contract.interim_portal import Portal

    portal = await Portal.begin(world)
    assert (await portal.ask(TAX, "S01", TAX_ITEM)).outcome == PROVIDED
    await world.interim(TAX).set_protection(protect(TAX, self_disclosure_blocked=True))
    answer = await portal.ask(TAX, "S01", TAX_ITEM)
    assert (answer.outcome, len(answer.records)) == (WITHHELD, 0)
    assert (await world.ask(world.question())).fine_outcome == PROVIDED
    assert PORTAL in {one.requester for one in await world.records(TAX)}
