"""One institution's business system: its data, its kind, its interim server, its way to the numbering body."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from warifu.agencies.kind import Kind, Office
from warifu.agencies.numbering import Numbering
from warifu.interim.v1 import interim_pb2
from warifu.kernel.clock import Clock
from warifu.kernel.ids import Ids
from warifu.kernel.store import Store


class Interim(Protocol):
    """The interim server's plain face, as far as a business system needs it (`warifu.interim.Interim`)."""

    async def enrol(self, requests: list[interim_pb2.EnrolRequest]) -> list[interim_pb2.EnrolResponse]:
        """Binds addressee numbers to codes."""

    async def register_copies(
        self, requests: list[interim_pb2.RegisterCopiesRequest]
    ) -> list[interim_pb2.RegisterCopiesResponse]:
        """Registers copies."""

    async def set_protection(self, request: interim_pb2.SetProtectionRequest) -> interim_pb2.SetProtectionResponse:
        """Sets protection flags."""

    async def list_unbound(self, request: interim_pb2.ListUnboundRequest) -> interim_pb2.ListUnboundResponse:
        """Who needs enrolment."""


@dataclass(frozen=True, slots=True)
class Business:
    """What every step of one business system stands on. Holds nothing of any other institution."""

    institution: str
    kind: Kind
    role: str
    lg_code: str | None
    insurer_number: str | None
    store: Store
    clock: Clock
    ids: Ids
    interim: Interim
    numbering: Numbering
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whose turn it is towards the interim server. Invariant: of one addressee's copies the earlier change is registered first."""

    def office(self) -> Office:
        """The institution today, for the kind's rules."""
        return Office(self.institution, self.role, self.lg_code, self.insurer_number, self.clock.today())
