"""The example's business system in TypeScript through conformance: whole it passes, and wrong in each of its ways it fails the requirement that is about it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import node
import pytest
from e2e.test_typescript_requester import conform, listed

from warifu.simulator.conformance import BUSINESS, check_all, opened_business

WRONG = {
    "swallowsEnrolment": "enrol",
    "numberInOffice": "numbers",
    "noCase": "inquiry",
    "newIdEachTry": "same_request",
    "forgetsCases": "stored",
    "openIsAbsent": "under_way",
    "asksAnew": "pending",
    "mixesAbsences": "outcomes",
    "firstRecordOnly": "values",
    "retriesFinal": "refusal",
    "alwaysNew": "copy_kinds",
    "noPeriod": "copy_form",
    "newRecordIdEachTry": "copy_ids",
    "ignoresItemErrors": "copy_errors",
    "forgetsFlags": "protection",
    "alwaysProvides": "decision",
    "newDecisionIdEachTry": "decision_id",
    "publishesAtOnce": "publication",
    "dropsConsent": "consent",
}
"""Each switch of the example, and the requirement that it must fail."""
ACROSS_A_KILL = {"forgetsCases"}
"""Switches that show only when the business system is killed."""
AT_ONCE = 6
"""Switches that are tried at once: much of a run waits for the next try."""


def command(example: Path, store: Path, *wrong: str) -> list[str]:
    """How the business system is started."""
    words = [word for name in wrong for word in ("--wrong", name)]
    return ["node", str(example / "dist" / "src" / "main.js"), "business", "--store", str(store), *words]


def test_every_switch_has_its_check(example: Path) -> None:
    """Each way in which the business system can be made wrong is found by a check of its own, and no check is without one."""
    assert listed(example, "business") == set(WRONG)
    assert sorted(WRONG.values()) == sorted(one.name for one in BUSINESS.requirements)


@pytest.mark.timeout(300)  # the command twice
def test_it_conforms_by_the_command(example: Path, tmp_path: Path) -> None:
    """Behind the face that the command serves it passes, across a kill; when it provides whatever was decided it fails, and the report says why."""
    common = ("business", "--port", "0", "--command")
    run = conform(*common, shlex.join(command(example, tmp_path / "one")), "--json")
    assert run.returncode == 0, run.stdout + run.stderr
    assert [(one["name"], one["status"], one["note"]["en"]) for one in json.loads(run.stdout)["results"]] == [
        (one.name, "passed", "") for one in BUSINESS.requirements
    ]
    wrong = shlex.join(command(example, tmp_path / "two", "alwaysProvides"))
    run = conform(*common, wrong, "--only", "BIZ-7.16", "--html", str(tmp_path / "page.html"))
    assert run.returncode == 1, run.stdout + run.stderr
    for line in (
        "failed  BIZ-7.16",
        "section: docs/BUSINESS.md, 7. What a business system must do",
        "expected: decision and clerk: REVIEW_DECISION_WITHHOLD, c-0003",
        "got: REVIEW_DECISION_PROVIDE, c-0003",
    ):
        assert line in run.stdout
    assert "REVIEW_DECISION_PROVIDE" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(600)  # all requirements for each switch
async def test_each_switch_fails_its_requirement_and_no_other(example: Path, tmp_path: Path) -> None:
    """Made wrong in one way, the business system fails the requirement that is about it, and passes all others."""

    async def tried(wrong: str) -> dict[str, str]:
        started = command(example, tmp_path / wrong, wrong)
        async with opened_business(command=started, token="token", port=0) as bench:
            bench.speaker.is_spared = wrong not in ACROSS_A_KILL
            results = await check_all(bench, BUSINESS.requirements)
        return {one.requirement.name: one.got.en for one in results if one.status != "passed"}

    found = await node.side_by_side(WRONG, tried, AT_ONCE)
    assert {name: set(failed) for name, failed in found.items()} == {name: {one} for name, one in WRONG.items()}, found
