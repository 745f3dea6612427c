"""The gateway's faces over real mTLS: what an exchange gives, what is refused, what survives, and what is never told."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, timedelta

import grpc
import pytest
from contract.gateway_world import (
    ANSWER_CANARY,
    OTHER,
    PORTAL,
    SEED,
    WAIT,
    World,
    gateway_entry,
    reason_of,
    request_id_of,
)
from sqlalchemy.exc import OperationalError
from unit.gateway.samples import PROVIDER, REQUESTER, header, resident_code
from unit.gateway.samples import inquire as make_inquiry

from warifu.authority import open_authority
from warifu.enrolment.v1 import enrolment_pb2
from warifu.exchange import receipt
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.gateway import forward
from warifu.gateway.codes import SivScheme, token_secret
from warifu.gateway.outcome import Outcomes
from warifu.interim.review import sampled
from warifu.interim.v1 import interim_pb2
from warifu.interim.v1.interim_pb2_grpc import InterimAuditServiceStub
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import PERMIT_LIFE, REVIEW_LIFE
from warifu.kernel.peers import open_channel
from warifu.kernel.store import Store
from warifu.linkage.v1 import linkage_pb2
from warifu.linkage.v1.linkage_pb2_grpc import GatewayAuditServiceStub, LinkageServiceStub

PERSON = resident_code(42)


@pytest.fixture
async def world(tmp_path_factory):
    """A network with everything up."""
    world = await World.begin(tmp_path_factory.mktemp("net"))
    yield world
    await world.end()


@pytest.fixture
async def subject(world):
    """The requester's code of the person."""
    return await world.code(REQUESTER, "health_insurance", PERSON)


async def inquire(world, call, code=REQUESTER):
    """The exchange that an inquiry leads to."""
    return (await world.linkage(code).Inquire(call, timeout=WAIT)).exchange


async def collect(world, call, code=REQUESTER):
    """The exchange as it stands."""
    request = linkage_pb2.CollectRequest(request_id=request_id_of(call))
    return (await world.linkage(code).Collect(request, timeout=WAIT)).exchange


def expected_code(world, institution, person=PERSON):
    """The code that an institution must have, derived beside the gateway."""
    return SivScheme(token_secret(world.state, SEED)).derive(person, institution)


# --- an exchange ---------------------------------------------------------------------------------------------------------------------


async def test_an_allowed_inquiry_brings_the_sealed_answer(world, subject):
    """The requester opens what the provider sealed; receipt, permit and codes fit; the gateway could read nothing."""
    call = world.ask(subject)
    state = await inquire(world, call)
    answer = world.open(call, state)
    assert (state.outcome, answer.records[0].record_key) == (pb.OUTCOME_ANSWERED, ANSWER_CANARY)
    entry = await gateway_entry(world)
    receipt.check(state.receipt, entry.signing)
    (checked,) = world.provider.calls
    assert checked.permit_hash == state.permit_hash
    assert checked.permit.subject == expected_code(world, PROVIDER)
    assert checked.permit.subject != subject
    assert checked.permit.commitment == state.receipt.commitment
    assert checked.permit.header == pb.Inquiry.FromString(call.inquiry).header
    assert checked.exchange_time == world.clock.network()
    assert checked.review_until - checked.exchange_time == timedelta(days=REVIEW_LIFE)
    assert checked.accept_by - checked.issued_at == timedelta(seconds=PERMIT_LIFE)
    assert checked.permit.requester_key_id == world.keys[REQUESTER].hpke_key_id


async def test_the_request_record_is_durable_before_the_permit_arrives(world, subject):
    """When the provider sees a permit, another process already reads its commitment in the gateway's database."""
    seen = []

    async def arrived(checked):
        with closing(sqlite3.connect(world.state / "gateway" / "gateway.db")) as database, database:
            seen.append(
                database.execute(
                    "SELECT kind FROM record WHERE commitment = ?", (checked.permit.commitment,)
                ).fetchall()
            )

    world.provider.arrived = arrived
    await inquire(world, world.ask(subject))
    assert seen == [[(pb.RECORD_KIND_REQUEST,)]]


async def test_both_records_are_there_and_say_the_same(world, subject):
    """Requester and provider see request and outcome of their exchange; a third institution sees nothing."""
    call = world.ask(subject)
    await inquire(world, call)
    mine, theirs = await world.records(), await world.records(PROVIDER, "tax")
    assert mine == theirs
    assert [record.kind for record in mine] == [pb.RECORD_KIND_REQUEST, pb.RECORD_KIND_OUTCOME]
    request, outcome = mine
    assert (request.request_id, request.requester, request.provider) == (request_id_of(call), REQUESTER, PROVIDER)
    assert request.requested_at.ToDatetime(UTC) == world.clock.network() == outcome.answered_at.ToDatetime(UTC)
    assert (request.row, outcome.outcome) == ("P07", pb.OUTCOME_ANSWERED)
    assert not any(record.office or record.clerk or record.fine_outcome for record in mine)
    assert await world.records(OTHER) == []


async def test_records_are_paged_in_the_order_of_commitment(world, subject):
    """Pages of one follow each other by position until there is no next."""
    await inquire(world, world.ask(subject))
    stub = audit(world)
    first = await stub.ListRecords(linkage_pb2.ListRecordsRequest(limit=1), timeout=WAIT)
    second = await stub.ListRecords(linkage_pb2.ListRecordsRequest(limit=1, after=first.next), timeout=WAIT)
    assert first.records[0].position < second.records[0].position
    assert not second.HasField("next")
    assert first.records[0].permit_hash == second.records[0].permit_hash


def audit(world):
    """The audit's face for the requester."""
    return GatewayAuditServiceStub(world.channel("health_insurance", REQUESTER))


# --- the same again ------------------------------------------------------------------------------------------------------------------


async def test_the_same_bytes_again_are_the_same_exchange(world, subject):
    """A retry gets the same state, also by Collect; the provider is asked once and one request is on record."""
    call = world.ask(subject)
    first = await inquire(world, call)
    assert await inquire(world, call) == first
    assert await collect(world, call) == first
    assert len(world.provider.calls) == 1
    assert len(await world.records()) == 2


async def test_the_same_bytes_at_the_same_time_are_one_exchange(world, subject):
    """Twenty concurrent callers with the same bytes get one exchange with one effect."""
    call, stub = world.ask(subject), world.linkage()
    states = await asyncio.gather(*(stub.Inquire(call, timeout=WAIT) for _ in range(20)))
    assert len({state.SerializeToString(deterministic=True) for state in states}) == 1
    assert len(world.provider.calls) == 1
    assert len(await world.records()) == 2


async def test_other_bytes_under_a_used_id_are_refused(world, subject):
    """One changed field makes another inquiry: CLIENT_REQUEST_CHANGED, before, during and after the first; also by another institution."""
    call = world.ask(subject)
    other = world.ask(subject, request_id=request_id_of(call), office="another office")
    foreign = world.ask(subject, request_id=request_id_of(call), requester=OTHER)
    during = []

    async def arrived(_):
        during.append(await reason_of(inquire(world, other)))

    world.provider.arrived = arrived
    first = await inquire(world, call)
    assert during == [Reason.CLIENT_REQUEST_CHANGED]
    assert await reason_of(inquire(world, other)) == Reason.CLIENT_REQUEST_CHANGED
    assert await reason_of(inquire(world, foreign, OTHER)) == Reason.CLIENT_REQUEST_CHANGED
    assert await inquire(world, call) == first


async def test_two_gateways_on_one_store_give_one_exchange(world, subject):
    """The same bytes sent to two replicas at the same moment are one exchange with one look-up and one set of records."""
    async with world.replica() as other:
        stubs = [world.linkage(), LinkageServiceStub(world.channel("health_insurance", REQUESTER, other))]
        for _ in range(5):
            call = world.ask(subject)
            await world.records()
            states = await asyncio.gather(*(stub.Inquire(call, timeout=WAIT) for stub in stubs))
            assert states[0] == states[1]
    assert world.provider.look_ups == 5
    assert len(await world.records()) == 10


async def test_after_a_restart_the_same_bytes_are_still_the_same_exchange(world, subject):
    """A gateway that stopped and started again answers from its store, without asking the provider."""
    call = world.ask(subject)
    first = await inquire(world, call)
    await world.restart("gateway")
    assert await inquire(world, call) == first
    other = world.ask(subject, request_id=request_id_of(call), clerk="another")
    assert await reason_of(inquire(world, other)) == Reason.CLIENT_REQUEST_CHANGED
    assert len(world.provider.calls) == 1


async def test_another_institutions_exchange_is_unknown(world, subject):
    """Collecting another's request id and one that never was get the same refusal, word for word."""
    call = world.ask(subject)
    await inquire(world, call)
    errors = []
    for probed in (call, world.ask(subject)):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await collect(world, probed, OTHER)
        errors.append((refused.value.code(), refused.value.details(), refused.value.trailing_metadata()))
    assert errors[0] == errors[1]
    assert "request id" in errors[0][1]


# --- a provider in trouble -----------------------------------------------------------------------------------------------------------


async def test_a_provider_that_is_down_can_be_asked_again(world, subject):
    """The request is on record, the call says PROVIDER_UNAVAILABLE, and the same bytes succeed once the provider is back."""
    await world.down("tax")
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_UNAVAILABLE
    assert [record.kind for record in await world.records()] == [pb.RECORD_KIND_REQUEST]
    await world.up("tax")
    assert (await eventually(lambda: inquire(world, call))).outcome == pb.OUTCOME_ANSWERED
    assert len(await world.records()) == 2


async def eventually(call):
    """The result once the gateway's channel has found the provider again (it tries anew every 100 ms to 1 s)."""
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if LinkageError.from_rpc(error).reason != Reason.PROVIDER_UNAVAILABLE:
                raise


async def test_the_reconciler_finishes_what_nobody_asks_about_again(world, subject):
    """An exchange whose requester went away comes to its outcome by itself, also after a restart of the gateway."""
    await world.down("tax")
    call = world.ask(subject)
    await reason_of(inquire(world, call))
    await world.restart("gateway")
    await world.up("tax")
    await world.settle()
    assert len(await world.records()) == 2
    assert (await collect(world, call)).outcome == pb.OUTCOME_ANSWERED
    assert world.provider.look_ups == 1


async def test_a_slow_provider_is_not_waited_for_for_ever(world, subject, monkeypatch):
    """Past its deadline the call says PROVIDER_TIMEOUT; later the stored answer is fetched under the same permit, with one look-up."""
    monkeypatch.setattr(forward, "PROVIDE_DEADLINE", 200)
    gate = asyncio.Event()
    world.provider.leaving = gate.wait
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_TIMEOUT
    gate.set()
    state = await inquire(world, call)
    assert (state.outcome, world.provider.look_ups) == (pb.OUTCOME_ANSWERED, 1)
    assert len({checked.permit_hash for checked in world.provider.calls}) == 1


async def test_a_provider_that_dies_mid_answer_has_answered_once(world, subject):
    """It stored its answer and died before sending: the next try gets that very answer, under the same permit."""

    async def die():
        world.provider.leaving = None
        raise LinkageError(Reason.PROVIDER_UNAVAILABLE)

    world.provider.leaving = die
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_UNAVAILABLE
    (stored,) = world.provider.kept.values()
    state = await inquire(world, call)
    assert state.answer == stored[0]
    assert world.provider.look_ups == 1


async def test_a_caller_that_hangs_up_does_not_stop_the_exchange(world, subject):
    """The requester's deadline ends its call, not what was recorded."""
    gate = asyncio.Event()
    world.provider.leaving = gate.wait
    call = world.ask(subject)
    with pytest.raises(grpc.aio.AioRpcError):
        await world.linkage().Inquire(call, timeout=0.3)
    gate.set()
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED
    assert len(world.provider.calls) == 1


async def test_a_permit_that_was_never_accepted_in_time_is_over(world, subject):
    """A provider that comes back after the permit's window refuses it, and the exchange is EXPIRED, not open for ever."""
    await world.down("tax")
    call = world.ask(subject)
    await reason_of(inquire(world, call))
    world.provider.clock.offset = timedelta(seconds=PERMIT_LIFE + 60)
    await world.up("tax")
    state = await eventually(lambda: inquire(world, call))
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED)
    assert [record.outcome for record in await world.records()][1:] == [pb.OUTCOME_EXPIRED]
    assert world.provider.look_ups == 0


async def test_a_providers_failure_is_the_outcome_with_its_reason(world, subject):
    """What the provider could not do is an ERROR with the provider's reason, recorded, and stays."""
    world.provider.failure = LinkageError(Reason.CLIENT_QUERY_UNREADABLE)
    call = world.ask(subject)
    state = await inquire(world, call)
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_ERROR, Reason.CLIENT_QUERY_UNREADABLE)
    world.provider.failure = None
    assert await collect(world, call) == state
    assert (await world.records())[1].reason == Reason.CLIENT_QUERY_UNREADABLE


async def test_a_failure_that_may_pass_leaves_the_exchange_open(world, subject):
    """A retryable failure of one item is told as such, and the same bytes succeed later."""
    world.provider.failure = LinkageError(Reason.PROVIDER_STORE_UNAVAILABLE)
    call = world.ask(subject)
    assert await reason_of(inquire(world, call)) == Reason.PROVIDER_STORE_UNAVAILABLE
    world.provider.failure = None
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED


async def test_a_permit_that_the_provider_refuses_is_the_gateways_fault(world, subject):
    """A refused permit is an ERROR on the gateway's side, never blamed on the requester."""
    world.provider.gateway = InstitutionKeys.generate("gateway")
    state = await inquire(world, world.ask(subject))
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_ERROR, Reason.GATEWAY_PERMIT_REFUSED)


def _other_recipient(response):
    response.answers[0].block.recipient = OTHER


def _other_permit(response):
    response.answers[0].block.leaves[0] = bytes(32)


def _no_such_block(response):
    response.results[0].answer_block = 3


def _no_such_place(response):
    response.results[0].answer_index = 3


def _no_result(response):
    del response.results[:]


def _unknown_outcome(response):
    response.results[0].outcome = 77


@pytest.mark.parametrize(
    "spoil", [_other_recipient, _other_permit, _no_such_block, _no_such_place, _no_result, _unknown_outcome]
)
async def test_an_answer_that_is_not_to_this_permit_is_an_error(world, subject, spoil):
    """An answer for another requester, another permit or nowhere is refused at the gateway and never relayed."""
    world.provider.spoil = spoil
    state = await inquire(world, world.ask(subject))
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_ERROR, Reason.PROVIDER_ANSWER_INVALID)
    assert not state.HasField("answer")


# --- waiting for a clerk -------------------------------------------------------------------------------------------------------------


async def test_waiting_becomes_final_once(world, subject):
    """PENDING is told with its notice and its end; a later Collect brings the final answer, and then it stays."""
    world.provider.outcome = pb.FINE_OUTCOME_PENDING
    call = world.ask(subject)
    waiting = await inquire(world, call)
    assert waiting.outcome == pb.OUTCOME_PENDING
    assert world.open(call, waiting).outcome == pb.FINE_OUTCOME_PENDING
    assert waiting.review_until.ToDatetime(UTC) == world.clock.network() + timedelta(days=REVIEW_LIFE)
    assert await inquire(world, call) == waiting
    assert len(await world.records()) == 1
    world.provider.outcome = pb.FINE_OUTCOME_WITHHELD
    final = await collect(world, call)
    assert (final.outcome, world.open(call, final).outcome) == (pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_WITHHELD)
    calls = len(world.provider.calls)
    assert await collect(world, call) == await inquire(world, call) == final
    assert len(world.provider.calls) == calls
    assert len({checked.permit_hash for checked in world.provider.calls}) == 1
    assert len(await world.records()) == 2


async def test_waiting_can_be_collected_while_the_provider_is_down(world, subject):
    """What is known stays known: PENDING is still the answer when the provider cannot be asked."""
    world.provider.outcome = pb.FINE_OUTCOME_PENDING
    call = world.ask(subject)
    waiting = await inquire(world, call)
    await world.down("tax")
    assert await collect(world, call) == waiting


async def test_waiting_ends_with_its_review_period(world, subject):
    """Past the review period on the network's clock the exchange is EXPIRED, whether or not anybody collects."""
    world.provider.outcome = pb.FINE_OUTCOME_PENDING
    call = world.ask(subject)
    await inquire(world, call)
    world.clock.set(world.clock.network() + timedelta(days=REVIEW_LIFE, seconds=1), stopped=True)
    await world.settle()
    state = await collect(world, call)
    assert (state.outcome, state.error.reason) == (pb.OUTCOME_EXPIRED, Reason.GATEWAY_EXPIRED)
    assert not state.HasField("answer")
    assert [record.outcome for record in await world.records()] == [0, pb.OUTCOME_EXPIRED]


# --- refused -------------------------------------------------------------------------------------------------------------------------

REFUSALS = {
    "same body": ({"requester": REQUESTER, "provider": "tax-480029"}, "CLIENT_SAME_BODY", "operator"),
    "another item": ({"item": "TM99999999999999"}, "CLIENT_ITEM_NOT_PERMITTED", "item"),
    "nobody": ({"provider": "tax-999999"}, "CLIENT_INSTITUTION_UNKNOWN", "provider"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_the_law_refuses_is_recorded_and_explained(world, subject, name):
    """A refusal names reason, condition and law in both languages, leaves both records, and no permit is ever sent."""
    change, reason, condition = REFUSALS[name]
    asked = header(**change)
    provider = InstitutionKeys.generate(asked.provider).sealing_key
    call = make_inquiry(asked, subject, provider)
    state = await inquire(world, call)
    assert state.outcome == pb.OUTCOME_DENIED
    assert (state.denial.reason, state.denial.failed_condition) == (reason, condition)
    assert state.denial.message.ja
    assert state.denial.message.en
    assert state.HasField("receipt")
    assert not state.HasField("permit_hash")
    assert await inquire(world, call) == await collect(world, call) == state
    request, outcome = await world.records()
    assert (request.kind, outcome.outcome, outcome.reason) == (pb.RECORD_KIND_REQUEST, pb.OUTCOME_DENIED, reason)
    assert not world.provider.calls


async def test_a_provider_does_not_see_what_was_refused_before_it(world, subject):
    """An institution that took no part in an exchange does not find it in its records."""
    await inquire(world, world.ask(subject, item="TM99999999999999"))
    assert len(await world.records()) == 2
    assert await world.records(PROVIDER, "tax") == []


async def test_codes_that_are_not_the_requesters_get_one_refusal(world, subject):
    """A code of another institution, an invented one and one with a flipped bit are refused in the same words, and recorded."""
    foreign = await world.code(PROVIDER, "tax", PERSON)
    flipped = pb.SubjectReference(code=subject.code[:-1] + bytes([subject.code[-1] ^ 1]))
    denials = set()
    for wrong in (foreign, flipped, pb.SubjectReference(code=b"\x01" + b"?" * 32)):
        state = await inquire(world, world.ask(wrong))
        assert state.denial.reason == Reason.CLIENT_CODE_UNKNOWN
        denials.add(state.denial.SerializeToString(deterministic=True))
    assert len(denials) == 1
    assert len(await world.records()) == 6
    assert not world.provider.calls
    await world.settle()
    assert not world.portal.received


async def test_a_superseded_code_is_refused_until_it_is_claimed_anew(world, subject):
    """After a change of resident code the old code says so, the institution finds it in its list, and the new one works."""
    numbering = world.enrolment("numbering", "main")
    change = enrolment_pb2.SupersedeRequest(old_resident_code=PERSON, new_resident_code=resident_code(43))
    await numbering.Supersede(change, timeout=WAIT)
    state = await inquire(world, world.ask(subject))
    assert (state.outcome, state.denial.reason) == (pb.OUTCOME_DENIED, Reason.CLIENT_CODE_SUPERSEDED)
    mine = world.enrolment("health_insurance", REQUESTER)
    listed = await mine.ListSuperseded(enrolment_pb2.ListSupersededRequest(), timeout=WAIT)
    assert list(listed.subjects) == [subject]
    fresh = await world.code(REQUESTER, "health_insurance", resident_code(43))
    assert (await inquire(world, world.ask(fresh))).outcome == pb.OUTCOME_ANSWERED


async def test_naming_another_requester_is_refused_and_on_record(world, subject):
    """Asking in another's name is CLIENT_NOT_YOURS, entered under the caller's own name, and takes nothing from whom it pretended to be."""
    call = world.ask(subject)
    assert await reason_of(inquire(world, call, OTHER)) == Reason.CLIENT_NOT_YOURS
    attempt = await world.records(OTHER)
    assert [(one.requester, one.outcome, one.reason) for one in attempt] == [
        (OTHER, 0, ""),
        (OTHER, pb.OUTCOME_DENIED, Reason.CLIENT_NOT_YOURS),
    ]
    assert await world.records() == []
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED
    await world.settle()
    ((_, shown),) = world.portal.received
    assert pb.AccessRecord.FromString(pb.CommittedRecord.FromString(shown.outcome).record).requester == REQUESTER


async def test_malformed_calls_are_counted_and_never_entered(world, subject):
    """What is not well-formed leaves no record, only a count."""
    mismatched = world.ask(subject)
    mismatched.query.ciphertext = b"another"
    assert await reason_of(inquire(world, mismatched)) == Reason.CLIENT_QUERY_MISMATCH
    garbage = linkage_pb2.InquireRequest(inquiry=b"\xff")
    assert await reason_of(inquire(world, garbage)) == Reason.CLIENT_MALFORMED
    assert await world.records() == []
    method = "/warifu.linkage.v1.LinkageService/Inquire"
    counts = world.running["gateway"].counts
    assert (counts[method, "CLIENT_MALFORMED"], counts[method, "CLIENT_QUERY_MISMATCH"]) == (1, 1)


async def test_when_the_store_cannot_commit_nothing_leaves(world, subject, monkeypatch):
    """A full disk is GATEWAY_STORE_UNAVAILABLE: no permit was sent; once it is mended the same bytes are one exchange."""
    call = world.ask(subject)

    async def full(self, change):
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as fault:
        fault.setattr(Store, "write", full)
        assert await reason_of(inquire(world, call)) == Reason.GATEWAY_STORE_UNAVAILABLE
    assert not world.provider.calls
    assert await world.records() == []
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED


async def test_an_outcome_that_cannot_be_recorded_is_not_told(world, subject, monkeypatch):
    """When the disk fills up while the provider answers, the requester gets nothing yet; later it gets that very answer."""
    call = world.ask(subject)
    write, broken = Store.write, []

    async def full_later(self, change):
        if broken:
            raise OperationalError("UPDATE", {}, Exception("database or disk is full"))
        return await write(self, change)

    async def arrived(_):
        broken.append(True)

    world.provider.arrived = arrived
    with monkeypatch.context() as fault:
        fault.setattr(Store, "write", full_later)
        assert await reason_of(inquire(world, call)) == Reason.GATEWAY_STORE_UNAVAILABLE
    world.provider.arrived = None
    assert [record.kind for record in await world.records()] == [pb.RECORD_KIND_REQUEST]
    state = await inquire(world, call)
    assert state.answer == next(iter(world.provider.kept.values()))[0]


async def test_a_law_book_that_does_not_verify_stops_exchanges(world, subject):
    """One changed byte in the permission table is GATEWAY_TABLE_INVALID, and the party says it is not well."""
    path = world.state / "gateway" / "trust" / "law" / "permissions.toml"
    good = path.read_bytes()
    path.write_bytes(good.replace(b"2026.1", b"2026.2", 1))
    signature = path.with_name("law.sig")
    signature.write_bytes(signature.read_bytes())
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.GATEWAY_TABLE_INVALID
    assert not world.provider.calls
    world.running["gateway"].health.look()
    assert "law" in world.running["gateway"].health.ill


# --- may I? --------------------------------------------------------------------------------------------------------------------------


async def test_decide_answers_without_leaving_a_trace(world):
    """A dry run says what an inquiry would get, and nothing is recorded."""
    asked = header()
    question = {name: getattr(asked, name) for name in ("provider", "affair", "procedure", "item")}
    allowed = await world.linkage().Decide(linkage_pb2.DecideRequest(**question), timeout=WAIT)
    assert (allowed.permitted.row, allowed.permitted.requester_role, allowed.permitted.provider_role) == (
        "P07",
        "nhi",
        "tax",
    )
    assert allowed.permitted.fields
    refused = await world.linkage().Decide(
        linkage_pb2.DecideRequest(**{**question, "item": "TM99999999999999"}), timeout=WAIT
    )
    assert (refused.denied.reason, refused.denied.nearest_row) == ("CLIENT_ITEM_NOT_PERMITTED", "P07")
    assert await world.records() == []


async def test_permissions_are_the_callers_own(world):
    """Each institution is told the rows of its own role in force on the network's day, by identifier."""
    mine = await world.linkage().ListPermissions(linkage_pb2.ListPermissionsRequest(), timeout=WAIT)
    assert "P07" in {row.row for row in mine.rows}
    assert {row.requester_role for row in mine.rows} == {"nhi"}
    assert [row.row for row in mine.rows] == sorted(row.row for row in mine.rows)
    theirs = await world.linkage(PROVIDER, "tax").ListPermissions(linkage_pb2.ListPermissionsRequest(), timeout=WAIT)
    assert {row.requester_role for row in theirs.rows} <= {"tax"}


# --- to the portal -------------------------------------------------------------------------------------------------------------------


async def test_a_final_exchange_reaches_the_portal_under_its_own_code(world, subject):
    """The portal opens both records and knows the person by its own code, which no agency's code resembles."""
    call = world.ask(subject)
    await inquire(world, call)
    await world.settle()
    ((request_id, shown),) = world.portal.received
    assert request_id == request_id_of(call)
    assert pb.SubjectReference.FromString(shown.subject) == expected_code(world, PORTAL)
    kinds = [
        pb.AccessRecord.FromString(pb.CommittedRecord.FromString(part).record)
        for part in (shown.request, shown.outcome)
    ]
    assert kinds == await world.records()
    assert world.view(request_id)[-1].where != "gateway/outbox"


async def test_what_the_portal_missed_is_delivered_when_it_is_back(world, subject):
    """A portal that is down loses nothing: all exchanges arrive afterwards, in their order, once each."""
    await world.down("portal")
    calls = [world.ask(subject) for _ in range(3)]
    for call in calls:
        await inquire(world, call)
    assert (await world.settle())["outbox"] == 0
    await world.restart("gateway")
    await world.up("portal")
    await world.settle()
    assert [request_id for request_id, _ in world.portal.received] == [request_id_of(call) for call in calls]


async def test_what_is_not_acknowledged_is_delivered_again(world, subject):
    """Only the portal's word that a record is durable takes it out of the outbox."""
    world.portal.acknowledges = False
    call = world.ask(subject)
    await inquire(world, call)
    await world.settle()
    assert world.portal.received
    world.portal.acknowledges = True
    world.portal.received.clear()
    await world.settle()
    assert [request_id for request_id, _ in world.portal.received] == [request_id_of(call)]
    world.portal.received.clear()
    await world.settle()
    assert not world.portal.received


async def test_a_citizens_own_request_is_an_exchange_like_any_other(world):
    """The portal asks under its own code for the person, is answered, and finds the exchange among what it shows."""
    own = await world.code(PORTAL, "portal", PERSON)
    row = (
        await world.linkage(PORTAL, "portal").ListPermissions(linkage_pb2.ListPermissionsRequest(), timeout=WAIT)
    ).rows
    mine = next(one for one in row if one.provider_role == "tax")
    consent = pb.Consent(given_on="2026-06-01", reference="login") if mine.consent_required else None
    call = world.ask(
        own, requester=PORTAL, affair=mine.affair, procedure=mine.procedure, item=mine.item, consent=consent
    )
    state = (await world.linkage(PORTAL, "portal").Inquire(call, timeout=WAIT)).exchange
    assert world.open(call, state).outcome == pb.FINE_OUTCOME_PROVIDED
    await world.settle()
    ((request_id, shown),) = world.portal.received
    assert (request_id, pb.SubjectReference.FromString(shown.subject)) == (request_id_of(call), own)


async def test_a_withheld_exchange_never_leaves_for_the_portal(world, subject):
    """Neither the requester's wish nor the provider's, nor a refused inquiry with that wish, puts anything into the outbox."""
    await inquire(world, world.ask(subject, non_disclosure=True))
    await inquire(world, world.ask(subject, non_disclosure=True, item="TM99999999999999"))
    world.provider.non_disclosure = True
    await inquire(world, world.ask(subject))
    assert (await world.settle())["outbox"] == 0
    assert not world.portal.received
    flags = [(record.kind, record.non_disclosure) for record in await world.records()]
    assert flags == [(1, True), (2, True), (1, True), (2, True), (1, False), (2, True)]


async def test_a_refused_inquiry_is_shown_too(world, subject):
    """A citizen sees who asked in vain: a refusal with a valid code is delivered, with the reason in its record."""
    await inquire(world, world.ask(subject, item="TM99999999999999"))
    await world.settle()
    ((_, shown),) = world.portal.received
    outcome = pb.AccessRecord.FromString(pb.CommittedRecord.FromString(shown.outcome).record)
    assert (outcome.outcome, outcome.reason) == (pb.OUTCOME_DENIED, "CLIENT_ITEM_NOT_PERMITTED")


# --- directory -----------------------------------------------------------------------------------------------------------------------


async def test_entries_are_relayed_as_their_owners_signed_them(world):
    """GetEntry returns the published bytes; a higher version replaces them, an equal or lower one is refused."""
    stub = world.directory(OTHER, "health_insurance")
    second = world.entry("health_insurance", OTHER, world.keys[OTHER], 2)
    await stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=second), timeout=WAIT)
    await stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=second), timeout=WAIT)
    got = await world.directory(REQUESTER, "health_insurance").GetEntry(
        linkage_pb2.GetEntryRequest(owner=OTHER), timeout=WAIT
    )
    assert got.entry == second
    for version in (1, 2):
        lower = world.entry("health_insurance", OTHER, InstitutionKeys.generate(OTHER), version)
        call = stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=lower), timeout=WAIT)
        assert await reason_of(call) == Reason.CLIENT_DIRECTORY_VERSION_OLD


async def test_nobody_publishes_for_another(world):
    """An entry of another institution, one signed by another's certificate, and an altered one are refused."""
    stub = world.directory(OTHER, "health_insurance")
    own = world.entry("health_insurance", REQUESTER, world.keys[REQUESTER], 9)
    assert await reason_of(publish(stub, own)) == Reason.CLIENT_NOT_YOURS
    swapped = world.entry("health_insurance", OTHER, InstitutionKeys.generate(REQUESTER), 9)
    assert await reason_of(publish(stub, swapped)) == Reason.CLIENT_DIRECTORY_ENTRY_INVALID
    altered = world.entry("health_insurance", OTHER, world.keys[OTHER], 9)
    altered.signature = altered.signature[:-1] + bytes([altered.signature[-1] ^ 1])
    assert await reason_of(publish(stub, altered)) == Reason.CLIENT_DIRECTORY_ENTRY_INVALID


def publish(stub, entry):
    """A call to publish."""
    return stub.PublishEntry(linkage_pb2.PublishEntryRequest(entry=entry), timeout=WAIT)


async def test_an_unknown_owner_has_no_entry(world):
    """Who never published is CLIENT_DIRECTORY_ENTRY_UNKNOWN."""
    call = world.directory(OTHER, "health_insurance").GetEntry(
        linkage_pb2.GetEntryRequest(owner="tax-999999"), timeout=WAIT
    )
    assert await reason_of(call) == Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN


async def test_the_gateways_own_entry_outlives_restarts_and_follows_its_certificate(world):
    """A restart publishes nothing new; a new certificate raises the version and keeps the keys."""
    first = await gateway_entry(world)
    await world.restart("gateway")
    assert (await gateway_entry(world)).version == first.version
    pair = open_authority(world.state).issue_client("gateway", "main")
    folder = world.state / "gateway" / "identities" / "main"
    (folder / "key.pem").write_bytes(pair.key)
    (folder / "cert.pem").write_bytes(pair.certificate)
    await world.settle()
    renewed = await gateway_entry(world)
    assert (renewed.version, renewed.signing.key_id) == (first.version + 1, first.signing.key_id)
    assert renewed.serial != first.serial


# --- enrolment over the wire ---------------------------------------------------------------------------------------------------------


async def test_only_numbering_deposits_and_supersedes(world):
    """An institution that calls numbering's half is CLIENT_CALLER_NOT_ALLOWED, and numbering cannot claim."""
    mine = world.enrolment("health_insurance", REQUESTER)
    deposit = enrolment_pb2.DepositRequest(institution=REQUESTER)
    assert await reason_of(mine.Deposit(deposit, timeout=WAIT)) == Reason.CLIENT_CALLER_NOT_ALLOWED
    assert (
        await reason_of(mine.Supersede(enrolment_pb2.SupersedeRequest(), timeout=WAIT))
        == Reason.CLIENT_CALLER_NOT_ALLOWED
    )
    claim = world.enrolment("numbering", "main").Claim(enrolment_pb2.ClaimRequest(), timeout=WAIT)
    assert await reason_of(claim) == Reason.CLIENT_CALLER_NOT_ALLOWED


async def test_another_institutions_claim_is_refused_like_an_unknown_one(world):
    """Who claims another's acquisition number learns nothing, and its owner can still claim it."""
    number = bytes(range(16))
    deposit = enrolment_pb2.Deposit(acquisition_number=number, resident_code=PERSON)
    await world.enrolment("numbering", "main").Deposit(
        enrolment_pb2.DepositRequest(institution=REQUESTER, deposits=[deposit]), timeout=WAIT
    )
    request = enrolment_pb2.ClaimRequest(acquisition_numbers=[number, bytes(16)])
    foreign = await world.enrolment("health_insurance", OTHER).Claim(request, timeout=WAIT)
    assert [result.refused for result in foreign.results] == [Reason.CLIENT_ACQUISITION_REFUSED] * 2
    own = await world.enrolment("health_insurance", REQUESTER).Claim(request, timeout=WAIT)
    assert own.results[0].subject == expected_code(world, REQUESTER)
    assert own.results[1].refused == Reason.CLIENT_ACQUISITION_REFUSED


async def test_a_deposit_for_an_institution_that_does_not_exist_is_refused(world):
    """Codes are derived for institutions of the register alone."""
    deposit = enrolment_pb2.Deposit(acquisition_number=bytes(16), resident_code=PERSON)
    request = enrolment_pb2.DepositRequest(institution="tax-999999", deposits=[deposit])
    call = world.enrolment("numbering", "main").Deposit(request, timeout=WAIT)
    assert await reason_of(call) == Reason.CLIENT_INSTITUTION_UNKNOWN


# --- what is held --------------------------------------------------------------------------------------------------------------------


async def test_the_view_shows_rows_and_received_bytes(world, subject):
    """For a request id the view holds the exchange's row with the bytes as received, and its records; for another, nothing."""
    call = world.ask(subject)
    state = await inquire(world, call)
    holdings = world.view(request_id_of(call))
    assert [holding.where for holding in holdings][:3] == ["gateway/exchange", "gateway/record", "gateway/record"]
    values = {value.name: value for value in holdings[0].values}
    assert values["inquiry"].raw == call.inquiry
    assert values["inquiry"].decodes_to == "warifu.exchange.v1.Inquiry"
    assert values["answer"].raw == state.answer.SerializeToString()
    assert world.view("00000000-0000-4000-8000-000000000000") == []


async def test_the_gateways_files_hold_no_resident_code_and_no_answer(world, subject):
    """After an exchange and a change of code no file of the gateway holds a resident code or a word of the answer."""
    await inquire(world, world.ask(subject))
    held = b"".join(path.read_bytes() for path in (world.state / "gateway").rglob("*") if path.is_file())
    assert subject.code in held, "the search reads what the gateway stores"
    for secret in (PERSON.encode(), PERSON.encode("utf-16-le"), int(PERSON).to_bytes(5, "big"), ANSWER_CANARY.encode()):
        assert secret not in held


async def test_an_inquiry_of_an_institution_without_keys_waits_for_them(world, subject):
    """A requester whose entry nobody has cannot be answered: it is told so, may try again, and nothing is left open."""
    call = world.ask(subject)
    with closing(sqlite3.connect(world.state / "gateway" / "gateway.db")) as database, database:
        database.execute("DELETE FROM directory WHERE owner = ?", (REQUESTER,))
    assert await reason_of(inquire(world, call)) == Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN
    assert await world.records() == []
    await world.publish("health_insurance", REQUESTER, world.keys[REQUESTER])
    assert (await inquire(world, call)).outcome == pb.OUTCOME_ANSWERED


# --- with the real interim server ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def real(tmp_path_factory):
    """A network whose provider is the real interim server."""
    world = await World.begin(tmp_path_factory.mktemp("real"), interim=True)
    yield world
    await world.end()


def unsampled(world: World) -> str:
    """A request id that the real provider's review sample does not draw."""
    key = (world.state / "tax" / "secrets" / f"{PROVIDER}.sample.key").read_bytes()
    return next(one for one in iter(lambda: str(uuid.uuid4()), "") if not sampled(key, one))


async def provider_records(world):
    """What the provider's interim server has on record."""
    folder = world.state / "tax" / "identities" / PROVIDER
    channel = open_channel(
        world.running["tax"].address,
        "tax",
        (world.state / "tax" / "trust" / "ca.pem").read_bytes(),
        (folder / "cert.pem").read_bytes(),
        (folder / "key.pem").read_bytes(),
    )
    async with channel:
        request = interim_pb2.ListRecordsRequest(institution=PROVIDER)
        response = await InterimAuditServiceStub(channel).ListRecords(request, timeout=WAIT)
    return [pb.AccessRecord.FromString(one.record.record) for one in response.records]


async def test_the_real_interim_server_answers_under_the_gateways_permit(real):
    """Gateway and interim server agree on permit, seal and records: a person unknown there is NOT_REGISTERED, inside the seal alone."""
    subject = await real.code(REQUESTER, "health_insurance", PERSON)
    call = real.ask(subject, request_id=unsampled(real))
    state = await inquire(real, call)
    assert state.outcome == pb.OUTCOME_ANSWERED
    assert real.open(call, state).outcome == pb.FINE_OUTCOME_NOT_REGISTERED
    ours, theirs = await real.records(), await provider_records(real)
    assert [(one.kind, one.request_id, one.row, one.requested_at) for one in ours] == [
        (one.kind, one.request_id, one.row, one.requested_at) for one in theirs
    ]
    assert [one.fine_outcome for one in ours] == [0, 0]
    assert theirs[1].fine_outcome == pb.FINE_OUTCOME_NOT_REGISTERED


async def test_the_real_interim_server_gives_its_stored_answer_after_restarts(real, monkeypatch):
    """The gateway loses an answer to a full disk, both sides restart, and the same bytes bring the answer that was stored, once."""
    subject = await real.code(REQUESTER, "health_insurance", PERSON)
    call = real.ask(subject, request_id=unsampled(real))

    async def full(self, before, reply):
        raise OperationalError("UPDATE", {}, Exception("database or disk is full"))

    with monkeypatch.context() as fault:
        fault.setattr(Outcomes, "settle", full)
        assert await reason_of(inquire(real, call)) == Reason.GATEWAY_STORE_UNAVAILABLE
    assert len(await provider_records(real)) == 2
    await real.restart("tax")
    await real.restart("gateway")
    state = await eventually(lambda: inquire(real, call))
    assert real.open(call, state).outcome == pb.FINE_OUTCOME_NOT_REGISTERED
    assert len(await provider_records(real)) == len(await real.records()) == 2
