"""What is asked of a provider: permits, with the queries that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from warifu.exchange import header as headers
from warifu.exchange import permit as permits
from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.simulator.conformance.folder import PORTAL

OWN_REQUEST: Final = {"requester": PORTAL, "affair": "JM90000000000901", "procedure": "JT90000000000901"}
"""A person's own request through the portal."""
EXCHANGED: Final = datetime(2026, 6, 1, 0, 30, tzinfo=UTC)
"""Simulated time of every permit."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One permit to ask for: about whom, and in what it differs from an ordinary one."""

    who: str = "ordinary"
    permit: Mapping[str, object] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    header: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Asked:
    """A permit and the block of its query."""

    signed: pb.SignedPermit
    block: pb.SealedBlock
    header: bytes
    signer: str
    """Owner of the key by which the permit is signed."""

    @property
    def permit_hash(self) -> bytes:
        """By which its answer names it."""
        return permits.permit_hash(self.signed.permit)

    @property
    def header_hash(self) -> bytes:
        """By which its query and its answer name it."""
        return headers.header_hash(self.header)

    @property
    def request_id(self) -> str:
        """Id of permit and request."""
        return pb.RequestHeader.FromString(self.header).request_id

    @property
    def requester(self) -> str:
        """Who asks."""
        return pb.RequestHeader.FromString(self.header).requester

    def document(self) -> dict[str, Any]:
        """What a report shows of it."""
        try:
            made = pb.Permit.FromString(self.signed.permit)
            permit = json_format.MessageToDict(made, preserving_proto_field_name=True)
        except (DecodeError, json_format.Error):
            return {"permit_bytes": self.signed.permit.hex(), "signed_by": self.signer}
        permit["header"] = json_format.MessageToDict(
            pb.RequestHeader.FromString(self.header), preserving_proto_field_name=True
        )
        for name in ("subject", "query_block_hash", "commitment"):
            permit.pop(name, None)
        permit["subject"] = made.subject.code.hex()
        permit["query_block_hash"] = made.query_block_hash.hex()
        permit["query_block_sent"] = block_hash(self.block).hex()
        return {"permit": permit, "signed_by": self.signer}
