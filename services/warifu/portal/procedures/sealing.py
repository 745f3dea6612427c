"""From a form to what is put into the post: led to the card for a signature, checked, sealed for the institution.

The portal looks at the signature so that a bad one is told at once; it keeps neither certificate nor the four items in it. What counts is
the institution's own check.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol
from urllib.parse import urlencode

from warifu.exchange import application, domains
from warifu.exchange.application import ApplicationSignatureError
from warifu.exchange.directory import Directory
from warifu.exchange.keys import SealingKey
from warifu.kernel.clock import Clock
from warifu.kernel.errors import LinkageError, Reason
from warifu.portal.login.proof import ProofError, decode, encode
from warifu.portal.ports import Numbering
from warifu.portal.v1 import post_pb2
from warifu.web.face import Face

_LONGEST_SIGNATURE: Final = 80
_SESSION: Final = b"warifu portal: application\0"


class Keys(Protocol):
    """Whose key to seal to."""

    async def sealing_key(self, institution: str) -> SealingKey:
        """The institution's present key; raises LinkageError when there is none to be believed."""


@dataclass(frozen=True, slots=True)
class DirectoryKeys:
    """`Keys` from the network's directory."""

    directory: Directory

    async def sealing_key(self, institution: str) -> SealingKey:
        """See `Keys`."""
        return (await self.directory.entry(institution)).sealing


@dataclass(frozen=True, slots=True)
class Sealed:
    """An application as it is put into the post."""

    content: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class Signing:
    """The way to the card and back."""

    face: Face
    clock: Clock
    numbering: Numbering
    keys: Keys

    def address(self, form: bytes, session: bytes, back: str, language: str) -> str:
        """Where the card signs `form`; `session` identifies the login, `back` is the path of this portal to return to."""
        asked = {
            "origin": self.face.origin,
            "digest": encode(sha256(form).digest()),
            "session": encode(sha256(_SESSION + session).digest()),
            "return": back,
            "lang": language,
        }
        return f"{self.face.origins['card']}/signature?{urlencode(asked)}"

    async def seal(
        self, application_id: str, institution: str, form: bytes, certificate: str, signature: str
    ) -> Sealed:
        """The signed form, sealed for its institution; certificate and signature as they came back, base64url.

        Raises:
            LinkageError: CLIENT_APPLICATION_INVALID; CLIENT_CARD_CERTIFICATE_NOT_GOOD; the numbering body or the directory cannot be
                asked, or the institution has no key that can be believed.
        """
        try:
            der = decode(certificate, application.MAX_CERTIFICATE)
            signed = decode(signature, _LONGEST_SIGNATURE)
            authority = await self.numbering.card_authority()
            application.verify(form, der, signed, authority, self.clock.network())
            serial = application.serial(der)
        except (ApplicationSignatureError, ProofError) as error:
            raise LinkageError(Reason.CLIENT_APPLICATION_INVALID) from error
        if not await self.numbering.is_good(serial):
            raise LinkageError(Reason.CLIENT_CARD_CERTIFICATE_NOT_GOOD)
        key = await self.keys.sealing_key(institution)
        content = post_pb2.SignedApplication(form=form, certificate=der, signature=signed).SerializeToString()
        return Sealed(key.seal(content, domains.APPLICATION_SEAL + application_id.encode()), key.key_id)
