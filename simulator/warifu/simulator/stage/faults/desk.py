"""Planting and lifting faults at the parties of a network, through their control faces."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from warifu.control.v1 import control_pb2
from warifu.kernel.fault_calls import CALLER
from warifu.kernel.faults import By, Kind, kinds
from warifu.law import LawBook
from warifu.simulator.doors import Doors
from warifu.simulator.state import NetworkFile

_DEADLINE = 5.0


class FaultError(Exception):
    """No such fault, or not there."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A fault in force."""

    party: str
    kind: Kind
    told: control_pb2.Fault
    """As the party tells it."""

    @property
    def institution(self) -> str:
        """To which it is confined; empty: to none."""
        return self.told.institution

    @property
    def same(self) -> tuple[str, str, str, str]:
        """What two plantings of one fault have alike."""
        return self.kind.name, self.institution, self.told.procedure, self.told.addressee_no

    @property
    def left(self) -> int:
        """How many more times it strikes; 0: it stays."""
        return max(self.told.count - self.told.met, 0)

    @property
    def met(self) -> int:
        """How often it has struck."""
        return self.told.met


@dataclass(frozen=True, slots=True)
class FaultDesk:
    """The faults of one network. What is planted is known to the parties alone: it is asked for each time."""

    network: NetworkFile
    doors: Doors
    book: LawBook

    def parties(self, kind: Kind) -> Sequence[str]:
        """Where a fault can be planted."""
        return [party.name for party in self.network.parties if kind.fits(party.name)]

    def institutions(self, kind: Kind) -> Sequence[str]:
        """Institutions to which a fault can be confined: those that can be asked, or, where it meets callers, that ask."""
        if By.INSTITUTION not in kind.by:
            return []
        asked = {role for row in self.book.rows.values() for role in row.provider_roles}
        known = sorted(self.network.extra["kinds"])
        if kind.institution != CALLER:
            return [code for code in known if self.book.institutions[code].role.code in asked]
        return known

    async def standing(self) -> Sequence[Standing]:
        """What is planted now, at all parties that answer."""
        names = [party.name for party in self.network.parties]
        found = await asyncio.gather(*map(self._at, names))
        return [one for at_party in found for one in at_party]

    async def plant(self, name: str, institution: str, count: int) -> None:
        """Plant a fault beside those that are planted already, in place of the same.

        Raises:
            FaultError: there is no such fault, institution or party.
            grpc.aio.AioRpcError: the party refuses it, or does not answer.
        """
        kind = kinds().get(name)
        if kind is None or (institution and institution not in self.institutions(kind)):
            raise FaultError
        own = self.network.extra["kinds"].get(institution, "")
        # What happens to permits on their way out is the gateway's, whosever they are.
        parties = [own] if kind.institution != CALLER and own and kind.fits(own) else self.parties(kind)
        fault = control_pb2.Fault(name=name, institution=institution, count=count)
        for party in parties:
            others = [one for one in await self._at(party) if one.same != (name, institution, "", "")]
            await self._set(party, [*map(_message, others), fault])

    async def lift(self, party: str, name: str, institution: str) -> None:
        """Lift one fault; nothing when it is gone already. Raises as `plant`."""
        if party not in {entry.name for entry in self.network.parties}:
            raise FaultError
        left = [one for one in await self._at(party) if (one.kind.name, one.institution) != (name, institution)]
        await self._set(party, [_message(one) for one in left])

    async def lift_all(self) -> None:
        """Lift every fault everywhere. Raises as `plant`."""
        for party in {one.party for one in await self.standing()}:
            await self._set(party, [])

    async def _at(self, party: str) -> Sequence[Standing]:
        try:
            answer = await self.doors.control(party).ListFaults(control_pb2.ListFaultsRequest(), timeout=_DEADLINE)
        except grpc.aio.AioRpcError:
            return []  # a party that is gone has no faults: they end with its process
        known = kinds()
        return [Standing(party, known[one.name], one) for one in answer.faults if one.name in known]

    async def _set(self, party: str, faults: Sequence[control_pb2.Fault]) -> None:
        await self.doors.control(party).SetFaults(control_pb2.SetFaultsRequest(faults=faults), timeout=_DEADLINE)


def _message(one: Standing) -> control_pb2.Fault:
    """What is left of it, to be planted once more."""
    again = control_pb2.Fault()
    again.CopyFrom(one.told)
    again.count, again.met = one.left, 0
    return again
