"""Ordinance uses from filing to withdrawal, and what rules of detection tell of a requester: real gateway, supervisor and agencies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from contract.interim.test_permits import Gateway
from contract.interim_world import NHI, OTHER_NHI, TAX, WAIT, World, copy, reason_of
from town import person
from unit.watchdog.desk_lab import by_ordinance, filing, leak

from warifu.exchange.detection import BY_NAME
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.kernel.errors import Reason
from warifu.kernel.limits import RULINGS_LIFE
from warifu.kernel.store import Store, sqlite_url
from warifu.law import packaged_files
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.supervision.v1 import supervision_pb2_grpc
from warifu.watchdog.found.queries import Found
from warifu.watchdog.ordinances.queries import OrdinanceUses, State
from warifu.watchdog.schema import metadata

NAME = "permissions.toml"


async def begun(folder: Path) -> World:
    """A network with one person whom insurer and tax office know."""
    world = await World.begin(folder)
    await world.register(person(n) for n in range(3))
    for code in (NHI, TAX):
        assert not (await world.enrol(code, "1")).HasField("error")
    await world.interim(TAX).register_copies([copy("r-1")])
    return world


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """The network under a law book, signed by its root, in which row P07 stands on an ordinance."""
    files = dict(packaged_files())
    files[NAME] = files[NAME].replace(b'origin = "statute"', b'origin = "ordinance"', 1)
    monkeypatch.setattr("warifu.law.book.packaged_files", lambda: files)
    made = await begun(tmp_path)
    assert made.hosts["tax"].law.book().digest == by_ordinance().digest
    yield made
    await made.end()


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[World]:
    """The network under the law book as shipped."""
    made = await begun(tmp_path)
    yield made
    await made.end()


def filings(world: World, code: str = NHI) -> supervision_pb2_grpc.FilingServiceAsyncStub:
    """Where an institution files, from its counter."""
    return supervision_pb2_grpc.FilingServiceStub(world.channel("watchdog", "counter", code))


async def decide(world: World, to: State) -> None:
    """The supervisor decides the newest filing, and tells the gateway."""
    store = Store(sqlite_url(world.state / "watchdog" / "watchdog.db"), metadata)
    uses = OrdinanceUses(store, world.clock, by_ordinance)
    assert await uses.decide(uses.all()[0].id, to, "三つの要件による。")
    store.close()
    await world.running["watchdog"].jobs.settle()


def pen(world: World) -> Gateway:
    """A gateway that signs what it likes, with the real one's keys."""
    keys = InstitutionKeys.load_or_create(world.state / "gateway" / "secrets", "gateway")
    return Gateway(world, keys, world.interim(TAX)._inquiries._addressees.asked_about(["1"])["1"].subject)


async def shown(gateway: Gateway) -> str:
    """Why the provider refuses a permit for row P07; empty when it answers."""
    head = gateway.header()
    block = gateway.query(head)
    (result,) = (await gateway.show(gateway.sign(gateway.permit(head, block)), block)).results
    return result.error.reason


async def test_a_row_by_ordinance_lives_from_approval_to_withdrawal(world: World) -> None:
    """Refused before, answered while it is approved, refused again after; each refusal names the condition and the row."""
    before = await world.ask(world.question())
    assert before.denial.reason == Reason.CLIENT_ORDINANCE_NOT_APPROVED
    assert (before.denial.failed_condition, before.denial.nearest_row) == ("ordinance", "P07")
    await filings(world).FileOrdinanceUse(filing(), timeout=WAIT)
    assert (await world.ask(world.question())).denial.reason == Reason.CLIENT_ORDINANCE_NOT_APPROVED
    await decide(world, State.APPROVED)
    assert (await world.ask(world.question())).fine_outcome == ex.FINE_OUTCOME_PROVIDED
    await decide(world, State.WITHDRAWN)
    assert (await world.ask(world.question())).denial.reason == Reason.CLIENT_ORDINANCE_NOT_APPROVED


async def test_the_provider_trusts_no_gateway_for_an_approval(world: World) -> None:
    """A permit that the gateway signed for a use which nobody approved is refused by the provider itself."""
    await world.running["watchdog"].jobs.settle()
    assert await shown(pen(world)) == Reason.CLIENT_ORDINANCE_NOT_APPROVED
    await filings(world).FileOrdinanceUse(filing(), timeout=WAIT)
    await decide(world, State.APPROVED)
    world.clock.offset += timedelta(seconds=2)
    assert await shown(pen(world)) == ""


async def test_a_gateway_that_keeps_a_withdrawal_back_gains_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider counts on what the supervisor signed while that is fresh, and on nothing older, whatever is relayed to it."""
    await filings(world).FileOrdinanceUse(filing(), timeout=WAIT)
    await decide(world, State.APPROVED)
    gateway = pen(world)
    assert await shown(gateway) == ""
    relay = world.running["gateway"].party.services
    servicer = next(one.servicer for one in relay if one.name.endswith("GatewaySupervisionService"))
    old = servicer._rulings.signed()
    await decide(world, State.WITHDRAWN)
    monkeypatch.setattr(servicer._rulings, "signed", lambda: old)
    assert await shown(gateway) == ""
    world.clock.offset += timedelta(seconds=RULINGS_LIFE + 1)
    assert await shown(gateway) == Reason.PROVIDER_RULINGS_UNAVAILABLE
    monkeypatch.undo()
    await world.running["watchdog"].jobs.settle()
    world.clock.offset += timedelta(seconds=2)
    assert await shown(gateway) == Reason.CLIENT_ORDINANCE_NOT_APPROVED


async def test_what_was_seen_once_is_not_undone_by_something_older(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart the provider still refuses rulings that are older than those it has seen."""
    await filings(world).FileOrdinanceUse(filing(), timeout=WAIT)
    await decide(world, State.APPROVED)
    servicer = next(
        one.servicer
        for one in world.running["gateway"].party.services
        if one.name.endswith("GatewaySupervisionService")
    )
    old = servicer._rulings.signed()
    world.clock.offset += timedelta(seconds=2)
    await decide(world, State.WITHDRAWN)
    assert await shown(pen(world)) == Reason.CLIENT_ORDINANCE_NOT_APPROVED
    await world.down("tax")
    await world.up("tax")
    await world.settle()
    monkeypatch.setattr(servicer._rulings, "signed", lambda: old)
    assert await shown(pen(world)) == Reason.PROVIDER_RULINGS_UNAVAILABLE


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"row": "P08"}, "row"),
        ({"row": "X99"}, "row"),
        ({"statutory_affair": "JM90000000000101"}, "statutory_affair"),
        ({"same_aim": ""}, "same_aim"),
        ({"ordinance": "x" * 201}, "ordinance"),
        ({"reference": "a\u0000b"}, "reference"),
    ],
)
async def test_a_filing_that_cannot_be_decided_is_refused(world: World, changes: dict[str, str], field: str) -> None:
    """A statutory or unknown row, an affair that is none by statute, a missing test, too long a title are refused, naming the field."""
    request = filing()
    request.MergeFrom(pb.FileOrdinanceUseRequest())
    for name, value in changes.items():
        setattr(request, name, value)
    reason = await reason_of(filings(world).FileOrdinanceUse(request, timeout=WAIT), "watchdog")
    assert reason in {Reason.CLIENT_MALFORMED, Reason.CLIENT_TOO_LARGE}, field
    assert not (await filings(world).ListOrdinanceUses(pb.ListOrdinanceUsesRequest(), timeout=WAIT)).uses


async def test_a_row_of_somebody_elses_cannot_be_filed(world: World) -> None:
    """The tax office files no use of a row that municipal insurers may ask under."""
    call = filings(world, TAX).FileOrdinanceUse(filing(), timeout=WAIT)
    assert await reason_of(call, "watchdog") == Reason.CLIENT_MALFORMED


async def test_filing_twice_is_filing_once(world: World) -> None:
    """The same reference with the same words is one filing; with other words it is refused; others do not see it."""
    face = filings(world)
    first = await face.FileOrdinanceUse(filing(), timeout=WAIT)
    assert (await face.FileOrdinanceUse(filing(), timeout=WAIT)) == first
    changed = face.FileOrdinanceUse(filing(same_aim="別の趣旨"), timeout=WAIT)
    assert await reason_of(changed, "watchdog") == Reason.CLIENT_REFERENCE_CHANGED
    assert len((await face.ListOrdinanceUses(pb.ListOrdinanceUsesRequest(), timeout=WAIT)).uses) == 1
    assert not (await filings(world, TAX).ListOrdinanceUses(pb.ListOrdinanceUsesRequest(), timeout=WAIT)).uses


async def test_a_leak_is_reported_from_the_counter_with_its_terms(plain: World) -> None:
    """Preliminary and final report of one leak, each once, come back with their days; another institution sees nothing of it."""
    face = filings(plain)
    told = (await face.ReportLeak(leak(), timeout=WAIT)).leak
    assert (told.preliminary_on, told.preliminary_due, told.final_due) == ("2026-06-10", "2026-05-25", "2026-06-19")
    assert not told.HasField("final_on")
    told = (await face.ReportLeak(leak(final=True), timeout=WAIT)).leak
    assert told.final_on == "2026-06-10"
    assert (
        await reason_of(face.ReportLeak(leak(persons=13), timeout=WAIT), "watchdog") == Reason.CLIENT_REFERENCE_CHANGED
    )
    assert list((await face.ListLeaks(pb.ListLeaksRequest(), timeout=WAIT)).leaks) == [told]
    assert not (await filings(plain, TAX).ListLeaks(pb.ListLeaksRequest(), timeout=WAIT)).leaks


async def test_nobody_but_institutions_files(plain: World) -> None:
    """Gateway and simulator are refused at the supervisor's filing desk."""
    for caller in ("gateway", "simulator"):
        stub = supervision_pb2_grpc.FilingServiceStub(plain.channel("watchdog", caller, "main"))
        reason = await reason_of(stub.ListLeaks(pb.ListLeaksRequest(), timeout=WAIT), "watchdog")
        assert reason == Reason.CLIENT_CALLER_NOT_ALLOWED


def watching(world: World) -> supervision_pb2_grpc.InterimSupervisionServiceAsyncStub:
    """The insurers' interim servers, for the supervisor."""
    return supervision_pb2_grpc.InterimSupervisionServiceStub(world.channel("health_insurance", "watchdog", "main"))


def from_day(institution: str = NHI, day: str = "2026-06-10") -> pb.ListInquirySuspicionsRequest:
    """What the supervisor asks."""
    return pb.ListInquirySuspicionsRequest(institution=institution, from_day=day)


async def test_one_clerks_curiosity_about_one_person_is_told_by_request_ids(plain: World) -> None:
    """Four inquiries of one clerk about one person are a suspicion; of another clerk none; no clerk, addressee or code is told."""
    asked = [plain.question(clerk="c-17", case_reference=f"case-{n}") for n in range(4)]
    for question in (*asked, plain.question(clerk="c-18", case_reference="case-9")):
        await plain.ask(question)
    listed = await watching(plain).ListInquirySuspicions(from_day(), timeout=WAIT)
    (found,) = listed.suspicions
    assert (found.rule, found.institution, found.count) == ("curiosity", NHI, 4)
    assert sorted(found.request_ids) == sorted(one.request_id for one in asked)
    told = listed.SerializeToString()
    subject = plain.interim(NHI)._inquiries._addressees.asked_about(["1"])["1"].subject
    for secret in (b"c-17", b"case-1", subject.SerializeToString()):
        assert secret not in told
    assert listed == await watching(plain).ListInquirySuspicions(from_day(), timeout=WAIT)
    assert not (await watching(plain).ListInquirySuspicions(from_day(day="2026-06-11"), timeout=WAIT)).suspicions


async def test_an_inquiry_without_a_case_reaches_the_supervisor_once(plain: World) -> None:
    """It is collected by the supervisor's own job, kept once however often it is listed, and grows with the next one of the day."""
    await plain.ask(plain.question())
    watchdog = plain.running["watchdog"]
    store = Store(sqlite_url(plain.state / "watchdog" / "watchdog.db"), metadata)
    found = Found(store)
    for count in (1, 1, 2):
        if count > 1:
            await plain.ask(plain.question())
        ends = asyncio.get_running_loop().time() + WAIT  # its channel may still be waiting to connect anew
        known = []
        while [row.count for row in known] != [count] and asyncio.get_running_loop().time() < ends:
            await plain.running[
                "gateway"
            ].jobs.settle()  # nothing may seem to have waited for a place in the log for minutes
            plain.clock.offset += timedelta(minutes=2)
            await watchdog.jobs.settle()
            known = [row for row in found.suspicions(2**62) if row.rule == "no-case"]
        assert [(one.institution, one.source, one.count) for one in known] == [(NHI, NHI, count)]
    store.close()


async def test_only_the_supervisor_asks_for_suspicions(plain: World) -> None:
    """Not even the institution's own counter may."""
    for caller, code in (("counter", NHI), ("health_insurance", OTHER_NHI), ("gateway", "main")):
        stub = supervision_pb2_grpc.InterimSupervisionServiceStub(plain.channel("health_insurance", caller, code))
        reason = await reason_of(stub.ListInquirySuspicions(from_day(), timeout=WAIT), "health_insurance")
        assert reason == Reason.CLIENT_CALLER_NOT_ALLOWED
    assert (
        await reason_of(watching(plain).ListInquirySuspicions(from_day(day="x"), timeout=WAIT))
        == Reason.CLIENT_MALFORMED
    )
    assert BY_NAME["curiosity"].threshold == 4
