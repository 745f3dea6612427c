"""A network around a real watchdog: real mTLS, real store, and a gateway whose log may say anything, whenever asked.

For the worlds of other parties: `WATCHDOG` is what they add to their parties and `build` what they serve it with; `provision` has made its
keys. `log_seed` and `witness_seed` are the secrets that a test may sign with in their stead.
"""

# ruff: noqa: N802 - handlers have the names of the contract
from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from naive_log import NaiveLog
from ports import free_port

from warifu.authority import provision
from warifu.exchange import receipt as receipts
from warifu.exchange.directory import make_entry
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.logkeys import LOG_SECRET, WITNESS_SECRET, LogKeys
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.config import Config, Simulation
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.peers import open_channel
from warifu.kernel.server import Running, serve
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.log.v1 import log_pb2, log_pb2_grpc
from warifu.tlog.notes import Note
from warifu.watchdog.findings import Findings
from warifu.watchdog.party import build, open_store
from warifu.watchdog.v1 import watchdog_pb2, watchdog_pb2_grpc

WATCHDOG = {"watchdog": ["main"]}
NHI, TAX = "nhi-480011", "tax-480011"
PARTIES = {"gateway": ["main"], "health_insurance": [NHI], "tax": [TAX], "simulator": ["main"]} | WATCHDOG
START = "2026-06-01T09:00:00+09:00"
WAIT = 20.0


class MovableClock(SimulatedClock):
    """A simulated clock that stands still, machine time included, from when it is made until it is moved."""

    moment: datetime | None = None

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        if self.moment is None:  # not when this module is read: certificates made minutes later would not be valid yet
            self.moment = datetime.now(tz=UTC).replace(microsecond=0)
        return self.moment

    def move(self, by: timedelta) -> None:
        """Let machine time pass."""
        self.moment = self.machine() + by


class Log(log_pb2_grpc.LogServiceServicer):
    """The log as the gateway shows it."""

    def __init__(self, log: NaiveLog) -> None:
        self.log = log
        self.witnessed: str | None = None
        self.hidden: set[bytes] = set()
        """Commitments that it denies to hold."""
        self.pretended: dict[bytes, int] = {}
        """Places that it gives without holding them there."""
        self.trouble: LinkageError | None = None

    async def GetCheckpoint(self, request, context):
        """The newest ones."""
        self._fail()
        return log_pb2.GetCheckpointResponse(committed=self.log.note(), witnessed=self.witnessed)

    async def GetTile(self, request, context):
        """A tile."""
        self._fail()
        try:
            return log_pb2.GetTileResponse(content=self.log.tile(request.path))
        except LookupError:
            raise LinkageError(Reason.CLIENT_TILE_UNKNOWN) from None

    async def FindLeaves(self, request, context):
        """Places."""
        self._fail()
        return log_pb2.FindLeavesResponse(leaves=[log_pb2.FoundLeaf(index=self._place(c)) for c in request.commitments])

    def _place(self, commitment: bytes) -> int | None:
        if commitment in self.pretended:
            return self.pretended[commitment]
        held = commitment in self.log.leaves and commitment not in self.hidden
        return self.log.leaves.index(commitment) if held else None

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble


class Entries(linkage_pb2_grpc.DirectoryServiceServicer):
    """Relays the gateway's own entry."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "gateway" / "identities" / "main"
        self.keys = InstitutionKeys.generate("gateway")
        self.version = 1
        self._since = datetime.now(tz=UTC) - timedelta(days=1)

    async def GetEntry(self, request, context):
        """The entry."""
        certificate = x509.load_pem_x509_certificate((self._folder / "cert.pem").read_bytes())
        key = load_pem_private_key((self._folder / "key.pem").read_bytes(), None)
        valid = (self._since, certificate.not_valid_after_utc)
        return linkage_pb2.GetEntryResponse(entry=make_entry(self.keys, self.version, valid, certificate, key))


@dataclass
class World:
    """The network. The watchdog comes up and goes down on a port that stays."""

    state: Path
    shown: Log
    entries: Entries
    keys: LogKeys
    clock: MovableClock = field(default_factory=lambda: MovableClock(datetime.fromisoformat(START), stopped=True))
    running: dict[str, Running] = field(default_factory=dict)
    _up: dict[str, AsyncExitStack] = field(default_factory=dict)
    _channels: list[grpc.aio.Channel] = field(default_factory=list)

    @classmethod
    async def begin(cls, state: Path) -> World:
        """A network with gateway and watchdog up, and a log of seven leaves that was never witnessed."""
        provision(state, PARTIES, counters=[TAX])
        log = Log(NaiveLog(log_seed(state)).grow(7))
        world = cls(state, log, Entries(state), LogKeys.load(state / "watchdog"))
        ports = {party: f"127.0.0.1:{free_port()}" for party in ("gateway", "watchdog")}
        simulation = Simulation(1, START, stopped=True)
        for party, address in ports.items():
            Config(party, address, ports, simulation=simulation if party == "watchdog" else None).save(state / party)
        await world.up("gateway")
        await world.up("watchdog")
        return world

    @property
    def log(self) -> NaiveLog:
        """What the gateway shows."""
        return self.shown.log

    async def up(self, party: str) -> None:
        """Start a party; the watchdog's channel to the gateway is there when this returns."""
        stack = AsyncExitStack()
        builds = {"gateway": self._build_gateway, "watchdog": build}
        clock = self.clock if party == "watchdog" else None
        self.running[party] = await stack.enter_async_context(serve(self.state / party, builds[party], clock=clock))
        self._up[party] = stack
        if "watchdog" in self._up and "gateway" in self._up:
            channel = self.running["watchdog"].context.peers.channel("gateway")
            await asyncio.wait_for(channel.channel_ready(), WAIT)

    async def down(self, party: str) -> None:
        """Stop a party."""
        await self._up.pop(party).aclose()

    async def restart(self) -> None:
        """Stop the watchdog and start it."""
        await self.down("watchdog")
        await self.up("watchdog")

    async def end(self) -> None:
        """Stop everything."""
        for channel in self._channels:
            await channel.close()
        for party in tuple(self._up):
            await self.down(party)

    async def settle(self) -> dict[str, int]:
        """Run the watchdog's jobs until nothing is due."""
        return dict(await self.running["watchdog"].jobs.settle())

    async def pass_time(self, **by: float) -> dict[str, int]:
        """Let machine time pass, then settle."""
        self.clock.move(timedelta(**by))
        return await self.settle()

    def channel(self, party: str, code: str) -> grpc.aio.Channel:
        """A channel to the watchdog under that identity."""
        folder = self.state / ("counters" if party == "counter" else f"{party}/identities") / code
        root = (self.state / "watchdog" / "trust" / "ca.pem").read_bytes()
        pair = (folder / "cert.pem").read_bytes(), (folder / "key.pem").read_bytes()
        self._channels.append(open_channel(self.running["watchdog"].address, "watchdog", root, *pair))
        return self._channels[-1]

    async def add(
        self,
        old_size: int,
        note: str | None = None,
        proof: Sequence[bytes] | None = None,
        *,
        party: str = "gateway",
        code: str = "main",
    ) -> watchdog_pb2.AddCheckpointResponse:
        """Show a checkpoint: that of the log, with the proof that the log has."""
        request = watchdog_pb2.AddCheckpointRequest(
            old_size=old_size,
            proof=self.log.proof(old_size) if proof is None else proof,
            checkpoint=self.log.note() if note is None else note,
        )
        stub = watchdog_pb2_grpc.WitnessServiceStub(self.channel(party, code))
        return await stub.AddCheckpoint(request, timeout=WAIT)

    async def cosign(self, old_size: int) -> datetime:
        """Have the log's head cosigned and published; when, by the checked cosignature."""
        note = self.log.note() + (await self.add(old_size)).cosignature
        self.shown.witnessed = note
        return self.keys.witness.check(Note.parse(note))

    def receipt(self, commitment: bytes, *, ago: timedelta = timedelta()) -> linkage_pb2.Receipt:
        """The gateway's receipt for a record."""
        keys, now = self.entries.keys, self.clock.machine() - ago
        return receipts.issue(commitment, self.clock.network(), now, keys.signing_key_id, keys.sign)

    async def report(
        self, receipt: linkage_pb2.Receipt | None, party: str = "health_insurance", code: str = NHI
    ) -> None:
        """Report a receipt."""
        stub = watchdog_pb2_grpc.ReportServiceStub(self.channel(party, code))
        await stub.ReportReceipt(watchdog_pb2.ReportReceiptRequest(receipt=receipt), timeout=WAIT)

    def findings(self) -> list:
        """Rows of the table of findings, read from the file."""
        store = open_store(Config.load(self.state / "watchdog"))
        try:
            return list(Findings(store, self.clock).page())
        finally:
            store.close()

    def found(self) -> list[str]:
        """Their kinds."""
        return [row.kind for row in self.findings()]

    async def _build_gateway(self, context: Context) -> Party:
        area = "warifu.linkage.v1.DirectoryService"
        return Party(
            [
                Service("warifu.log.v1.LogService", log_pb2_grpc.add_LogServiceServicer_to_server, self.shown),
                Service(area, linkage_pb2_grpc.add_DirectoryServiceServicer_to_server, self.entries),
            ]
        )


def log_seed(state: Path) -> bytes:
    """What the log signs with."""
    return base64.b64decode((state / "gateway" / LOG_SECRET).read_bytes())


def witness_seed(state: Path) -> bytes:
    """What the witness signs with."""
    return base64.b64decode((state / "watchdog" / WITNESS_SECRET).read_bytes())


async def error_of(call: Awaitable[object]) -> LinkageError:
    """How a call is refused."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return LinkageError.from_rpc(error, party="watchdog")
    raise AssertionError("the call was not refused")


async def reason_of(call: Awaitable[object]) -> Reason:
    """Why a call is refused."""
    return (await error_of(call)).reason
