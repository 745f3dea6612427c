"""N2: the same echo with nginx in the middle, where nginx is installed: HTTP/2 in and out, client certificates checked and shown, an access log.

What stands between two parties and is written by others, in C: it says how much of E2 is Python.
"""

from __future__ import annotations

import asyncio
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from warifu.kernel.config import Config
from warifu.kernel.peers import server_name
from warifu.simulator.bench.echo import CLIENT, END, MIDDLE
from warifu.simulator.bench.hands import Hand
from warifu.simulator.bench.network import REQUESTER, free_addresses

NAME: Final = "nginx"
_CONFIGURATION: Final = """
daemon off;
master_process off;
error_log stderr;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  ssl_protocols TLSv1.3;
  upstream end {{ server {end}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen {listen} ssl http2;
    http2_max_concurrent_streams 256;
    ssl_certificate {middle}/tls/server.pem;
    ssl_certificate_key {middle}/tls/server.key;
    ssl_client_certificate {middle}/trust/ca.pem;
    ssl_verify_client on;
    location / {{
      grpc_pass grpcs://end;
      grpc_ssl_certificate {middle}/identities/main/cert.pem;
      grpc_ssl_certificate_key {middle}/identities/main/key.pem;
      grpc_ssl_trusted_certificate {middle}/trust/ca.pem;
      grpc_ssl_verify on;
      grpc_ssl_name {name};
      grpc_ssl_server_name on;
      grpc_ssl_protocols TLSv1.3;
    }}
  }}
}}
"""


def installed() -> str | None:
    """Where it is."""
    return shutil.which(NAME) or shutil.which(NAME, path="/usr/sbin:/usr/local/sbin")


@asynccontextmanager
async def proxied(state: Path, end: Hand, program: str) -> AsyncIterator[tuple[Hand, dict[str, Hand]]]:
    """A client whose echo goes through nginx to E2's far end; its worker, and all processes that it costs."""
    (listen,) = free_addresses(1)
    folder, middle, client = state / "n", state / MIDDLE, state / "client-n"
    await asyncio.to_thread(shutil.copytree, state / CLIENT, client)
    Config("health_insurance", "127.0.0.1:0", {MIDDLE: listen}, (REQUESTER,)).save(client)
    folder.mkdir()
    file = folder / "nginx.conf"
    text = _CONFIGURATION.format(
        folder=folder, middle=middle, listen=listen, end=Config.load(state / END).listen, name=server_name(END)
    )
    await asyncio.to_thread(file.write_text, text, encoding="utf-8")
    words = [program, "-p", str(folder), "-e", "stderr", "-c", str(file)]
    proxy = Hand(NAME, await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE))
    worker = await Hand.start("echo-client-n", "warifu.simulator.bench.echo", "client", client)
    try:
        await worker.ready()
        yield worker, {end.name: end, proxy.name: proxy, worker.name: worker}
    finally:
        await worker.end()
        with suppress(ProcessLookupError):
            await proxy.end()
