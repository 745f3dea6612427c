"""Institutions of a network under test that systems of the tester's own serve (docs/ONBOARD.md). They run on while the network is put back."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import STARTS
from warifu.kernel.limits import PAGE
from warifu.linkage.v1 import linkage_pb2, linkage_pb2_grpc
from warifu.simulator.doors import identity_channel
from warifu.simulator.launcher import elsewhere
from warifu.simulator.launcher.plan import GATEWAY
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.onboarding import check, hand_over, onboarded
from warifu.simulator.population import CLOCK_START
from warifu.simulator.state import NetworkFile

ASKED: Final = "/warifu.linkage.v1.LinkageService/Inquire"
PROVIDED: Final = "/warifu.provision.v1.ProvisionService/Provide"
_PATIENCE: Final = 10.0


def move_out(state: Path, file: NetworkFile, wanted: Mapping[str, str], ports: Ports) -> None:
    """Have these institutions be served at these addresses, or at free ones, in a network that does not run yet.

    Raises:
        OnboardError: there is no such institution, or an address is none.
    """
    for institution, address in wanted.items():
        given = address or f"127.0.0.1:{ports.grpc(1)[0]}"
        check(file, institution, given)
        elsewhere.move(state, file, institution, given)


@dataclass(slots=True)
class Outside:
    """They, under their own certificates. Made by `Outside.of`."""

    state: Path
    file: NetworkFile
    _channels: Mapping[str, grpc.aio.Channel]
    _begun: int = 0
    """How often the network began."""

    @classmethod
    @asynccontextmanager
    async def of(cls, state: Path, file: NetworkFile) -> AsyncIterator[Outside]:
        """For as long as the block lasts."""
        async with AsyncExitStack() as stack:
            channels = {}
            for code in file.elsewhere:
                identity = cls._identity(state, file, code)
                pair = {name: str(identity / f"{name}.pem") for name in ("cert", "key")}
                channel = identity_channel(file.party(GATEWAY), Path(file.ca), pair)
                channels[code] = await stack.enter_async_context(channel)
            yield cls(state, file, channels)

    @staticmethod
    def _identity(state: Path, file: NetworkFile, code: str) -> Path:
        return state / file.server_of(code).name / "identities" / code

    async def hand_over(self) -> Sequence[dict[str, Any]]:
        """Enrol everybody whom they know; what each system is to be configured with, as JSON."""
        return [
            onboarded(self.state, self.file, code).document()
            | {"handed": asdict(await hand_over(self.state, self.file, code, self.file.people, CLOCK_START))}
            for code in self._channels
        ]

    def begin_anew(self) -> None:
        """Have them trust what the network trusts now, and meet no identifier of before again: they remember, as who derives it does not."""
        self._begun += 1
        for party in self.file.parties if self._channels else ():
            starts = self.state / party.name / STARTS
            if starts.exists():
                starts.write_text(str(int(starts.read_text(encoding="ascii")) + self._begun), encoding="ascii")
        for code in self._channels:
            folder = self.state / self.file.server_of(code).name
            shutil.copytree(self.state / GATEWAY / "trust", folder / "trust", dirs_exist_ok=True)

    async def entries(self) -> Mapping[str, pb.SignedDirectoryEntry]:
        """The directory entries that they have published."""
        found = {}
        for code, channel in self._channels.items():
            try:
                answer = await linkage_pb2_grpc.DirectoryServiceStub(channel).GetEntry(
                    linkage_pb2.GetEntryRequest(owner=code), timeout=_PATIENCE
                )
            except grpc.aio.AioRpcError as error:
                if LinkageError.from_rpc(error, party=GATEWAY).reason != Reason.CLIENT_DIRECTORY_ENTRY_UNKNOWN:
                    raise
                continue
            if answer.entry.certificate == self._certificate(code):  # else it is the party's, from before
                found[code] = answer.entry
        return found

    async def publish(self, entries: Mapping[str, pb.SignedDirectoryEntry]) -> None:
        """Tell a network that was put back what they had told it: they do not know that it was."""
        for code, entry in entries.items():
            await linkage_pb2_grpc.DirectoryServiceStub(self._channels[code]).PublishEntry(
                linkage_pb2.PublishEntryRequest(entry=entry), timeout=_PATIENCE
            )

    async def calls(self) -> Counter[tuple[str, str]]:
        """What they asked and what they answered since the network was put back, as the gateway has it on record."""
        found: Counter[tuple[str, str]] = Counter()
        for code, channel in self._channels.items():
            for one in await _records(channel):
                if one.requester == code and one.kind == pb.RECORD_KIND_REQUEST:
                    found[ASKED, "OK"] += 1
                if one.provider == code and one.outcome in {pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING}:
                    found[PROVIDED, "OK"] += 1
        return found

    def _certificate(self, code: str) -> bytes:
        pem = (self._identity(self.state, self.file, code) / "cert.pem").read_bytes()
        return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


async def _records(channel: grpc.aio.Channel) -> Sequence[pb.AccessRecord]:
    stub = linkage_pb2_grpc.GatewayAuditServiceStub(channel)
    found: list[pb.AccessRecord] = []
    after: int | None = 0
    while after is not None:
        asked = linkage_pb2.ListRecordsRequest(after=after, limit=int(PAGE))
        page = await stub.ListRecords(asked, timeout=_PATIENCE)
        found += [record.check(one.record) for one in page.records if one.HasField("record")]
        after = page.next if page.HasField("next") else None
    return found
