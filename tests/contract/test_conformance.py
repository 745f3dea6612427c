"""The conformance of providers: our own interim server passes, and a run says what it found."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from ports import free_port

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.host import InterimHost
from warifu.interim.v1 import interim_pb2
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.party import Context, Party
from warifu.kernel.server import serve
from warifu.simulator import conformance
from warifu.simulator.conformance.checks import callers
from warifu.simulator.conformance.folder import Prepared
from warifu.simulator.conformance.outcome import UnmetError, plain

TAX = "tax-480011"


@asynccontextmanager
async def own_provider(prepared: Prepared) -> AsyncIterator[InterimHost]:
    """Our own interim server in the prepared folder."""
    hosts = []

    async def build(context: Context) -> Party:
        hosts.append(InterimHost(context))
        host = hosts[0]
        return Party(host.services, host.jobs, host.checks, host.view, host.start, host.close)

    async with serve(prepared.theirs, build):
        await _register(hosts[0], prepared.institution)
        yield hosts[0]


async def _register(host: InterimHost, institution: str) -> None:
    """Bind the people of the checks and register their copies and flags, by the plain face."""
    interim = host.interim(institution)
    for person in conformance.copies():
        code = exchange_pb2.SubjectReference(code=bytes.fromhex(person["code"]))
        number = await interim.acquaint(code)
        for copy in person["copies"]:
            request = interim_pb2.RegisterCopiesRequest(
                institution=institution,
                record_id=f"{person['name']}-{copy['recordKey']}",
                change=interim_pb2.COPY_CHANGE_NEW,
                addressee_no=number,
                item=copy["item"],
                record_key=copy["recordKey"],
                layout_version=copy["layoutVersion"],
                published_to=copy.get("publishedTo"),
                about=common_pb2.Period(first_day=copy["firstDay"], last_day=copy["lastDay"]),
                content=ParseDict(copy["content"], items_pb2.ItemContent()),
            )
            (response,) = await interim.register_copies([request])
            assert not response.HasField("error"), response.error
        await interim.set_protection(
            interim_pb2.SetProtectionRequest(
                institution=institution,
                addressee_no=number,
                non_disclosure=person.get("nonDisclosure", False),
                self_disclosure_blocked=person.get("selfDisclosureBlocked", False),
                manual_review=person.get("manualReview", False),
                reason="適合試験",
            )
        )


def clerk_of(host: InterimHost, institution: str) -> Callable[[str, str], Awaitable[None]]:
    """A clerk at our own interim server."""
    words = {"provide": interim_pb2.REVIEW_DECISION_PROVIDE, "withhold": interim_pb2.REVIEW_DECISION_WITHHOLD}

    async def decide(permit_id: str, decision: str) -> None:
        request = interim_pb2.ReleaseReviewRequest(institution=institution, permit_id=permit_id, clerk="c-0001")
        request.decision = words[decision]
        try:
            await host.interim(institution).release_review(request)
        except LinkageError as error:
            raise UnmetError(plain("decided"), plain(error.reason)) from error

    return decide


def made(folder: Path) -> Prepared:
    """A prepared folder on free ports."""
    return conformance.prepare(folder, TAX, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")


async def test_our_own_interim_server_passes(tmp_path: Path) -> None:
    """The interim server of this project, in the prepared folder with the given copies, fails no requirement."""
    prepared = made(tmp_path)
    async with (
        own_provider(prepared) as host,
        conformance.opened(prepared, prepared.listen, clerk=clerk_of(host, prepared.institution)) as bench,
    ):
        results = await conformance.check_all(bench, conformance.REQUIREMENTS)
    assert {one.requirement.name: (one.expected, one.got) for one in results if one.status != "passed"} == {}
    assert [one.requirement.name for one in results if one.note.en] == ["single_use", "keys"]


async def test_a_slow_machine_fails_no_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a certificate that is to run out on an open connection is out before the first answer, one that lives longer is tried."""
    monkeypatch.setattr(callers, "_LIVES", (timedelta(milliseconds=1), timedelta(seconds=4)))
    prepared = made(tmp_path)
    async with own_provider(prepared), conformance.opened(prepared, prepared.listen) as bench:
        (result,) = await conformance.check_all(bench, conformance.chosen(["expired"]))
    assert (result.status, result.got.en) == ("passed", "")


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    """While another listens at the gateway's address, the run does not begin, and says what to do."""
    prepared = made(tmp_path)
    host, port = prepared.gateway.split(":")
    with socket.create_server((host, int(port))), pytest.raises(conformance.ConformanceError, match="is taken"):
        async with conformance.opened(prepared, prepared.listen, patience=1.0):
            pass


async def test_a_provider_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A provider that does not serve in time, or ends at once, is no failed requirement: the run does not begin."""
    prepared = made(tmp_path)
    with pytest.raises(conformance.ConformanceError, match="does not serve within 1 s"):
        async with conformance.opened(prepared, prepared.listen, patience=1.0):
            pass
    with pytest.raises(conformance.ConformanceError, match="ended with exit code 3"):
        async with conformance.opened(prepared, prepared.listen, command=["sh", "-c", "exit 3"], patience=20.0):
            pass
