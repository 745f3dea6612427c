"""The gateway's promises are looked up in its log: kept ones are proved, broken ones reported; against the real gateway and lying ones."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from dataclasses import replace as dataclasses_replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from contract.interim_world import NHI, PARTIES, PROVIDED, TAX, WAIT, World, copy, reason_of
from sqlalchemy import select
from town import person

from warifu.authority import provision
from warifu.exchange import offline
from warifu.exchange.logkeys import ORIGIN, LogKeys
from warifu.exchange.v1 import exchange_pb2 as ex
from warifu.gateway.party import build as build_gateway
from warifu.interim.logged import GATHER, SLACK
from warifu.interim.schema import PROMISES
from warifu.interim.v1 import interim_pb2 as pb
from warifu.kernel import identity
from warifu.kernel.errors import Reason
from warifu.kernel.limits import MERGE_DELAY, WITNESS_SILENCE
from warifu.kernel.party import Context, Party, Service
from warifu.log.v1 import log_pb2_grpc
from warifu.tlog.notes import LogSigner, Note

KEPT, BROKEN, WAITING = pb.PROMISE_STATE_KEPT, pb.PROMISE_STATE_BROKEN, pb.PROMISE_STATE_WAITING
LOG = "warifu.log.v1.LogService"


@dataclass
class LyingLog(log_pb2_grpc.LogServiceServicer):
    """The gateway's log as it answers, changed where a test says so."""

    honest: Any = None
    omitted: set[bytes] = field(default_factory=set)
    shifted: int = 0
    forged: bool = False
    signer: LogSigner | None = None
    witnessed: bool = True
    silent: bool = False
    calls: list[str] = field(default_factory=list)
    """By institutions."""

    async def build(self, context: Context) -> Party:
        """The real gateway with this face of its log."""
        party = await build_gateway(context)
        self.honest = next(service.servicer for service in party.services if service.name == LOG)
        mine = Service(LOG, log_pb2_grpc.add_LogServiceServicer_to_server, self)
        services = [mine if service.name == LOG else service for service in party.services]
        return dataclasses_replace(party, services=services)

    async def GetCheckpoint(self, request, context):  # noqa: N802
        """The head: signed by another key, or without the witness."""
        await self._called("GetCheckpoint", context)
        response = await self.honest.GetCheckpoint(request, context)
        if not self.witnessed:
            response.ClearField("witnessed")
        elif self.signer is not None and response.HasField("witnessed") and identity.current().party != "watchdog":
            note = Note.parse(response.witnessed)
            theirs = tuple(one for one in note.signatures if one.name != ORIGIN)
            response.witnessed = Note(note.text, (self.signer.sign(note.text), *theirs)).raw
        return response

    async def GetTile(self, request, context):  # noqa: N802
        """A tile, one bit of each byte flipped when forged."""
        await self._called("GetTile", context)
        response = await self.honest.GetTile(request, context)
        if self.forged:
            response.content = bytes(byte ^ 1 for byte in response.content)
        return response

    async def FindLeaves(self, request, context):  # noqa: N802
        """Places: some left out, or all shifted."""
        await self._called("FindLeaves", context)
        response = await self.honest.FindLeaves(request, context)
        for asked, leaf in zip(request.commitments, response.leaves, strict=True):
            if asked in self.omitted:
                leaf.ClearField("index")
            elif leaf.HasField("index"):
                leaf.index = max(0, leaf.index - self.shifted)
        return response

    async def _called(self, name: str, context: grpc.aio.ServicerContext) -> None:
        if identity.current().party != "watchdog":
            self.calls.append(name)
        if self.silent:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no answer")


@pytest.fixture
def log() -> LyingLog:
    """A log that does not lie yet."""
    return LyingLog()


@pytest.fixture
async def world(tmp_path: Path, log: LyingLog) -> AsyncIterator[World]:
    """The network, with one exchange done: the insurer asked the tax office about a person."""
    made = await World.begin(tmp_path, gateway=log.build)
    try:
        await made.register([person(0)])
        for code in (NHI, TAX):
            response = await made.enrol(code, "1")
            assert not response.HasField("error"), response
        await made.interim(TAX).register_copies([copy("r-1")])
        state = await made.ask(made.question())
        assert state.fine_outcome == PROVIDED, state
        await made.settle()
        log.calls.clear()
        yield made
    finally:
        await made.end()


async def later(world: World, milliseconds: int = MERGE_DELAY + SLACK + GATHER) -> None:
    """Let machine time pass, and all that is due be done."""
    world.clock.offset += timedelta(milliseconds=milliseconds)
    await world.settle()


async def promises(world: World, code: str, *, broken: bool = False) -> list[pb.LogPromise]:
    """As staff list them."""
    request = pb.ListPromisesRequest(institution=code, broken_only=broken)
    return list((await world.interim(code).list_promises(request)).promises)


async def states(world: World, code: str) -> list[tuple[int, str]]:
    """How each promise stands."""
    return [(one.state, one.problem) for one in await promises(world, code)]


def reports(world: World) -> list[bytes]:
    """Commitments that were reported to the supervisor."""
    with closing(sqlite3.connect(world.state / "watchdog" / "watchdog.db")) as database:
        return [row[0] for row in database.execute("SELECT commitment FROM report")]


def rows(world: World, code: str) -> list[Any]:
    """The promises as stored."""
    return world.interim(code).ground.store.read(lambda connection: connection.execute(select(PROMISES)).all())


async def test_nothing_is_looked_up_before_its_time(world: World, log: LyingLog) -> None:
    """Until merge delay and slack are over a promise waits and the log is not asked: an exchange costs no call of it."""
    assert await states(world, NHI) == await states(world, TAX) == [(WAITING, "")]
    await later(world, MERGE_DELAY + SLACK - 15_000)
    assert await states(world, NHI) == [(WAITING, "")]
    assert log.calls == []


async def test_kept_promises_are_proved_on_both_sides(world: World, log: LyingLog) -> None:
    """Receipt and permit name one commitment, which both institutions prove at one place of the log and remember with the log's key."""
    await later(world)
    (asked,), (provided,) = await promises(world, NHI), await promises(world, TAX)
    assert (asked.state, provided.state) == (KEPT, KEPT)
    assert (asked.asked, provided.asked) == (True, False)
    assert asked.commitment == provided.commitment
    assert asked.leaf_index == provided.leaf_index
    assert {row.log_key for row in rows(world, NHI)} == {LogKeys.load(world.state / "tax").log.vkey}
    log.calls.clear()
    await later(world)
    assert log.calls == []
    assert reports(world) == []


async def test_an_omitted_record_is_reported_once(world: World, log: LyingLog) -> None:
    """A record that the log leaves out at two looks is a broken promise: staff can list it, the supervisor has the receipt once."""
    (promise,) = await promises(world, NHI)
    log.omitted.add(promise.commitment)
    await later(world)
    assert await states(world, NHI) == [(WAITING, "not-logged")]
    assert reports(world) == []
    await later(world)
    assert await states(world, NHI) == await states(world, TAX) == [(BROKEN, "not-logged")]
    (broken,) = await promises(world, NHI, broken=True)
    assert broken.HasField("found_at")
    assert broken.HasField("reported_at")
    assert reports(world) == [promise.commitment]
    (noted,) = await promises(world, TAX, broken=True)
    assert not noted.HasField("reported_at"), "a provider has no receipt to show"
    before = rows(world, NHI)
    await world.down("health_insurance")
    await world.up("health_insurance")
    await later(world)
    assert rows(world, NHI) == before


async def test_exchanges_go_on_beside_a_broken_promise(world: World, log: LyingLog) -> None:
    """It is detection: nothing is refused because of it."""
    log.omitted.update(one.commitment for one in await promises(world, NHI))
    await later(world)
    await later(world)
    assert (await world.ask(world.question())).fine_outcome == PROVIDED


@pytest.mark.parametrize("lie", [{"forged": True}, {"shifted": 1}])
async def test_a_forged_proof_is_no_proof(world: World, log: LyingLog, lie: dict[str, Any]) -> None:
    """Tiles that do not lead to the signed root, and a place where something else stands, break the promise."""
    vars(log).update(lie)
    await later(world)
    await later(world)
    assert await states(world, NHI) == await states(world, TAX) == [(BROKEN, "proof-invalid")]
    assert len(reports(world)) == 1


async def test_a_log_that_was_wrong_once_is_believed_again(world: World, log: LyingLog) -> None:
    """One failed look is kept in mind and nothing more: tiles are fetched anew, and the proof of the second look counts."""
    log.forged = True
    await later(world)
    log.forged = False
    await later(world)
    assert await states(world, NHI) == [(KEPT, "")]
    assert reports(world) == []


async def test_a_log_signed_by_another_key_proves_nothing(world: World, log: LyingLog) -> None:
    """A head by a key that is not pinned, though of the same name and cosigned, breaks the promise."""
    log.signer = LogSigner(ORIGIN, os.urandom(32))
    await later(world)
    await later(world)
    assert await states(world, NHI) == [(BROKEN, "checkpoint-invalid")]


async def test_an_unwitnessed_log_is_waited_for_within_reason(world: World, log: LyingLog) -> None:
    """Without a cosigned head the promise waits as long as exchanges would, then it is broken."""
    log.witnessed = False
    await later(world)
    await later(world)
    assert await states(world, NHI) == [(WAITING, "")]
    for _ in range(3):
        await later(world, WITNESS_SILENCE * 1000 // 2)
    assert await states(world, NHI) == [(BROKEN, "not-witnessed")]


async def test_a_silent_log_is_waited_for(world: World, log: LyingLog) -> None:
    """While the log does not answer nothing is concluded, however long; afterwards the promise is proved."""
    log.silent = True
    for _ in range(3):
        await later(world)
    assert await states(world, NHI) == [(WAITING, "")]
    log.silent = False
    await world.settle()
    assert await states(world, NHI) == [(KEPT, "")]


async def test_a_report_waits_for_the_supervisor(world: World, log: LyingLog) -> None:
    """A broken promise found while the supervisor is away is reported when it is back, also across a restart."""
    await world.down("watchdog")
    log.omitted.update(one.commitment for one in await promises(world, NHI))
    await later(world)
    await later(world)
    (broken,) = await promises(world, NHI, broken=True)
    assert not broken.HasField("reported_at")
    await world.down("health_insurance")
    await world.up("watchdog")
    await world.up("health_insurance")
    await later(world, 61_000)
    (broken,) = await promises(world, NHI, broken=True)
    assert broken.HasField("reported_at")
    assert reports(world) == [broken.commitment]


async def test_places_in_another_log_are_forgotten(world: World) -> None:
    """When the pinned key is another after a restart, what was proved in the old log is looked up in the new one."""
    await later(world)
    old = LogKeys.load(world.state / "tax").log.vkey
    for party in ("tax", "health_insurance", "gateway", "watchdog"):
        await world.down(party)
    renew_keys(world.state)
    for party in ("watchdog", "gateway", "tax", "health_insurance"):
        await world.up(party)
    await world.settle()
    assert await states(world, NHI) == [(WAITING, "")]
    await later(world)
    assert await states(world, NHI) == [(KEPT, "")]
    assert {row.log_key for row in rows(world, NHI)} == {LogKeys.load(world.state / "tax").log.vkey} != {old}


def renew_keys(state: Path) -> None:
    """New keys of log and witness, as a restored network has them."""
    for path in [*state.glob("*/secrets/log.key"), *state.glob("*/secrets/witness.key"), *state.glob("*/trust/*.vkey")]:
        path.unlink()

    provision(state, PARTIES, counters=[NHI, TAX])


async def test_only_the_institutions_own_staff_lists_promises(world: World) -> None:
    """A counter lists its institution's promises, and no other's."""
    counter = world.face(NHI, "counter")
    listed = await counter.ListPromises(pb.ListPromisesRequest(institution=NHI), timeout=WAIT)
    assert len(listed.promises) == 1
    asked = counter.ListPromises(pb.ListPromisesRequest(institution=TAX), timeout=WAIT)
    assert await reason_of(asked) == Reason.CLIENT_NOT_YOURS


@pytest.mark.parametrize("code", [NHI, TAX])
async def test_a_kept_promise_can_be_proved_offline(world: World, code: str) -> None:
    """Each institution's staff can download one file that proves both of the gateway's records, without network or gateway, to anyone."""
    (promise,) = await promises(world, code)
    request = pb.GetProofRequest(institution=code, request_id=promise.request_id)
    counter = world.face(code, "counter")
    assert not (await counter.GetProof(request, timeout=WAIT)).HasField("proof"), "not before it was looked up"
    await later(world)
    content = (await counter.GetProof(request, timeout=WAIT)).proof
    trusted = offline.trust(LogKeys.load(world.state / "portal"))
    proven = [offline.check(one, trusted) for one in offline.read(content.encode())]
    assert [one.record.kind for one in proven] == [ex.RECORD_KIND_REQUEST, ex.RECORD_KIND_OUTCOME]
    assert {one.record.request_id for one in proven} == {promise.request_id}
    (kept,) = await promises(world, code)
    assert proven[0].index == kept.leaf_index


async def test_what_is_proved_later_is_found_behind_other_exchanges(world: World) -> None:
    """The outcome of an old exchange is found however many came since, and the head is the newest."""
    (promise,) = await promises(world, NHI)
    for _ in range(12):
        await world.ask(world.question())
    await later(world)
    request = pb.GetProofRequest(institution=NHI, request_id=promise.request_id)
    content = (await world.interim(NHI).get_proof(request)).proof
    assert content.count("c2sp.org/tlog-proof@v1") == 2


async def test_there_is_no_proof_of_what_does_not_fit(world: World, log: LyingLog) -> None:
    """A log that forges gets no file made; an unknown exchange and another institution's are refused."""
    (promise,) = await promises(world, NHI)
    await later(world)
    log.forged = True
    request = pb.GetProofRequest(institution=NHI, request_id=promise.request_id)
    assert not (await world.interim(NHI).get_proof(request)).HasField("proof")
    unknown = pb.GetProofRequest(institution=NHI, request_id="00000000-0000-4000-8000-00000000dead")
    assert await reason_of(world.interim(NHI).get_proof(unknown)) == Reason.CLIENT_REQUEST_UNKNOWN
    others = pb.GetProofRequest(institution=TAX, request_id=promise.request_id)
    assert await reason_of(world.interim(NHI).get_proof(others)) == Reason.CLIENT_NOT_YOURS


async def test_promises_are_paged(world: World) -> None:
    """Pages of promises, newest first, are together all of them."""
    for _ in range(3):
        await world.ask(world.question())
    await world.settle()
    seen, token = [], ""
    while True:
        request = pb.ListPromisesRequest(institution=NHI, page_size=2, page_token=token)
        page = await world.interim(NHI).list_promises(request)
        seen += [one.request_id for one in page.promises]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 4
    assert seen == [one.request_id for one in await promises(world, NHI)]


async def test_many_promises_take_few_calls(world: World, log: LyingLog) -> None:
    """A hundred promises are looked up with one FindLeaves and a head, not one by one."""
    for _ in range(20):
        await world.ask(world.question())
    log.calls.clear()
    await later(world)
    assert {state for state, _ in await states(world, NHI)} == {KEPT}
    assert log.calls.count("FindLeaves") <= 4
    assert len(log.calls) < 20
