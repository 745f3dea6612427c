"""The stage as the launcher serves it: over a real socket, at once, and ended with its plays."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from ports import free_port
from unit.stage.lab import Doors, network, scenario

from warifu.simulator.scenarios import Stage
from warifu.simulator.stage.serving import served


async def test_it_is_served_at_its_address_and_its_plays_end_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes first waits until it is there; a play that runs when the network ends is cancelled, and the port is free again."""
    began, seen = asyncio.Event(), []

    async def endless(_stage: Stage) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("ended")
            raise

    name = scenario(monkeypatch, endless)
    (tmp_path / "simulator").mkdir()
    port = free_port()
    origin = f"http://stage.localhost:{port}"
    file = replace(network(tmp_path), stage=origin)
    headers = {"host": f"stage.localhost:{port}", "origin": origin}
    async with (
        served(file, tmp_path, Doors(), "127.0.0.1"),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
    ):
        assert (await client.get("/scenarios")).status_code == 200
        assert (await client.post(f"/scenarios/{name}/play")).status_code == 303
        await began.wait()
    assert seen == ["ended"]
    with pytest.raises(httpx2.ConnectError):
        async with httpx2.AsyncClient() as late:
            await late.get(f"http://127.0.0.1:{port}/")


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """The network does not start with a stage that nobody can reach: the error names the address."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        file = replace(network(tmp_path), stage=f"http://stage.localhost:{port}")
        with pytest.raises(OSError, match=str(port)):
            async with served(file, tmp_path, Doors(), "127.0.0.1"):
                pytest.fail("served on a taken port")
