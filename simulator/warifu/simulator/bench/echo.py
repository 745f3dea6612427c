"""E2, the yardstick: a raw gRPC echo over two hops. `python -m warifu.simulator.bench.echo end|middle|client FOLDER`, a process each.

Mutual TLS, channels and options are those of the network's parties; the messages are bytes that nobody parses. The middle only passes on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc

from warifu.kernel.config import Config
from warifu.kernel.peers import Peers
from warifu.kernel.server import server_options
from warifu.kernel.tls import server_credentials
from warifu.simulator.bench.worker import Told, say, work

END, MIDDLE, CLIENT = "tax", "gateway", "health_insurance"
"""Parties whose certificates the three processes show."""
SERVICE: Final = "warifu.bench.Echo"
MESSAGE: Final = bytes(300)
SECONDS: Final = 10.0
Answer = Callable[[bytes, Any], Awaitable[bytes]]
Call = Callable[[bytes], Awaitable[bytes]]


def caller(config: Config, party: str, identity: str) -> tuple[Peers, Call]:
    """The kept channel to the next process, and a call on it."""
    peers = Peers(config)
    call: Any = peers.channel(party, identity).unary_unary(f"/{SERVICE}/Echo")
    return peers, lambda message: call(message, timeout=SECONDS)


async def serve(config: Config, answer: Answer) -> None:
    """Answer until the input closes."""
    server = grpc.aio.server(options=server_options())
    handler: Any = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Echo": handler}),))
    server.add_secure_port(config.listen, server_credentials(config.folder))
    await server.start()
    say({"ready": True})
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


async def end(config: Config) -> None:
    """The far end gives back what it gets."""

    async def answer(message: bytes, _context: Any) -> bytes:
        return message

    await serve(config, answer)


async def middle(config: Config) -> None:
    """Passes on, there and back."""
    peers, call = caller(config, END, "main")

    async def answer(message: bytes, _context: Any) -> bytes:
        return await call(message)

    await serve(config, answer)
    await peers.close()


async def client(config: Config) -> None:
    """The load: see `worker`."""
    peers, call = caller(config, MIDDLE, config.institutions[0])
    await peers.channel(MIDDLE, config.institutions[0]).channel_ready()

    async def echo(_number: int) -> Told:
        if await call(MESSAGE) != MESSAGE:
            raise ValueError("the echo is not what was called")
        return ()

    await work({"echo": echo})
    await peers.close()


if __name__ == "__main__":
    import uvloop

    uvloop.run({"end": end, "middle": middle, "client": client}[sys.argv[1]](Config.load(Path(sys.argv[2]))))
