"""An application is taken when it is sealed for this institution, signed by a good card, and says what it is said to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from unit.interim.conftest import TAX

from warifu.common.v1 import common_pb2
from warifu.exchange import application, domains
from warifu.exchange.keys import InstitutionKeys
from warifu.interim.applications import Applications, OpenedApplication
from warifu.kernel.errors import LinkageError, Reason
from warifu.numbering.authority import Authority
from warifu.numbering.v1 import numbering_pb2
from warifu.portal.v1 import post_pb2

ID, PROCEDURE = "6f1c1d9e-0a55-4f62-9d8e-0f6bd4c0a111", "JT90000000000501"
HANA = common_pb2.BasicItems(
    name="汐見　花", address="青凪市汐見台1", birth_date="1991-02-03", sex=common_pb2.SEX_FEMALE
)


@dataclass
class Cards:
    """A card authority that answers without a network."""

    authority: Authority
    status: int = numbering_pb2.CERTIFICATE_STATUS_GOOD
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def stub(self, _factory: object, party: str, identity: str) -> Cards:
        """See `Peers.stub`."""
        assert (party, identity) == ("numbering", TAX)
        return self

    async def GetAuthority(self, _request: object, **options: float) -> numbering_pb2.GetAuthorityResponse:  # noqa: N802
        """The authority's certificate."""
        self._up(options["timeout"])
        return numbering_pb2.GetAuthorityResponse(certificate=self.authority.certificate.public_bytes(Encoding.DER))

    async def CheckCertificate(  # noqa: N802
        self, request: numbering_pb2.CheckCertificateRequest, **options: float
    ) -> numbering_pb2.CheckCertificateResponse:
        """The status of a certificate."""
        self._up(options["timeout"])
        self.asked.append(request.certificate_serial)
        return numbering_pb2.CheckCertificateResponse(status=self.status)

    def _up(self, timeout: float) -> None:
        assert timeout > 0
        if self.down:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())


@dataclass
class Desk:
    """An institution, and a citizen with a card."""

    applications: Applications
    keys: InstitutionKeys
    cards: Cards
    key: ec.EllipticCurvePrivateKey
    certificate: bytes

    def form(self, **changed: object) -> post_pb2.ApplicationForm:
        """What is filled in."""
        made = post_pb2.ApplicationForm(application_id=ID, institution=TAX, procedure=PROCEDURE)
        made.fields.add(name="child_name", value="汐見　海")
        for name, value in changed.items():
            setattr(made, name, value)
        return made

    def post(self, form: post_pb2.ApplicationForm, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
        """The form, signed."""
        content = form.SerializeToString()
        signature = application.sign(key or self.key, sha256(content).digest())
        return post_pb2.SignedApplication(
            form=content, certificate=self.certificate, signature=signature
        ).SerializeToString()

    def sealed(self, plain: bytes, **changed: object) -> post_pb2.SealedApplication:
        """Anything, sealed for the institution as an application."""
        content = self.keys.sealing_key.seal(plain, domains.APPLICATION_SEAL + ID.encode())
        made = post_pb2.SealedApplication(
            position=1, application_id=ID, procedure=PROCEDURE, sealed=content, key_id=self.keys.hpke_key_id
        )
        for name, value in changed.items():
            setattr(made, name, value)
        return made

    async def open(self, sealed: post_pb2.SealedApplication) -> OpenedApplication:
        """Open it."""
        return await self.applications.open(sealed)


@pytest.fixture
def desk(ground, tax_keys, tmp_path: Path) -> Desk:
    """A tax office that takes applications."""
    now = ground.clock.network()
    authority = Authority.load_or_create(tmp_path / "cards", now)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.issue(key.public_key(), now, now + timedelta(days=1000), HANA)
    cards = Cards(authority)
    return Desk(
        Applications(replace(ground, peers=cards)), tax_keys, cards, key, certificate.public_bytes(Encoding.DER)
    )


async def test_a_good_application_names_its_applicant(desk: Desk) -> None:
    """The four items are those of the certificate, the evidence is kept whole, and the certificate's status was asked for."""
    plain = desk.post(desk.form())
    opened = await desk.open(desk.sealed(plain))
    assert opened == OpenedApplication(plain, HANA, None)
    assert desk.cards.asked == [application.serial(desk.certificate)]


async def test_a_certificate_that_is_not_good_is_named(desk: Desk) -> None:
    """A signature under a suspended or revoked certificate is no application, and the reason says so."""
    for status in (numbering_pb2.CERTIFICATE_STATUS_SUSPENDED, numbering_pb2.CERTIFICATE_STATUS_REVOKED):
        desk.cards.status = status
        plain = desk.post(desk.form())
        opened = await desk.open(desk.sealed(plain))
        assert opened == OpenedApplication(plain, None, Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)


WRONG: dict[str, Callable[[Desk], post_pb2.SealedApplication]] = {
    "another key signed": lambda d: d.sealed(d.post(d.form(), ec.generate_private_key(ec.SECP256R1()))),
    "another institution's form": lambda d: d.sealed(d.post(d.form(institution="tax-480029"))),
    "another procedure's form": lambda d: d.sealed(d.post(d.form(procedure="JT90000000000502"))),
    "another application's form": lambda d: d.sealed(d.post(d.form(application_id="x"))),
    "said to be another procedure": lambda d: d.sealed(d.post(d.form()), procedure="JT90000000000502"),
    "said to be another application": lambda d: d.sealed(d.post(d.form()), application_id="x"),
    "sealed to an unknown key": lambda d: d.sealed(d.post(d.form()), key_id="0" * 16),
    "altered on the way": lambda d: d.sealed(d.post(d.form()), sealed=bytes(1200)),
    "no application": lambda d: d.sealed(b"\xff\xff"),
    "empty": lambda d: d.sealed(b""),
    "a form that is none": lambda d: d.sealed(
        post_pb2.SignedApplication(form=b"\xff", certificate=d.certificate, signature=b"").SerializeToString()
    ),
    "a control character": lambda d: d.sealed(d.post(_with(d, "a\u0000b"))),
    "a place that is too long": lambda d: d.sealed(d.post(_with(d, "あ" * 501))),
}


def _with(desk: Desk, value: str) -> post_pb2.ApplicationForm:
    form = desk.form()
    form.fields.add(name="x", value=value)
    return form


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_not_this_application_is_invalid(desk: Desk, wrong: str) -> None:
    """Whatever is altered, moved to another place or signed by somebody else is refused by one reason and names nobody."""
    opened = await desk.open(WRONG[wrong](desk))
    assert (opened.applicant, opened.problem) == (None, Reason.CLIENT_APPLICATION_INVALID)
    assert desk.cards.asked == []


async def test_an_expired_certificate_signs_nothing(desk: Desk) -> None:
    """After the certificate's end, by the network's clock, its signature is invalid."""
    desk.applications._ground.clock.pass_days(1001)
    opened = await desk.open(desk.sealed(desk.post(desk.form())))
    assert opened.problem == Reason.CLIENT_APPLICATION_INVALID


async def test_while_numbering_is_away_nothing_is_decided(desk: Desk) -> None:
    """Without the numbering body an application is neither good nor bad: the caller tries again, and then it is good."""
    desk.cards.down = True
    with pytest.raises(LinkageError) as failed:
        await desk.open(desk.sealed(desk.post(desk.form())))
    assert failed.value.retryable
    desk.cards.down = False
    assert (await desk.open(desk.sealed(desk.post(desk.form())))).problem is None
