"""Cards and their certificates: made out, added to, renewed, suspended, released."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from contract.numbering.card_desk import Hand, desk, hand, order, report, serial_of
from contract.numbering_desk import REAL_LOOKING, card_request
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tiny import reason_of
from town import CITY, TAX, Town, person

from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.exchange import application
from warifu.exchange.card_number import normal
from warifu.kernel.clock import SimulatedClock
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering import party as numbering
from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.numbering.v1 import numbering_pb2_grpc

GOOD, SUSPENDED = pb.CERTIFICATE_STATUS_GOOD, pb.CERTIFICATE_STATUS_SUSPENDED
REVOKED, EXPIRED = pb.CERTIFICATE_STATUS_REVOKED, pb.CERTIFICATE_STATUS_EXPIRED
SIGNATURE, PHONE = pb.CERTIFICATE_KIND_SIGNATURE, pb.CERTIFICATE_KIND_SMARTPHONE_AUTHENTICATION
AUTHENTICATION = pb.CERTIFICATE_KIND_AUTHENTICATION
BORN = "1990-05-01"


async def hana(network: Town, **changes) -> Hand:
    """Somebody with a card."""
    items = person(0, **{"birth_date": BORN, **changes})
    (number,) = await network.people([items])
    return await hand(network, number, items)


def set_clock(network: Town, now: datetime) -> None:
    """Let the numbering body have another time."""
    clock = network.running["numbering"].context.clock
    assert isinstance(clock, SimulatedClock)
    clock.set(now, stopped=True)


async def test_a_card_certificate_lives_as_the_law_says(network: Town) -> None:
    """It chains to the authority's certificate, names nobody, ends on the fifth birthday, and its card has a number of its own."""
    card = await hana(network)
    certificate = x509.load_der_x509_certificate(card.certificate)
    root = x509.load_der_x509_certificate((await card.cards.GetAuthority(pb.GetAuthorityRequest())).certificate)
    certificate.verify_directly_issued_by(root)
    assert certificate.public_key() == card.key.public_key()
    assert "花子".encode() not in certificate.public_bytes(serialization.Encoding.DER)
    assert certificate.not_valid_after_utc.isoformat() == "2030-05-01T14:59:59+00:00"
    checked = await card.cards.CheckCertificate(pb.CheckCertificateRequest(certificate_serial=card.serial))
    assert (checked.status, checked.kind) == (GOOD, AUTHENTICATION)
    assert checked.not_after.ToDatetime(UTC) == certificate.not_valid_after_utc
    assert normal(card.card) == card.card


async def test_another_card_ends_the_one_before(network: Town) -> None:
    """A person has one card: the second revokes the first; a death revokes both; the dead get no other."""
    first = await hana(network)
    second = await hand(network, first.number, first.items)

    async def statuses() -> list[int]:
        return [await first.status(one) for one in (first.serial, second.serial, "ab")]

    assert await statuses() == [REVOKED, GOOD, pb.CERTIFICATE_STATUS_UNSPECIFIED]
    death = pb.NoteDeathRequest(institution=CITY, basic_items=first.items, died_on="2026-04-05")
    await network.register("residency", CITY).NoteDeath(death)
    assert await statuses() == [REVOKED, REVOKED, pb.CERTIFICATE_STATUS_UNSPECIFIED]
    assert await reason_of(first.make(), "numbering") == Reason.CLIENT_PERSON_NOT_MATCHED


async def test_a_signature_certificate_says_whose_it_is(network: Town) -> None:
    """It carries the 4 items as registered, signs applications that verify, opens no account, and is no login certificate."""
    card = await hana(network)
    certificate, carrier = await card.add(SIGNATURE)
    parsed = x509.load_der_x509_certificate(certificate)
    assert application.holder(parsed) == person(0, birth_date=BORN, kana=None)
    assert carrier == card.card
    usage = parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.content_commitment
    with pytest.raises(x509.ExtensionNotFound):
        parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    portal = network.numbering("portal", "portal-main")
    ask = pb.EnrolByCertificateRequest(acquisition_number=os.urandom(16), certificate_serial=serial_of(certificate))
    assert await reason_of(portal.EnrolByCertificate(ask), "numbering") == Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD


@pytest.mark.parametrize(("born", "old_enough"), [("2011-04-06", True), ("2011-04-07", False)])
async def test_none_under_fifteen(network: Town, born: str, old_enough: bool) -> None:
    """On the day of the fifteenth birthday a signature certificate is issued; the day before it is refused."""
    card = await hana(network, birth_date=born)
    if old_enough:
        assert (await card.add(SIGNATURE))[0]
    else:
        assert await reason_of(card.add(SIGNATURE), "numbering") == Reason.CLIENT_CARD_UNDER_AGE


async def test_a_move_ends_the_signature_certificate_alone(network: Town) -> None:
    """Other items revoke the certificate that carries the old ones, not the one that names nobody; the next carries the new ones."""
    card = await hana(network)
    signature, _ = await card.add(SIGNATURE)
    moved = person(0, birth_date=BORN, address="青凪市港町99番地")
    change = pb.NoteChangeRequest(institution=CITY, before=card.items, after=moved)
    await network.register("residency", CITY).NoteChange(change)
    assert [await card.status(), await card.status(serial_of(signature))] == [GOOD, REVOKED]
    renewed, _ = await card.add(SIGNATURE)
    assert application.holder(x509.load_der_x509_certificate(renewed)).address == moved.address


async def test_only_who_holds_the_card_adds_to_it(network: Town) -> None:
    """A wish signed by another key, or for another kind, or under a signature certificate gets nothing."""
    card = await hana(network)
    stranger = ec.generate_private_key(ec.SECP256R1())
    refused = Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD
    assert await reason_of(card.add(SIGNATURE, stranger), "numbering") == refused
    request = card_request(stranger)
    wrong = pb.AddCertificateRequest(
        kind=PHONE, certificate_request=request, card_certificate=card.certificate, signature=b"x"
    )
    assert await reason_of(card.cards.AddCertificate(wrong), "numbering") == refused
    card.certificate, _ = await card.add(SIGNATURE)
    assert await reason_of(card.add(SIGNATURE), "numbering") == refused


async def test_renewal_comes_early_without_loss(network: Town) -> None:
    """It is refused over three months before the end, granted within, and then serves to the fifth birthday after that end."""
    card = await hana(network)
    before = card.serial
    assert await reason_of(card.add(AUTHENTICATION), "numbering") == Reason.CLIENT_CARD_RENEWAL_EARLY
    set_clock(network, datetime(2030, 3, 1, tzinfo=UTC))
    renewed, carrier = await card.add(AUTHENTICATION)
    assert x509.load_der_x509_certificate(renewed).not_valid_after_utc.isoformat() == "2035-05-01T14:59:59+00:00"
    assert carrier == card.card
    assert [await card.status(before), await card.status()] == [REVOKED, GOOD]


async def test_an_expired_certificate_is_renewed_as_long_as_its_card_lives(network: Town) -> None:
    """After its end it opens nothing and adds nothing, but can be renewed, never past the card's tenth birthday."""
    card = await hana(network)
    set_clock(network, datetime(2034, 4, 1, tzinfo=UTC))
    assert await card.status() == EXPIRED
    assert await reason_of(card.add(SIGNATURE), "numbering") == Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD
    renewed, _ = await card.add(AUTHENTICATION)
    assert x509.load_der_x509_certificate(renewed).not_valid_after_utc.isoformat() == "2035-05-01T14:59:59+00:00"
    set_clock(network, datetime(2035, 5, 2, tzinfo=UTC))
    assert await reason_of(card.add(AUTHENTICATION), "numbering") == Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD


async def test_a_card_handed_out_before_the_network_began_is_as_old_as_that(network: Town) -> None:
    """In a simulation a past day may be named: the certificate has run out on the fifth birthday after it, the card lives, and it is renewed."""
    items = person(0, birth_date=BORN)
    (number,) = await network.people([items])
    card = await Hand(network, number, items).make(individual_number=number, basic_items=items, issued_on="2021-04-05")
    certificate = x509.load_der_x509_certificate(card.certificate)
    root = x509.load_der_x509_certificate((await card.cards.GetAuthority(pb.GetAuthorityRequest())).certificate)
    assert root.not_valid_before_utc < certificate.not_valid_before_utc
    assert certificate.not_valid_before_utc.isoformat() == "2021-04-05T03:00:00+00:00"
    assert certificate.not_valid_after_utc.isoformat() == "2025-05-01T14:59:59+00:00"
    assert await card.status() == EXPIRED
    renewed, carrier = await card.add(AUTHENTICATION)
    assert x509.load_der_x509_certificate(renewed).not_valid_after_utc.isoformat() == "2030-05-01T14:59:59+00:00"
    assert (carrier, await card.status()) == (card.card, GOOD)


@pytest.mark.parametrize("day", ["2026-04-06", "2027-01-01", "1999-12-31", "05/04/2021", ""])
async def test_only_a_past_day_of_the_authority_s_own_life_can_be_named(network: Town, day: str) -> None:
    """Today, a day to come, one before the authority was there, and what is no date are refused as malformed."""
    items = person(0, birth_date=BORN)
    (number,) = await network.people([items])
    made = Hand(network, number, items).make(individual_number=number, basic_items=items, issued_on=day)
    assert await reason_of(made, "numbering") == Reason.CLIENT_MALFORMED


async def test_outside_a_simulation_no_past_day_can_be_named(tmp_path: Path) -> None:
    """A real card authority makes cards out on their day alone: it refuses a past one before anybody is looked up."""
    outside = Town.make(tmp_path)
    try:
        async with outside.serve("numbering", numbering.build, simulation=False):
            made = Hand(outside, REAL_LOOKING, person()).make(
                individual_number=REAL_LOOKING, basic_items=person(), issued_on="2021-04-05"
            )
            assert await reason_of(made, "numbering") == Reason.CLIENT_MALFORMED
    finally:
        await outside.close()


async def test_a_phone_hangs_on_its_card(network: Town) -> None:
    """A phone has a number of its own and the card's end; another phone, or a renewal of the card, ends it."""
    card = await hana(network)
    first, number = await card.add(PHONE)
    assert number != card.card
    assert x509.load_der_x509_certificate(first).not_valid_after_utc.isoformat() == "2030-05-01T14:59:59+00:00"
    second, _ = await card.add(PHONE)
    assert [await card.status(serial_of(one)) for one in (first, second)] == [REVOKED, GOOD]
    set_clock(network, datetime(2030, 3, 1, tzinfo=UTC))
    await card.add(AUTHENTICATION)
    assert await card.status(serial_of(second)) == REVOKED


async def test_the_help_line_tells_nobody_anything(network: Town) -> None:
    """Holder and finder, right and wrong, a card that is suspended already: each gets a receipt of one form; only what fits is suspended."""
    card = await hana(network)
    phone, _ = await card.add(PHONE)
    wrong = person(1)
    receipts = [await report(network, holder=wrong), await report(network, card_number="WF000000000000")]
    assert await card.status() == GOOD
    receipts += [await report(network, holder=card.items), await report(network, card_number=card.card)]
    assert [await card.status(), await card.status(serial_of(phone))] == [SUSPENDED, GOOD]
    assert all(len(one) == 8 and one.isdecimal() for one in receipts)
    assert len(set(receipts)) == len(receipts)
    await report(network, holder=card.items, lost=pb.LOST_THING_PHONE)
    assert await card.status(serial_of(phone)) == SUSPENDED


async def test_the_help_line_keeps_neither_what_was_typed_nor_whether_it_fitted(network: Town) -> None:
    """Reports that fit and reports that do not leave the same rows, but for the suspension itself."""
    card = await hana(network)
    store = network.running["numbering"].context.config.folder / "numbering.db"
    await report(network, holder=person(7, name="どこにも　いない"))
    await report(network, holder=card.items)
    raw = b"".join(path.read_bytes() for path in store.parent.glob("numbering.db*"))
    assert "どこにも".encode() not in raw
    import sqlite3

    with sqlite3.connect(store) as database:
        looks = database.execute("SELECT DISTINCT outcome FROM lookup WHERE kind = 'help-line'").fetchall()
        reports = database.execute("SELECT count(*), count(DISTINCT by_card_number) FROM help_report").fetchall()
    assert looks == [("found",)]
    assert reports == [(2, 1)]


async def test_the_help_line_has_a_limit(network: Town) -> None:
    """Of many reports at once some sixty are taken; everyone else is refused alike."""
    reports = (report(network, card_number="WF000000000000") for _ in range(150))
    told = await asyncio.gather(*(outcome(one) for one in reports))
    assert told.count("") >= 60
    assert set(told) == {"", Reason.CLIENT_RATE_LIMITED}


async def outcome(call: Coroutine[None, None, str]) -> str:
    """Empty for a receipt, otherwise the reason."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return LinkageError.from_rpc(error, party="numbering").reason
    return ""


async def test_a_suspension_is_lifted_by_two_people_at_a_counter(network: Town) -> None:
    """Without a second person, by the same person twice, or by a tax office it is refused; by two it is lifted, once."""
    card = await hana(network)
    signature, _ = await card.add(SIGNATURE)
    receipt = await report(network, card_number=card.card)
    counter = desk(network)
    assert await card.status(serial_of(signature)) == SUSPENDED
    for bad in ({"approver": ""}, {"approver": "c-0001"}):
        reason = await reason_of(counter.OrderCard(order(card.card, pb.CARD_ACT_RELEASE, **bad)), "numbering")
        assert reason == Reason.CLIENT_MALFORMED
    alien = order(card.card, pb.CARD_ACT_RELEASE, institution=TAX)
    assert await reason_of(desk(network, TAX).OrderCard(alien), "numbering") == Reason.CLIENT_CALLER_NOT_ALLOWED
    assert await card.status() == SUSPENDED
    find = pb.FindCardsRequest(institution=CITY, individual_number=card.number, basic_items=card.items)
    (found,) = (await counter.FindCards(find)).cards
    assert [one.receipt for one in found.reports] == [receipt]
    assert found.status == SUSPENDED
    release = order(card.card, pb.CARD_ACT_RELEASE)
    for _ in range(2):
        await counter.OrderCard(release)
    assert [await card.status(), await card.status(serial_of(signature))] == [GOOD, GOOD]
    again = order(card.card, pb.CARD_ACT_RELEASE)
    assert await reason_of(counter.OrderCard(again), "numbering") == Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD
    release.act = pb.CARD_ACT_REVOKE
    assert await reason_of(counter.OrderCard(release), "numbering") == Reason.CLIENT_REFERENCE_CHANGED


async def test_a_suspended_card_is_not_replaced_behind_the_counter_s_back(network: Town) -> None:
    """The card service gets no other card for whoever's is suspended; by a counter's order it gets one, once, and the old one is revoked."""
    card = await hana(network)
    await report(network, holder=card.items)
    assert await reason_of(hand(network, card.number, card.items), "numbering") == (
        Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD
    )
    reissue = order(card.card, pb.CARD_ACT_REISSUE)
    await desk(network).OrderCard(reissue)
    assert await card.status() == REVOKED
    other = await Hand(network, "", person()).make(order_id=reissue.order_id)
    assert await other.status() == GOOD
    assert other.card != card.card
    for order_id in (reissue.order_id, "none"):
        reason = await reason_of(Hand(network, "", person()).make(order_id=order_id), "numbering")
        assert reason == Reason.CLIENT_CARD_UNKNOWN
    find = pb.FindCardsRequest(institution=CITY, individual_number=card.number, basic_items=card.items)
    assert [one.status for one in (await desk(network).FindCards(find)).cards] == [GOOD, REVOKED]


async def test_changes_of_status_are_told_in_order(network: Town) -> None:
    """The portal reads what was suspended, released and revoked, from any position on; orders reach the card service likewise."""
    card = await hana(network)
    await report(network, card_number=card.card)
    for act in (pb.CARD_ACT_RELEASE, pb.CARD_ACT_UNLOCK_PIN, pb.CARD_ACT_REVOKE):
        await desk(network).OrderCard(order(card.card, act))
    portal = network.stub(numbering_pb2_grpc.CardAuthorityServiceStub, "numbering", "portal", "portal-main")
    told = (await portal.ListStatusChanges(pb.ListStatusChangesRequest())).changes
    assert [(one.certificate_serial, one.status) for one in told] == [
        (card.serial, status) for status in (SUSPENDED, GOOD, REVOKED)
    ]
    rest = (await portal.ListStatusChanges(pb.ListStatusChangesRequest(after=told[0].position, limit=1))).changes
    assert list(rest) == [told[1]]
    service = network.stub(numbering_pb2_grpc.CardDeskServiceStub, "numbering", "simulator", "main")
    orders = (await service.FetchOrders(pb.FetchOrdersRequest())).orders
    assert [one.act for one in orders] == [pb.CARD_ACT_RELEASE, pb.CARD_ACT_UNLOCK_PIN, pb.CARD_ACT_REVOKE]
    assert len((await service.FetchOrders(pb.FetchOrdersRequest(after=orders[1].position))).orders) == 1


async def test_a_counter_sees_cards_of_whom_number_and_items_belong_to(network: Town) -> None:
    """Number and items of two people show no card; a number alone is refused."""
    card = await hana(network)
    counter = desk(network)
    other = pb.FindCardsRequest(institution=CITY, individual_number=card.number, basic_items=person(3))
    assert list((await counter.FindCards(other)).cards) == []
    alone = pb.FindCardsRequest(institution=CITY, individual_number=card.number)
    assert await reason_of(counter.FindCards(alone), "numbering") == Reason.CLIENT_NUMBER_ALONE


async def test_the_portal_enrols_by_certificate(network: Town) -> None:
    """With the serial of a good certificate the portal claims its own code; suspended or unknown ones are refused."""
    card = await hana(network)
    acquisition = os.urandom(16)
    portal = network.numbering("portal", "portal-main")
    ask = pb.EnrolByCertificateRequest(acquisition_number=acquisition, certificate_serial=card.serial.upper())
    await portal.EnrolByCertificate(ask)
    gate = network.stub(enrolment_pb2_grpc.EnrolmentServiceStub, "gateway", "portal", "portal-main")
    claimed = await gate.Claim(enrolment_pb2.ClaimRequest(acquisition_numbers=[acquisition]))
    assert claimed.results[0].HasField("subject")
    await report(network, card_number=card.card)
    for wanted in (card.serial, "00ff"):
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
