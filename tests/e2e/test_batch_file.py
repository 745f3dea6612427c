"""The batch inquiry file on a network that changes between two sendings of the same file: its rows tell what is so now (BIZ §3 and §4)."""

from __future__ import annotations

import csv
import io
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from warifu.simulator.testing import Child
from warifu.simulator.testing.linkage import Face, Linkage

NHI = "nhi-480011"
FRESH = "900000000000001"
LINE = "01,,{number},20260406090000{at:03},1234567890          ,,nhi-480011,1,{affair},{procedure},,,{provider:<16},{item},0,1,{year}0401,"
EXPIRED = ("14", "回答期限切れ。", "", "EXPIRED", "GATEWAY_EXPIRED", "")
"""Columns 24, 25, 26, 22, 23 and 13 of a row."""


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """One engine for the tests of this module."""
    with Child.start() as started:
        yield started


@pytest.fixture
def linkage(child: Child) -> Iterator[Linkage]:
    """The network as at its beginning."""
    opened = child.linkage()
    opened.reset(stopped=True)
    yield opened
    opened.close()


def send(face: Face, path: str, body: bytes | None = None, media: str = "application/json") -> str:
    """A call to the face; what it answered."""
    headers = {"authorization": f"Bearer {face.token}", "content-type": media}
    with urllib.request.urlopen(urllib.request.Request(face.url + path, body, headers), timeout=60) as answer:
        told: str = answer.read().decode()
        return told


def line(expected: dict[str, Any], number: str, at: int = 0, **changes: str) -> str:
    """A line that asks what a test card expects, about a number."""
    return LINE.format(**expected | changes, number=number, at=at)


def told(face: Face, *lines: str) -> list[tuple[str, ...]]:
    """Send a file by HTTP and wait for its end; columns 24, 25, 26, 22, 23 and 13 of its rows."""
    content = "".join(f"{one}\r\n" for one in lines).encode()
    name = json.loads(send(face, "/v1/batch-inquiries", content, "text/csv"))["batchId"]
    state = json.loads(send(face, f"/v1/batch-inquiries/{name}?waitMs=20000"))
    assert state["state"] == "DONE", state
    rows = csv.reader(io.StringIO(send(face, f"/v1/batch-inquiries/{name}/result"), newline=""))
    return [tuple(row[column - 1] for column in (24, 25, 26, 22, 23, 13)) for row in rows]


def test_the_same_file_again_asks_what_was_refused_before(linkage: Linkage) -> None:
    """Who had no code when the file was sent first is asked about once enrolled, by the same file; what was answered is not asked anew."""
    face = linkage.face(NHI)
    known, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    stranger = next(card for card in linkage.people() if NHI not in card["addressees"] and card["card"])
    lines = [line(expected, FRESH), line(expected, known["addressees"][NHI], 1)]

    first = told(face, *lines)
    assert [row[0] for row in first] == ["12", "09"]
    assert first[0][4] == "CLIENT_ADDRESSEE_UNKNOWN"

    enrolment = {"addresseeNo": FRESH, "individualNumber": stranger["individual_number"]}
    enrolled = json.loads(send(face, "/v1/enrolments", json.dumps({"enrolments": [enrolment]}).encode()))
    assert enrolled == {"results": [{"addresseeNo": FRESH}]}
    again = told(face, *lines)
    assert (again[0][0], again[0][5], again[1]) == ("09", expected["provider"], first[1])
    asked = json.loads(send(face, "/v1/inquiries"))["inquiries"]
    assert sorted(one["request"]["addresseeNo"] for one in asked) == sorted([FRESH, known["addressees"][NHI]])


def test_the_same_file_again_asks_what_a_fault_refused(linkage: Linkage) -> None:
    """What an expired certificate of the institution kept from being asked is asked by the same file once it is renewed."""
    face = linkage.face(NHI)
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    asked = line(expected, card["addressees"][NHI])
    linkage.faults({"name": "certificate-expired", "institution": NHI})
    assert [(row[0], row[4]) for row in told(face, asked)] == [("19", "CLIENT_CERTIFICATE_EXPIRED")]

    linkage.faults()
    linkage.settle()

    assert [row[:4] for row in told(face, asked)] == [("09", "", "01", "PROVIDED")]


def test_a_review_that_lapsed_is_told_as_expired(linkage: Linkage) -> None:
    """An answer that waited for a clerk until its time was over is 回答期限切れ, and names no provider, since none answered."""
    face = linkage.face(NHI)
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    asked = line(expected, card["addressees"][NHI])
    linkage.faults("review-pending")
    assert [(row[0], row[3], row[5]) for row in told(face, asked)] == [("02", "PENDING", "")]

    linkage.set_clock(datetime.fromisoformat("2026-08-20T09:00+09:00"), stopped=True)
    linkage.settle()

    assert told(face, asked) == [EXPIRED]


@pytest.mark.parametrize("fault", ["expired-permit", "clock-skew"])
def test_a_permit_that_came_too_late_is_told_as_expired(linkage: Linkage, fault: str) -> None:
    """An exchange that the network closed without an answer is 回答期限切れ, not anything else."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    linkage.faults(fault)
    assert told(linkage.face(NHI), line(expected, card["addressees"][NHI])) == [EXPIRED]


def test_a_record_in_a_layout_not_in_force_is_told(linkage: Linkage) -> None:
    """Records that claim a version of the standard data layout from years ahead are 版不一致, and not the item's normal end."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    linkage.faults("wrong-layout")
    (row,) = told(linkage.face(NHI), line(expected, card["addressees"][NHI]))
    assert row == ("09", "版不一致。", "05", "PROVIDED", "", expected["provider"])


def test_a_provider_that_is_not_there_is_for_the_asker_to_correct(linkage: Linkage) -> None:
    """An institution that the law book does not have is refused for good, by file and by JSON; nobody is told to send the same again."""
    face = linkage.face(NHI)
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    (row,) = told(face, line(expected, card["addressees"][NHI], provider="tax-999999"))
    assert (row[0], row[4], row[5]) == ("19", "CLIENT_PROVIDER_UNKNOWN", "")
    assert "tax-999999" in row[1]

    asked = {name: expected[name] for name in ("affair", "procedure", "item")} | {"provider": "tax-999999"}
    asked |= {"addresseeNo": card["addressees"][NHI], "office": "window-1", "clerk": "c-0001"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        send(face, "/v1/inquiries", json.dumps(asked).encode())
    problem = json.load(refused.value)
    assert (refused.value.code, problem["reason"], problem["retryable"]) == (404, "CLIENT_PROVIDER_UNKNOWN", False)
    assert not json.loads(send(face, "/v1/inquiries")).get("inquiries")
