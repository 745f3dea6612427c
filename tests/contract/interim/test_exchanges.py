"""The interim server's exchanges with the real gateway and numbering over real mTLS: what comes back, from which side, and what is refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from contract.interim_world import (
    INSURER,
    NHI,
    NO_RECORD,
    NOT_REGISTERED,
    OTHER_TAX,
    PROVIDED,
    REQUESTED,
    TAX,
    WAIT,
    World,
    copy,
    count,
    outcomes,
    reason_of,
    seen_by_the_gateway,
    tax,
)
from town import person

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.interim.schema import PROVISIONS
from warifu.interim.v1 import interim_pb2 as pb
from warifu.interim.v1 import interim_pb2_grpc
from warifu.kernel.errors import Reason


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
        sizes.add(seen_by_the_gateway(world, question.request_id))
    assert len(sizes) == 1
    world.clock.set(world.clock.network() + timedelta(days=1), stopped=True)
    assert (await world.ask(world.question(span=year[2026]))).fine_outcome == PROVIDED


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


async def test_the_view_shows_what_is_held_and_received(world: World) -> None:
    """Each side's view of an exchange lists its own rows with the messages they hold, and no other exchange's."""
    question = world.question()
    await world.ask(question)
    await world.ask(world.question())
    await world.settle()  # what the gateway promised is taken up by a job: whether it is there shall be nobody's luck
    asker = world.hosts["health_insurance"].view(question.request_id)
    provider = world.hosts["tax"].view(question.request_id)
    assert [one.where for one in asker] == [
        f"{NHI}/inquiries",
        f"{NHI}/addressees",
        f"{NHI}/records",
        f"{NHI}/records",
        f"{NHI}/promises",
    ]
    assert [one.where for one in provider] == [
        f"{TAX}/provisions",
        f"{TAX}/addressees",
        f"{TAX}/copies",
        f"{TAX}/answer_blocks",
        f"{TAX}/records",
        f"{TAX}/records",
        f"{TAX}/promises",
    ]
    permit = next(value for value in provider[0].values if value.name == "permit")
    assert permit.decodes_to == "warifu.exchange.v1.Permit"
    assert ex.Permit.FromString(permit.raw).permit_id == question.request_id
    bound = next(value for value in provider[1].values if value.name == "subject")
    assert bound.raw == ex.Permit.FromString(permit.raw).subject.SerializeToString()
