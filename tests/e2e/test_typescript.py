"""The example in TypeScript: its code on the vectors, and its provider at a real gateway, whole and wrong in each of its ways."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from xml.etree import ElementTree as ET

import node
import pytest
from contract.gateway_world import PERSON, WAIT, World, collect, expected_code, inquire
from ports import free_port
from unit.gateway.samples import PROVIDER, REQUESTER

from warifu.exchange import receipt
from warifu.exchange.directory import verify_entry
from warifu.exchange.record import check as check_record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.review import sampled
from warifu.kernel.config import Config
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.conformance import REQUIREMENTS, Bench, Target, check_all, copies, opened, prepare
from warifu.simulator.conformance.folder import ITEM

WRONG = {
    "admitsAnyCertificate": "certificates",
    "believesAnyName": "identity",
    "ignoresDates": "expired",
    "ignoresRevocations": "revoked",
    "trustsOldList": "trust",
    "admitsAnyCaller": "callers",
    "ignoresLeaves": "sealed_query",
    "leaksOutcome": "size",
    "mixesRequesters": "separate",
    "skipsPermitCheck": "signature",
    "ignoresBatchShape": "proof",
    "ignoresUnknownFields": "form",
    "acceptsForeignAudience": "audience",
    "ignoresExpiry": "window",
    "forgetsSingleUse": "single_use",
    "forgetsPlace": "repeat",
    "skipsLawBook": "law",
    "judgesByClock": "law",
    "ignoresConsent": "law",
    "ignoresAssessments": "law",
    "ignoresQuery": "query",
    "failsTogether": "batch",
    "sealsToNewestKey": "requester_key",
    "ignoresSpan": "lookup",
    "providesAll": "most",
    "ignoresFields": "fields",
    "providesUnwanted": "wanted",
    "ignoresFlags": "flags",
    "waitsForBlocked": "unmarked",
    "sparesFromSample": "sample",
    "ignoresCorrections": "corrected",
    "decidesAgain": "waits",
    "neverCloses": "overdue",
    "wrongLayout": "layout",
    "wrongSeal": "seal",
    "unsigned": "signed",
    "noRecord": "record",
    "dropsWish": "wish",
    "explainsInEnglish": "errors",
    "breaksOnGarbage": "unreadable",
    "ignoresLimits": "limits",
    "believesAnyEntry": "entry",
    "takesOldEntries": "newest_entry",
    "newKeysEachStart": "keys",
}
"""Each switch of the example, and the requirement that it must fail."""
KILLED = {"single_use", "keys"}
"""Requirements that are about a provider which is killed and started again."""
AT_ONCE = 8
"""Switches that are tried at once: for seconds a run only waits, that a certificate runs out."""


class NodeWorld(World):
    """The gateway's world, in which the tax office is the example's provider: another process, in another language."""

    example: ClassVar[Path]
    wrong: tuple[str, ...] = ()
    """Switches with which the provider starts."""
    process: asyncio.subprocess.Process | None = None

    async def up(self, party: str, *, witnessed: bool = True) -> None:
        """See `World.up`."""
        if party != "tax":
            await super().up(party, witnessed=witnessed)
            return
        words = [word for name in self.wrong for word in ("--wrong", name)]
        self.process = await asyncio.create_subprocess_exec(
            *("node", "dist/src/main.js", "provider", "--folder", str(self.state / "tax"), "--institution", PROVIDER),
            *words,
            cwd=self.example,
            env=node.environment(self.example),
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        said = json.loads(await asyncio.wait_for(self.process.stdout.readline(), WAIT))
        assert said["wrong"] == list(self.wrong)
        self.running["tax"] = SimpleNamespace(jobs=SimpleNamespace(settle=_nothing))
        channel = self.running["gateway"].context.peers.channel("tax")
        await asyncio.wait_for(channel.channel_ready(), WAIT)

    async def again(self) -> None:
        """End the provider without a word, and start it anew."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()
        await self.up("tax")

    async def end(self) -> None:
        """See `World.end`."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            assert await asyncio.wait_for(self.process.wait(), WAIT) == 0
        await super().end()

    @property
    def folder(self) -> Path:
        """The provider's."""
        return self.state / "tax"

    def register(self, people: list[dict[str, Any]]) -> None:
        """Put the copies where the provider reads them."""
        (self.folder / "copies.json").write_text(json.dumps({"people": people}), encoding="utf-8")

    def drawn(self, permit_id: str) -> bool:
        """Is an exchange in the provider's sample, which nobody but the provider could tell."""
        keys = json.loads((self.folder / "secrets" / f"{PROVIDER}.node.json").read_text(encoding="utf-8"))
        return sampled(bytes.fromhex(keys["sample"]), permit_id)


async def _nothing() -> dict[str, int]:
    return {}


@asynccontextmanager
async def network(state: Path, example: Path) -> AsyncIterator[NodeWorld]:
    """A network with the example's provider. Its keys are those that the directory gives."""
    kind = type("Here", (NodeWorld,), {"example": example})
    world = await kind.begin(state, interim=True)
    try:
        yield world
    finally:
        await world.end()


async def bench_of(world: NodeWorld) -> Bench:
    """The provider of a network, to be checked."""
    relayed = await world.directory(REQUESTER, "health_insurance").GetEntry(
        linkage_pb2.GetEntryRequest(owner=PROVIDER), timeout=WAIT
    )
    entry = verify_entry(relayed.entry, world.trust(), datetime.now(tz=UTC))
    world.provider.keys = SimpleNamespace(sealing_key=entry.sealing, verifying_key=entry.signing)
    target = Target(PROVIDER, "tax", Config.load(world.folder).listen)
    assert world.provider.gateway is not None
    return Bench(world.state, target, REQUESTER, entry, world.keys, world.provider.gateway, world.again)


def test_the_example_agrees_with_every_vector(example: Path) -> None:
    """Its own tests, which read tests/vectors, pass: hashes, trees, padding, seals, permits with their reasons, receipts, answers, records."""
    done = subprocess.run(
        ["npm", "test"],
        cwd=example,
        env=node.environment(example),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    counted = dict(re.findall(r"^# (tests|pass|fail|skipped) (\d+)$", done.stdout, re.MULTILINE))
    assert int(counted["pass"]) == int(counted["tests"]) > 40


def test_every_switch_has_its_check(example: Path) -> None:
    """Each way in which the provider can be made wrong is found by a check of its own, and no check is without one."""
    listed = subprocess.run(
        ["node", "dist/src/main.js"],
        cwd=example,
        env=node.environment(example),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (listed.returncode, set(re.findall(r"^  (\w+) {2,}", listed.stderr, re.MULTILINE))) == (2, set(WRONG))
    assert set(WRONG.values()) == {one.name for one in REQUIREMENTS}


async def test_it_provides_at_a_real_gateway(example: Path, tmp_path: Path) -> None:
    """An inquiry is answered, recorded on both sides in agreement, and the same after the provider was killed; who is unknown is not registered."""
    async with network(tmp_path, example) as world:
        await bench_of(world)
        own = expected_code(world, PROVIDER).code
        world.register([{**copies()[0], "code": own.hex()}])
        subject = await world.code(REQUESTER, "health_insurance", PERSON)
        call = _undrawn(world, subject)
        state = await inquire(world, call)
        answer = world.open(call, state)
        assert (state.outcome, answer.outcome) == (pb.OUTCOME_ANSWERED, pb.FINE_OUTCOME_PROVIDED)
        assert answer.records[0].content.local_tax.salary_revenue_yen == 4_120_000
        receipt.check(state.receipt, world.provider.gateway.verifying_key)
        bench = await bench_of(world)
        theirs = [check_record(one.record) for one in await bench.records() if one.permit_hash == state.permit_hash]
        at_gateway = await world.records()
        shared = (
            "kind",
            "request_id",
            "requester",
            "provider",
            "affair",
            "procedure",
            "item",
            "table_version",
            "row",
            "requested_at",
            "outcome",
        )
        assert [[getattr(one, name) for name in shared] for one in theirs] == [
            [getattr(one, name) for name in shared] for one in at_gateway
        ]
        await world.again()
        assert await collect(world, call) == state
        stranger = await world.code(REQUESTER, "health_insurance", "88800000077")
        call = _undrawn(world, stranger)
        assert world.open(call, await inquire(world, call)).outcome == pb.FINE_OUTCOME_NOT_REGISTERED


async def test_a_drawn_answer_waits_for_a_clerk(example: Path, tmp_path: Path) -> None:
    """An exchange in the sample waits; once a clerk provides, the same permit brings the answer, which never changes again."""
    async with network(tmp_path, example) as world:
        bench = await bench_of(world)
        world.register(copies())
        request_id = next(_ids(world, drawn=True))
        asked = bench.ask(request_id=request_id)
        result, answer = await bench.told(asked)
        assert (result.outcome, answer.outcome) == (pb.OUTCOME_PENDING, pb.FINE_OUTCOME_PENDING)
        assert (await bench.told(asked))[0].outcome == pb.OUTCOME_PENDING
        (world.folder / "decisions").mkdir()
        (world.folder / "decisions" / request_id).write_text("provide\n", encoding="utf-8")
        result, answer = await bench.told(asked)
        assert (result.outcome, answer.outcome, len(answer.records)) == (
            pb.OUTCOME_ANSWERED,
            pb.FINE_OUTCOME_PROVIDED,
            1,
        )
        (world.folder / "decisions" / request_id).write_text("withhold\n", encoding="utf-8")
        assert (await bench.told(asked))[1] == answer
        kinds = [check_record(one.record).kind for one in await bench.records()]
        assert kinds == [pb.RECORD_KIND_REQUEST, pb.RECORD_KIND_OUTCOME]


def command(example: Path, folder: Path, *wrong: str) -> list[str]:
    """How the provider is started in a folder."""
    words = [word for name in wrong for word in ("--wrong", name)]
    main = ("node", str(example / "dist" / "src" / "main.js"), "provider")
    place = ("--folder", str(folder), "--institution", PROVIDER)
    return ["env", f"WARIFU_PROTOS={example / 'protos'}", *main, *place, *words]


def clerk(folder: Path) -> Callable[[str, str], Awaitable[None]]:
    """A clerk of the provider in a folder: a decision is a file there."""

    async def decide(permit_id: str, decision: str) -> None:
        (folder / "decisions").mkdir(exist_ok=True)
        (folder / "decisions" / permit_id).write_text(decision, encoding="utf-8")

    return decide


def conform(*words: str) -> subprocess.CompletedProcess[str]:
    """The verb."""
    return subprocess.run(
        [sys.executable, "-m", "warifu.cli", "conformance", *words],
        env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.timeout(300)  # the command twice, and the provider four times
def test_it_conforms_by_the_command(example: Path, tmp_path: Path) -> None:
    """In a folder that the command prepared, the provider passes and the exit code is 0; unsigned it fails, and the report says what was sent, expected and got."""
    listen, gateway = (f"127.0.0.1:{free_port()}" for _ in range(2))
    folder = tmp_path / "network"
    told = conform(
        *("prepare", str(folder), "--institution", PROVIDER, "--listen", listen, "--gateway", gateway, "--json")
    )
    assert told.returncode == 0, told.stderr
    place = Path(json.loads(told.stdout)["configure"])
    (place / "decisions").mkdir()
    decides = ("sh", "-c", f'printf %s "$2" > {shlex.quote(str(place))}/decisions/"$1"', "clerk")
    common = ("provider", "--folder", str(folder), "--target", listen, "--clerk", shlex.join(decides), "--command")
    run = conform(*common, shlex.join(command(example, place)), "--json", "--junit", str(tmp_path / "all.xml"))
    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads(run.stdout)["results"]
    assert [(one["name"], one["status"], one["note"]["en"]) for one in results] == [
        (one.name, "passed", "") for one in REQUIREMENTS
    ]
    suite = ET.parse(tmp_path / "all.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(len(REQUIREMENTS)), "0")
    run = conform(*common, shlex.join(command(example, place, "unsigned")), "--only", "PROTO-6.7")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "failed  PROTO-6.7" in run.stdout
    for line in ("section: docs/PROTOCOL.md, 6.", "expected: a signature", "got: one that", '"signed_by": "gateway"'):
        assert line in run.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)  # all requirements for each switch
async def test_each_switch_fails_its_requirement_and_no_other(example: Path, tmp_path: Path) -> None:
    """Made wrong in one way, the provider fails the requirement that is about it, and passes all others."""
    async with node.hosts(example) as hosts:

        async def tried(wrong: str) -> dict[str, str]:
            prepared = prepare(tmp_path / wrong, PROVIDER, *(f"127.0.0.1:{free_port()}" for _ in range(2)))
            decides = clerk(prepared.theirs)
            async with AsyncExitStack() as stack:
                if WRONG[wrong] in KILLED:
                    opening = opened(
                        prepared, prepared.listen, command=command(example, prepared.theirs, wrong), clerk=decides
                    )
                else:  # a start takes longer than all the rest
                    await stack.enter_async_context(hosts.party("provider", prepared.theirs, PROVIDER, wrong))
                    opening = opened(prepared, prepared.listen, clerk=decides)
                results = await check_all(await stack.enter_async_context(opening), REQUIREMENTS)
            return {one.requirement.name: one.got.en for one in results if one.status != "passed"}

        found = await node.side_by_side(WRONG, tried, AT_ONCE)
    assert {name: set(failed) for name, failed in found.items()} == {name: {one} for name, one in WRONG.items()}, found


class Asking:
    """The example's requester, at the health insurance's folder."""

    def __init__(self, world: NodeWorld, code: bytes) -> None:
        self.world, self.code = world, code

    async def ask(
        self, request_id: str, *, wait: int = 0, code: bytes | None = None, **changes: object
    ) -> dict[str, Any]:
        """What it says became of an inquiry, or its refusal."""
        ask = {
            "requestId": request_id,
            "provider": PROVIDER,
            "affair": "JM90000000000101",
            "procedure": "JT90000000000101",
            "item": ITEM,
        }
        ask |= {
            "office": "国保年金課",
            "clerk": "c-0017",
            "code": (code or self.code).hex(),
            "span": {"fiscal_year": {"year": 2026}},
            **changes,
        }
        folder = self.world.state / "health_insurance"
        (folder / "ask.json").write_text(json.dumps(ask), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *("node", "dist/src/main.js", "requester", "--folder", str(folder), "--institution", REQUESTER),
            *("--ask", str(folder / "ask.json"), "--wait", str(wait)),
            cwd=self.world.example,
            env=node.environment(self.world.example),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, refused = await asyncio.wait_for(process.communicate(), 3 * WAIT)
        return json.loads(said or refused)


@asynccontextmanager
async def both(state: Path, example: Path, *wrong: str) -> AsyncIterator[Asking]:
    """A network in which requester and provider are the example's, and the gateway between them is real."""
    async with network(state, example) as world:
        if wrong:
            world.wrong = wrong
            await world.again()
        world.register([{**copies()[0], "code": expected_code(world, PROVIDER).code.hex()}])
        subject = await world.code(REQUESTER, "health_insurance", PERSON)
        yield Asking(world, subject.code)


async def test_its_requester_asks_its_provider_through_a_real_gateway(example: Path, tmp_path: Path) -> None:
    """It is told the values it wanted, the same from its own store when it asks again, and why when it may not ask."""
    async with both(tmp_path, example) as asking:
        request_id, other = (one for one, _ in zip(_ids(asking.world), range(2), strict=False))
        told = await asking.ask(request_id, fields=["salary_revenue_yen"])
        assert (told["outcome"], told["answer"]["outcome"]) == ("ANSWERED", "FINE_OUTCOME_PROVIDED")
        assert [one["content"] for one in told["answer"]["records"]] == [
            {"local_tax": {"salary_revenue_yen": 4_120_000}}
        ]
        assert await asking.ask(request_id) == told
        denied = await asking.ask(other, procedure="JT90000000000103")
        assert (denied["outcome"], denied["reason"][:7]) == ("DENIED", "CLIENT_")
        kinds = [(one.request_id, one.outcome) for one in await asking.world.records()]
        assert kinds == [(request_id, 0), (request_id, pb.OUTCOME_ANSWERED), (other, 0), (other, pb.OUTCOME_DENIED)]


async def test_its_requester_collects_what_waited(example: Path, tmp_path: Path) -> None:
    """An answer that waits is told as waiting; once a clerk decided, the same inquiry brings it."""
    async with both(tmp_path, example) as asking:
        request_id = next(_ids(asking.world, drawn=True))
        told = await asking.ask(request_id)
        assert (told["outcome"], told["answer"]["outcome"]) == ("PENDING", "FINE_OUTCOME_PENDING")
        (asking.world.folder / "decisions").mkdir()
        (asking.world.folder / "decisions" / request_id).write_text("provide", encoding="utf-8")
        told = await asking.ask(request_id, wait=20)
        assert (told["outcome"], told["answer"]["outcome"]) == ("ANSWERED", "FINE_OUTCOME_PROVIDED")


@pytest.mark.parametrize(
    ("wrong", "reason"), [("unsigned", "PROVIDER_ANSWER_INVALID"), ("wrongSeal", "PROVIDER_ANSWER_UNREADABLE")]
)
async def test_its_requester_believes_no_wrong_answer(example: Path, tmp_path: Path, wrong: str, reason: str) -> None:
    """An answer that is unsigned, or sealed as something else, is refused with the protocol's reason and nothing of it is told."""
    async with both(tmp_path, example, wrong) as asking:
        assert (await asking.ask(next(_ids(asking.world))))["reason"] == reason


def _ids(world: NodeWorld, *, drawn: bool = False) -> Iterator[str]:
    """New request ids that are, or are not, in the provider's sample."""
    while True:
        if world.drawn(made := str(uuid.uuid4())) is drawn:
            yield made


def _undrawn(world: NodeWorld, subject: pb.SubjectReference) -> linkage_pb2.InquireRequest:
    """An inquiry that no clerk looks at."""
    while True:
        call = world.ask(subject)
        if not world.drawn(pb.RequestHeader.FromString(pb.Inquiry.FromString(call.inquiry).header).request_id):
            return call
