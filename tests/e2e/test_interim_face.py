"""A tester's own business systems in front of two interim servers of a real network: one registers a copy, the other asks for it by file."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from e2e.conftest import Running
from unit.docs import markdown

from warifu.control.v1 import control_pb2
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.errors import LinkageError
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import Doors, doors
from warifu.simulator.face import Face, served
from warifu.simulator.people import People
from warifu.simulator.population import Person

NHI, TAX = "nhi-480029", "tax-480011"
ITEM, MINE = "TM90000000000001", "900000000000017"
LINE = "01,,{number},{at},3595115400          ,,{asks},1,JM90000000000101,JT90000000000101,,,{provider:<16},{item},0,1,20250401,"
GROSS = 4_321_000
DEADLINE = 60


def own(face: Face) -> httpx2.AsyncClient:
    """A business system that speaks JSON."""
    headers = {"authorization": f"Bearer {face.token}"}
    return httpx2.AsyncClient(base_url=face.http, headers=headers, timeout=DEADLINE)


async def somebody(network: Running, opened: Doors) -> tuple[Person, str]:
    """A person whom the insurer knows, by which number, and the tax office does not."""
    people = People.of(network.file)
    for person in people.all():
        insured = any(one.institution == NHI for one in person.insurance)
        if insured and not any(trait.startswith("cast:") for trait in person.traits):
            items = people.items(person.person)
            number = await Clerk(opened, NHI).find(items)
            if number is not None and await Clerk(opened, TAX).find(items) is None:
                return person, number
    raise AssertionError("the tax office knows everyone")


async def register(client: httpx2.AsyncClient, network: Running, person: Person) -> None:
    """Enrol the person under a number of one's own, register a copy, and have a clerk look at every answer."""
    items = People.of(network.file).items(person.person)
    sex = ("SEX_UNSPECIFIED", "SEX_MALE", "SEX_FEMALE")[items.sex]
    basic = {"name": items.name, "address": items.address, "birthDate": items.birth_date, "sex": sex}
    enrolled = await client.post("/v1/enrolments", json={"enrolments": [{"addresseeNo": MINE, "basicItems": basic}]})
    assert enrolled.json() == {"results": [{"addresseeNo": MINE}]}
    tax = {"taxYear": 2025, "municipality": "480011", "grossIncomeYen": str(GROSS), "taxClass": "TAX_CLASS_TAXED"}
    copy = {
        "recordId": f"own-{time.time_ns()}", "change": "COPY_CHANGE_NEW", "addresseeNo": MINE, "item": ITEM, "recordKey": "2025",
        "layoutVersion": "2025-06", "about": {"firstDay": "2025-04-01", "lastDay": "2026-03-31"}, "content": {"localTax": tax},
    }  # fmt: skip
    for _ in range(2):  # the same again is the same change
        registered = await client.post("/v1/copies", json={"copies": [copy]})
        assert registered.json() == {"results": [{"recordId": copy["recordId"]}]}
    protection = {"addresseeNo": MINE, "manualReview": True, "reason": "a clerk looks"}
    assert (await client.post("/v1/protections", json=protection)).json() == {}


async def release(client: httpx2.AsyncClient) -> None:
    """A clerk of the tester's provides what waits."""
    reviews = (await client.get("/v1/reviews")).json()["reviews"]
    (permit,) = [one["permitId"] for one in reviews if one.get("addresseeNo") == MINE]
    decision = {"decision": "REVIEW_DECISION_PROVIDE", "clerk": "c-0003", "decisionId": "d-1"}
    for _ in range(2):
        assert (await client.post(f"/v1/reviews/{permit}/decision", json=decision)).json() == {}


def rows(path: Path) -> list[list[str]]:
    """A result file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


async def test_a_copy_of_one_is_the_answer_to_the_file_of_another(network: Running, tmp_path: Path) -> None:
    """A copy registered by JSON comes back to another institution's file once a clerk released it; every party and the person have the exchange."""
    async with (
        doors(network.file) as opened,
        served(network.file, TAX, opened=opened) as tax_face,
        served(network.file, NHI, opened=opened) as nhi_face,
        own(tax_face) as tax,
        own(nhi_face) as nhi,
    ):
        person, number = await somebody(network, opened)
        await register(tax, network, person)
        made = {"number": number, "at": time.strftime("%Y%m%d%H%M%S000"), "asks": NHI, "provider": TAX, "item": ITEM}
        refused = made | {"item": "TM90000000000002"}
        sent = [LINE.format(**made), "nonsense", LINE.format(**refused), LINE.format(**made | {"asks": TAX})]
        asked, told = tmp_path / "asked.DAT", tmp_path / "told.csv"
        asked.write_bytes("".join(f"{line}\r\n" for line in sent).encode())
        words = ("interim", "batch", str(asked), "--institution", NHI, "--out", str(told))

        first = await asyncio.to_thread(network.json, *words, code=1)
        assert (first["lines"], first["waiting"], first["malformed"], first["refused"]) == (4, 1, 1, 1)
        assert [(row[23], row[25]) for row in rows(told)] == [("02", ""), ("21", ""), ("11", ""), ("19", "")]
        assert rows(told)[3][22] == "CLIENT_NOT_YOURS"

        await release(tax)
        await asyncio.to_thread(network.json, *words, code=1)
        result = rows(told)[0]
        assert (result[23], result[25], result[21]) == ("09", "01", "PROVIDED")
        assert (len(result), result[30 + 10 - 1]) == (262, str(GROSS))

        started = await nhi.post(
            "/v1/batch-inquiries", content=asked.read_bytes(), headers={"content-type": "text/csv"}
        )
        state = await nhi.get(started.headers["location"], params={"waitMs": 20_000})
        assert (state.json()["state"], state.json()["answered"], state.json()["left"]) == ("DONE", 2, 0)
        assert (await nhi.get(state.json()["result"])).content.decode() == told.read_bytes().decode()
        listed = (await nhi.get("/v1/inquiries?pageSize=500")).json()["inquiries"]
        assert sum(one["request"]["addresseeNo"] == number for one in listed) == 2

        request = result[18]
        assert (await nhi.get(f"/v1/inquiries/{request}")).json()["inquiry"]["fineOutcome"] == "FINE_OUTCOME_PROVIDED"
        assert (await tax.post("/v1/unbindings", json={"addresseeNo": MINE, "reason": "over"})).json() == {}
    await asyncio.to_thread(_traces, network, request, person.person)


def _traces(network: Running, request: str, person: str) -> None:
    for party in ("gateway", "tax"):
        assert network.json("view", party, "--request", request)["holdings"], party
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        found = [one for one in network.json("history", person)["entries"] if one["request_id"] == request]
        if found and found[0]["outcome"] == "ANSWERED":
            assert (found[0]["requester"], found[0]["provider"], found[0]["items"]) == (NHI, TAX, [ITEM])
            return
    raise AssertionError("the history has no such exchange")


@contextmanager
def verb(network: Running, institution: str = NHI, *more: str) -> Iterator[dict[str, Any]]:
    """The verb while the block lasts; what it announced."""
    words = ["interim", "--institution", institution, "--port", "0", "--json", "--state", str(network.state), *more]
    with subprocess.Popen([sys.executable, "-m", "warifu.cli", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if line.rstrip() == "}":
                break
        try:
            yield json.loads("".join(said))
        finally:
            process.terminate()
            assert process.wait(timeout=30) == 0


async def test_grpc_works_as_announced(network: Running) -> None:
    """What the verb prints is enough: the face with its token, and the agency's own process on mTLS with the counter's certificate; no other token."""
    asked = interim_pb2.ListReviewsRequest(institution=NHI)
    wrong = interim_pb2.CollectRequest(institution=NHI, request_id="3f0f1e5c-0000-4000-8000-00000000dead")
    with verb(network) as said:
        direct = said["direct"]
        ca, key, cert = (Path(direct[name]).read_bytes() for name in ("ca", "key", "cert"))  # noqa: ASYNC240 - a test
        names = [("grpc.ssl_target_name_override", direct["target_name"])]
        allowed = (("authorization", f"Bearer {said['token']}"),)
        async with (
            grpc.aio.insecure_channel(said["grpc"]["address"]) as faced,
            grpc.aio.secure_channel(direct["address"], grpc.ssl_channel_credentials(ca, key, cert), names) as straight,
        ):
            face, agency = interim_pb2_grpc.InterimServiceStub(faced), interim_pb2_grpc.InterimServiceStub(straight)
            reviews = await agency.ListReviews(asked, timeout=DEADLINE)
            assert await face.ListReviews(asked, metadata=allowed, timeout=DEADLINE) == reviews
            failures = []
            for stub, metadata in ((face, allowed), (agency, ())):
                with pytest.raises(grpc.aio.AioRpcError) as failed:
                    await stub.Collect(wrong, metadata=metadata, timeout=DEADLINE)
                failures.append(failed.value)
            assert [LinkageError.from_rpc(one).reason for one in failures] == ["CLIENT_REQUEST_UNKNOWN"] * 2
            details = [dict(one.trailing_metadata() or ())["grpc-status-details-bin"] for one in failures]
            assert details[0] == details[1]
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await face.ListReviews(asked, metadata=(("authorization", "Bearer no"),), timeout=DEADLINE)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_alone_the_simulated_office_does_nothing_until_the_face_ends(network: Running) -> None:
    """Of an institution that is the tester's alone, whoever was unbound stays so; once the face ends the simulated office enrols them anew. Other faults stay."""
    listed = interim_pb2.ListUnboundRequest(institution=NHI, page_size=500)
    slow = control_pb2.Fault(name="review-pending", institution=NHI)
    async with doors(network.file) as opened:
        stub, control = interim_pb2_grpc.InterimServiceStub(opened.counter(NHI)), opened.control("health_insurance")
        _, number = await somebody(network, opened)
        await control.SetFaults(control_pb2.SetFaultsRequest(faults=[slow]))
        try:
            with verb(network, NHI, "--alone") as said:
                call = {"addresseeNo": number, "reason": "mine alone"}
                headers = {"authorization": f"Bearer {said['token']}"}
                async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE) as client:
                    assert (await client.post(f"{said['http']['url']}/v1/unbindings", json=call)).json() == {}
                await opened.settle()
                assert number in (await stub.ListUnbound(listed, timeout=DEADLINE)).addressee_nos
                planted = (await control.ListFaults(control_pb2.ListFaultsRequest())).faults
                assert sorted((one.name, one.institution) for one in planted) == [
                    ("office-idle", NHI),
                    ("review-pending", NHI),
                ]
            planted = (await control.ListFaults(control_pb2.ListFaultsRequest())).faults
            assert [one.name for one in planted] == ["review-pending"]
        finally:
            await control.SetFaults(control_pb2.SetFaultsRequest())
        await opened.settle()
        assert number not in (await stub.ListUnbound(listed, timeout=DEADLINE)).addressee_nos


def test_the_page_s_first_inquiry_works_as_printed(network: Running) -> None:
    """The commands of docs/BUSINESS.md §1, with the four values that a reader fills in, bring the values of the test card."""
    words = ("testcards", "--institution", "nhi-480011", "--trait", "moved", "--row", "P07", "--limit", "20")
    asked = [
        (card["addressees"]["nhi-480011"], one["provider"], one["records"])
        for card in network.json(*words)["cards"]
        for one in card["expected"]
        if (one["year"], one["fine"]) == (2025, "PROVIDED")
    ]
    number, provider, records = asked[-1]
    (block,) = re.findall(
        r"^```sh\n(.*?)^```", markdown.text(markdown.ROOT / "docs" / "BUSINESS.md"), re.MULTILINE | re.DOTALL
    )
    with verb(network, "nhi-480011") as said:
        given = {"FACE": said["http"]["url"], "TOKEN": said["token"], "NUMBER": number, "PROVIDER": provider}
        for name, value in given.items():
            block, changed = re.subn(rf"^{name}=.*$", f"{name}={value}", block, flags=re.MULTILINE)
            assert changed == 1
        done = subprocess.run(["bash", "-ec", block], capture_output=True, text=True, check=True, timeout=DEADLINE)
    state = json.loads(done.stdout[done.stdout.index('{"inquiry"') :])["inquiry"]
    if state["fineOutcome"] == "FINE_OUTCOME_PENDING":  # the provider's sample, 1 in 40
        return
    assert state["fineOutcome"] == "FINE_OUTCOME_PROVIDED"
    assert [one["recordKey"] for one in state["records"]] == [one["record_key"] for one in records]
    assert state["records"][0]["content"]["localTax"]["taxYear"] == 2025
