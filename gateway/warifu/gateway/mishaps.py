"""What can go wrong with permits on their way out: a port through which they pass before they are signed, and the call that carries them.

`Mishaps` passes everything on as it is. In a simulation the wrapper `Planted` stands in its place and does what is planted by name
(`warifu.kernel.faults`); the step that asks providers neither knows nor asks which of the two it is. So a provider that is no part of the
simulation can be sent what a provider must bear, or refuse.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, timedelta
from typing import Final

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.faults import Effect, Facts, Faults
from warifu.kernel.faults import Planted as Fault
from warifu.provision.v1.provision_pb2 import ProvideRequest, ProvideResponse

Call = Callable[[ProvideRequest], Awaitable[ProvideResponse]]
LONG_AGO: Final = timedelta(hours=1)
"""How much earlier an expired permit was issued: far beyond what clocks may differ."""


class Mishaps:
    """None: everything is passed on as it is."""

    def permits(self, permits: Sequence[bytes]) -> Sequence[bytes]:
        """Permits that are about to be signed."""
        return permits

    async def carry(self, request: ProvideRequest, call: Call) -> ProvideResponse:
        """The call to a provider."""
        return await call(request)


class Planted(Mishaps):
    """Those that are planted at this gateway."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def permits(self, permits: Sequence[bytes]) -> Sequence[bytes]:
        """With expired-permit: signed as any, of an hour ago."""
        if self._faults.none:
            return permits
        return [_aged(one) if self._strikes(Effect.EXPIRED_PERMIT, one) else one for one in permits]

    async def carry(self, request: ProvideRequest, call: Call) -> ProvideResponse:
        """With damaged-permit: with a signature that is none; late: it leaves later; twice: it is sent twice, and the second answer counts."""
        if self._faults.none:
            return await call(request)
        carried = ProvideRequest()
        carried.CopyFrom(request)
        for signed in carried.permits:
            if self._strikes(Effect.DAMAGED_PERMIT, signed.permit):
                signed.signature.signature = _damaged(signed.signature.signature)
        late = self._struck(Effect.LATE_PERMIT, carried.permits)
        if late is not None:
            await sleep(late.kind.seconds)
        if self._struck(Effect.PERMIT_TWICE, carried.permits) is not None:
            await call(carried)
        return await call(carried)

    def _struck(self, effect: Effect, permits: Iterable[pb.SignedPermit]) -> Fault | None:
        """What strikes the call as a whole: each of its permits meets it."""
        met = [self._strikes(effect, signed.permit) for signed in permits]
        return next(filter(None, met), None)

    def _strikes(self, effect: Effect, permit: bytes) -> Fault | None:
        read = pb.Permit.FromString(permit)
        header = pb.RequestHeader.FromString(read.header)
        return self._faults.strikes(effect, Facts(header.provider, header.procedure, "", read.permit_id))


def mishaps(faults: Faults | None) -> Mishaps:
    """Those of a gateway: none outside a simulation."""
    return Mishaps() if faults is None else Planted(faults)


def _aged(permit: bytes) -> bytes:
    read = pb.Permit.FromString(permit)
    for moment in (read.issued_at, read.accept_by):
        moment.FromDatetime(moment.ToDatetime(tzinfo=UTC) - LONG_AGO)
    return read.SerializeToString(deterministic=True)


def _damaged(signature: bytes) -> bytes:
    return bytes([signature[0] ^ 1]) + signature[1:]
