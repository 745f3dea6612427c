"""Opens what citizens sealed for this institution and checks who signed it; the business system gets form and applicant, no cryptography.

The card authority's certificate and the status of the signer's come from the numbering body, which answers institutions too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc
from cryptography import x509
from google.protobuf.message import DecodeError

from warifu.common.v1 import common_pb2
from warifu.exchange import application, domains
from warifu.exchange.application import ApplicationSignatureError
from warifu.exchange.keys import OpenError
from warifu.interim.ground import Ground
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CALL_DEADLINE, CODE, FIELDS, FORM_VALUE, check_items, check_text
from warifu.numbering.v1 import numbering_pb2, numbering_pb2_grpc
from warifu.portal.v1 import post_pb2

_NUMBERING: Final = "numbering"
_SECONDS: Final = CALL_DEADLINE / 1000


@dataclass(frozen=True, slots=True)
class OpenedApplication:
    """An application as it was opened and checked."""

    signed: bytes | None
    """Serialised SignedApplication, the evidence; None when it does not open, or is not this application."""
    applicant: common_pb2.BasicItems | None
    """Who signed; None while there is a problem."""
    problem: Reason | None
    """CLIENT_APPLICATION_INVALID, CLIENT_CARD_CERTIFICATE_NOT_GOOD; None when good."""


class Applications:
    """Opens and checks for one institution."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._authority: x509.Certificate | None = None

    async def open(self, sealed: post_pb2.SealedApplication) -> OpenedApplication:
        """The application, with why it cannot be taken when that is so.

        Raises:
            LinkageError: the numbering body cannot be asked; the same may be tried again.
        """
        info = domains.APPLICATION_SEAL + sealed.application_id.encode()
        try:
            signed = self._ground.keys.open(sealed.key_id, sealed.sealed, info)
            parts = post_pb2.SignedApplication.FromString(signed)
            self._check_form(sealed, parts.form)
        except (OpenError, DecodeError, _UnfitError):
            return OpenedApplication(None, None, Reason.CLIENT_APPLICATION_INVALID)
        return await self._signer(signed, parts)

    def _check_form(self, sealed: post_pb2.SealedApplication, form: bytes) -> None:
        """What was signed is this application, fit to keep: nobody moves a signature to another institution or procedure."""
        told = post_pb2.ApplicationForm.FromString(form)
        expected = (sealed.application_id, self._ground.institution, sealed.procedure)
        if (told.application_id, told.institution, told.procedure) != expected:
            raise _UnfitError
        try:
            check_items(told.fields, "fields", FIELDS, required=False)
            for field in told.fields:
                check_text(field.name, "fields.name", CODE)
                check_text(field.value, "fields.value", FORM_VALUE, required=False)
        except LinkageError as error:
            raise _UnfitError from error

    async def _signer(self, signed: bytes, parts: post_pb2.SignedApplication) -> OpenedApplication:
        authority, now = await self._card_authority(), self._ground.clock.network()
        try:
            applicant = application.verify(parts.form, parts.certificate, parts.signature, authority, now)
            serial = application.serial(parts.certificate)
        except ApplicationSignatureError:
            return OpenedApplication(signed, None, Reason.CLIENT_APPLICATION_INVALID)
        if not await self._is_good(serial):
            return OpenedApplication(signed, None, Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        return OpenedApplication(signed, applicant, None)

    async def _card_authority(self) -> x509.Certificate:
        """Asked once: the authority's certificate outlives this process."""
        if self._authority is None:
            try:
                answer = await self._cards().GetAuthority(numbering_pb2.GetAuthorityRequest(), timeout=_SECONDS)
            except grpc.aio.AioRpcError as error:
                raise LinkageError.from_rpc(error, party=_NUMBERING) from error
            self._authority = x509.load_der_x509_certificate(answer.certificate)
        return self._authority

    async def _is_good(self, serial: str) -> bool:
        request = numbering_pb2.CheckCertificateRequest(certificate_serial=serial)
        try:
            answer = await self._cards().CheckCertificate(request, timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise LinkageError.from_rpc(error, party=_NUMBERING) from error
        return answer.status == numbering_pb2.CERTIFICATE_STATUS_GOOD

    def _cards(self) -> numbering_pb2_grpc.CardAuthorityServiceAsyncStub:
        institution = self._ground.institution
        return self._ground.peers.stub(numbering_pb2_grpc.CardAuthorityServiceStub, _NUMBERING, institution)


class _UnfitError(Exception):
    """The signed form names another application, institution or procedure, or holds what may not be kept."""
