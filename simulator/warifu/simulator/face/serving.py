"""Serving a face while a block lasts, in the caller's own event loop: for the command, and for whoever tests in one process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from warifu.kernel import limits
from warifu.kernel.config import Web
from warifu.kernel.web import serve_web
from warifu.simulator.doors import Doors, doors
from warifu.simulator.face.app import Application
from warifu.simulator.face.forward import server
from warifu.simulator.face.secrets import HOST, Certificates, certificates_in, token_in
from warifu.simulator.launcher.ports import taken
from warifu.simulator.state import NetworkFile
from warifu.simulator.told import ToldError

FOLDER: Final = "simulator/interim"
"""In the network's folder: a folder for each institution with what its callers must show."""


class FaceError(ToldError):
    """The face cannot be served; the message says why."""


@dataclass(frozen=True, slots=True)
class Direct:
    """How to call the agency's own process without the face: gRPC on mTLS under the certificate of the institution's counter."""

    address: str
    """Several with commas between them when the party is several processes."""
    ca: str
    cert: str
    key: str
    target_name: str
    """Name to expect in the server's certificate (`grpc.ssl_target_name_override`)."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face that is served: what a business system is configured with."""

    institution: str
    http: str
    """Where HTTP is served, such as "http://127.0.0.1:8190"."""
    grpc: str
    """Address of gRPC, such as "127.0.0.1:8191"."""
    token: str | None
    """To be sent as `authorization: Bearer …`; None with TLS."""
    tls: Certificates | None
    direct: Direct
    forget: Callable[[], Awaitable[None]]
    """Forget all batches: after the network itself was put back to an earlier state."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "institution": self.institution,
            "http": {"url": self.http, "openapi": f"{self.http}/openapi.json"},
            "grpc": {"address": self.grpc},
            "token": self.token,
            "tls": self.tls.shown if self.tls else None,
            "direct": asdict(self.direct),
        }


@dataclass(frozen=True, slots=True)
class Options:
    """How a face is served."""

    http_port: int = 0
    """0 for any that is free."""
    grpc_port: int = 0
    tls: bool = False
    """Mutual TLS instead of a token, on both ports; for loopback alone, which its certificate names."""
    listen: str = HOST
    """Address that is listened on."""
    host: str = HOST
    """Name or address in what is told of it."""


_DEFAULT: Final = Options()


@asynccontextmanager
async def served(
    network: NetworkFile, institution: str, *, opened: Doors | None = None, options: Options = _DEFAULT
) -> AsyncIterator[Face]:
    """Serve the plain face of an institution while the block lasts.

    `opened`: doors of the network that are open already, and stay so.

    Raises:
        FaceError: no such institution.
        PortError: a port is taken.
    """
    known(network, institution)
    folder = network.folder / FOLDER / institution
    tls = certificates_in(folder) if options.tls else None
    token = None if tls else token_in(folder)
    async with AsyncExitStack() as stack:
        way = opened if opened is not None else await stack.enter_async_context(doors(network))

        def dial() -> grpc.aio.Channel:
            return way.counter(institution)

        bound = await _serve_grpc(stack, server(dial, token), tls, options)
        application = Application(institution, dial, token)
        stack.push_async_callback(application.batches.forget)
        port = await stack.enter_async_context(_http(application, tls, options))
        application.url = f"{'https' if tls else 'http'}://{options.host}:{port}"
        address, direct = f"{options.host}:{bound}", _direct(network, institution)
        yield Face(institution, application.url, address, token, tls, direct, application.batches.forget)


def known(network: NetworkFile, institution: str) -> None:
    """Raise FaceError when there is no such institution."""
    if institution not in network.counters:
        there = ", ".join(network.counters)
        raise FaceError(
            f"{institution} という機関はありません。ある機関: {there}",
            f"no institution is called {institution}. There are: {there}",
        )


def _direct(network: NetworkFile, institution: str) -> Direct:
    entry, own = network.server_of(institution), network.counters[institution]
    return Direct(entry.addresses, network.ca, own["cert"], own["key"], entry.server_name)


async def _serve_grpc(stack: AsyncExitStack, made: grpc.aio.Server, tls: Certificates | None, options: Options) -> int:
    stack.push_async_callback(made.stop, float(limits.DRAIN))
    address = f"{options.listen}:{options.grpc_port}"
    try:
        bound = made.add_insecure_port(address) if tls is None else made.add_secure_port(address, _asks(tls))
    except RuntimeError as error:
        raise taken(options.grpc_port) from error
    await made.start()
    return bound


def _asks(tls: Certificates) -> grpc.ServerCredentials:
    pair = (Path(tls.server_key).read_bytes(), Path(tls.server_cert).read_bytes())
    return grpc.ssl_server_credentials([pair], Path(tls.ca).read_bytes(), require_client_auth=True)


@asynccontextmanager
async def _http(application: Application, tls: Certificates | None, options: Options) -> AsyncIterator[int]:
    secured: dict[str, Any] = {}
    if tls is not None:
        import ssl  # noqa: PLC0415 - only for a face with TLS

        secured = {
            "ssl_certfile": tls.server_cert, "ssl_keyfile": tls.server_key, "ssl_ca_certs": tls.ca,
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
        }  # fmt: skip
    async with AsyncExitStack() as stack:
        try:
            web = Web(options.host, options.http_port, bind=options.listen)
            bound = await stack.enter_async_context(serve_web(application.web, web, **secured))
        except OSError as error:
            raise taken(options.http_port) from error
        yield bound
