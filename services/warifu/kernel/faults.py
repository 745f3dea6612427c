"""Faults planted in a simulation: what calls meet on their way into a party, by name, institution and count.

They are data (`faults.toml`) and act at the interceptor and before the web face, so that nothing behind can know of them. They are told
through the control face, last no longer than the process, and depend on nothing but which calls come: no chance, no time of day.
"""

from __future__ import annotations

import tomllib
from asyncio import sleep
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import grpc

from warifu.kernel import identity
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import malformed

EVERY: Final = "*"
AGENCIES: Final = "agencies"
"""In `parties`: every party that serves institutions of a kind of agency."""
CALLER: Final = "caller"
MOST_CALLS: Final = 1_000_000
_DOWN: Final = "a fault that was planted for training"
_NOT_AGENCIES: Final = frozenset({"numbering", "gateway", "portal", "watchdog", "counter", "simulator"})
_PAGE: Final = (
    "この画面は、研修のために止めてあります。\nThis face is stopped: a fault that was planted for training.\n".encode()
)


class Effect(StrEnum):
    """What a fault does to a call."""

    REFUSE = "refuse"
    SLOW = "slow"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Kind:
    """One fault of the table."""

    name: str
    parties: Sequence[str]
    methods: Sequence[str]
    effect: Effect
    ja: str
    en: str
    felt_ja: str
    felt_en: str
    """What is felt of it, and where."""
    seconds: float = 0.0
    reason: Reason | None = None
    institution: str = ""
    web: bool = False

    def fits(self, party: str) -> bool:
        """Whether it can be planted at `party`."""
        return party in self.parties or (AGENCIES in self.parties and party not in _NOT_AGENCIES)


@cache
def kinds() -> Mapping[str, Kind]:
    """Every fault that can be planted, by name, in the table's order."""
    table = tomllib.loads(Path(__file__).with_name("faults.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: _kind(name, row) for name, row in table.items()})


def _kind(name: str, row: dict[str, Any]) -> Kind:
    reason = Reason(row.pop("reason")) if "reason" in row else None
    return Kind(name=name, effect=Effect(row.pop("effect")), reason=reason, **row)


@dataclass(slots=True)
class Planted:
    """A fault in force."""

    kind: Kind
    institution: str = ""
    """Only calls that concern it meet the fault; empty: every call."""
    count: int = 0
    """How many calls it is for; 0: it stays until it is lifted."""
    met: int = 0
    """How many calls have met it."""

    @property
    def over(self) -> bool:
        """It has lifted itself."""
        return bool(self.count) and self.met >= self.count

    def concerns(self, method: str, message: object) -> bool:
        """Whether a call meets it."""
        if EVERY not in self.kind.methods and method not in self.kind.methods:
            return False
        return not self.institution or self.institution == self._whom(message)

    def _whom(self, message: object) -> str:
        if self.kind.institution == CALLER:
            return identity.current().code
        return str(getattr(message, self.kind.institution, "")) if self.kind.institution else ""

    async def before(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Meet a call on its way in.

        Raises:
            LinkageError: the fault's reason.
            grpc.aio.AbortError: the call ended as at a party that is down: UNAVAILABLE, and no word more.
        """
        if self.kind.effect is Effect.SLOW:
            await sleep(self.kind.seconds)
        elif self.kind.effect is Effect.REFUSE:
            if self.kind.reason is not None:
                raise LinkageError(self.kind.reason, metadata={"because": _DOWN})
            await context.abort(grpc.StatusCode.UNAVAILABLE, _DOWN)

    async def after(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Meet what it answered; ends the call when the answer is to be lost."""
        if self.kind.effect is Effect.DROP:
            await context.abort(grpc.StatusCode.UNAVAILABLE, _DOWN)


@dataclass(slots=True)
class Faults:
    """The faults planted at one party."""

    party: str
    _planted: list[Planted] = field(default_factory=list)

    def plant(self, faults: Sequence[Planted]) -> None:
        """Have these in force and no others."""
        self._planted = list(faults)

    @property
    def planted(self) -> Sequence[Planted]:
        """Those in force, in the order in which they were planted."""
        return [fault for fault in self._planted if not fault.over]

    def of(self, name: str, institution: str = "", count: int = 0) -> Planted:
        """The fault `name`, fit to be planted here.

        Raises:
            LinkageError: CLIENT_MALFORMED: there is none of this name for this party, or its count or institution cannot be.
        """
        kind = kinds().get(name)
        if kind is None or not kind.fits(self.party):
            raise malformed("name", f"no such fault at {self.party}")
        if not 0 <= count <= MOST_CALLS:
            raise malformed("count", "too many")
        if institution and not kind.institution:
            raise malformed("institution", "the fault concerns the whole party")
        return Planted(kind, institution, count)

    def meet(self, method: str, message: object) -> Planted | None:
        """The fault that a call meets, counted as met; None when it meets none. Of several it meets the first planted."""
        for fault in self._planted:
            if not fault.over and fault.concerns(method, message):
                fault.met += 1
                return fault
        return None

    def web(self, application: Any) -> Any:
        """The web face behind what is planted: while a fault stops it, every request is answered 503 in both languages."""

        async def faced(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or not any(fault.kind.web and not fault.institution for fault in self.planted):
                await application(scope, receive, send)
                return
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 503, "headers": headers})
            await send({"type": "http.response.body", "body": _PAGE})

        return faced
