"""A party of several processes: callers use all of them that serve, and one that ends is missed by nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import grpc
import pytest
from tiny import DEADLINE, TAX, Caller, Tiny, services

from warifu.kernel import health, peers, server
from warifu.kernel.config import Config
from warifu.kernel.party import Context, Party
from warifu.kernel.peers import Peers, balancing, target
from warifu.kernel.server import Running, serve


@asynccontextmanager
async def replica(tiny: Tiny, number: int, **extra) -> AsyncIterator[Running]:
    """One process of the gateway, in a folder within the gateway's."""

    async def build(context: Context) -> Party:
        return Party(services("gateway", tiny), **extra)

    whole = tiny.configure("gateway")
    own = whole / "replicas" / str(number)
    own.mkdir(parents=True, exist_ok=True)
    replace(Config.load(whole), within=f"replicas/{number}").save(own)
    async with serve(own, build) as running:
        yield running


async def ready(caller: Caller, running: list[Running]) -> None:
    """Call until every one of them has been reached."""
    async with asyncio.timeout(DEADLINE):
        while not all(calls(one) for one in running):
            await caller.who()


def calls(running: Running) -> int:
    """How many calls a process has answered."""
    return running.counts["/warifu.linkage.v1.LinkageService/ListPermissions", "OK"]


@asynccontextmanager
async def asking(tiny: Tiny, address: str) -> AsyncIterator[Caller]:
    """A party that was told these addresses."""
    peers = Peers(Config.load(tiny.configure("tax", addresses={"gateway": address})))
    try:
        yield Caller(peers.channel("gateway", TAX))
    finally:
        await peers.close()


@asynccontextmanager
async def both(tiny: Tiny, **extra) -> AsyncIterator[tuple[Caller, Running, Running]]:
    """A caller of two processes, of which the first has further fields."""
    async with (
        replica(tiny, 2, **extra) as one,
        replica(tiny, 3) as other,
        asking(tiny, f"{one.address},{other.address}") as caller,
    ):
        await ready(caller, [one, other])
        yield caller, one, other


async def test_calls_take_turns(tiny: Tiny) -> None:
    """Of two processes each answers its half, under the one party's certificate."""
    async with both(tiny) as (caller, one, other):
        before = calls(one), calls(other)
        for _ in range(20):
            assert await caller.who() == f"spiffe://warifu.example/tax/{TAX}"
        assert (calls(one) - before[0], calls(other) - before[1]) == (10, 10)


async def test_a_process_that_ends_is_missed_by_nobody(tiny: Tiny) -> None:
    """It says that it does not serve any more before it refuses anything: every call of those who go on asking is answered."""
    async with AsyncExitStack() as stack, replica(tiny, 3) as other:
        one = await stack.enter_async_context(replica(tiny, 2))
        async with asking(tiny, f"{one.address},{other.address}") as caller:
            await ready(caller, [one, other])
            answered: Counter[str] = Counter()
            ended = asyncio.Event()

            async def ask() -> None:
                while not ended.is_set():
                    answered[await caller.who()] += 1

            asking_on = asyncio.create_task(ask())
            await stack.aclose()
            ended.set()
            await asking_on
            before = calls(other)
            for _ in range(5):
                await caller.who()
            assert calls(other) == before + 5


@asynccontextmanager
async def freezing(address: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Another address for a process, at which it can be made to stand still: connections stay, and nothing passes any more."""
    host, _, port = address.rpartition(":")
    frozen = asyncio.Event()
    writers: list[asyncio.StreamWriter] = []

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(65_536):
            if frozen.is_set():
                continue
            sink.write(piece)
            await sink.drain()
        sink.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, back = await asyncio.open_connection(host, int(port))
        writers.extend((writer, back))
        with suppress(ConnectionError):
            await asyncio.gather(pass_on(reader, back), pass_on(inside, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", frozen
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def test_a_process_that_stands_still_is_passed_over(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """It closes nothing and answers nothing: the call that went to it is told so, and no later ones go to it."""
    monkeypatch.setattr(server, "PINGS_APART", 100)
    monkeypatch.setattr(peers, "STANDS_STILL", (400, 400))
    async with (
        replica(tiny, 2) as one,
        replica(tiny, 3) as other,
        freezing(one.address) as (address, frozen),
        asking(tiny, f"{address},{other.address}") as caller,
    ):
        await ready(caller, [one, other])
        frozen.set()
        told, in_turn = [], 0
        while in_turn < 10:  # half of the calls would go to the one that stands still
            try:
                await caller.who()
                in_turn += 1
            except grpc.aio.AioRpcError as error:
                told.append(error.code())
                in_turn = 0
        assert told == [grpc.StatusCode.UNAVAILABLE]  # long before its deadline
        frozen.clear()


@pytest.fixture
def ill() -> set[str]:
    """Names of the checks that fail."""
    return set()


def failing(ill: set[str], name: str):
    """A check."""

    def check() -> None:
        if name in ill:
            raise OSError

    return check


async def test_a_process_that_is_not_well_gets_no_calls(tiny: Tiny, ill: set[str]) -> None:
    """One whose checks fail, such as of its store, is passed over until they pass."""
    async with both(tiny, checks={"store": failing(ill, "store")}) as (caller, one, _), asyncio.timeout(DEADLINE):
        ill.add("store")
        one.health.look()
        before = None
        while before != calls(one):  # the word is on its way
            before = calls(one)
            for _ in range(4):
                await caller.who()
        ill.clear()
        one.health.look()
        while calls(one) == before:
            await caller.who()


async def test_what_fails_everywhere_turns_nobody_away(tiny: Tiny, ill: set[str]) -> None:
    """Where no process could do better, callers still reach one and hear why it refuses; that it is not well is told all the same."""
    async with both(tiny, checks={"log": failing(ill, "log")}, everywhere=("log",)) as (caller, one, _):
        ill.add("log")
        one.health.look()
        assert one.health.status == health.NOT_SERVING
        assert one.health.status_of(health.PROCESS) == health.SERVING
        before = calls(one)
        for _ in range(20):
            await caller.who()
        assert calls(one) == before + 10


async def test_several_listen_on_one_port_for_their_face(tiny: Tiny) -> None:
    """Where a face is shared, a second process takes the same port; where it is not, it is refused."""
    from ports import free_port

    from warifu.kernel.config import Web
    from warifu.kernel.web import serve_web

    async def face(_scope, _receive, send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    port = free_port()
    async with serve_web(face, Web("log.localhost", port, shared=True)):
        async with serve_web(face, Web("log.localhost", port, shared=True)) as second:
            assert second == port
        with pytest.raises(OSError, match="cannot listen"):
            async with serve_web(face, Web("log.localhost", port)):
                pass


@pytest.mark.parametrize(
    ("address", "told", "turns"),
    [
        ("127.0.0.1:4001", "127.0.0.1:4001", False),
        ("127.0.0.1:4001, 127.0.0.1:4002", "ipv4:127.0.0.1:4001,127.0.0.1:4002", True),
        ("[::1]:4001,[::1]:4002", "ipv6:[::1]:4001,[::1]:4002", True),
        ("gateway:4001", "gateway:4001", True),
    ],
)
def test_addresses_are_told_as_grpc_wants_them(address: str, told: str, turns: bool) -> None:
    """One is told as it is; several as a list; where there may be several, calls take turns."""
    assert target(address) == told
    assert bool(balancing(address)) is turns


@pytest.mark.parametrize("address", ["a:1,b:1", "127.0.0.1:1,b:1", "127.0.0.1:1,[::1]:1", "127.0.0.1:1,"])
def test_addresses_that_cannot_be_one_list_are_refused(address: str) -> None:
    """Names are not mixed with addresses, nor kinds of addresses with each other."""
    with pytest.raises(ValueError, match="all be IPv4 or all IPv6"):
        target(address)


def test_a_process_s_folder_is_where_it_says(tiny: Tiny) -> None:
    """Its configuration, log and control socket are its own, keys and certificates the party's; another path is refused."""
    whole = tiny.configure("gateway", within="replicas/2")
    own = whole / "replicas" / "2"
    own.mkdir(parents=True)
    (whole / "party.json").rename(own / "party.json")
    config = Config.load(own)
    assert (config.folder, config.own) == (whole, own)
    elsewhere = own.rename(whole / "3")
    with pytest.raises(ValueError, match="does not end in 'replicas/2'"):
        Config.load(elsewhere)
