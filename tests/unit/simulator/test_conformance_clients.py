"""What surrounds the checks of requesters and business systems: requirements as data, folders, lines."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from unit.docs import markdown

from warifu.simulator.conformance import (
    BUSINESS,
    REQUESTER,
    ConformanceError,
    Suite,
    html,
    junit,
    prepare_requester,
    prepared_requester,
)
from warifu.simulator.conformance.lines import Speaker, words_of
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.simulator.conformance.run import Result
from warifu.simulator.conformance.told import Told

PAGE = markdown.ROOT / "docs" / "CONFORMANCE.md"
SUITES = pytest.mark.parametrize("suite", [REQUESTER, BUSINESS], ids=lambda suite: suite.name)


@SUITES
def test_every_number_and_section_is_on_its_page(suite: Suite[Any]) -> None:
    """Each requirement's numbers are requirements of the suite's page, the first in the section that it names, and no name is used twice."""
    path = markdown.ROOT / suite.page
    text, headings = markdown.text(path), {title for level, title in markdown.headings(path) if level == 2}
    for one in suite.requirements:
        assert all(f"**{number}**" in text for number in one.numbers), one.name
        assert one.section in headings, one.name
        assert one.section.partition(".")[0] == re.findall(r"\d+", one.numbers[0])[0], one.name
    assert len({one.name for one in suite.requirements}) == len(suite.requirements)


@SUITES
def test_the_page_has_the_data(suite: Suite[Any]) -> None:
    """A table of CONFORMANCE.md is that of the requirements."""
    rows = [(one.name, one.label, one.section, one.en, one.ja) for one in suite.requirements]
    there = [[tuple(cell.strip("` ") for cell in row) for row in one[1:]] for one in markdown.tables(PAGE)]
    assert rows in there


def test_every_requirement_of_business_systems_is_tried() -> None:
    """What BUSINESS.md says that a business system must do is what is tried, in that order."""
    stated = re.findall(r"\*\*(BIZ-7\.\d+)\*\*", markdown.text(markdown.ROOT / BUSINESS.page))
    assert stated == [one.numbers[0] for one in BUSINESS.requirements]


async def test_a_command_that_cannot_be_run_is_told_with_what_to_do(tmp_path: Path) -> None:
    """A command that is not there, may not be run, or has an open quotation mark is refused in both languages, each in its own words."""
    plain_file = tmp_path / "office"
    plain_file.write_text("#!/bin/sh\n", encoding="utf-8")
    for command, en, ja in (
        ("my-office --store x", "there is no command my-office", "my-office というコマンドがありません"),
        (str(plain_file), "chmod +x it", "chmod +x するか"),
    ):
        with pytest.raises(ConformanceError, match=re.escape(en)) as refused:
            await Speaker(words_of(command)).start()
        assert ja in refused.value.ja
        assert not re.search("No such|denied", refused.value.ja)
    with pytest.raises(ConformanceError, match="a quotation mark of the command is not closed"):
        words_of("my-office 'x")


def test_the_numbers_that_there_are_stand_in_their_order() -> None:
    """Who names a number that there is not is told those that there are, 9.4 before 11.1."""
    with pytest.raises(ConformanceError) as refused:
        REQUESTER.chosen(["nothing"])
    numbers = re.findall(r"PROTO-(\d+)\.(\d+)", str(refused.value))
    assert numbers == sorted(numbers, key=lambda one: tuple(map(int, one)))


def test_requirements_are_chosen_by_number_or_name() -> None:
    """A number chooses all that are about it, in any spelling; one that no requirement has is refused with those that there are."""
    assert [one.name for one in BUSINESS.chosen(["biz-7.4", "values"])] == ["same_request", "values"]
    assert [one.name for one in REQUESTER.chosen(["3.7"])] == ["query_size", "padding"]
    with pytest.raises(ConformanceError, match=r"no requirement BIZ-9\.9; there are BIZ-7\.1"):
        BUSINESS.chosen(["BIZ-9.9"])


def test_a_folder_is_prepared_for_a_requester(tmp_path: Path) -> None:
    """What was prepared is read again; nobody who is asked is of the requester's body; another kind of office is refused."""
    made = prepare_requester(tmp_path / "here", "nhi-480029", "127.0.0.1:2", "127.0.0.1:3")
    assert prepared_requester(tmp_path / "here") == made
    assert (made.theirs / "identities" / "nhi-480029" / "cert.pem").is_file()
    assert not any(one.endswith("480029") for one in made.providers)
    with pytest.raises(ConformanceError, match="no municipal health insurance is called tax-480029"):
        prepare_requester(tmp_path, "tax-480029", "127.0.0.1:2", "127.0.0.1:3")
    with pytest.raises(ConformanceError, match="was not prepared for a requester"):
        prepared_requester(tmp_path)


def echo(*lines: str) -> Speaker:
    """Somebody who says these lines to every line, with the question's id for {}."""
    program = f"import json,sys\nfor one in sys.stdin:\n for line in {list(lines)!r}: print(line.replace('ID', json.loads(one)['requestId']), flush=True)"
    return Speaker([sys.executable, "-c", program])


async def test_other_lines_are_passed_over() -> None:
    """Logs, lists and answers to other questions on the way do no harm."""
    speaker = echo(
        "listening", "[]", '{"requestId": "other", "outcome": "ERROR"}', '{"requestId": "ID", "outcome": "DENIED"}'
    )
    try:
        assert await speaker.say({"requestId": "a"}) == {"requestId": "a", "outcome": "DENIED"}
        assert (await speaker.say({"requestId": "b"}))["requestId"] == "b"
    finally:
        await speaker.kill()


@pytest.mark.parametrize(("speaker", "got"), [(Speaker(["true"]), "its end"), (echo("silence"), "none within 1 s")])
async def test_silence_is_a_failure_and_not_for_ever(speaker: Speaker, got: str) -> None:
    """Who ends, or says nothing in time, fails the requirement, and the next question starts it anew."""
    for _ in range(2):
        with pytest.raises(UnmetError) as failed:
            await speaker.say({"requestId": "a"}, patience=1.0)
        assert got in failed.value.got.en


def test_what_is_told_is_read() -> None:
    """Names and values are read as proto3 JSON says, in either spelling; what is no record is told as that."""
    said = {
        "outcome": "ANSWERED",
        "fineOutcome": "PROVIDED",
        "records": [{"content": {"localTax": {"salaryRevenueYen": "7"}}}],
    }
    other = {**said, "records": [{"record_key": "2026", "content": {"local_tax": {"salary_revenue_yen": 7}}}]}
    assert Told.of(said) == Told.of(other) == Told("ANSWERED", "PROVIDED", "", (7,))
    assert Told.of({"requestId": "a", "reason": None}) == Told("", "", "", ())
    for records in (["none"], [7], 7, {"content": "none"}, [{"content": {"localTax": {"salaryRevenueYen": "much"}}}]):
        with pytest.raises(UnmetError):
            Told.of({"records": records})


def test_reports_name_the_suite() -> None:
    """JUnit and the page say which suite failed and on which page the section is."""
    one = BUSINESS.requirements[0]
    results = [Result(one, "failed", 0.5, Text("理由", "the reason"), plain("none"), ({"errand": {}},))]
    assert 'classname="warifu.conformance.business.enrol"' in junit(results, "", BUSINESS)
    assert "docs/BUSINESS.md, 7. What a business system must do" in junit(results, "", BUSINESS)
    page = html(results, "", "my-office", "en", BUSINESS)
    assert "<h1>Conformance of a business system</h1>" in page
    assert "docs/BUSINESS.md, 7." in page
