"""The conformance of requesters and business systems: our own interim server passes, by a connection and killed, and so do our agencies with their counter."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from contract import own_office, own_requester
from ports import free_port

from warifu.interim.host import InterimHost
from warifu.kernel.party import Context, Party
from warifu.kernel.server import serve
from warifu.simulator import conformance
from warifu.simulator.conformance import PreparedRequester

NHI = "nhi-490016"
KILLED = ["acquisition", "stored", "final", "directory_version", "published"]
"""Requirements across a kill."""


def made(folder: Path) -> PreparedRequester:
    """A prepared folder on a free port."""
    return conformance.prepare_requester(folder, NHI, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")


@asynccontextmanager
async def own(prepared: PreparedRequester) -> AsyncIterator[str]:
    """Our own interim server, which takes questions at an address."""
    hosts: list[InterimHost] = []

    async def build(context: Context) -> Party:
        hosts.append(InterimHost(context))
        host = hosts[0]
        return Party(host.services, host.jobs, host.checks, host.view, host.start, host.close)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            said = await own_requester.answer(hosts[0].interim(NHI), NHI, json.loads(line))
            writer.write(json.dumps(said).encode() + b"\n")
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with serve(prepared.theirs, build), listening:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_our_own_interim_server_passes_as_a_requester(tmp_path: Path) -> None:
    """The interim server of this project fails no requirement; at a connection a kill is not tried, and the notes say so."""
    prepared = made(tmp_path)
    async with own(prepared) as address, conformance.opened_requester(prepared, address=address) as bench:
        results = await conformance.check_all(bench, conformance.REQUESTER.requirements)
    assert {one.requirement.name: (one.expected, one.got) for one in results if one.status != "passed"} == {}
    assert sorted(one.requirement.name for one in results if one.note.en) == sorted(KILLED)


async def test_a_second_run_in_the_same_folder_finds_the_same(tmp_path: Path) -> None:
    """What a requester remembers of an earlier run, of the directory and of people that it enrolled, fails it in none that follows."""
    prepared = made(tmp_path)
    names = ["directory_version", "rotation", "acquisition", "opaque", "superseded", "not_held"]
    for _ in range(2):
        async with own(prepared) as address, conformance.opened_requester(prepared, address=address) as bench:
            results = await conformance.check_all(bench, conformance.REQUESTER.chosen(names))
        assert {one.requirement.name: (one.expected, one.got) for one in results if one.status != "passed"} == {}


@pytest.mark.timeout(120)  # the interim server starts seven times
async def test_it_passes_across_kills(tmp_path: Path) -> None:
    """As a process that is killed without a word it sends the same bytes, tells the same outcome and refuses the same keys afterwards."""
    prepared = made(tmp_path)
    command = [sys.executable, own_requester.__file__, str(prepared.theirs)]
    async with conformance.opened_requester(prepared, command=command) as bench:
        results = await conformance.check_all(bench, conformance.REQUESTER.chosen(KILLED))
    assert {one.requirement.name: (one.expected, one.got) for one in results if one.status != "passed"} == {}
    assert not any(one.note.en for one in results)


async def test_a_requester_that_publishes_no_keys_is_told(tmp_path: Path) -> None:
    """One that is not there, or never publishes its keys, is no failed requirement: the run does not begin. Neither it does with two ways, or none."""
    prepared = made(tmp_path)
    with pytest.raises(conformance.ConformanceError, match="nobody takes questions at"):
        async with conformance.opened_requester(prepared, address=f"127.0.0.1:{free_port()}"):
            pass
    with pytest.raises(conformance.ConformanceError, match="did not publish its keys in the directory within 1 s"):
        async with conformance.opened_requester(prepared, command=["cat"], patience=1.0):
            pass
    for ways in ({}, {"command": ["cat"], "address": "127.0.0.1:9"}):
        with pytest.raises(conformance.ConformanceError, match="give either --command or --target"):
            async with conformance.opened_requester(prepared, **ways):  # type: ignore[arg-type]  # both or none
                pass


async def test_our_own_business_systems_pass(tmp_path: Path) -> None:
    """Two of our own agencies with their counter fail no requirement of a business system, across a kill too."""
    command = [sys.executable, own_office.__file__, str(tmp_path / "office")]
    async with conformance.opened_business(command=command, token="token", port=0) as bench:
        results = await conformance.check_all(bench, conformance.BUSINESS.requirements)
    assert {one.requirement.name: (one.expected, one.got) for one in results if one.status != "passed"} == {}
    assert not any(one.note.en for one in results)
