"""What the supervisor may do at the gateway, what is entered of it, and what its rulings stop."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import grpc
import pytest
from contract.gateway_world import OTHER, PERSON, WAIT, inquire
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu import law
from warifu.exchange import rulings
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.log.v1 import log_pb2
from warifu.supervision.v1 import supervision_pb2, supervision_pb2_grpc

TODAY = date(2026, 6, 1)


def supervision(world, party="watchdog", code="main"):
    """The gateway's face towards the supervisor."""
    return supervision_pb2_grpc.GatewaySupervisionServiceStub(world.channel(party, code))


def signed(world, ruled, *, age=0, party="watchdog", code="main"):
    """Rulings under an identity's signature, `age` seconds old."""
    folder = world.state / party / "identities" / code
    certificate = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    issued = milliseconds(datetime.now(tz=UTC) - timedelta(seconds=age))
    return rulings.sign(rulings.compose(ruled, issued), certificate, key)


async def put(world, ruled, **how):
    """Hand rulings to the gateway as the supervisor."""
    request = supervision_pb2.PutRulingsRequest(rulings=signed(world, ruled, **how))
    await supervision(world).PutRulings(request, timeout=WAIT)


async def search(world, **conditions):
    """A search as an examiner."""
    request = supervision_pb2.SearchRecordsRequest(role="examiner", **conditions)
    return await supervision(world).SearchRecords(request, timeout=WAIT)


async def events(world):
    """All events of the log, as the supervisor lists them."""
    stub = linkage_pb2_grpc.GatewayAuditServiceStub(world.channel("watchdog", "main"))
    listed = await stub.ListRecords(linkage_pb2.ListRecordsRequest(), timeout=WAIT)
    return [log_pb2.NetworkEvent.FromString(one.event.event) for one in listed.records if one.HasField("event")]


async def refusal(call):
    """The reason with which a call fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return LinkageError.from_rpc(failed.value, party="gateway").reason


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, 2),
        ({"institution": REQUESTER}, 2),
        ({"institution": PROVIDER}, 2),
        ({"institution": "tax-490016"}, 0),
        ({"procedure": "JT90000000000101"}, 1),
        ({"outcome": "ANSWERED"}, 1),
        ({"outcome": "DENIED"}, 1),
        ({"outcome": "OPEN"}, 0),
        ({"from_day": "2026-06-01", "to_day": "2026-06-01"}, 2),
        ({"from_day": "2026-06-02"}, 0),
        ({"to_day": "2026-05-31"}, 0),
    ],
)
async def test_a_search_finds_what_meets_all_its_conditions(world, subject, conditions, found):
    """Of an answered and a denied exchange those are found that every stated condition fits."""
    await inquire(world, world.ask(subject))
    await inquire(world, world.ask(subject, procedure="JT90000000000999"))
    assert len((await search(world, **conditions)).exchanges) == found


async def test_a_found_exchange_tells_what_article_23_records_and_no_person(world, subject):
    """Requester, provider, procedure, item, times, outcome and places in the log are told; the person's code is nowhere in the answer."""
    await inquire(world, world.ask(subject))
    await world.settle()
    response = await search(world)
    (one,) = response.exchanges
    assert (one.requester, one.provider, one.row, one.outcome) == (REQUESTER, PROVIDER, "P07", "ANSWERED")
    assert one.answered_at.ToDatetime(UTC) == world.clock.network()
    assert one.outcome_leaf > one.request_leaf
    everything = response.SerializeToString()
    assert subject.code not in everything
    assert PERSON.encode() not in everything


async def test_a_search_tells_exchanges_and_pretences_of_one_id_apart(world, subject):
    """Of one request id that was asked twice in another's name, and then properly, each is found with its own outcome and places."""
    call = world.ask(subject)
    for _ in range(2):
        assert await refusal(inquire(world, call, OTHER)) == Reason.CLIENT_NOT_YOURS
    await inquire(world, call)
    await world.settle()
    found = (await search(world)).exchanges
    assert [(one.requester, one.outcome) for one in found] == [
        (REQUESTER, "ANSWERED"),
        (OTHER, "DENIED"),
        (OTHER, "DENIED"),
    ]
    assert len({one.request_id for one in found}) == 1
    places = [place for one in reversed(found) for place in (one.request_leaf, one.outcome_leaf)]
    assert places == sorted(set(places))


async def test_a_search_goes_on_where_a_page_ended(world, subject):
    """Pages of one show each exchange once, newest first, and the last page says that it is."""
    for _ in range(3):
        await inquire(world, world.ask(subject))
    first = await search(world, limit=1)
    second = await search(world, limit=1, before=first.next)
    third = await search(world, limit=1, before=second.next)
    shown = [page.exchanges[0].position for page in (first, second, third)]
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) == 3
    assert not third.HasField("next")


async def test_a_search_and_an_opening_are_entries(world):
    """Both are in the log when the call returns, with the role and the conditions, and without any name."""
    await search(world, institution=REQUESTER, outcome="DENIED")
    opening = supervision_pb2.EnterOpeningRequest(finding="finding-7", role="examiner")
    await supervision(world).EnterOpening(opening, timeout=WAIT)
    searched, opened = (await events(world))[-2:]
    assert searched.searched == log_pb2.RecordsSearched(role="examiner", institution=REQUESTER, outcome="DENIED")
    assert opened.opened == log_pb2.FindingOpened(finding="finding-7", role="examiner")


@pytest.mark.parametrize(
    "conditions", [{"outcome": "MAYBE"}, {"from_day": "yesterday"}, {"from_day": "2026-06-02", "to_day": "2026-06-01"}]
)
async def test_a_search_that_makes_no_sense_is_malformed_and_no_entry(world, conditions):
    """An unknown outcome, no day, or days in the wrong order are refused."""
    before = len(await events(world))
    assert await refusal(search(world, **conditions)) == Reason.CLIENT_MALFORMED
    assert len(await events(world)) == before


async def test_only_the_supervisor_may_search_open_and_rule(world):
    """An institution is refused each of them, and may read what is ruled."""
    stub = supervision(world, "health_insurance", REQUESTER)
    calls = (
        stub.SearchRecords(supervision_pb2.SearchRecordsRequest(role="x"), timeout=WAIT),
        stub.EnterOpening(supervision_pb2.EnterOpeningRequest(finding="f", role="x"), timeout=WAIT),
        stub.ListSuspicions(supervision_pb2.ListSuspicionsRequest(from_day="2026-06-01"), timeout=WAIT),
        stub.PutRulings(supervision_pb2.PutRulingsRequest(), timeout=WAIT),
    )
    assert {await refusal(call) for call in calls} == {Reason.CLIENT_CALLER_NOT_ALLOWED}
    assert not (await stub.GetRulings(supervision_pb2.GetRulingsRequest(), timeout=WAIT)).HasField("rulings")


@pytest.mark.parametrize(
    ("stopped", "ground", "reason", "condition"),
    [
        (REQUESTER, law.Stopped.ART_28, "CLIENT_PIA_BREACH", "pia"),
        (PROVIDER, law.Stopped.ART_28, "PROVIDER_PIA_BREACH", "pia"),
        (REQUESTER, law.Stopped.BY_HAND, "CLIENT_STOPPED", "stop"),
        (PROVIDER, law.Stopped.BY_HAND, "PROVIDER_STOPPED", "stop"),
    ],
)
async def test_a_stop_closes_the_gate_and_its_end_opens_it(world, subject, stopped, ground, reason, condition):
    """A stopped institution neither asks nor is asked, with a reason that says why, also after a restart, until it is freed."""
    await put(world, law.Rulings({stopped: (ground, TODAY)}))
    denied = await inquire(world, world.ask(subject))
    assert (denied.outcome, denied.denial.reason) == (pb.OUTCOME_DENIED, reason)
    assert denied.denial.failed_condition == condition
    await world.restart("gateway")
    assert (await inquire(world, world.ask(subject))).denial.reason == reason
    await put(world, law.Rulings())
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED


async def test_what_is_ruled_is_entered_once_however_often_it_is_signed(world):
    """Signing the same again makes no entry; a change makes one, and so does its end."""
    stops = law.Rulings({PROVIDER: (law.Stopped.BY_HAND, TODAY)})
    for ruled in (law.Rulings(), stops, stops, law.Rulings()):
        await put(world, ruled)
    entered = [event.rulings.rulings for event in await events(world) if event.HasField("rulings")]
    contents = [len(supervision_pb2.Rulings.FromString(one.rulings).stops) for one in entered]
    assert contents == [1, 0]


async def test_older_rulings_are_refused(world, subject):
    """Rulings that were signed before those in force change nothing."""
    await put(world, law.Rulings({PROVIDER: (law.Stopped.BY_HAND, TODAY)}))
    assert await refusal(put(world, law.Rulings(), age=60)) == Reason.CLIENT_RULINGS_OLD
    assert (await inquire(world, world.ask(subject))).denial.reason == "PROVIDER_STOPPED"


@pytest.mark.parametrize("signer", [("gateway", "main"), ("tax", PROVIDER)])
async def test_rulings_of_another_signer_are_refused(world, signer):
    """Neither the gateway nor an institution can rule in the supervisor's name, even through its connection."""
    party, code = signer
    assert await refusal(put(world, law.Rulings(), party=party, code=code)) == Reason.CLIENT_RULINGS_INVALID


async def test_altered_rulings_are_refused(world):
    """A flipped bit, an unknown field and a time in the future are not the supervisor's word."""
    good = signed(world, law.Rulings())
    spoilt = [supervision_pb2.SignedRulings(), signed(world, law.Rulings(), age=-3600)]
    for part in ("rulings", "signature", "certificate"):
        one = supervision_pb2.SignedRulings()
        one.CopyFrom(good)
        content = bytearray(getattr(one, part))
        content[-1] ^= 1
        setattr(one, part, bytes(content))
        spoilt.append(one)
    for one in spoilt:
        call = supervision(world).PutRulings(supervision_pb2.PutRulingsRequest(rulings=one), timeout=WAIT)
        assert await refusal(call) == Reason.CLIENT_RULINGS_INVALID


async def test_the_relayed_rulings_are_those_that_were_put(world):
    """An institution reads the very bytes that the supervisor signed and checks them itself."""
    await put(world, law.Rulings(approvals={(REQUESTER, "P99"): TODAY}))
    stub = supervision(world, "tax", PROVIDER)
    relayed = (await stub.GetRulings(supervision_pb2.GetRulingsRequest(), timeout=WAIT)).rulings
    ruled = rulings.verify(relayed, world.trust(), datetime.now(tz=UTC))
    assert ruled.rulings.approvals == {(REQUESTER, "P99"): TODAY}


async def test_refusals_and_off_hours_are_pointed_at_by_places_in_the_log(world, subject):
    """Five refused inquiries on a night are two suspicions of the requester, with leaf indexes alone, and the same ones when asked again."""
    world.clock.set(datetime(2026, 6, 1, 22, tzinfo=UTC), stopped=True)
    for _ in range(5):
        await inquire(world, world.ask(subject, procedure="JT90000000000999"))
    await world.settle()
    request = supervision_pb2.ListSuspicionsRequest(from_day="2026-06-01")
    listed = await supervision(world).ListSuspicions(request, timeout=WAIT)
    again = await supervision(world).ListSuspicions(request, timeout=WAIT)
    assert listed == again
    assert {(one.rule, one.institution, one.count) for one in listed.suspicions} == {
        ("refusals", REQUESTER, 5),
        ("off-hours", REQUESTER, 5),
    }
    assert all(len(one.leaves) == 5 and not one.request_ids for one in listed.suspicions)
    assert not (
        await supervision(world).ListSuspicions(
            supervision_pb2.ListSuspicionsRequest(from_day="2026-06-03"), timeout=WAIT
        )
    ).suspicions
