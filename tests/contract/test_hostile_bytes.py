"""Bytes that no honest program sends, to every RPC of the real parties over real mTLS: each is told why, and nothing breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import grpc
import pytest
from contract.interim_world import NHI, PORTAL, TAX, World, copy
from contract.portal_world import World as PortalWorld
from google.protobuf.message import Message
from hostile import (
    Rpc,
    accidents,
    enum_fields,
    is_plain,
    rpcs,
    spoilt,
    told,
    try_no_messages,
    try_shapes,
)
from town import CITY, INSURER, SEED, code_of, person, town

from warifu.agencies import party as agencies
from warifu.agency.v1 import agency_pb2
from warifu.authority import open_authority
from warifu.gateway import party as gateway
from warifu.interim.v1 import interim_pb2 as pb
from warifu.items.v1 import items_pb2
from warifu.kernel.errors import Reason
from warifu.kernel.peers import open_channel
from warifu.numbering import party as numbering
from warifu.numbering.keys import simulated
from warifu.numbering.v1 import numbering_pb2
from warifu.numbers import individual_number

SERVICES = {
    "gateway": (
        "warifu.linkage.v1.LinkageService",
        "warifu.linkage.v1.DirectoryService",
        "warifu.linkage.v1.GatewayAuditService",
        "warifu.enrolment.v1.EnrolmentService",
    ),
    "numbering": (
        "warifu.numbering.v1.NumberingService",
        "warifu.numbering.v1.RegisterService",
        "warifu.numbering.v1.CardAuthorityService",
        "warifu.numbering.v1.HelpLineService",
        "warifu.numbering.v1.CardDeskService",
    ),
    "tax": (
        "warifu.interim.v1.InterimService",
        "warifu.interim.v1.InterimAuditService",
        "warifu.provision.v1.ProvisionService",
    ),
}
CALLERS = (
    ("own", "tax", TAX),
    ("institutions", "health_insurance", NHI),
    ("gateway", "gateway", "main"),
    ("numbering", "numbering", "main"),
    ("simulator", "simulator", "main"),
    ("portal", "portal", PORTAL),
    ("residency", "residency", "residency-480011"),
    ("counters", "counter", "residency-480011"),
)
"""Entry of the access table, and a certificate of the network that it lets in."""
EVERY = [(party, service) for party, services in SERVICES.items() for service in services]
ALL = rpcs(*(service for services in SERVICES.values() for service in services), "warifu.agency.v1.AgencyService")
SHAPES = 100


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Gateway, numbering and two agencies' interim servers."""
    begun = await World.begin(tmp_path)
    yield begun
    await begun.end()


@asynccontextmanager
async def caller(world: World, party: str, rpc: Rpc) -> AsyncIterator[tuple[grpc.aio.Channel, str]]:
    """A channel under a certificate that the access table lets in, and its code."""
    who, code = next((who, code) for entry, who, code in CALLERS if entry in rpc.callers)
    authority = open_authority(world.state)
    pair = authority.issue_client(who, code)
    address = world.running[party].address
    async with open_channel(address, party, authority.root_pem, pair.certificate, pair.key) as line:
        yield line, code


@pytest.mark.parametrize(("party", "service"), EVERY)
async def test_whatever_comes_is_answered_or_refused_with_a_reason(world: World, party: str, service: str) -> None:
    """No RPC breaks over a message of any shape, over what is no message, no UTF-8 or 5 MB: it answers, or says whose side failed and why."""
    for rpc in rpcs(service):
        async with caller(world, party, rpc) as (line, own):
            await try_shapes(line, rpc, party, own, SHAPES)
            await try_no_messages(line, rpc, party)
    assert not accidents(world.running[party])
    world.running[party].health.look()
    assert not world.running[party].health.ill


async def test_the_agencies_take_no_harm_either(tmp_path: Path) -> None:
    """The same for every RPC of the business systems and their interim servers, from their own counters."""
    kinds = {"residency": CITY, "tax": TAX, "health_insurance": INSURER}
    builds = [(kind, agencies.build) for kind in kinds]
    async with town(tmp_path, ("gateway", gateway.build), ("numbering", numbering.build), *builds) as network:
        for kind, own in kinds.items():
            line = network.stub(lambda channel: channel, kind, "counter", own)
            for rpc in rpcs("warifu.agency.v1.AgencyService", "warifu.interim.v1.InterimService"):
                await try_shapes(line, rpc, kind, own, SHAPES)
                await try_no_messages(line, rpc, kind)
            assert not accidents(network.running[kind])
            network.running[kind].health.look()
            assert not network.running[kind].health.ill


async def test_the_portal_takes_no_harm_either(tmp_path: Path) -> None:
    """The same for deliveries from the gateway to the portal."""
    begun = await PortalWorld.begin(tmp_path)
    try:
        line = begun.channel("portal", "gateway", "main")
        for rpc in rpcs("warifu.portal.v1.DeliveryService"):
            await try_shapes(line, rpc, "portal", "portal-main", SHAPES)
            await try_no_messages(line, rpc, "portal")
        assert not accidents(begun.running["portal"])
    finally:
        await begun.end()


async def test_a_good_message_with_one_field_spoilt_is_answered_or_refused(world: World) -> None:
    """A good inquiry, copy or enrolment with any one field of another value gets an answer or a reason that is not an accident, item by item."""
    await world.register([person(0)])
    for code in (NHI, TAX):
        assert not (await world.enrol(code, "1")).HasField("error")
    enrolment = pb.EnrolRequest(institution=TAX, addressee_no="1", basic_items=person(0))
    inquiry = world.question(institution=TAX, provider="tax-490016")
    dice = Random(5)
    for name, good in (("Inquire", inquiry), ("RegisterCopies", copy("r-1")), ("Enrol", enrolment)):
        (rpc,) = (one for one in rpcs("warifu.interim.v1.InterimService") if one.name == name)
        line, refused = world.channel("tax", "tax", TAX), set()
        for _ in range(300):
            message = spoilt(good, dice)
            reason = await told(line, rpc, message.SerializeToString(), "tax")
            assert is_plain(reason), message
            refused.add(reason)
        assert len(refused) > 1
    assert not accidents(world.running["tax"])


NUMBER = individual_number.derive(simulated(SEED, "numbers"), code_of(0), 0)
ADDED = numbering_pb2.AddCertificateRequest(kind=numbering_pb2.CERTIFICATE_KIND_SIGNATURE)
LOST = numbering_pb2.SuspendRequest(holder=person(0), lost=numbering_pb2.LOST_THING_CARD)
ORDER = numbering_pb2.OrderCardRequest(
    institution=CITY, order_id="o", card_number="x", act=numbering_pb2.CARD_ACT_RELEASE, clerk="c", approver="d"
)
REGISTERED = {"institution": CITY, "basic_items": person(0)}
MOVED = numbering_pb2.NoteChangeRequest(institution=CITY, before=person(0), after=person(1))
RESIDENT = items_pb2.ItemContent(resident_record=items_pb2.ResidentRecordInfo())
INSURED = items_pb2.ItemContent(medical_insurance=items_pb2.MedicalInsuranceInfo())
PARTY_OF = {CITY: "residency", TAX: "tax", "main": "simulator", "portal-main": "portal"}
FUTURE = (
    (
        "numbering",
        TAX,
        "Match",
        numbering_pb2.MatchRequest(institution=TAX, individual_number=NUMBER, basic_items=person(0)),
    ),
    ("numbering", TAX, "LookUp", numbering_pb2.LookUpRequest(institution=TAX, basic_items=person(0))),
    (
        "numbering",
        TAX,
        "Enrol",
        numbering_pb2.EnrolRequest(institution=TAX, acquisition_number=bytes(16), basic_items=person(0)),
    ),
    ("numbering", CITY, "Register", numbering_pb2.RegisterRequest(**REGISTERED)),
    ("numbering", CITY, "NoteChange", MOVED),
    ("numbering", CITY, "NoteDeath", numbering_pb2.NoteDeathRequest(**REGISTERED)),
    ("numbering", CITY, "ChangeIndividualNumber", numbering_pb2.ChangeIndividualNumberRequest(**REGISTERED)),
    ("numbering", CITY, "ChangeResidentCode", numbering_pb2.ChangeResidentCodeRequest(**REGISTERED)),
    ("numbering", "main", "AddCertificate", ADDED),
    ("numbering", "portal-main", "Suspend", LOST),
    ("numbering", CITY, "OrderCard", ORDER),
    ("tax", TAX, "Enrol", pb.EnrolRequest(institution=TAX, addressee_no="2", basic_items=person(0))),
    ("tax", TAX, "RegisterCopies", copy("r-1")),
    ("tax", TAX, "RegisterCopies", copy("r-2", item="TM90000000000002", content=RESIDENT)),
    ("tax", TAX, "RegisterCopies", copy("r-3", item="TM90000000000003", content=INSURED)),
    ("tax", TAX, "ReleaseReview", pb.ReleaseReviewRequest(institution=TAX, permit_id="x", clerk="c")),
    ("tax", TAX, "FindSubject", agency_pb2.FindSubjectRequest(institution=TAX, basic_items=person(0))),
    ("tax", TAX, "ReceiveVisitor", agency_pb2.ReceiveVisitorRequest(institution=TAX, basic_items=person(0), clerk="c")),
)
"""Who is called, by whom, and a message whose enum fields are set to values of the future, one at a time."""


async def test_enum_values_of_the_future_are_malformed(tmp_path: Path) -> None:
    """Every enum field of every request that is set to a value which no contract knows is refused as malformed, and nothing is kept."""
    builds = (("gateway", gateway.build), ("numbering", numbering.build), ("tax", agencies.build))
    tried = []
    async with town(tmp_path, *builds) as network:
        for party, own, name, good in FUTURE:
            of_counter = party == "tax" or name == "OrderCard"
            caller_ = "counter" if of_counter else PARTY_OF[own]
            line = network.stub(lambda channel: channel, party, caller_, own)
            rpc = next(one for one in ALL if one.name == name and one.request is type(good))
            for path in enum_fields(rpc.request):
                message = unknown(good, path)
                if message is not None:
                    tried.append((name, path[-1]))
                    reason = await told(line, rpc, message.SerializeToString(), party)
                    assert reason == Reason.CLIENT_MALFORMED, (party, name, path)
    kinds = {
        "sex",
        "change",
        "decision",
        "kind",
        "lost",
        "act",
        "tax_class",
        "return_kind",
        "resident_kind",
        "insured_kind",
        "loss_reason",
    }
    assert {name for _, name in tried} >= kinds


def unknown(good: Message, path: tuple[str, ...]) -> Message | None:
    """The message with an unknown value at a path that it has."""
    message = type(good)()
    message.CopyFrom(good)
    part = message
    for name in path[:-1]:
        field = part.DESCRIPTOR.fields_by_name[name]
        if field.is_repeated or not part.HasField(name):
            return None
        part = getattr(part, name)
    if part.DESCRIPTOR.fields_by_name[path[-1]].is_repeated:
        return None
    setattr(part, path[-1], 77)
    return message
