"""What those who call the numbering body send."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from town import DEADLINE, TAX, Town

from warifu.common.v1 import common_pb2
from warifu.enrolment.v1 import enrolment_pb2, enrolment_pb2_grpc
from warifu.numbering.v1 import numbering_pb2 as pb

REAL_LOOKING = "123456789018"
"""A well-formed number outside the synthetic block (python-stdnum's own example)."""


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


def card_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS #10 request that tries to put a name into the certificate."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "試験花子")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)
