"""Numbers and items at the numbering body over real mTLS: who matches whom, what is refused, what is told to nobody."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import grpc
import pytest
from contract.numbering_desk import REAL_LOOKING, by_items, enrol, match
from tiny import error_of, reason_of
from town import DEADLINE, NHI, TAX, Town, code_of, person

from warifu.kernel.clock import SimulatedClock
from warifu.kernel.errors import Reason
from warifu.kernel.limits import LOOKUPS_A_MINUTE
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbers import individual_number


async def test_a_number_with_its_person_matches(network: Town) -> None:
    """A number and the folded items of its person match and return the items as registered."""
    (number,) = await network.people([person(name="髙橋　邉")])
    answer = await network.numbering("tax", TAX).Match(match(f" {number[:4]} {number[4:]}", person(name="高橋 辺")))
    assert answer.matched
    assert answer.registered == person(name="髙橋　邉")


async def test_unknown_number_and_other_person_look_alike(network: Town) -> None:
    """A number that nobody has and a number of somebody else get byte for byte the same answer."""
    _first, second = await network.people([person(0), person(1)])
    stub = network.numbering("tax", TAX)
    nobodys = individual_number.derive(b"another key of 16", code_of(9), 0)
    answers = [await stub.Match(match(number, person(0))) for number in (second, nobodys)]
    assert [a.SerializeToString() for a in answers] == [b"", b""]


async def test_what_is_no_number_here_is_refused(network: Town) -> None:
    """A number outside the block, with a wrong check digit or of another form is refused by its own reason, and not repeated."""
    stub = network.numbering("tax", TAX)
    for number, reason in (
        (REAL_LOOKING, Reason.CLIENT_NUMBER_NOT_SYNTHETIC),
        ("999000000000", Reason.CLIENT_NUMBER_CHECK_DIGIT),
        ("99900000000", Reason.CLIENT_NUMBER_MALFORMED),
        ("九九九", Reason.CLIENT_NUMBER_MALFORMED),
        ("", Reason.CLIENT_NUMBER_MALFORMED),
    ):
        error = await error_of(stub.Match(match(number, person())), "numbering")
        assert error.reason == reason
        assert not number or number not in f"{error} {error.text('ja')} {error.metadata}"
        request = pb.EnrolRequest(institution=TAX, acquisition_number=bytes(16), individual_number=number)
        (response,) = await enrol(network, [request])
        assert response.error.reason == reason


async def test_a_number_alone_is_refused(network: Town) -> None:
    """A right number without items is refused as alone, with three items as too few."""
    (number,) = await network.people([person()])
    stub = network.numbering("tax", TAX)
    assert await reason_of(stub.Match(match(number, None)), "numbering") == Reason.CLIENT_NUMBER_ALONE
    few = person(address="")
    assert await reason_of(stub.Match(match(number, few)), "numbering") == Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS


async def test_three_items_find_nobody(network: Town) -> None:
    """A look-up and an enrolment with any three of the four items are refused, however unique they are."""
    await network.people([person()])
    stub = network.numbering("tax", TAX)
    for missing in ("name", "address", "birth_date", "sex"):
        few = person()
        few.ClearField(missing)
        request = pb.LookUpRequest(institution=TAX, basic_items=few)
        assert await reason_of(stub.LookUp(request), "numbering") == Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS
        (response,) = await enrol(network, [by_items(few)])
        assert response.error.reason == Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS


async def test_look_up_finds_exactly_one_or_says_how_many(network: Town) -> None:
    """A look-up returns one person's items, none for a near miss, and only the count for people who share all four."""
    await network.people([person(0), person(1), person(1)])
    stub = network.numbering("tax", TAX)
    asked = [person(0), person(0, address="青凪市港町11番地"), person(1)]
    answers = [await stub.LookUp(pb.LookUpRequest(institution=TAX, basic_items=items)) for items in asked]
    assert [(a.matches, a.HasField("registered")) for a in answers] == [(1, True), (0, False), (2, False)]


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine time passes: an allowance does not grow while calls are made."""
    now = datetime.now(tz=UTC)
    monkeypatch.setattr(SimulatedClock, "machine", lambda _: now)


@pytest.mark.usefixtures("standing")
async def test_look_ups_are_limited_and_enrolment_is_not(network: Town) -> None:
    """After a minute's look-ups at once the next is refused, for this institution alone, and bulk enrolment still goes through."""
    await network.people(person(n) for n in range(700))
    stub, request = network.numbering("tax", TAX), pb.LookUpRequest(institution=TAX, basic_items=person())
    codes = [await stub.LookUp(request).code() for _ in range(LOOKUPS_A_MINUTE + 20)]
    assert codes == [grpc.StatusCode.OK] * LOOKUPS_A_MINUTE + [grpc.StatusCode.RESOURCE_EXHAUSTED] * 20
    await network.numbering("health_insurance", NHI).LookUp(pb.LookUpRequest(institution=NHI, basic_items=person()))
    responses = await enrol(network, [by_items(person(n)) for n in range(700)])
    assert not any(response.HasField("error") for response in responses)


@pytest.mark.usefixtures("standing")
async def test_guessing_by_enrolment_is_limited(network: Town) -> None:
    """Misses of enrolment are counted: after a minute's worth even a hit is refused."""
    await network.people([person(0)])
    guesses = [person(n) for n in range(1, LOOKUPS_A_MINUTE * 2)]
    responses = await enrol(network, [by_items(items) for items in (*guesses, person(0))])
    reasons = [response.error.reason for response in responses]
    assert reasons[0] == Reason.CLIENT_PERSON_NOT_MATCHED
    assert reasons[-1] == Reason.CLIENT_RATE_LIMITED


async def test_another_institutions_name_ends_the_call(network: Town) -> None:
    """Whoever names another institution is refused, in single calls and in streams."""
    stub = network.numbering("tax", TAX)
    assert await reason_of(stub.Match(match("", person(), NHI)), "numbering") == Reason.CLIENT_NOT_YOURS
    stream = stub.Enrol(iter([by_items(person(), institution=NHI)]))
    assert await reason_of(stream.read(), "numbering") == Reason.CLIENT_NOT_YOURS


async def test_invalid_utf_8_is_malformed(network: Town) -> None:
    """A message whose text is no UTF-8 is refused as malformed, and the party goes on serving."""
    stub = network.numbering("tax", TAX)
    good = pb.LookUpRequest(institution=TAX, basic_items=person()).SerializeToString()
    broken = good.replace("試験".encode(), b"\xff\xfe\xfa\xff\xfe\xfa")
    assert broken != good
    raw = network._channels[-1].unary_unary("/warifu.numbering.v1.NumberingService/LookUp")
    assert await reason_of(raw(broken, timeout=DEADLINE), "numbering") == Reason.CLIENT_MALFORMED
    assert (await stub.LookUp(pb.LookUpRequest(institution=TAX, basic_items=person()))).matches == 0


async def test_markup_in_a_name_is_text(network: Town) -> None:
    """A name with markup is kept and given back as it is."""
    name = "<script>alert('花')</script>"
    (number,) = await network.people([person(name=name)])
    answer = await network.numbering("tax", TAX).Match(match(number, person(name=name)))
    assert answer.registered.name == name


async def test_the_stolen_database_shows_no_number(network: Town) -> None:
    """Neither an individual number, nor a resident code, nor what was looked up lies readable in the database files."""
    numbers = await network.people(person(n) for n in range(5))
    stub = network.numbering("tax", TAX)
    await stub.Match(match(numbers[0], person(0)))
    await stub.LookUp(pb.LookUpRequest(institution=TAX, basic_items=person(99)))
    acquisition = os.urandom(16)
    await enrol(network, [by_items(person(1), acquisition)])
    held = b"".join(path.read_bytes() for path in (network.state / "numbering").glob("numbering.db*"))
    for secret in (*numbers, *(code_of(n) for n in range(5)), person(99).name):
        assert secret.encode() not in held
    assert acquisition not in held
    assert person(1).name.encode() in held


async def test_every_look_is_recorded(network: Town) -> None:
    """Who looked, how and with what success is recorded at network time, equal looks of a batch in one row."""
    (number,) = await network.people([person()])
    stub = network.numbering("tax", TAX)
    await stub.Match(match(number, person()))
    await stub.Match(match(number, person(1)))
    await stub.LookUp(pb.LookUpRequest(institution=TAX, basic_items=person()))
    with closing(sqlite3.connect(network.state / "numbering" / "numbering.db")) as store, store:
        rows = store.execute("SELECT institution, kind, outcome, sum(times) FROM lookup GROUP BY 1, 2, 3").fetchall()
        (at,) = store.execute("SELECT DISTINCT looked_at FROM lookup").fetchone()
    assert set(rows) == {(TAX, "match", "found", 1), (TAX, "match", "not-found", 1), (TAX, "look-up", "found", 1)}
    assert at == 1775433600000  # 2026-04-06T00:00:00Z
