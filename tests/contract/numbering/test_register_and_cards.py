"""Who is registered, and the certificates of their cards."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from contract.numbering_desk import REAL_LOOKING, card_request, match
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tiny import reason_of
from town import CITY, TAX, Town, code_of, person

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.kernel.errors import Reason
from warifu.numbering import party as numbering
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc


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
