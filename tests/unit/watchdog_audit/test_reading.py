"""Reading a network that lives, that goes away, that is large; and going on where an audit stopped."""

from __future__ import annotations

import random
import stat
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from unit.watchdog_audit.model import NHI, PAGE, TAX, Identity, Model, away, mixed, rewritten

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import milliseconds, timestamp
from warifu.log.v1 import log_pb2
from warifu.tlog.notes import LogSigner
from warifu.watchdog.audit.findings import Kind
from warifu.watchdog.audit.scratch import ResumeError
from warifu.watchdog.audit.sources import UnreachableError


def steps(model: Model, chance: random.Random) -> Iterator[None]:
    """Exchanges going on for ever, one durable step at a time, each in the order that the protocol demands."""
    while True:
        outcome = chance.choice([pb.OUTCOME_ANSWERED, pb.OUTCOME_ANSWERED, pb.OUTCOME_DENIED])
        made = model.made(outcome, pb.FINE_OUTCOME_PROVIDED, item=_item(outcome))
        entries = made.gateway if outcome == pb.OUTCOME_DENIED else made.gateway[:1]
        for entry in entries:
            model.enter(entry, logged=False)
        yield
        for one in made.provider:
            model.hold(TAX, one)
        yield
        if outcome != pb.OUTCOME_DENIED:
            model.enter(made.gateway[1], logged=False)
            yield
        for one in made.requester:
            model.hold(NHI, one)
        yield
        for entry in made.gateway:
            entry.leaf_index = len(model.leaves)
            model.leaves.append(entry.record.commitment)
        yield
        model.deliver(made)
        yield


def _item(outcome: int) -> str:
    return "TM90000000000001" if outcome != pb.OUTCOME_DENIED else "TM90000000000002"


@pytest.mark.parametrize("seed", range(20))
async def test_a_living_network_has_no_findings(model: Model, seed: int) -> None:
    """Whatever is under way while each page is read, in whatever order the parties are read, is no finding."""
    chance = random.Random(seed)
    running = [steps(model, chance) for _ in range(3)]

    def live(name: str) -> None:
        for _ in range(chance.randrange(12) if name != "pause" else 40):
            next(chance.choice(running))
        if name == "pause" and chance.random() < 0.8:  # everything under way comes to an end
            for one in running:
                for _ in range(6):
                    next(one)

    model.before_call = live
    report = await model.audit(patience=2.0)
    assert [finding for finding in report.findings if finding.kind not in _UNDER_WAY] == []


_UNDER_WAY = {Kind.MISSING_AT_REQUESTER, Kind.PORTAL_MISSING}
"""What is missing for the moment in which one steps between two calls; it is looked for again, and is another exchange each time."""


async def test_what_is_under_way_is_given_a_moment(model: Model) -> None:
    """A requester that has not yet collected, and a portal that has not yet been delivered to, are read once more before they count."""
    made = model.exchange(places=("gateway", "provider"))

    def live(name: str) -> None:
        if name == "pause" and len(model.held[NHI]) and model.held[NHI][-1] not in made.requester:
            for one in made.requester:
                model.hold(NHI, one)
            model.deliver(made)

    model.before_call = live
    assert (await model.audit(patience=5.0)).findings == ()


async def test_a_party_that_is_away_ends_the_audit(model: Model) -> None:
    """Nothing is concluded from silence."""
    model.before_call = away
    with pytest.raises(UnreachableError):
        await model.audit()


@pytest.mark.parametrize("stop", [1, 3, 5, 8, 12, 20])
async def test_an_interrupted_audit_goes_on(model: Model, tmp_path: Path, stop: int) -> None:
    """Resumed from its file, an audit comes to what an uninterrupted one does, and reads no full page twice."""
    for _ in range(PAGE):
        model.exchange()
    model.exchange(row="P08")
    whole = await model.audit()
    count = iter(range(1000))

    def interrupt(_name: str) -> None:
        if next(count) == stop:
            away("")

    model.before_call = interrupt
    with pytest.raises(UnreachableError):
        await model.audit(resume=tmp_path / "state")
    model.before_call = lambda _name: None
    assert await model.audit(resume=tmp_path / "state") == whole
    model.calls.clear()
    assert await model.audit(resume=tmp_path / "state") == whole
    assert model.calls.count("portal") == 2, "an audit reads each list twice, and here nothing new in it"


async def test_a_resumed_audit_sees_what_came_since(model: Model, tmp_path: Path) -> None:
    """New exchanges and new lies are found; the leaves of last time are hashed into the new head."""
    assert (await model.audit(resume=tmp_path / "state")).findings == ()
    model.exchange()
    rewritten(model.exchange().requester[0], item="TM90000000000002")
    report = await model.audit(resume=tmp_path / "state")
    assert [finding.kind for finding in report.findings] == [Kind.FIELD_DIFFERS]
    assert report.entries == len(model.leaves)


async def test_a_past_that_changed_is_a_fork(model: Model, tmp_path: Path) -> None:
    """A log that is signed anew over other leaves, or fewer, contradicts the head of last time."""
    await model.audit(resume=tmp_path / "state")
    first = model.gateway_list[0]
    model.gateway_list.remove(first)
    model.leaves[0] = model.enter_event(logged=False, started=log_pb2.GatewayStarted(program="2")).event.commitment
    model.gateway_list[-1].leaf_index = 0
    report = await model.audit(resume=tmp_path / "state")
    assert Kind.LOG_FORKED in {finding.kind for finding in report.findings}


async def test_a_shortened_log_is_a_fork(model: Model, tmp_path: Path) -> None:
    """A head that is smaller than that of last time is found."""
    model.exchange()
    await model.audit(resume=tmp_path / "state")
    model.head = model.sign(model.leaves[:-2])
    kinds = {finding.kind for finding in (await model.audit(resume=tmp_path / "state")).findings}
    assert Kind.LOG_FORKED in kinds


async def test_a_file_of_another_log_is_refused(model: Model, identity: Identity, tmp_path: Path) -> None:
    """A restored network has another log: nothing of the old one's audit is carried over."""
    await model.audit(resume=tmp_path / "state")
    with pytest.raises(ResumeError):
        await mixed(identity).audit(resume=tmp_path / "state")
    assert isinstance(model.signer, LogSigner)


async def test_a_file_that_is_no_audits_is_refused(model: Model, tmp_path: Path) -> None:
    """A file that is something else is left as it is."""
    (tmp_path / "state").write_text("something else, long enough to be no empty database")
    with pytest.raises(ResumeError):
        await model.audit(resume=tmp_path / "state")
    assert (tmp_path / "state").read_text().startswith("something else")


async def test_the_file_is_its_owners_alone(model: Model, tmp_path: Path) -> None:
    """Access records are nobody else's business on the auditor's machine."""
    await model.audit(resume=tmp_path / "state")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o600


@pytest.mark.parametrize("still_held", [(), (NHI,), (NHI, TAX, "portal")])
async def test_erased_contents_are_neither_missing_nor_found(model: Model, still_held: tuple[str, ...]) -> None:
    """Contents past their term are accounted for by the event that names their leaves, also while others have yet to erase theirs."""
    month = 12 * 2026 + 6 - 1 - 85
    text = f"{month // 12:04d}-{month % 12 + 1:02d}"
    old = timestamp(milliseconds(datetime.fromisoformat(f"{text}-15T09:00:00+09:00")))
    gone = [model.exchange(requested_at=old, answered_at=old) for _ in range(4)]
    entries = [entry for made in gone for entry in made.gateway]
    for party, places in ((NHI, "requester"), (TAX, "provider")):
        erased = [one.position for made in gone for one in getattr(made, places)]
        if party not in still_held:
            model.held[party] = [one for one in model.held[party] if one.position not in erased]
    if "portal" not in still_held:
        del model.delivered[-len(gone) :]
    for entry in entries:
        entry.ClearField("record")
    ranges = [log_pb2.LeafRange(first=entries[0].leaf_index, count=len(entries))]
    model.enter_event(erased=log_pb2.ContentsErased(month=text, records=len(entries), leaves=ranges))
    report = await model.audit()
    assert report.findings == ()
    assert report.entries == len(model.leaves)


async def test_an_unlogged_erasure_is_found(model: Model) -> None:
    """Entries of which nothing is left, and which no event names, are leaves without record."""
    gone = next(entry for entry in model.gateway_list if entry.HasField("record"))
    gone.ClearField("record")
    kinds = {finding.kind for finding in (await model.audit()).findings}
    assert Kind.LEAF_WITHOUT_RECORD in kinds


async def test_memory_stays_flat(identity: Identity) -> None:
    """Of four times the entries hardly more than their hashes is in memory at a time."""
    peaks, entries = [], []
    for rounds in (25, 25, 100):  # the first time what is kept for the whole process comes on top
        model = mixed(identity, rounds)
        model.head = model.sign()
        tracemalloc.start()
        assert (await model.audit()).findings == ()
        peaks.append(tracemalloc.get_traced_memory()[1])
        entries.append(len(model.gateway_list))
        tracemalloc.stop()
    assert entries[2] > 3 * entries[1]
    assert peaks[2] - peaks[1] < 128 * (entries[2] - entries[1]), (peaks, entries)
