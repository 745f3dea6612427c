"""The numbering body over real mTLS, with the real gateway behind it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tiny import error_of, reason_of
from town import CITY, DEADLINE, NHI, TAX, Town, code_of, person, town

from warifu.common.v1 import common_pb2
from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.gateway import party as gateway
from warifu.kernel.errors import Reason
from warifu.numbering import party as numbering
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc
from warifu.numbers import individual_number

REAL_LOOKING = "123456789018"
"""A well-formed number outside the synthetic block (python-stdnum's own example)."""


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[Town]:
    """Gateway and numbering."""
    async with town(tmp_path, ("gateway", gateway.build), ("numbering", numbering.build)) as made:
        yield made


def match(number: str, items: common_pb2.BasicItems | None, institution: str = TAX) -> pb.MatchRequest:
    """A question of the tax office."""
    return pb.MatchRequest(institution=institution, individual_number=number, basic_items=items)


async def enrol(town_: Town, requests: Sequence[pb.EnrolRequest], code: str = TAX) -> list[pb.EnrolResponse]:
    """The responses to a stream of enrolments."""
    party = "tax" if code == TAX else "health_insurance"
    return [response async for response in town_.numbering(party, code).Enrol(iter(requests))]


def by_items(items: common_pb2.BasicItems, number: bytes | None = None, institution: str = TAX) -> pb.EnrolRequest:
    """An enrolment by the 4 basic items."""
    return pb.EnrolRequest(institution=institution, acquisition_number=number or os.urandom(16), basic_items=items)


async def claim(town_: Town, number: bytes, code: str = TAX) -> str:
    """What the gateway gives for an acquisition number: "" for a code, else the reason."""
    party = "tax" if code == TAX else "health_insurance"
    stub = town_.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", party, code)
    response = await stub.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[number]), timeout=DEADLINE)
    return response.results[0].refused


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


async def test_look_ups_are_limited_and_enrolment_is_not(network: Town) -> None:
    """After a minute's look-ups at once the next is refused, for this institution alone, and bulk enrolment still goes through."""
    from warifu.kernel.limits import LOOKUPS_A_MINUTE

    await network.people(person(n) for n in range(700))
    stub, request = network.numbering("tax", TAX), pb.LookUpRequest(institution=TAX, basic_items=person())
    codes = [await stub.LookUp(request).code() for _ in range(LOOKUPS_A_MINUTE + 200)]
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert codes.count(grpc.StatusCode.OK) >= LOOKUPS_A_MINUTE
    await network.numbering("health_insurance", NHI).LookUp(pb.LookUpRequest(institution=NHI, basic_items=person()))
    responses = await enrol(network, [by_items(person(n)) for n in range(700)])
    assert not any(response.HasField("error") for response in responses)


async def test_guessing_by_enrolment_is_limited(network: Town) -> None:
    """Misses of enrolment are counted: after a minute's worth even a hit is refused."""
    from warifu.kernel.limits import LOOKUPS_A_MINUTE

    await network.people([person(0)])
    responses = await enrol(network, [by_items(person(n)) for n in range(1, LOOKUPS_A_MINUTE * 2)])
    reasons = [response.error.reason for response in responses]
    assert reasons[0] == Reason.CLIENT_PERSON_NOT_MATCHED
    assert reasons[-1] == Reason.CLIENT_RATE_LIMITED


async def test_enrolment_reaches_the_gateway(network: Town) -> None:
    """By items and by number a person is enrolled, and the institution claims the same code for both."""
    (number,) = await network.people([person()])
    first, second = os.urandom(16), os.urandom(16)
    requests = [
        by_items(person(), first),
        pb.EnrolRequest(institution=TAX, acquisition_number=second, individual_number=number),
    ]
    assert not any(response.HasField("error") for response in await enrol(network, requests))
    stub = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "tax", TAX)
    results = (await stub.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[first, second]))).results
    assert results[0].subject == results[1].subject
    assert results[0].HasField("subject")


async def test_an_acquisition_number_serves_its_institution_alone(network: Town) -> None:
    """Another institution claims nothing with it, an unknown one claims nothing, and both look alike."""
    await network.people([person()])
    number = os.urandom(16)
    await enrol(network, [by_items(person(), number)])
    refusals = {await claim(network, number, NHI), await claim(network, os.urandom(16), NHI)}
    assert refusals == {Reason.CLIENT_ACQUISITION_REFUSED}
    assert await claim(network, number) == ""


async def test_an_acquisition_number_means_one_person(network: Town) -> None:
    """The same number for another person is refused, in one batch and later, and spoils no other enrolment of its batch."""
    await network.people([person(0), person(1), person(2)])
    number = os.urandom(16)
    batch = [by_items(person(2)), by_items(person(0), number), by_items(person(1), number), by_items(person(0), number)]
    reasons = [response.error.reason for response in await enrol(network, batch)]
    assert reasons == ["", "", Reason.CLIENT_ACQUISITION_CHANGED, ""]
    (later,) = await enrol(network, [by_items(person(1), number)])
    assert later.error.reason == Reason.CLIENT_ACQUISITION_CHANGED


async def test_a_bad_item_harms_no_other(network: Town) -> None:
    """In a stream with bad items every response stands at its place, and the good ones are enrolled."""
    await network.people([person(0), person(1), person(1)])
    requests = [
        by_items(person(0)),
        pb.EnrolRequest(institution=TAX, acquisition_number=b"short", basic_items=person(0)),
        pb.EnrolRequest(institution=TAX, acquisition_number=os.urandom(16)),
        by_items(person(5)),
        by_items(person(1)),
        by_items(person(0)),
    ]
    responses = await enrol(network, requests)
    assert [response.acquisition_number for response in responses] == [r.acquisition_number for r in requests]
    assert [response.error.reason for response in responses] == [
        "",
        Reason.CLIENT_MALFORMED,
        Reason.CLIENT_MALFORMED,
        Reason.CLIENT_PERSON_NOT_MATCHED,
        Reason.CLIENT_PERSON_AMBIGUOUS,
        "",
    ]


async def test_another_institutions_name_ends_the_call(network: Town) -> None:
    """Whoever names another institution is refused, in single calls and in streams."""
    stub = network.numbering("tax", TAX)
    assert await reason_of(stub.Match(match("", person(), NHI)), "numbering") == Reason.CLIENT_NOT_YOURS
    stream = stub.Enrol(iter([by_items(person(), institution=NHI)]))
    assert await reason_of(stream.read(), "numbering") == Reason.CLIENT_NOT_YOURS


async def test_a_mover_is_enrolled_by_whoever_has_not_heard(network: Town) -> None:
    """After a move the new items and the ones before enrol the same person, but only the new ones match a number or a look-up."""
    (number,) = await network.people([person()])
    after = person(address="白汐市浜通一丁目2番3号")
    register = network.register("residency", CITY)
    change = pb.NoteChangeRequest(institution=CITY, before=person(), after=after)
    for _again in range(2):
        await register.NoteChange(change)
    assert not any(r.HasField("error") for r in await enrol(network, [by_items(person()), by_items(after)]))
    stub = network.numbering("tax", TAX)
    assert [(await stub.Match(match(number, items))).matched for items in (person(), after)] == [False, True]
    assert (await stub.LookUp(pb.LookUpRequest(institution=TAX, basic_items=person()))).matches == 0
    other = pb.NoteChangeRequest(institution=CITY, before=person(), after=person(3))
    assert await reason_of(register.NoteChange(other), "numbering") == Reason.CLIENT_PERSON_NOT_MATCHED


async def test_a_changed_number_touches_no_code(network: Town) -> None:
    """After a leak the old number is refused with a reason, the new one matches, and codes are claimed as before."""
    (old,) = await network.people([person()])
    before = os.urandom(16)
    await enrol(network, [by_items(person(), before)])
    register = network.register("residency", CITY)
    request = pb.ChangeIndividualNumberRequest(
        institution=CITY, individual_number=old, basic_items=person(), reason="封筒の紛失 <script>alert(1)</script>"
    )
    new = (await register.ChangeIndividualNumber(request)).individual_number
    assert individual_number.check(new) != old
    stub = network.numbering("tax", TAX)
    assert (await stub.Match(match(new, person()))).matched
    assert await reason_of(stub.Match(match(old, person())), "numbering") == Reason.CLIENT_NUMBER_RETIRED
    assert not (await stub.Match(match(old, person(1)))).matched
    assert await reason_of(register.ChangeIndividualNumber(request), "numbering") == Reason.CLIENT_NUMBER_RETIRED
    retired = pb.EnrolRequest(institution=TAX, acquisition_number=os.urandom(16), individual_number=old)
    after = os.urandom(16)
    first, second = await enrol(network, [retired, by_items(person(), after)])
    assert (first.error.reason, second.error.reason) == (Reason.CLIENT_NUMBER_RETIRED, "")
    gate = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "tax", TAX)
    results = (await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[before, after]))).results
    assert results[0].subject == results[1].subject
    with closing(sqlite3.connect(network.state / "numbering" / "numbering.db")) as store, store:
        reasons = [row[0] for row in store.execute("SELECT reason FROM individual_number WHERE reason IS NOT NULL")]
    assert reasons == ["封筒の紛失 <script>alert(1)</script>"]


async def test_a_number_can_be_changed_nine_times(network: Town) -> None:
    """Each change gives another number; the tenth is refused."""
    (number,) = await network.people([person()])
    register, seen = network.register("residency", CITY), {number}
    for _ in range(9):
        request = pb.ChangeIndividualNumberRequest(
            institution=CITY, individual_number=number, basic_items=person(), reason="漏えい"
        )
        number = (await register.ChangeIndividualNumber(request)).individual_number
        seen.add(number)
    assert len(seen) == 10
    request.individual_number = number
    assert await reason_of(register.ChangeIndividualNumber(request), "numbering") == Reason.CLIENT_MALFORMED


async def test_a_changed_resident_code_supersedes_codes_and_keeps_the_number(network: Town) -> None:
    """The gateway lists the old code as superseded, a new claim gives another code, and the individual number still matches."""
    (number,) = await network.people([person()])
    first, second = os.urandom(16), os.urandom(16)
    await enrol(network, [by_items(person(), first)])
    gate = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "tax", TAX)
    old = (await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[first]))).results[0].subject
    request = pb.ChangeResidentCodeRequest(institution=CITY, basic_items=person())
    await network.register("residency", CITY).ChangeResidentCode(request)
    assert list((await gate.ListSuperseded(enrolment_pb2.ListSupersededRequest())).subjects) == [old]
    await enrol(network, [by_items(person(), second)])
    new = (await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[second]))).results[0].subject
    assert new.SerializeToString() not in {b"", old.SerializeToString()}
    assert (await network.numbering("tax", TAX).Match(match(number, person()))).matched


async def test_a_change_of_code_outlives_an_absent_gateway(tmp_path: Path) -> None:
    """While the gateway is away the change is made and owed; once it is back, the job tells it."""
    made = Town.make(tmp_path)
    async with made.serve("numbering", numbering.build) as running:
        await made.people([person()])
        request = pb.ChangeResidentCodeRequest(institution=CITY, basic_items=person())
        await made.register("residency", CITY).ChangeResidentCode(request)
        with closing(sqlite3.connect(tmp_path / "numbering" / "numbering.db")) as store, store:
            assert store.execute("SELECT count(*) FROM code_change WHERE told_at IS NULL").fetchone() == (1,)
        del running
    async with made.serve("gateway", gateway.build), made.serve("numbering", numbering.build) as running:
        await running.jobs.settle()
        with closing(sqlite3.connect(tmp_path / "numbering" / "numbering.db")) as store, store:
            assert store.execute("SELECT count(*) FROM code_change WHERE told_at IS NULL").fetchone() == (0,)
        with closing(sqlite3.connect(tmp_path / "gateway" / "gateway.db")) as store, store:
            assert store.execute("SELECT count(*) FROM superseded").fetchone() == (1,)
    await made.close()


async def test_registering_says_what_is_wrong_with_each(network: Town) -> None:
    """Every registration is answered in order: taken code, bad code, known person, too few items, too long a name; the same again is fine."""
    await network.people([person(0)])
    register = network.register("residency", CITY)
    wanted = [
        (person(0), code_of(0), ""),
        (person(1), code_of(0), Reason.CLIENT_RESIDENT_CODE_TAKEN),
        (person(1), "12345678901", Reason.CLIENT_RESIDENT_CODE_INVALID),
        (person(0), None, Reason.CLIENT_PERSON_REGISTERED),
        (person(0), code_of(5), ""),
        (person(1, name=""), None, Reason.CLIENT_LOOKUP_TOO_FEW_ITEMS),
        (person(1, name="名" * 101), None, Reason.CLIENT_TOO_LARGE),
        (person(1, birth_date="2026-02-30"), None, Reason.CLIENT_MALFORMED),
        (person(1, sex=9), None, Reason.CLIENT_MALFORMED),
        (person(7), None, ""),
        (person(8), None, ""),
    ]
    requests = [
        pb.RegisterRequest(institution=CITY, reference=f"r{n}", basic_items=items, resident_code=code)
        for n, (items, code, _) in enumerate(wanted)
    ]
    responses = [response async for response in register.Register(iter(requests))]
    assert [response.reference for response in responses] == [f"r{n}" for n in range(len(wanted))]
    assert [response.error.reason for response in responses] == [reason for *_, reason in wanted]


@pytest.mark.slow
async def test_a_hundred_thousand_in_one_stream(network: Town) -> None:
    """10^5 items in one stream are each answered in order, while the party reads ahead no further than a few batches."""
    sent = 0

    async def requests() -> AsyncIterator[pb.RegisterRequest]:
        nonlocal sent
        for n in range(100_000):
            sent = n
            yield pb.RegisterRequest(institution=CITY, reference=str(n), basic_items=person(sex=0))

    received, ahead = 0, 0
    async for response in network.register("residency", CITY).Register(requests()):
        assert response.reference == str(received)
        received += 1
        ahead = max(ahead, sent - received)
    assert received == 100_000
    assert ahead < 20_000


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


async def test_who_may_write_into_the_register(network: Town) -> None:
    """A tax office may not register; a portal may not match; an agency issues no cards."""
    stream = network.register("tax", TAX).Register(iter([pb.RegisterRequest(institution=TAX)]))
    assert await reason_of(stream.read(), "numbering") == Reason.CLIENT_CALLER_NOT_ALLOWED
    portal = network.numbering("portal", "portal-main")
    reason = await reason_of(portal.Match(match("", person(), "portal-main")), "numbering")
    assert reason == Reason.CLIENT_CALLER_NOT_ALLOWED
    cards = network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "tax", TAX)
    assert await reason_of(cards.IssueCertificate(pb.IssueCertificateRequest()), "numbering") == (
        Reason.CLIENT_CALLER_NOT_ALLOWED
    )


async def test_outside_a_simulation_codes_are_drawn_here(tmp_path: Path) -> None:
    """Without a simulation a chosen code is refused, a drawn one serves, and the loader may not write."""
    made = Town.make(tmp_path)
    async with made.serve("numbering", numbering.build, simulation=False):
        requests = [
            pb.RegisterRequest(institution=CITY, basic_items=person(0), resident_code=code_of(0)),
            pb.RegisterRequest(institution=CITY, basic_items=person(1)),
        ]
        responses = [r async for r in made.register("residency", CITY).Register(iter(requests))]
        assert [r.error.reason for r in responses] == [Reason.CLIENT_MALFORMED, ""]
        loader = made.register().Register(iter(requests))
        assert await reason_of(loader.read(), "numbering") == Reason.CLIENT_CALLER_NOT_ALLOWED
        await made.close()


def card_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS #10 request that tries to put a name into the certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "試験花子")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


async def test_a_card_certificate_lives_as_the_law_says(network: Town) -> None:
    """It chains to the authority's certificate, names nobody, ends on the fifth birthday, and its status follows suspension and revocation."""
    (number,) = await network.people([person(0, birth_date="1990-05-01")])
    items = person(0, birth_date="1990-05-01")
    cards = network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "simulator", "main")
    key = ec.generate_private_key(ec.SECP256R1())
    request = pb.IssueCertificateRequest(
        certificate_request=card_request(key), individual_number=number, basic_items=items
    )
    certificate = x509.load_der_x509_certificate((await cards.IssueCertificate(request)).certificate)
    root = x509.load_der_x509_certificate((await cards.GetAuthority(pb.GetAuthorityRequest())).certificate)
    certificate.verify_directly_issued_by(root)
    assert certificate.public_key() == key.public_key()
    assert "花子".encode() not in certificate.public_bytes(serialization.Encoding.DER)
    assert certificate.not_valid_after_utc.isoformat() == "2030-05-01T14:59:59+00:00"
    serial = f"{certificate.serial_number:x}"

    async def status() -> int:
        return (await cards.CheckCertificate(pb.CheckCertificateRequest(certificate_serial=serial))).status

    async def become(wanted: int) -> None:
        await cards.ChangeCertificateStatus(pb.ChangeCertificateStatusRequest(certificate_serial=serial, status=wanted))

    assert await status() == pb.CERTIFICATE_STATUS_GOOD
    await become(pb.CERTIFICATE_STATUS_SUSPENDED)
    assert await status() == pb.CERTIFICATE_STATUS_SUSPENDED
    await become(pb.CERTIFICATE_STATUS_GOOD)
    assert await status() == pb.CERTIFICATE_STATUS_GOOD
    await become(pb.CERTIFICATE_STATUS_REVOKED)
    assert await reason_of(become(pb.CERTIFICATE_STATUS_GOOD), "numbering") == Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD
    assert await status() == pb.CERTIFICATE_STATUS_REVOKED


async def test_a_new_certificate_ends_the_one_before(network: Town) -> None:
    """A person has one certificate: the second revokes the first; a death revokes both; the dead get no other."""
    (number,) = await network.people([person()])
    cards = network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "simulator", "main")
    serials = []
    for _ in range(2):
        key = ec.generate_private_key(ec.SECP256R1())
        request = pb.IssueCertificateRequest(
            certificate_request=card_request(key), individual_number=number, basic_items=person()
        )
        certificate = x509.load_der_x509_certificate((await cards.IssueCertificate(request)).certificate)
        serials.append(f"{certificate.serial_number:x}")

    async def statuses() -> list[int]:
        checks = [pb.CheckCertificateRequest(certificate_serial=serial) for serial in (*serials, "ab")]
        return [(await cards.CheckCertificate(check)).status for check in checks]

    unknown = pb.CERTIFICATE_STATUS_UNSPECIFIED
    assert await statuses() == [pb.CERTIFICATE_STATUS_REVOKED, pb.CERTIFICATE_STATUS_GOOD, unknown]
    death = pb.NoteDeathRequest(institution=CITY, basic_items=person(), died_on="2026-04-05")
    await network.register("residency", CITY).NoteDeath(death)
    assert await statuses() == [pb.CERTIFICATE_STATUS_REVOKED, pb.CERTIFICATE_STATUS_REVOKED, unknown]
    assert await reason_of(cards.IssueCertificate(request), "numbering") == Reason.CLIENT_PERSON_NOT_MATCHED


async def test_the_portal_enrols_by_certificate(network: Town) -> None:
    """With the serial of a good certificate the portal claims its own code; suspended or unknown ones are refused."""
    (number,) = await network.people([person()])
    cards = network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "simulator", "main")
    request = pb.IssueCertificateRequest(
        certificate_request=card_request(ec.generate_private_key(ec.SECP256R1())),
        individual_number=number,
        basic_items=person(),
    )
    certificate = x509.load_der_x509_certificate((await cards.IssueCertificate(request)).certificate)
    serial, acquisition = f"{certificate.serial_number:X}", os.urandom(16)
    portal = network.numbering("portal", "portal-main")
    ask = pb.EnrolByCertificateRequest(acquisition_number=acquisition, certificate_serial=serial)
    await portal.EnrolByCertificate(ask)
    gate = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "portal", "portal-main")
    claimed = await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[acquisition]))
    assert claimed.results[0].HasField("subject")
    suspend = pb.ChangeCertificateStatusRequest(certificate_serial=serial, status=pb.CERTIFICATE_STATUS_SUSPENDED)
    await cards.ChangeCertificateStatus(suspend)
    for wanted in (serial, "00ff"):
        ask.certificate_serial = wanted
        reason = await reason_of(portal.EnrolByCertificate(ask), "numbering")
        assert reason == Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD


async def test_a_bad_certificate_request_is_malformed(network: Town) -> None:
    """What is no PKCS #10 request with a P-256 key is refused as malformed before anybody is looked up."""
    cards = network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "simulator", "main")
    other_curve = card_request(ec.generate_private_key(ec.SECP384R1()))
    for request_bytes in (b"", b"no request", other_curve, b"x" * 5000):
        request = pb.IssueCertificateRequest(
            certificate_request=request_bytes, individual_number=REAL_LOOKING, basic_items=person()
        )
        assert await reason_of(cards.IssueCertificate(request), "numbering") == Reason.CLIENT_MALFORMED
