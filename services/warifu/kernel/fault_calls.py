"""What a call says of itself before anybody has worked on it: whose it is, for which procedure, and about whom.

A person is known here as the called institution numbers them. The gateway cannot know a person (design: it has no look-up by person), so
at the gateway nothing can be confined to one; a provider knows whom a permit is about by its own code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError

from warifu.kernel import identity

CALLER: Final = "caller"
Whom = Callable[[str, bytes], str | None]
"""The addressee number behind an institution's own code, as its deterministic bytes; None when it is bound to nobody there."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One exchange, as far as the party that is called can tell."""

    institution: str = ""
    procedure: str = ""
    person: str = ""
    """Addressee number at `institution`; empty when nobody there, or when nobody can tell."""
    key: str = ""
    """Identifies it for good, such as the request id: by it chance decides."""


def institution_of(field: str, message: object) -> str:
    """Whom a call concerns: the caller, or whom the field of the request names; empty when neither can be told."""
    if field == CALLER:
        return identity.current().code
    return str(getattr(message, field, "")) if field else ""


def facts_of(message: object, institution: str, whom: Whom | None) -> Sequence[Facts]:
    """The exchanges that a call is about; none when it does not say, or is not well-formed."""
    try:
        return list(_facts(message, institution, whom))
    except DecodeError:
        return ()


def _facts(message: Any, institution: str, whom: Whom | None) -> Iterator[Facts]:
    from warifu.exchange.v1 import exchange_pb2  # noqa: PLC0415 - only parties of an exchange load it

    for signed in getattr(message, "permits", ()):
        permit = exchange_pb2.Permit.FromString(signed.permit)
        header = exchange_pb2.RequestHeader.FromString(permit.header)
        subject = permit.subject.SerializeToString(deterministic=True)
        person = whom(institution, subject) if whom is not None else None
        yield Facts(institution, header.procedure, person or "", permit.permit_id)
    inquiries = getattr(message, "inquiries", ()) or filter(None, [getattr(message, "inquiry", b"")])
    for raw in inquiries:
        header = exchange_pb2.RequestHeader.FromString(exchange_pb2.Inquiry.FromString(raw).header)
        yield Facts(institution, header.procedure, "", header.request_id)
