"""The example's requester in TypeScript through conformance: whole it passes, and wrong in each of its ways it fails the requirement that is about it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

import node
import pytest
from ports import free_port

from warifu.simulator.conformance import REQUESTER, check_all, opened_requester, prepare_requester

NHI = "nhi-490016"
WRONG = {
    "trustsAnyName": "server_name",
    "acquisitionOfPerson": "acquisition",
    "leavesOutSex": "named",
    "tellsGatewayNumber": "alone",
    "enrolsTheRefused": "enrol_refusal",
    "enrolledTooSoon": "claim",
    "trimsCodes": "opaque",
    "keepsSuperseded": "superseded",
    "forgetsAllCodes": "not_held",
    "repeatsVersion": "published",
    "dropsNonDisclosure": "header",
    "bindsOtherBytes": "bound",
    "wrongQueryHeader": "query",
    "fieldsInMetadata": "clear",
    "forgetsAsked": "stored",
    "retriesFinal": "refusal",
    "skipsReceipt": "receipt",
    "takesFirstAnswer": "place",
    "deniedIsError": "outcomes",
    "sealsAsAnswer": "query_seal",
    "unpaddedQuery": "query_size",
    "ignoresPadding": "padding",
    "opensAnySeal": "seal",
    "skipsSignature": "signature",
    "ignoresPermit": "permit",
    "ignoresHeader": "other_answer",
    "ignoresParties": "parties",
    "noOwnRecord": "record",
    "recordsAtTheEnd": "waiting_record",
    "pendingIsFinal": "pending",
    "forgetsFinal": "final",
    "resealsRetry": "retry",
    "cleansText": "typed",
    "tellsAnyReason": "unknown_reason",
    "believesAnyEntry": "directory_entry",
    "takesOldEntries": "directory_version",
    "forgetsOldKeys": "rotation",
}
"""Each switch of the example, and the requirement that it must fail."""
ACROSS_A_KILL = {"repeatsVersion", "forgetsAsked"}
"""Switches that show only when the requester is killed."""
AT_ONCE = 6
"""Switches that are tried at once: much of a run waits for a gateway that comes back, or for the next try."""


def command(example: Path, folder: Path, *wrong: str) -> list[str]:
    """How the requester is started in a folder."""
    words = [word for name in wrong for word in ("--wrong", name)]
    main = ("node", str(example / "dist" / "src" / "main.js"), "requester")
    place = ("--folder", str(folder), "--institution", NHI)
    return ["env", f"WARIFU_PROTOS={example / 'protos'}", *main, *place, *words]


def conform(*words: str) -> subprocess.CompletedProcess[str]:
    """The verb."""
    return subprocess.run(
        [sys.executable, "-m", "warifu.cli", "conformance", *words],
        env={**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def places() -> list[str]:
    """Addresses for those who are played."""
    return [word for name in ("gateway", "numbering") for word in (f"--{name}", f"127.0.0.1:{free_port()}")]


def listed(example: Path, kind: str) -> set[str]:
    """The switches of a kind, as the example lists them."""
    done = subprocess.run(
        ["node", "dist/src/main.js", kind],
        cwd=example,
        env=node.environment(example),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    return set(re.findall(r"^  (\w+) {2,}", done.stderr, re.MULTILINE)) - {"node"}


def test_every_switch_has_its_check(example: Path) -> None:
    """Each way in which the requester can be made wrong is found by a check of its own, and no check is without one."""
    assert listed(example, "requester") == set(WRONG)
    assert sorted(WRONG.values()) == sorted(one.name for one in REQUESTER.requirements)


@pytest.mark.timeout(300)  # the command three times, and the requester eight times
def test_it_conforms_by_the_command(example: Path, tmp_path: Path) -> None:
    """In a folder that the command prepared, the requester passes, kills included; without its check of signatures it fails, and the report says why."""
    folder = tmp_path / "network"
    told = conform("prepare", str(folder), "--institution", NHI, *places(), "--json")
    assert told.returncode == 0, told.stderr
    place = Path(json.loads(told.stdout)["configure"])
    common = ("requester", "--folder", str(folder), "--command")
    report = ("--junit", str(tmp_path / "all.xml"), "--html", str(tmp_path / "all.html"))
    run = conform(*common, shlex.join(command(example, place)), "--json", *report)
    assert run.returncode == 0, run.stdout + run.stderr
    assert [(one["name"], one["status"], one["note"]["en"]) for one in json.loads(run.stdout)["results"]] == [
        (one.name, "passed", "") for one in REQUESTER.requirements
    ]
    suite = ET.parse(tmp_path / "all.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(len(REQUESTER.requirements)), "0")
    assert "Conformance of a requester" in (tmp_path / "all.html").read_text(encoding="utf-8")
    run = conform(*common, shlex.join(command(example, place, "skipsSignature")), "--only", "PROTO-6.7")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "failed  PROTO-7.1, PROTO-6.7" in run.stdout
    for line in (
        "section: docs/PROTOCOL.md, 7.",
        "expected: the reason PROVIDER_ANSWER_INVALID, and no value",
        "got: outcome ANSWERED",
        '"question"',
    ):
        assert line in run.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)  # all requirements for each switch
async def test_each_switch_fails_its_requirement_and_no_other(example: Path, tmp_path: Path) -> None:
    """Made wrong in one way, the requester fails the requirement that is about it, and passes all others."""
    async with node.hosts(example) as hosts:

        async def tried(wrong: str) -> dict[str, str]:
            prepared = prepare_requester(tmp_path / wrong, NHI, f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
            async with AsyncExitStack() as stack:
                if wrong in ACROSS_A_KILL:
                    opening = opened_requester(prepared, command=command(example, prepared.theirs, wrong))
                else:  # most show without, and a start costs more than all checks
                    address = await stack.enter_async_context(hosts.party("requester", prepared.theirs, NHI, wrong))
                    opening = opened_requester(prepared, address=await address)
                results = await check_all(await stack.enter_async_context(opening), REQUESTER.requirements)
            return {one.requirement.name: one.got.en for one in results if one.status != "passed"}

        found = await node.side_by_side(WRONG, tried, AT_ONCE)
    assert {name: set(failed) for name, failed in found.items()} == {name: {one} for name, one in WRONG.items()}, found
