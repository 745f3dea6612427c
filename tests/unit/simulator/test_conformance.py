"""What surrounds the checks of a provider: requirements as data, folders, reports."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from unit.docs import markdown

from warifu.simulator.conformance import (
    REQUIREMENTS,
    ConformanceError,
    chosen,
    html,
    junit,
    prepare,
    prepare_requester,
    prepared,
    prepared_requester,
)
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.frame import Requirement
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain
from warifu.simulator.conformance.run import Result, check

PROTOCOL = markdown.ROOT / "docs" / "PROTOCOL.md"
PAGE = markdown.ROOT / "docs" / "CONFORMANCE.md"
(FIRST,) = chosen(["signature"])


def failed(got: str = "an answer") -> Result:
    """A requirement that failed."""
    return Result(
        FIRST,
        "failed",
        0.25,
        Text("理由", "the reason CLIENT_PERMIT_INVALID"),
        plain(got),
        ({"signed_by": "another's key"},),
    )


def test_every_number_and_section_is_in_the_protocol() -> None:
    """Each requirement's numbers are requirements of PROTOCOL.md, and the first stands in the section that it names."""
    text = markdown.text(PROTOCOL)
    headings = {title for level, title in markdown.headings(PROTOCOL) if level == 2}
    for one in REQUIREMENTS:
        assert all(f"**{number}**" in text for number in one.numbers), one.name
        assert one.section in headings, one.name
        assert one.section.partition(".")[0] == re.findall(r"\d+", one.numbers[0])[0] or one.name == "record"


def test_the_page_has_the_data() -> None:
    """The table of CONFORMANCE.md is that of the requirements."""
    table = next(one for one in markdown.tables(PAGE) if one[0][0] == "name")
    rows = [[cell.strip("` ") for cell in row] for row in table[1:]]
    assert rows == [[one.name, one.label, one.section, one.en, one.ja] for one in REQUIREMENTS]


def test_names_are_used_once() -> None:
    """No two requirements have one name."""
    assert len({one.name for one in REQUIREMENTS}) == len(REQUIREMENTS)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["PROTO-5.5"], ["signature", "form", "audience"]),
        (["5.4", "size"], ["size", "single_use", "repeat"]),
        (["proto-13.1"], ["record"]),
    ],
)
def test_requirements_are_chosen_by_number_or_name(words: list[str], names: list[str]) -> None:
    """A number chooses all that are about it, with or without its prefix; a name chooses its own."""
    assert [one.name for one in chosen(words)] == names


def test_an_unknown_number_is_told() -> None:
    """A number that no requirement has is refused, with those that there are."""
    with pytest.raises(ConformanceError, match=r"99\.1; there are PROTO-1\.1"):
        chosen(["99.1"])


def test_a_folder_is_prepared_and_read_again(tmp_path: Path) -> None:
    """What was prepared is read from the folder, wherever it was moved to, and prepared again keeps the provider's certificate."""
    made = prepare(tmp_path / "here", "tax-480029", "127.0.0.1:1", "127.0.0.1:2")
    certificate = (made.theirs / "tls" / "server.pem").read_bytes()
    assert prepare(tmp_path / "here", "tax-480029", "127.0.0.1:1", "127.0.0.1:2") == made
    assert (made.theirs / "tls" / "server.pem").read_bytes() == certificate
    (tmp_path / "here").rename(tmp_path / "there")
    found = prepared(tmp_path / "there")
    assert (found.institution, found.listen, found.root) == ("tax-480029", "127.0.0.1:1", tmp_path / "there")
    assert (found.requester, found.other) == ("nhi-490016", "tax-490016")


def test_only_tax_offices_are_prepared(tmp_path: Path) -> None:
    """Another kind of institution is refused, and so is a folder that was not prepared."""
    with pytest.raises(ConformanceError, match="no tax office is called nhi-480029"):
        prepare(tmp_path, "nhi-480029", "127.0.0.1:1", "127.0.0.1:2")
    with pytest.raises(ConformanceError, match="was not prepared"):
        prepared(tmp_path)


def test_a_folder_is_one_institution_s(tmp_path: Path) -> None:
    """What is prepared for one institution is not undone by preparing another there, of either role, which is refused and told where instead (CONF §1)."""
    made = prepare(tmp_path, "tax-480011", "127.0.0.1:1", "127.0.0.1:2")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(
        ConformanceError, match=f"for tax-480011 already.*{tmp_path}-nhi-490016 --institution nhi-490016"
    ):
        prepare_requester(tmp_path, "nhi-490016", "127.0.0.1:2", "127.0.0.1:3")
    with pytest.raises(ConformanceError, match="for tax-480011 already"):
        prepare(tmp_path, "tax-480029", "127.0.0.1:1", "127.0.0.1:2")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert prepared(tmp_path) == made


def test_a_folder_of_the_other_role_is_told(tmp_path: Path) -> None:
    """Who runs the checks of one role with the folder of the other is told whose it is, and to prepare another folder (CONF §6)."""
    provider, requester = tmp_path / "provider", tmp_path / "requester"
    prepare(provider, "tax-480011", "127.0.0.1:1", "127.0.0.1:2")
    prepare_requester(requester, "nhi-490016", "127.0.0.1:2", "127.0.0.1:3")
    with pytest.raises(ConformanceError, match=f"for tax-480011.*prepare {provider}-nhi-490016 "):
        prepared_requester(provider)
    with pytest.raises(ConformanceError, match=f"for nhi-490016.*prepare {requester}-tax-480011 "):
        prepared(requester)


@pytest.mark.parametrize("address", ["nonsense", "host:", ":80", "host:port", "http://host:80", ""])
def test_addresses_are_checked(tmp_path: Path, address: str) -> None:
    """What is no host with a port is refused before anything is written."""
    with pytest.raises(ConformanceError, match="is no address"):
        prepare(tmp_path / "none", "tax-480011", address, "127.0.0.1:2")
    assert not (tmp_path / "none").exists()


def test_junit_tells_a_failure() -> None:
    """A failure is a failed case with number, expected, got, section and what was sent, whatever bytes the provider said."""
    root = ET.fromstring(
        junit([failed("an\x00\x1b \ud800answer"), Result(REQUIREMENTS[1], "passed", 1.0)], "tax-480011")
    )
    assert {name: root.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "2",
        "failures": "1",
        "skipped": "0",
    }
    (failure,) = root.iter("failure")
    assert failure.get("message") == "expected the reason CLIENT_PERMIT_INVALID, got an\ufffd\ufffd \ufffdanswer"
    assert failure.get("type") == "PROTO-5.5"
    assert "5. Permit" in (failure.text or "")
    assert "another's key" in (failure.text or "")


@pytest.mark.parametrize(("language", "word"), [("ja", "期待したもの"), ("en", "Expected")])
def test_the_page_of_a_run_tells_a_failure(language: str, word: str) -> None:
    """The page is in its language, says what was expected and got, and shows a provider's words as text."""
    page = html([failed("<script>")], "tax-480011", "127.0.0.1:1", language)
    assert f'<html lang="{language}">' in page
    assert word in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_what_no_check_thought_of_fails_the_requirement() -> None:
    """A check that breaks over what came is a failed requirement, and one that passes is not."""

    class Standing:
        sent: list[dict[str, str]] = []  # noqa: RUF012 - one instance
        notes: list[str] = []  # noqa: RUF012

    async def breaks(bench: Bench) -> None:
        bench.sent.append({"n": 1})
        raise IndexError("no such place")

    async def holds(bench: Bench) -> None:
        expect(plain("a"), {1, 2}, {2, 1})

    def tried(how) -> Result:
        return asyncio.run(check(Standing(), Requirement("x", ("PROTO-1.1",), "1.", "", "", how)))

    broken = tried(breaks)
    assert (broken.status, broken.got.en, broken.sent) == ("failed", "IndexError: no such place", ({"n": 1},))
    assert tried(holds).status == "passed"
    with pytest.raises(UnmetError, match="expected bytes: 4096, got –"):
        expect(Text("バイト数", "bytes"), set(), {4096})
