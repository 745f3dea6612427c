"""Faults planted in a simulation: what goes wrong at a party, by name, institution, procedure, person, count and probability.

They are data (`faults.toml`). Most act at the interceptor and before the web face; what cannot be seen from there acts at a port behind
it, through a wrapper that is put there when the party is built (`warifu.interim.mishaps`). No code behind can know of them. They are told
through the control face, last no longer than the process, and depend on nothing but which calls come: where chance is asked for, a keyed
hash of seed, fault and request id or number of the call decides, so that the same run meets the same faults. One `Faults` a party, no globals.
"""

from __future__ import annotations

import hmac
import re
from asyncio import sleep
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import grpc

from warifu.control.v1 import control_pb2
from warifu.kernel.errors import LinkageError
from warifu.kernel.fault_calls import Facts, Whom, facts_of, institution_of
from warifu.kernel.fault_kinds import AGENCIES, By, Effect, Kind, kinds
from warifu.kernel.limits import malformed

__all__ = ["AGENCIES", "By", "Effect", "Facts", "Faults", "Kind", "Planted", "kinds"]

EVERY: Final = "*"
MOST_CALLS: Final = 1_000_000
_DOWN: Final = "a fault that was planted for training"
_PAGE: Final = (
    "この画面は、研修のために止めてあります。\nThis face is stopped: a fault that was planted for training.\n".encode()
)
_PROCEDURE: Final = re.compile(r"[0-9A-Z]{16}", re.ASCII)
_PERSON: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_CODE: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)
_WHOLE: Final = 2**64


@dataclass(slots=True)
class Planted:
    """A fault in force."""

    kind: Kind
    institution: str = ""
    """Only what concerns it meets the fault; empty: everything."""
    count: int = 0
    """How often it strikes; 0: until it is lifted."""
    procedure: str = ""
    """Only exchanges for this procedure."""
    person: str = ""
    """Only exchanges about whom `institution` knows by this addressee number."""
    probability: float = 0.0
    """Of so large a part of what would meet it; 0: of all."""
    seed: int = 0
    """Of chance."""
    met: int = 0
    """How often it has struck."""
    passed: int = 0
    """How many calls could have met it so far, those that did among them."""

    @property
    def over(self) -> bool:
        """It has lifted itself."""
        return bool(self.count) and self.met >= self.count

    @property
    def same(self) -> tuple[str, str, str, str]:
        """What two plantings of one fault have alike."""
        return self.kind.name, self.institution, self.procedure, self.person

    def concerns(self, method: str, message: object, whom: Whom | None = None) -> bool:
        """Whether a call may meet it, chance aside."""
        if EVERY not in self.kind.methods and method not in self.kind.methods:
            return False
        institution = ""
        if self.institution or self.procedure:
            institution = institution_of(self.kind.institution, message)
        if self.institution and self.institution != institution:
            return False
        if not self.procedure and not self.person:
            return True
        return any(self.fits(facts) for facts in facts_of(message, institution, whom if self.person else None))

    def fits(self, facts: Facts) -> bool:
        """Whether an exchange may meet it, chance aside."""
        wanted = (self.institution, facts.institution), (self.procedure, facts.procedure), (self.person, facts.person)
        return all(not mine or mine == theirs for mine, theirs in wanted)

    def strikes(self, key: str = "") -> bool:
        """Whether it strikes what it concerns: always, or by chance. `key` identifies it; without one the number of the call does."""
        self.passed += 1
        if self.probability and not self._drawn(key or f"call {self.passed}"):
            return False
        self.met += 1
        return True

    def _drawn(self, key: str) -> bool:
        name = "\n".join((*self.same, key))
        drawn = hmac.digest(f"warifu/fault/{self.seed}".encode(), name.encode(), sha256)
        return int.from_bytes(drawn[:8], "big") < self.probability * _WHOLE

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

    async def through(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """The call itself; twice when it is delivered twice, as a network does that lost an acknowledgement."""
        if self.kind.effect is Effect.TWICE:
            await call()
        return await call()

    async def after(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Meet what it answered; ends the call when the answer is to be lost."""
        if self.kind.effect is Effect.LATE:
            await sleep(self.kind.seconds)
        elif self.kind.effect is Effect.DROP:
            await context.abort(grpc.StatusCode.UNAVAILABLE, _DOWN)

    def message(self) -> control_pb2.Fault:
        """As the control contract tells it."""
        return control_pb2.Fault(
            name=self.kind.name,
            institution=self.institution,
            count=self.count,
            met=self.met,
            procedure=self.procedure,
            addressee_no=self.person,
            probability=self.probability,
            seed=self.seed,
        )


@dataclass(slots=True)
class Faults:
    """The faults planted at one party."""

    party: str
    seed: int = 0
    """Of chance, where a fault does not bring its own: the network's."""
    whom: Whom | None = None
    """Who is behind a code, given by a party that knows."""
    _planted: list[Planted] = field(default_factory=list)

    def plant(self, faults: Sequence[Planted]) -> None:
        """Have these in force and no others."""
        self._planted = list(faults)

    @property
    def planted(self) -> Sequence[Planted]:
        """Those in force, in the order in which they were planted."""
        return [fault for fault in self._planted if not fault.over]

    @property
    def none(self) -> bool:
        """Nothing is planted: so it is nearly always, and then nobody needs to say what an exchange is about."""
        return not self._planted

    def of(
        self,
        name: str,
        institution: str = "",
        count: int = 0,
        *,
        procedure: str = "",
        person: str = "",
        probability: float = 0.0,
        seed: int | None = None,
    ) -> Planted:
        """The fault `name`, fit to be planted here.

        Raises:
            LinkageError: CLIENT_MALFORMED: there is none of this name for this party, or it cannot be confined so; field and problem say why.
        """
        kind = kinds().get(name)
        if kind is None:
            raise malformed("name", "no fault of this name")
        if not kind.fits(self.party):
            raise malformed("name", f"no such fault at {self.party}")
        made = Planted(kind, institution, count, procedure, person, probability, self.seed if seed is None else seed)
        _check(made)
        return made

    def of_message(self, told: control_pb2.Fault) -> Planted:
        """The fault that the control contract tells. Raises as `of`."""
        return self.of(
            told.name,
            told.institution,
            told.count,
            procedure=told.procedure,
            person=told.addressee_no,
            probability=told.probability,
            seed=told.seed if told.HasField("seed") else None,
        )

    def meet(self, method: str, message: object) -> Planted | None:
        """The fault that a call meets, counted as met; None when it meets none. Of several it meets the first planted."""
        for fault in self._planted:
            if not fault.over and fault.concerns(method, message, self.whom) and fault.strikes():
                return fault
        return None

    def strikes(self, effect: Effect, facts: Facts) -> Planted | None:
        """The fault of a port that strikes an exchange, counted as met; None when none does. Of several the first planted."""
        for fault in self._planted:
            if fault.kind.effect is effect and not fault.over and fault.fits(facts) and fault.strikes(facts.key):
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


def _check(made: Planted) -> None:
    """Refuse what is confined as its kind cannot be, or in no form."""
    asked = {
        By.INSTITUTION: bool(made.institution),
        By.PROCEDURE: bool(made.procedure),
        By.PERSON: bool(made.person),
        By.COUNT: bool(made.count),
        By.PROBABILITY: bool(made.probability),
    }
    for by, given in asked.items():
        if given and by not in made.kind.by:
            raise malformed(str(by), f"{made.kind.name} cannot be confined by it")
        if not given and by in made.kind.needs:
            raise malformed(str(by), f"{made.kind.name} needs it")
    if made.person and not made.institution:
        raise malformed("person", "an addressee number is an institution's: name it too")
    if not 0 <= made.count <= MOST_CALLS:
        raise malformed("count", "too many")
    if not 0 <= made.probability <= 1:
        raise malformed("probability", "not from 0 to 1")
    for name, text, form in (
        ("institution", made.institution, _CODE),
        ("procedure", made.procedure, _PROCEDURE),
        ("person", made.person, _PERSON),
    ):
        if text and not form.fullmatch(text):
            raise malformed(name, "not of its form")
