"""The steps of one exchange: how each stands by what the parties hold now, what travelled, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import stamped
from warifu.law import Text
from warifu.simulator.stage.picture import narration, words
from warifu.simulator.stage.picture.known import Known
from warifu.simulator.stage.picture.model import (
    DECIDED,
    LOGGED,
    OPENED,
    PREPARED,
    PROVIDED,
    RELAYED,
    SHOWN,
    Actor,
    Held,
    Kind,
    Role,
    State,
    Step,
    Wire,
)
from warifu.simulator.stage.picture.names import when
from warifu.simulator.stage.picture.narration import Story

_NO_ANSWER = {pb.OUTCOME_DENIED, pb.OUTCOME_ERROR, pb.OUTCOME_EXPIRED}


@dataclass(frozen=True, slots=True)
class Steps:
    """Makes them from what is known and from what the actors hold."""

    known: Known
    actors: Mapping[Role, Actor]
    story: Story

    @classmethod
    def of(cls, known: Known, actors: Mapping[Role, Actor]) -> Steps:
        """For one exchange."""
        header = _fact(actors, Role.GATEWAY, "inquiry") or _fact(actors, Role.REQUESTER, "inquiry")
        permit = pb.Permit()
        if known.exchange is not None:
            permit = known.exchange.message("permit", pb.Permit) or permit
        story = Story(
            requester=actors[Role.REQUESTER].name,
            provider=actors[Role.PROVIDER].name,
            item=header.value if header is not None else words.ITEM,
            row=permit.row,
            reason=_sentence(actors, "denial"),
            failure=_sentence(actors, "failure"),
            addressee=_fact(actors, Role.REQUESTER, "addressee"),
            found=_fact(actors, Role.PROVIDER, "addressee"),
            fine=known.provision.number("fine_outcome") or 0 if known.provision is not None else 0,
            opened=known.inquiry.number("fine_outcome") or 0 if known.inquiry is not None else 0,
            reviewed=_fact(actors, Role.PROVIDER, "review"),
            outcome=known.outcome,
            leaves=tuple(held for held in actors[Role.LOG].held if held.kind is Kind.LEAF),
            until=when(stamped(permit.review_until)) if permit.HasField("review_until") else None,
        )
        return cls(known, actors, story)

    def all(self) -> list[Step]:
        """The seven of them."""
        return [
            self.prepared(),
            self.decided(),
            self.provided(),
            self.relayed(),
            self.opened(),
            self.logged(),
            self.shown(),
        ]

    def prepared(self) -> Step:
        """The requester prepares."""
        state = self._state(Role.REQUESTER, done=self.known.inquiry is not None)
        return Step(
            PREPARED, narration.title(self.story, PREPARED, state), narration.prepared(self.story, state), state
        )

    def decided(self) -> Step:
        """The gateway decides, converts and records."""
        state = self._state(Role.GATEWAY, done=self.known.exchange is not None)
        wires = []
        if state is State.DONE:
            wires.append(Wire(Role.REQUESTER, Role.GATEWAY, narration.INQUIRY_TRAVELS, Kind.CODE))
            wires.append(Wire(Role.REQUESTER, Role.GATEWAY, words.SEALED_QUERY, Kind.CIPHERTEXT))
        return Step(
            DECIDED, narration.title(self.story, DECIDED, state), narration.decided(self.story, state), state, wires
        )

    def provided(self) -> Step:
        """The provider checks, looks up, records and seals."""
        state, wires = self._provider_state(), []
        if self.known.provision is not None:
            wires.append(Wire(Role.GATEWAY, Role.PROVIDER, words.PERMIT, Kind.PERMIT))
            wires.append(Wire(Role.GATEWAY, Role.PROVIDER, words.SEALED_QUERY, Kind.CIPHERTEXT))
        told = narration.provided(self.story, state, held=bool(self.actors[Role.PROVIDER].held))
        return Step(PROVIDED, narration.title(self.story, PROVIDED, state), told, state, wires)

    def _provider_state(self) -> State:
        if self.known.provision is not None:
            pending = self.known.provision.number("outcome") == pb.OUTCOME_PENDING
            return State.WAITING if pending else State.DONE
        state = self._state(Role.PROVIDER, done=False)
        return State.NEVER if state is State.WAITING and self.known.outcome in _NO_ANSWER else state

    def relayed(self) -> Step:
        """The gateway records the outcome and relays."""
        final = self._final()
        state, wires = self._state(Role.GATEWAY, done=final), []
        if _fact(self.actors, Role.GATEWAY, "answer") is not None:
            wires.append(Wire(Role.PROVIDER, Role.GATEWAY, words.SEALED_ANSWER, Kind.CIPHERTEXT))
        return Step(
            RELAYED, narration.title(self.story, RELAYED, state), narration.relayed(self.story, state), state, wires
        )

    def opened(self) -> Step:
        """The requester opens and records."""
        inquiry = self.known.inquiry
        settled = inquiry is not None and inquiry.number("outcome") not in {None, 0, int(pb.OUTCOME_PENDING)}
        state = self._state(Role.REQUESTER, done=settled)
        wires = [
            Wire(Role.GATEWAY, Role.REQUESTER, label, kind)
            for name, label, kind in (
                ("receipt", words.RECEIPT, Kind.SIGNATURE),
                ("answer", words.SEALED_ANSWER, Kind.CIPHERTEXT),
                ("denial", words.DENIAL, Kind.PLAIN),
            )
            if _fact(self.actors, Role.REQUESTER, name) is not None
        ]
        return Step(
            OPENED, narration.title(self.story, OPENED, state), narration.opened(self.story, state), state, wires
        )

    def logged(self) -> Step:
        """Leaves, checkpoint, cosignature."""
        size = self._witnessed()
        places = [int(held.name.removeprefix("leaf-")) for held in self.story.leaves]
        records = len(self.known.of(Role.GATEWAY, "record"))
        cosigned = bool(places) and max(places) < size
        state = self._state(Role.LOG, done=cosigned and len(places) == records and self._final())
        wires = [Wire(Role.GATEWAY, Role.LOG, words.COMMITMENT, Kind.LEAF)] if places else []
        if cosigned:
            wires.append(Wire(Role.LOG, Role.WATCHDOG, words.CHECKPOINT, Kind.SIGNATURE))
        told = narration.logged(self.story, state, size if cosigned else None)
        return Step(LOGGED, narration.title(self.story, LOGGED, state), told, state, wires)

    def _witnessed(self) -> int:
        head = self.known.one(Role.LOG, "log_head")
        return head.number("witnessed_size") or 0 if head is not None else 0

    def shown(self) -> Step:
        """The portal's entry, or that there is none."""
        entry = self.known.one(Role.PORTAL, "entries")
        exchange = self.known.exchange
        hidden = exchange is not None and exchange.flag("withheld")
        state = self._state(Role.PORTAL, done=entry is not None)
        empty = not self.actors[Role.PORTAL].held
        if state is State.WAITING and empty and hidden and self._final():
            state = State.NEVER
        wires = [Wire(Role.GATEWAY, Role.PORTAL, narration.ENTRY_TRAVELS, Kind.RECORD)] if entry is not None else []
        told = narration.shown(self.story, state, hidden=hidden, final=self._final())
        return Step(SHOWN, narration.title(self.story, SHOWN, state), told, state, wires)

    def _final(self) -> bool:
        exchange = self.known.exchange
        return exchange is not None and bool(exchange.raw("outcome_commitment"))

    def _state(self, role: Role, *, done: bool) -> State:
        if done:
            return State.DONE
        return State.WAITING if self.actors[role].seen else State.UNSEEN


def _fact(actors: Mapping[Role, Actor], role: Role, name: str) -> Held | None:
    return next((held for held in actors[role].held if held.name == name), None)


def _sentence(actors: Mapping[Role, Actor], name: str) -> Text | None:
    """What a denial or a failure says, at the gateway or else at the requester."""
    held = _fact(actors, Role.GATEWAY, name) or _fact(actors, Role.REQUESTER, name)
    return held.facts[0].value if held is not None else None
