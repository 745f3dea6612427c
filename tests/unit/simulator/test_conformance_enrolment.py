"""What a requester's conformance says of enrolment: acquisition numbers that are none, adapters that know no enrolment, and what is played for it (CONF §6)."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from warifu.enrolment.v1 import enrolment_pb2
from warifu.numbering.v1 import numbering_pb2
from warifu.simulator.conformance import (
    REQUESTER,
    ConformanceError,
    RequesterBench,
    check_all,
    prepare_requester,
    prepared_requester,
)
from warifu.simulator.conformance.lines import Speaker
from warifu.simulator.conformance.outcome import UnmetError
from warifu.simulator.conformance.requester_enrol_expect import drawn
from warifu.simulator.conformance.requester_enrolment import Person, PlayedEnrolment
from warifu.simulator.conformance.requester_gateway import Failing, PlayedGateway

NHI = "nhi-490016"
ENROLMENT = [one.name for one in REQUESTER.requirements if one.section.startswith("2. ")]


def request(person: Person, number: bytes) -> numbering_pb2.EnrolRequest:
    """An enrolment as it comes to numbering."""
    return numbering_pb2.EnrolRequest(
        institution=NHI, acquisition_number=number, individual_number=person.identification["individualNumber"]
    )


def claimed(played: PlayedEnrolment, number: bytes) -> enrolment_pb2.ClaimResult:
    """The one result of a claim."""
    (result,) = played.claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[number]), "").results
    return result


def counted(place: int, _: Person) -> bytes:
    """A number that counts up."""
    return place.to_bytes(16, "big")


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (counted, "bytes that are alike in all"),
        (lambda place, _: os.urandom(15 + place % 2), "bytes of an acquisition number: 16"),
        (lambda place, _: hashlib.sha256(bytes([place % 3])).digest()[:16], "a fresh acquisition number for each"),
        (lambda _, one: os.urandom(4) + one.key.encode(), "nothing of the person in it"),
        (lambda _, one: os.urandom(10) + bytes.fromhex(one.key), "nothing of the person in it"),
        (lambda _, one: int(one.key).to_bytes(5, "big") + os.urandom(11), "nothing of the person in it"),
    ],
    ids=["counted", "short", "shared", "in ASCII", "in BCD", "in binary"],
)
def test_numbers_that_are_not_drawn_by_chance_are_found(number: Callable[[int, Person], bytes], told: str) -> None:
    """Numbers that count, are too short, come twice or hold the individual number fail PROTO-2.1, each with words of its own."""
    played = PlayedEnrolment()
    people = [played.person() for _ in range(8)]
    with pytest.raises(UnmetError) as failed:
        drawn(request(one, number(place, one)) for place, one in enumerate(people))
    assert told in failed.value.expected.en + failed.value.got.en


def test_random_numbers_pass_and_may_come_again_for_the_same_person() -> None:
    """Sixteen random bytes a person are right, and the same deposit sent again has no effect (PROTO-2.6)."""
    played = PlayedEnrolment()
    asked = [request(played.person(), os.urandom(16)) for _ in range(8)]
    drawn([*asked, *asked])


def test_the_played_network_enrols_whom_it_knows() -> None:
    """Who was deposited is claimed, again and again; who is unknown, or was never deposited, is refused; what is planned to fail fails first."""
    played = PlayedEnrolment()
    known, stranger, late = played.person(), played.person(), played.person()
    stranger.unknown = "CLIENT_PERSON_AMBIGUOUS"
    late.claims = [Failing("GATEWAY_UNAVAILABLE", retryable=True), Failing("CLIENT_ACQUISITION_REFUSED")]
    for place, one in enumerate((known, late)):
        assert not played.deposit(request(one, bytes([place]) * 16)).HasField("error")
    assert played.deposit(request(stranger, bytes([9]) * 16)).error.reason == "CLIENT_PERSON_AMBIGUOUS"
    for _ in range(2):
        assert claimed(played, bytes(16)).subject.code == known.code
    assert claimed(played, bytes([9]) * 16).refused == "CLIENT_ACQUISITION_REFUSED"
    with pytest.raises(Failing):
        claimed(played, bytes([1]) * 16)
    assert claimed(played, bytes([1]) * 16).refused == "CLIENT_ACQUISITION_REFUSED"
    assert late.code not in played.given
    assert claimed(played, bytes([1]) * 16).subject.code == late.code
    assert played.given == {known.code, late.code}


def test_three_items_are_too_few() -> None:
    """The played numbering body refuses whoever is named by fewer than four items, as the real one does (PROTO-2.2)."""
    played = PlayedEnrolment()
    items = played.person(by_items=True).identification["basicItems"]
    asked = numbering_pb2.EnrolRequest(acquisition_number=bytes(16))
    asked.basic_items.name, asked.basic_items.address = items["name"], items["address"]
    assert played.deposit(asked).error.reason == "CLIENT_LOOKUP_TOO_FEW_ITEMS"


def test_the_list_of_superseded_codes_goes_on() -> None:
    """Positions rise also from one run to the next, a reader is told what is new to it, and has read the list when it comes again."""
    before, played = PlayedEnrolment(), PlayedEnrolment()
    before.supersede(b"a")
    played.supersede(b"b", b"c")
    position = before.listed(0).position
    assert played.listed(0).position >= position
    first = played.listed(0)
    assert [one.code for one in first.subjects] == [b"b", b"c"]
    assert played.is_read
    played.supersede(b"d")
    assert not played.is_read
    again = played.listed(first.position)
    assert [one.code for one in again.subjects] == [b"d"]
    assert not played.is_read
    assert played.listed(again.position).position == again.position
    assert played.is_read


def saying(answer: str | None, folder: Path) -> RequesterBench:
    """A requester that says this to every question, or ends."""
    program = (
        "import sys; sys.stdin.readline()"
        if answer is None
        else f"import json,sys\nfor one in sys.stdin: print(json.dumps({{'requestId': json.loads(one)['requestId'], **{answer}}}), flush=True)"
    )
    prepared = prepare_requester(folder, NHI, "127.0.0.1:2", "127.0.0.1:3")
    speaker = Speaker([sys.executable, "-c", program])
    return RequesterBench(prepared, PlayedGateway(), speaker, cast("Any", None), PlayedEnrolment())


@pytest.mark.parametrize(
    ("answer", "expected", "got"),
    [
        (None, "an answer to the question, in a line (the question enrol, docs/CONFORMANCE.md 6)", "its end"),
        ("{'reason': 'CLIENT_METHOD_UNKNOWN'}", "an enrolment at numbering (the question enrol", "METHOD_UNKNOWN"),
        ("{}", "an enrolment at numbering (the question enrol", "reason –"),
    ],
)
async def test_an_adapter_without_enrolment_fails_and_is_told_which_question(
    tmp_path: Path, answer: str | None, expected: str, got: str
) -> None:
    """Whoever ends at the question `enrol`, does not know it, or only says that it enrolled, fails every requirement of enrolment, and is told where the question stands (CONF §6)."""
    bench = saying(answer, tmp_path)
    try:
        results = await check_all(bench, REQUESTER.chosen(ENROLMENT))
    finally:
        await bench.speaker.kill()
    assert len(results) == len(ENROLMENT) > 0
    for one in results:
        assert (one.status, expected in one.expected.en, got in one.got.en) == ("failed", True, True), one


def test_a_folder_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    """A folder that was prepared before there was a numbering body in it says to prepare it again, and then serves (CONF §6)."""
    made = prepare_requester(tmp_path, NHI, "127.0.0.1:2", "127.0.0.1:3")
    certificate = (made.theirs / "identities" / NHI / "cert.pem").read_bytes()
    path = tmp_path / "conformance.json"
    before = json.loads(path.read_text(encoding="utf-8"))
    del before["numbering"]
    path.write_text(json.dumps(before), encoding="utf-8")
    with pytest.raises(ConformanceError, match=f"earlier version.*prepare {tmp_path} --institution {NHI}"):
        prepared_requester(tmp_path)
    assert prepare_requester(tmp_path, NHI, "127.0.0.1:2", "127.0.0.1:3") == made == prepared_requester(tmp_path)
    assert (made.theirs / "identities" / NHI / "cert.pem").read_bytes() == certificate
    with pytest.raises(ConformanceError, match=r"cannot both be at 127\.0\.0\.1:2; choose another with --numbering"):
        prepare_requester(tmp_path, NHI, "127.0.0.1:2", "127.0.0.1:2")
