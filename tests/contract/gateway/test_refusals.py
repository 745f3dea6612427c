"""What the gateway refuses, how it says so, what stands on record of it, and what a dry run tells."""

from __future__ import annotations

import pytest
from contract.gateway_world import (
    OTHER,
    PERSON,
    WAIT,
    collect,
    inquire,
    reason_of,
)
from sqlalchemy.exc import OperationalError
from unit.gateway.samples import PROVIDER, REQUESTER, header, resident_code
from unit.gateway.samples import inquire as make_inquiry

from warifu.enrolment.v1 import enrolment_pb2
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import Reason
from warifu.kernel.store import Store
from warifu.linkage.v1 import linkage_pb2

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
    path.write_bytes(good.replace(b"2026.2", b"2026.3", 1))
    signature = path.with_name("law.sig")
    signature.write_bytes(signature.read_bytes())
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.GATEWAY_TABLE_INVALID
    assert not world.provider.calls
    world.running["gateway"].health.look()
    assert "law" in world.running["gateway"].health.ill


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
