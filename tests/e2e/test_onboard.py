"""Interim servers of a tester's own take the place of one city's tax office each, in a whole network that runs: ours, and one in TypeScript."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import node
import pytest
from google.protobuf import text_format
from running import Running, start, stop

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.simulator.clerk import Clerk
from warifu.simulator.doors import doors, identity_channel
from warifu.simulator.state import PartyEntry
from warifu.simulator.testcards import people

OURS, THEIRS, SIMULATED, INSURER = "tax-480011", "tax-480029", "tax-491004", "nhi-480011"
WITHIN = 30


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A network of this module's own: parties begin anew in it, and who was an institution's server before is audited no more."""
    running = start(tmp_path_factory.mktemp("town") / "state", "--people", "200")
    yield running
    stop(running)


@contextmanager
def serving(*command: str, folder: Path | None = None, surroundings: dict[str, str] | None = None) -> Iterator[None]:
    """A tester's own server, from its line on standard output until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=surroundings)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        assert said, f"it ended: {process.wait(timeout=30)}"
        assert json.loads(said)["institution"] in {OURS, THEIRS}
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def onboard(town: Running, institution: str) -> dict[str, Any]:
    """Hand an institution over, with everybody whom it knows."""
    told: dict[str, Any] = town.json("agency", "onboard", "--institution", institution, "--people", "200")
    assert told["in_force"]
    return told


def asked(town: Running, inquiry: dict[str, Any]) -> dict[str, Any]:
    """Have a simulated clerk ask; again while the provider's own sample has the answer wait for a clerk there."""
    words = ("--requester", inquiry["requester"], "--provider", inquiry["provider"], "--row", inquiry["row"])
    for _ in range(4):
        done = town.command("inquire", inquiry["person"], *words, "--year", str(inquiry["year"]), "--json", code=None)
        if done.returncode == 0:
            break
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def values(answer: dict[str, Any]) -> Sequence[pb.Record]:
    """The records that came."""
    return [text_format.Parse(one, pb.Record()) for one in answer["records"]]


def is_as_expected(answer: dict[str, Any], inquiry: dict[str, Any]) -> bool:
    """Whether an answer is the test card's."""
    records = values(answer)
    (expected,) = inquiry["records"]
    content = getattr(records[0].content, str(records[0].content.WhichOneof("content")))
    for path, value in expected["values"].items():
        field = content.DESCRIPTOR.fields_by_name[path]
        got = getattr(content, path)
        named = field.enum_type.values_by_number[got].name if field.enum_type is not None else got
        assert named == value, path
    return answer["outcome"] == "PROVIDED" and len(records) == 1


def expected_of(town: Running, requester: str, provider: str) -> dict[str, Any]:
    """An inquiry that comes to values, and whom it is about."""
    for card in people(town.file, None, requester):
        for one in card.expected:
            if (one.provider, one.fine, one.row.consent_required) == (provider, "PROVIDED", False):
                return {"person": card.person, "requester": requester, "provider": provider, "row": one.row.id} | {
                    "year": one.year,
                    "values": one.records,
                }
    raise LookupError((requester, provider))


def shown(town: Running, person: str, request_id: str) -> set[str]:
    """The exchanges in a person's history, as soon as one is there that reaches the portal a moment after its answer."""
    ends = time.monotonic() + WITHIN
    while True:
        found = {one["request_id"] for one in town.json("history", person)["entries"]}
        if request_id in found or time.monotonic() > ends:
            return found


def test_our_interim_server_takes_one_citys_tax_office(town: Running) -> None:
    """It is asked and asks, by the gateway and under its own name, with what the office had; others stay as they were, and the audit finds nothing."""
    told = onboard(town, OURS)
    inquiry = told["handed"]["example"]
    words = ("--requester", inquiry["requester"], "--provider", OURS, "--row", inquiry["row"])
    refused = town.command("inquire", inquiry["person"], *words, "--year", str(inquiry["year"]), code=2)
    assert (
        "PROVIDER_DIRECTORY_ENTRY_INVALID" in refused.stderr
    )  # the party's entry counts no more, and nobody made another
    with serving(sys.executable, "-m", "warifu.simulator.onboarding.office", told["folder"]):
        (listed,) = town.json("agency", "list")["institutions"]
        assert (listed["institution"], listed["address"], listed["serving"]) == (OURS, told["address"], True)

        answer = asked(town, inquiry)
        assert is_as_expected(answer, inquiry)
        assert answer["request_id"] in shown(town, inquiry["person"], answer["request_id"])

        other = expected_of(town, INSURER, SIMULATED)
        assert values(asked(town, other)) == list(other["values"])

        handed = json.loads(Path(told["handed"]["people"]).read_text(encoding="utf-8"))["people"]
        fine, expected = asyncio.run(asks_itself(town, handed))
        assert fine == expected

        assert asyncio.run(refuses(town)) == (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE)
        assert town.json("audit")["findings"] == []


async def asks_itself(town: Running, handed: list[dict[str, Any]]) -> tuple[str, str]:
    """Have our interim server ask a simulated residency office; what came, and what should."""
    choice = [(one, it) for one in handed for it in one["expected"] if it["outcome"] == "ANSWERED"]
    person, inquiry = min(choice, key=lambda one: one[1]["fine"] != "PROVIDED")
    async with doors(town.file) as opened:
        clerk = Clerk(opened, OURS)
        sent = await clerk.interim.Inquire(
            interim_pb2.InquireRequest(
                institution=OURS,
                addressee_no=person["addressees"][OURS],
                office="window-1",
                clerk="c-0001",
                case_reference="case-1",
                **{name: inquiry[name] for name in ("provider", "affair", "procedure", "item")},
                span=common_pb2.Span(),
            ),
            timeout=15,
        )
        state = await clerk.collect(sent.request_id)
        if state.outcome == pb.OUTCOME_PENDING:
            await Clerk(opened, inquiry["provider"]).review(sent.request_id, interim_pb2.REVIEW_DECISION_PROVIDE)
            await asyncio.sleep(0)
            state = await clerk.collect(sent.request_id)
    return pb.FineOutcome.Name(state.fine_outcome).removeprefix("FINE_OUTCOME_"), inquiry["fine"]


async def refuses(town: Running) -> tuple[grpc.StatusCode, grpc.StatusCode]:
    """What the simulated office says of the institution that it no longer serves, and what a server that shows another's certificate gets."""
    file = town.file
    party, own = file.party("tax"), file.server_of(OURS)
    found = []
    for entry in (party, PartyEntry(own.name, party.address, own.server_name, "")):
        async with identity_channel(entry, Path(file.ca), file.inspector) as channel:
            stub = interim_pb2_grpc.InterimAuditServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ListRecords(interim_pb2.ListRecordsRequest(institution=OURS), timeout=10)
            found.append(refused.value.code())
    return found[0], found[1]


@pytest.mark.slow
def test_a_server_in_typescript_takes_another_citys(town: Running, example: Path) -> None:
    """A provider in another language stands in the whole network: its values, the citizen's history, a clean audit; and its requester asks a simulated office, by a code that it was handed and by one that it obtains."""
    ours, told = town.file.elsewhere, onboard(town, THEIRS)
    inquiry = told["handed"]["example"]
    main, around = str(example / "dist" / "src" / "main.js"), node.environment(example)
    with serving(
        *("node", main, "provider", "--folder", told["folder"], "--institution", THEIRS),
        folder=example,
        surroundings=around,
    ):
        answer = asked(town, inquiry)
        assert is_as_expected(answer, inquiry)
        assert answer["request_id"] in shown(town, inquiry["person"], answer["request_id"])
        if ours:
            with serving(sys.executable, "-m", "warifu.simulator.onboarding.office", str(town.state / f"{OURS}.tax")):
                assert town.json("audit")["findings"] == []
        else:
            assert town.json("audit")["findings"] == []

    said = onboard(town, INSURER)
    wanted = expected_of(town, INSURER, SIMULATED)
    handed = json.loads(Path(said["handed"]["people"]).read_text(encoding="utf-8"))["people"]
    got = ask_in_typescript(said, handed, wanted, main, example)
    assert (got["outcome"], got["answer"]["outcome"]) in {
        ("ANSWERED", "FINE_OUTCOME_PROVIDED"),
        ("PENDING", "FINE_OUTCOME_PENDING"),
    }
    enrolled, told, refused = enrol_in_typescript(said, handed, wanted, main, example)
    assert "reason" not in enrolled
    assert (told["outcome"], told["fineOutcome"]) in {("ANSWERED", "PROVIDED"), ("PENDING", "PENDING")}
    assert refused["reason"] == "CLIENT_PERSON_NOT_MATCHED"


def ask_in_typescript(
    said: dict[str, Any], handed: list[dict[str, Any]], wanted: dict[str, Any], main: str, example: Path
) -> dict[str, Any]:
    """What the requester in TypeScript is told."""
    person, ask = asked_in(handed, wanted)
    order = Path(said["folder"]) / "ask.json"
    order.write_text(json.dumps(ask | {"code": person["code"]}), encoding="utf-8")
    done = subprocess.run(
        ["node", main, "requester", "--folder", said["folder"], "--institution", INSURER, "--ask", str(order)],
        cwd=example, env=node.environment(example), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def enrol_in_typescript(
    said: dict[str, Any], handed: list[dict[str, Any]], wanted: dict[str, Any], main: str, example: Path
) -> list[dict[str, Any]]:
    """What the requester in TypeScript tells of a person whom it enrols and then asks about by the addressee number, and of one whom nobody knows."""
    person, ask = asked_in(handed, wanted)
    items = person["basic_items"] | {"sex": f"SEX_{person['basic_items']['sex']}"}
    stranger = {"op": "enrol", "addresseeNo": "2", "basicItems": items | {"name": "誰　でもない"}}
    lines = [
        {"op": "enrol", "addresseeNo": "1", "basicItems": items},
        {"op": "ask", "addresseeNo": "1", "year": wanted["year"], "waitMs": 0, "fields": [], "nonDisclosure": False}
        | {name: value for name, value in ask.items() if name != "span"},
        stranger,
    ]
    done = subprocess.run(
        ["node", main, "requester", "--folder", said["folder"], "--institution", INSURER],
        input="".join(json.dumps({"requestId": str(uuid.uuid4())} | one) + "\n" for one in lines),
        cwd=example, env=node.environment(example), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(one) for one in done.stdout.splitlines()]


def asked_in(handed: list[dict[str, Any]], wanted: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Whom an inquiry is about, as handed over, and the inquiry as the requester in TypeScript takes it, without a code."""
    (person,) = (one for one in handed if one["person"] == wanted["person"])
    (inquiry,) = (
        one
        for one in person["expected"]
        if (one["row"], one["provider"], one["year"]) == (wanted["row"], wanted["provider"], wanted["year"])
    )
    ask = {name: inquiry[name] for name in ("provider", "affair", "procedure", "item")} | {
        "requestId": str(uuid.uuid4()),
        "office": "window-1",
        "clerk": "c-0001",
        "span": {"fiscal_year": {"year": inquiry["year"]}},
    }
    return person, ask


def test_an_institution_is_given_back(town: Running) -> None:
    """After it the simulator answers for it again, and nobody else is believed under its name; an institution that is not there is refused in words."""
    if OURS not in town.file.elsewhere:
        onboard(town, OURS)
    folder = town.state / f"{OURS}.tax"
    before = (folder / "identities" / OURS / "cert.pem").read_bytes()
    assert town.json("agency", "offboard", "--institution", OURS)["in_force"]
    assert not (folder / "identities").exists()
    serials = {one["serial"]: one["revoked_at"] for one in town.json("ca", "list")["certificates"]}
    from cryptography import x509

    assert serials[f"{x509.load_pem_x509_certificate(before).serial_number:x}"] is not None
    inquiry = expected_of(town, "union-39480017", OURS)
    assert values(asked(town, inquiry)) == list(inquiry["values"])
    refused = town.command("agency", "onboard", "--institution", "tax-999999", code=2)
    assert SIMULATED in refused.stderr
    town.command("agency", "onboard", "--institution", OURS, "--address", "nowhere", code=2)
