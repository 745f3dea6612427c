"""Kept channels to other parties, one for each (party, own identity).

A channel shows the identity's client certificate and accepts only a server whose certificate names the party. When the certificate file
changes, the next call goes out on a new channel, and the old one is closed once its calls are done.

A party may be several processes at several addresses. Then a channel has a connection to each and its calls take turns among those that serve
(gRPC's `round_robin` with client-side health checking); a call that no process has seen yet goes to another one by itself, and a stream
stays with the process that it began with.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import grpc

from warifu.kernel import limits
from warifu.kernel.config import Config
from warifu.kernel.health import PROCESS

S = TypeVar("S")

DNS_SUFFIX: Final = "warifu.internal"
_TAKE_TURNS: Final = json.dumps(
    {"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": PROCESS}}
)
"""gRPC service config: every connection has calls in turn, as long as its server says that it serves."""
STANDS_STILL: Final = (8_000, 4_000)
"""Where another process could answer: milliseconds in which nothing came on a connection with calls under way until it is asked for a sign
of life (HTTP/2 ping), and for that. One that stands still, such as a paused one, closes nothing and says nothing, and calls would go on
taking turns to it. The server's `PINGS_APART` is shorter."""
_RETIRE_SECONDS: Final = 30.0
"""What a replaced channel's calls may still take; no unary call's deadline is longer."""


def server_name(party: str) -> str:
    """The DNS name in a party's server certificate; in that of an institution's own server, by its name (`config.own_server`)."""
    return f"{party}.{DNS_SUFFIX}"


@dataclass(slots=True)
class _Kept:
    channel: grpc.aio.Channel
    stamp: tuple[int, int]
    stubs: dict[Hashable, object] = field(default_factory=dict)


class Peers:
    """The channels of one process. Use from its event loop; `await close()` when done."""

    def __init__(self, config: Config, interceptors: Sequence[grpc.aio.ClientInterceptor] = ()) -> None:
        """`interceptors`: of every channel."""
        self._config, self._interceptors = config, interceptors
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._certificates: dict[str, str] = {}
        """Paths by identity."""
        self._retiring: set[asyncio.Task[None]] = set()

    def channel(self, party: str, identity: str = "main") -> grpc.aio.Channel:
        """The kept channel to `party` under `identity`, a folder of `identities/`. Ask anew for each call: it may have been renewed.

        Connecting goes on in the background, so peers may come up in any order; pass `wait_for_ready=True` to a call that shall wait.

        Raises:
            LookupError: the configuration has no address for the party.
            OSError: the identity's files cannot be read.
        """
        return self._fresh(party, identity).channel

    def stub(self, factory: Callable[[grpc.aio.Channel], S], party: str, identity: str = "main") -> S:
        """A generated stub on that channel, kept with it: making one costs more than many a call. See `channel`."""
        kept = self._fresh(party, identity)
        if factory not in kept.stubs:
            kept.stubs[factory] = factory(kept.channel)
        return cast(S, kept.stubs[factory])

    def server_of(self, party: str, institution: str) -> str:
        """See `Config.server_of`: what to give `channel` and `stub` as the party."""
        return self._config.server_of(party, institution)

    async def close(self) -> None:
        """Close all channels; calls in progress end."""
        channels = [kept.channel for kept in self._kept.values()]
        self._kept.clear()
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*(channel.close() for channel in channels), *self._retiring, return_exceptions=True)

    def _fresh(self, party: str, identity: str) -> _Kept:
        certificate = self._certificates.get(identity)
        if certificate is None:
            certificate = os.fspath(self._config.folder / "identities" / identity / "cert.pem")
            self._certificates[identity] = certificate
        status = os.stat(certificate)  # noqa: PTH116 - asked for every call: a Path costs five times the look
        stamp = (status.st_mtime_ns, status.st_ino)
        kept = self._kept.get((party, identity))
        if kept is None or kept.stamp != stamp:
            if kept is not None:
                self._retire(kept.channel)
            folder = self._config.folder / "identities" / identity
            kept = self._kept[party, identity] = _Kept(self._open(party, folder), stamp)
        return kept

    def _open(self, party: str, folder: Path) -> grpc.aio.Channel:
        address = self._config.addresses.get(party)
        if address is None:
            raise LookupError(f"{self._config.party} was given no address of {party}")
        root = (self._config.folder / "trust" / "ca.pem").read_bytes()
        certificate, key = (folder / "cert.pem").read_bytes(), (folder / "key.pem").read_bytes()
        return open_channel(address, party, root, certificate, key, self._interceptors)

    def _retire(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.get_running_loop().create_task(channel.close(_RETIRE_SECONDS))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def open_channel(
    address: str,
    party: str,
    root: bytes,
    certificate: bytes,
    key: bytes,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """A new channel to `party` at `address` with a client certificate; all PEM. For those who are no party: counters, tests.

    Raises:
        ValueError: see `target`.
    """
    credentials = grpc.ssl_channel_credentials(root_certificates=root, private_key=key, certificate_chain=certificate)
    several = balancing(address)
    options = channel_options(party) + (several + _alive_among_several() if several else _ALIVE)
    return grpc.aio.secure_channel(target(address), credentials, options=options, interceptors=interceptors)


def target(address: str) -> str:
    """What gRPC is told of an address, or of several with commas between them.

    Raises:
        ValueError: several that are not all IPv4 or all IPv6; a name leads to several by itself, when it has several addresses.
    """
    several = [one.strip() for one in address.split(",")]
    if len(several) == 1:
        return several[0]
    versions = {_version(one) for one in several}
    if len(versions) != 1 or None in versions:
        raise ValueError(f"{address}: several addresses must all be IPv4 or all IPv6; name one name that leads to all")
    return f"ipv{versions.pop()}:{','.join(several)}"


def balancing(address: str) -> list[tuple[str, Any]]:
    """Further options of a channel where several processes may answer: to several addresses, or to a name."""
    if _version(address) is not None:
        return []
    return [
        ("grpc.service_config", _TAKE_TURNS),
        ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    ]


def _version(address: str) -> int | None:
    """Of IP; None for anything else than one address."""
    try:
        return ipaddress.ip_address(address.rpartition(":")[0].strip("[]")).version
    except ValueError:
        return None


def channel_options(party: str) -> list[tuple[str, Any]]:
    """Options of every channel to `party`."""
    return [
        ("grpc.ssl_target_name_override", server_name(party)),
        # One connection each: gRPC would otherwise share one among channels, and with it the identity shown.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_send_message_length", int(limits.TRANSPORT_BYTES)),
        ("grpc.max_receive_message_length", int(limits.TRANSPORT_BYTES)),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 5_000),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]


_ALIVE: Final[list[tuple[str, Any]]] = [("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000)]


def _alive_among_several() -> list[tuple[str, Any]]:
    after, within = STANDS_STILL
    return [
        ("grpc.keepalive_time_ms", after),
        ("grpc.keepalive_timeout_ms", within),
        ("grpc.http2.ping_timeout_ms", within),  # a ping of another kind may be under way, and no second one is sent
        ("grpc.http2.max_pings_without_data", 0),  # else the third waits for a minute where nobody calls
    ]
