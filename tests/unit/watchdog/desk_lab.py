"""The supervisor's office and console without a network: the real ones over a store of their own, beside a network of paper."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ports import free_port

from warifu.kernel.config import Web
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.web import serve_web
from warifu.law import LawBook, packaged_files, read_book
from warifu.supervision.v1 import supervision_pb2 as pb
from warifu.watchdog.app import Console, Office, assemble
from warifu.watchdog.findings import Finding, Findings, Kind
from warifu.watchdog.schema import metadata
from warifu.watchdog.staff.roles import Role
from warifu.web.face import Face

T = TypeVar("T")
START = datetime(2026, 6, 1, 0, 5, tzinfo=UTC)
"""Network time: 1 June 2026, 9:05 in Japan."""
TAX, NHI = "tax-480011", "nhi-491004"
PASSWORDS = {Role.EXAMINER: "examiner-password", Role.DIRECTOR: "director-password"}


class PaperClock:
    """Two times that stand still until they are moved."""

    def __init__(self) -> None:
        self.now, self.moment = START, datetime(2026, 11, 22, 8, tzinfo=UTC)

    def machine(self) -> datetime:
        """See `Clock`."""
        return self.moment

    def network(self) -> datetime:
        """See `Clock`."""
        return self.now

    def today(self) -> date:
        """See `Clock`."""
        return (self.now + timedelta(hours=9)).date()


@dataclass
class PaperNetwork:
    """Answers what the desk asks, and remembers it."""

    away: bool = False
    entered: list[tuple[str, str]] = field(default_factory=list)
    searched: list[pb.SearchRecordsRequest] = field(default_factory=list)
    put_rulings: list[pb.Rulings] = field(default_factory=list)
    found: pb.SearchRecordsResponse = field(default_factory=pb.SearchRecordsResponse)
    suspected: dict[str, list[pb.Suspicion]] = field(default_factory=dict)

    def _reached(self) -> None:
        if self.away:
            raise LinkageError(Reason.GATEWAY_UNAVAILABLE)

    async def enter(self, finding: str, role: str) -> None:
        """See `Network`."""
        self._reached()
        self.entered.append((finding, role))

    async def search(self, request: pb.SearchRecordsRequest) -> pb.SearchRecordsResponse:
        """See `Network`."""
        self._reached()
        self.searched.append(request)
        return self.found

    async def put(self, rulings: pb.SignedRulings) -> None:
        """See `Network`."""
        self._reached()
        self.put_rulings.append(pb.Rulings.FromString(rulings.rulings))

    async def suspicions(self, party: str, institution: str, first: date) -> pb.ListSuspicionsResponse:
        """See `Network`."""
        self._reached()
        return pb.ListSuspicionsResponse(suspicions=self.suspected.get(institution or party, []))


def by_ordinance() -> LawBook:
    """The law book as shipped, but that row P07 stands on an ordinance."""
    files = dict(packaged_files())
    files["permissions.toml"] = files["permissions.toml"].replace(b'origin = "statute"', b'origin = "ordinance"', 1)
    return read_book(files)


@dataclass
class Desk:
    """One office with its console."""

    folder: Path
    origin: str
    store: Store
    clock: PaperClock
    network: PaperNetwork
    office: Office
    console: Console
    findings: Findings

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    async def find(self, number: int = 1, *, kind: Kind = Kind.FORK) -> None:
        """Let the witness have found something."""
        told = {"known": "5", "shown": "5", "problem": "<script>x</script>"}
        evidence = b'{"known": "a note", "shown": "another note", "proof": []}'
        await self.findings.keep(Finding(kind, "gateway", f"subject {number}".encode(), evidence, told))


async def open_desk(folder: Path, *, port: int = 8173, clock: PaperClock | None = None) -> Desk:
    """An office with both accounts."""
    clock, network, book = clock or PaperClock(), PaperNetwork(), by_ordinance()
    store = Store(sqlite_url(folder / "watchdog.db"), metadata)
    store.create()
    _certificate(folder)
    office = Office.of(store, clock, lambda: book, network, folder)
    face = Face.of(Web("watchdog.localhost", port), "watchdog")
    demo = {role.value: password for role, password in PASSWORDS.items()}
    console = assemble(face, store, clock, lambda: book, network, office, demo)
    for role, password in PASSWORDS.items():
        await console.accounts.make(role.value, role, password)
    return Desk(folder, face.origin, store, clock, network, office, console, Findings(store, clock))


def _certificate(folder: Path) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, START, START + timedelta(days=900))
    (folder / "cert.pem").write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(secret)


def suspicion(number: int = 1, rule: str = "burst", institution: str = NHI, *, count: int = 120) -> pb.Suspicion:
    """As a party lists it."""
    at = milliseconds(START - timedelta(hours=number))
    places = (
        {"leaves": range(100, 103)}
        if rule != "curiosity"
        else {"request_ids": ["11111111-1111-4111-8111-111111111111"]}
    )
    return pb.Suspicion(
        id=f"{number:032x}", rule=rule, institution=institution, first_at=timestamp(at),
        last_at=timestamp(at + 1000), count=count, **places,
    )  # fmt: skip


def filing(reference: str = "2026-001", **changes: str) -> pb.FileOrdinanceUseRequest:
    """As an institution files an ordinance use."""
    values = {
        "row": "P07",
        "ordinance": "大澪市国民健康保険料の特例に関する条例（令和8年条例第3号）",
        "statutory_affair": "JM90000000000102",
        "same_aim": "保険料の負担を軽くするという趣旨が同じ。",
        "similar_content": "所得を確かめて軽減するかを決める内容が似ている。",
        "no_wider": "提供者と情報は法定の事務より広くない。",
    }
    return pb.FileOrdinanceUseRequest(reference=reference, **values | changes)


def leak(
    reference: str = "leak-1", *, final: bool = False, known: date = date(2026, 5, 20), **changes: object
) -> pb.ReportLeakRequest:
    """As an institution reports a leak."""
    values = {
        "persons": 12,
        "what": "別の人あての通知を封入した。",
        "cause": "確認の漏れ。",
        "done": "回収し、本人に知らせた。",
    }
    return pb.ReportLeakRequest(reference=reference, is_final=final, known_on=known.isoformat(), **values | changes)


def exchange(number: int = 1, outcome: str = "ANSWERED", **changes: object) -> pb.FoundExchange:
    """As the gateway finds it."""
    values = {
        "position": number,
        "request_leaf": number * 2,
        "request_id": f"00000000-0000-4000-8000-{number:012d}",
        "requester": NHI,
        "provider": TAX,
        "affair": "JM90000000000101",
        "procedure": "JT90000000000101",
        "item": "TM90000000000001",
        "row": "P07",
        "requested_at": timestamp(milliseconds(START - timedelta(minutes=number))),
        "outcome": outcome,
    }
    return pb.FoundExchange(**values | changes)


class Browser:
    """A visitor of a console, without pictures."""

    def __init__(self, desk: Desk, language: str = "ja") -> None:
        self.desk = desk
        transport = httpx2.ASGITransport(desk.console.web, raise_app_exceptions=False)
        headers = {"accept": "text/html", "accept-language": language}
        # Nothing leaves the process: reading the machine's certificates would cost as much as the lab.
        self.client = httpx2.AsyncClient(mounts={desk.origin: transport}, headers=headers, verify=False)

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """A page."""
        return await self.client.get(self.desk.origin + path, headers=headers)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx2.Response:
        """Send a form from a page of the console."""
        sent = {"origin": self.desk.origin, "sec-fetch-site": "same-origin"} | headers
        return await self.client.post(self.desk.origin + path, data=form or {}, headers=sent)

    async def log_in(self, role: Role = Role.EXAMINER, password: str | None = None) -> httpx2.Response:
        """Log in."""
        return await self.post("/login", {"login": role.value, "password": password or PASSWORDS[role]})


def visible(html: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


class ServedDesk:
    """A desk behind a real socket."""

    def __init__(self, desk: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self.desk, self.loop = desk, loop

    def run(self, work: Awaitable[T]) -> T:
        """Run something in the desk's own loop."""

        async def awaited() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(20)


@contextmanager
def served_desk(folder: Path) -> Iterator[ServedDesk]:
    """Serve a console in a thread of its own while the block lasts."""
    ready: dict[str, ServedDesk] = {}
    up, down = threading.Event(), asyncio.Event()

    async def main() -> None:
        port = free_port()
        desk = await open_desk(folder, port=port)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serve_web(desk.console.web, Web("watchdog.localhost", port)))
            ready["served"] = ServedDesk(desk, asyncio.get_running_loop())
            up.set()
            await down.wait()
        desk.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert up.wait(20)
    try:
        yield ready["served"]
    finally:
        ready["served"].loop.call_soon_threadsafe(down.set)
        thread.join(20)
