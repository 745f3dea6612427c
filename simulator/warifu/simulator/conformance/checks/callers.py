"""Who may call, with which certificate (docs/PROTOCOL.md §1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import grpc
from cryptography import x509

from warifu.authority import publish_revocations
from warifu.authority.files import PUBLIC, replace_file
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.identity import spiffe
from warifu.simulator.conformance import impostors
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.directory import REQUESTERS_PARTY
from warifu.simulator.conformance.folder import PORTAL
from warifu.simulator.conformance.frame import WAIT
from warifu.simulator.conformance.impostors import GATEWAY, until
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.simulator.conformance.wire import reason_of

_LIVES = tuple(timedelta(seconds=life) for life in (2, 4, 8, 16))
"""Of certificates that are to run out: as long as it takes to connect, and little more."""
_ANSWERED = "OK"


async def certificates(bench: Bench) -> None:
    """Callers without a certificate, with one of another root, and with one that is out of date: no handshake, and the next caller is served."""
    for what, pair in (
        (Text("証明書なし", "no certificate"), None),
        (Text("他の認証局の証明書", "a certificate of another root"), impostors.foreign()),
        (Text("期限切れの証明書", "a certificate out of date"), impostors.old(bench)),
    ):
        async with impostors.channel(bench, pair) as channel:
            await _no_handshake(bench, channel, what)
    await bench.told(bench.ask())


async def _no_handshake(bench: Bench, channel: grpc.aio.Channel, what: Text) -> None:
    try:
        await bench.call(bench.request(bench.ask()), channel)
        got = _ANSWERED
    except grpc.aio.AioRpcError as error:
        got = reason_of(error) or error.code().name
    if got != grpc.StatusCode.UNAVAILABLE.name:
        raise UnmetError(Text(f"{what.ja}では接続できない", f"no connection with {what.en}"), plain(got))


async def identity(bench: Bench) -> None:
    """Certificates of the network's root that name the gateway and something else, or in another trust domain."""
    gateway = x509.UniformResourceIdentifier(spiffe(*GATEWAY))
    for names in (
        (gateway, x509.UniformResourceIdentifier(spiffe("portal", PORTAL))),
        (gateway, x509.DNSName("gateway.warifu.internal")),
        (x509.UniformResourceIdentifier("spiffe://another.example/gateway/main"),),
    ):
        async with impostors.channel(bench, impostors.named(bench, *names)) as channel:
            await bench.refused_call(bench.request(bench.ask()), "CLIENT_CERTIFICATE_INVALID", channel=channel)


async def expired(bench: Bench) -> None:
    """A certificate that runs out while its connection stands. On a slow machine it may run out before the first answer: then one that lives longer."""
    for life in _LIVES:
        pair = impostors.authority(bench, life).issue_client(*GATEWAY)
        async with impostors.channel(bench, pair) as channel:
            try:
                await bench.told(bench.ask(), channel)
            except grpc.aio.AioRpcError:
                if impostors.left(pair) > 0 or life == _LIVES[-1]:
                    raise
                continue
            await asyncio.sleep(impostors.left(pair))
            what = Text("開いた接続で期限が切れた証明書", "a certificate that ran out on an open connection")
            await until(what, _reason(bench, channel), "CLIENT_CERTIFICATE_EXPIRED")
            return


async def revoked(bench: Bench) -> None:
    """A certificate that is revoked while its connection stands; others are served as before."""
    authority = impostors.authority(bench)
    pair = authority.issue_client(*GATEWAY)
    async with impostors.channel(bench, pair) as channel:
        await bench.told(bench.ask(), channel)
        authority.revoke(impostors.serial(pair))
        publish_revocations(authority, bench.state)
        what = Text("開いた接続で失効した証明書", "a certificate that was revoked on an open connection")
        await until(what, _reason(bench, channel), "CLIENT_CERTIFICATE_REVOKED")
    await bench.told(bench.ask())


async def trust(bench: Bench) -> None:
    """While the revocation list cannot be read, and while it is another root's, nobody is served; afterwards all are."""
    path = bench.state / bench.target.party / "trust" / "revoked.crl"
    good = path.read_bytes()
    look = _reason(bench, None)
    try:
        for bad in (b"no list", impostors.foreign_list()):
            replace_file(path, bad, PUBLIC)
            what = Text(
                "読めない、または他の認証局の失効リスト", "a revocation list that nobody can read, or of another root"
            )
            await until(what, look, "PROVIDER_TRUST_UNAVAILABLE")
    finally:
        replace_file(Path(path), good, PUBLIC)
        await until(Text("失効リストが戻った後", "once the revocation list is back"), look, _ANSWERED)


def _reason(bench: Bench, channel: grpc.aio.Channel | None) -> Callable[[], Awaitable[str]]:
    """Asks, and tells with what reason the call was refused."""

    async def look() -> str:
        try:
            await bench.call(bench.request(bench.ask()), channel)
        except grpc.aio.AioRpcError as error:
            return reason_of(error) or error.code().name
        return _ANSWERED

    return look


async def callers(bench: Bench) -> None:
    """Institutions, the portal and the supervisor ask for provision; another institution reads the records."""
    for party, code in ((REQUESTERS_PARTY, bench.requester), ("portal", PORTAL), ("watchdog", "main")):
        async with bench.channel(party, code) as channel:
            await bench.refused_call(bench.request(bench.ask()), "CLIENT_CALLER_NOT_ALLOWED", channel=channel)
    async with bench.channel(REQUESTERS_PARTY, bench.requester) as channel:
        request = interim_pb2.ListRecordsRequest(institution=bench.target.institution, limit=1)
        try:
            await interim_pb2_grpc.InterimAuditServiceStub(channel).ListRecords(request, timeout=WAIT)
            got = _ANSWERED
        except grpc.aio.AioRpcError as error:
            got = reason_of(error) or error.code().name
    if got != "CLIENT_CALLER_NOT_ALLOWED":
        raise UnmetError(
            Text(
                "他機関には記録を見せず、理由 CLIENT_CALLER_NOT_ALLOWED",
                "no records for another institution, and the reason CLIENT_CALLER_NOT_ALLOWED",
            ),
            plain(got),
        )
