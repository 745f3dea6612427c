"""What the checks of a requester stand on: questions put to it, what it then asks the gateway, and answers of providers whose keys are ours, right or wrong.

Whoever checks one thing opens queries however they are sealed, so that one fault fails one requirement.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from warifu.exchange import receipt as receipts
from warifu.exchange.answer import answer_leaf
from warifu.exchange.domains import ANSWER_BATCH
from warifu.exchange.header import header_hash
from warifu.exchange.keys import InstitutionKeys, OpenError
from warifu.exchange.padding import PaddingError, pad, unpad
from warifu.exchange.sealing import Purpose, block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.items.v1 import items_pb2
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.conformance.asking import EXCHANGED
from warifu.simulator.conformance.entries import Register
from warifu.simulator.conformance.folder import ITEM, LAYOUT, code
from warifu.simulator.conformance.lines import Speaker
from warifu.simulator.conformance.opening import bound
from warifu.simulator.conformance.outcome import Text, UnmetError, plain
from warifu.simulator.conformance.requester_enrolment import PlayedEnrolment
from warifu.simulator.conformance.requester_folder import PEOPLE, PreparedRequester
from warifu.simulator.conformance.requester_gateway import Asked, PlayedGateway, Reply
from warifu.simulator.conformance.told import Told, shown_inquiry
from warifu.tlog import merkle

WAIT_MS: Final = 10_000
"""How long a requester is to go on when there is no outcome yet."""


@dataclass(slots=True)
class RequesterBench:
    """A requester under test, and everything around it."""

    prepared: PreparedRequester
    gateway: PlayedGateway
    speaker: Speaker
    register: Register
    """Keys and entries of whom we play."""
    enrolment: PlayedEnrolment
    """Numbering, and what the gateway does for it."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    impostor: Callable[[], AbstractAsyncContextManager[None]] | None = None
    """Has somebody with another party's certificate listen in the gateway's place."""
    _made: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    """What is in the answers that were sealed, by signature."""

    @property
    def side(self) -> str:
        """Whose failures are told."""
        return "gateway"

    def question(self, who: str = PEOPLE[0], provider: str | None = None, **changes: Any) -> dict[str, Any]:
        """A question to put."""
        return {
            "op": "ask",
            "requestId": str(uuid.uuid4()),
            "addresseeNo": f"{PEOPLE.index(who) + 1:015}",
            "code": code(who).hex(),
            "provider": provider or self.prepared.providers[0],
            "affair": "JM90000000000101",
            "procedure": "JT90000000000101",
            "item": ITEM,
            "year": 2026,
            "office": "国保年金課",
            "clerk": "c-0017",
            "fields": ["salary_revenue_yen", "tax_class"],
            "nonDisclosure": False,
            "waitMs": WAIT_MS,
            **changes,
        }

    async def ask(self, question: Mapping[str, Any], reply: Reply) -> Told:
        """Put a question while the gateway says `reply` to it, and hear what is told."""
        said: list[linkage_pb2.ExchangeState] = []

        async def noted(asked: Asked) -> linkage_pb2.ExchangeState:
            said.append(await reply(asked))
            return said[-1]

        self.gateway.replies[question["requestId"]] = noted
        self.sent.append({"question": dict(question)})
        try:
            return Told.of(await self.speaker.say(question))
        finally:
            self.sent += [shown_inquiry(one) for one in self.gateway.of(question["requestId"])[-1:]]
            self.sent += [self._shown_state(one) for one in said[-1:]]

    def _shown_state(self, state: linkage_pb2.ExchangeState) -> dict[str, Any]:
        """What the gateway said, with what was in the answer."""
        sealed = {"key_id": state.answer.key_id} | self._made.get(state.answer.signature, {})
        named = linkage_pb2.ExchangeState()
        named.CopyFrom(state)
        named.ClearField("answer")
        told = MessageToDict(named, preserving_proto_field_name=True)
        return {"gateway": told | ({"answer": sealed} if state.HasField("answer") else {})}

    async def heard(self, question: Mapping[str, Any]) -> Asked:
        """What the gateway is asked when this question is put, which is answered as it should be.

        Raises:
            UnmetError: nothing was asked under the question's id.
        """
        told = await self.ask(question, self.answers())
        return self.one_asked(question, told)

    def one_asked(self, question: Mapping[str, Any], told: Told) -> Asked:
        """The inquiry that came of a question.

        Raises:
            UnmetError: none did.
        """
        came = self.gateway.of(question["requestId"])
        if not came:
            raise UnmetError(Text("この requestId の照会", "an inquiry of this requestId"), plain(f"–; {told}"))
        return came[-1]

    def answers(self, **wrong: Any) -> Reply:
        """A provider that answers; `wrong` as `state`. The same each time for the same inquiry."""
        made: dict[bytes, linkage_pb2.ExchangeState] = {}

        async def reply(asked: Asked) -> linkage_pb2.ExchangeState:
            if asked.inquiry not in made:
                made[asked.inquiry] = self.state(asked, **wrong)
            return made[asked.inquiry]

        return reply

    def state(
        self,
        asked: Asked,
        outcome: int = pb.OUTCOME_ANSWERED,
        *,
        sealed: Callable[[Asked, bytes], tuple[pb.SealedAnswer, int]] | None = None,
        salary: int = 4_120_000,
        **changes: Any,
    ) -> linkage_pb2.ExchangeState:
        """Where an exchange stands, with receipt and, where the outcome has one, an answer."""
        commitment, permit_hash = os.urandom(32), os.urandom(32)
        own = self.register.keys["gateway"]
        made = linkage_pb2.ExchangeState(
            request_id=asked.header.request_id,
            outcome=outcome,  # type: ignore[arg-type]  # a number of the enumeration
            receipt=receipts.issue(commitment, EXCHANGED, datetime.now(tz=UTC), own.signing_key_id, own.sign),
        )
        if outcome in {pb.OUTCOME_ANSWERED, pb.OUTCOME_PENDING}:
            fine = pb.FINE_OUTCOME_PROVIDED if outcome == pb.OUTCOME_ANSWERED else pb.FINE_OUTCOME_PENDING
            answer = self.answer(asked, permit_hash, salary=salary, outcome=fine)
            block, place = sealed(asked, permit_hash) if sealed else (self.seal([answer]), 0)
            made.answer.CopyFrom(block)
            made.answer_index = place
            made.permit_hash = permit_hash
        for name, value in changes.items():
            getattr(made, name).CopyFrom(value)
        return made

    def answer(self, asked: Asked, permit_hash: bytes, *, salary: int = 4_120_000, **changes: Any) -> pb.Answer:
        """A provider's answer to an inquiry."""
        header = asked.header
        content = items_pb2.ItemContent(
            local_tax=items_pb2.LocalTaxInfo(salary_revenue_yen=salary, tax_class=items_pb2.TAX_CLASS_EXEMPT)
        )
        record = pb.Record(record_key="2026", layout_version=LAYOUT, content=content)
        provided = changes.get("outcome", pb.FINE_OUTCOME_PROVIDED) == pb.FINE_OUTCOME_PROVIDED
        named: dict[str, Any] = {
            "header_hash": hash_of(asked),
            "permit_hash": permit_hash,
            "provider": header.provider,
            "requester": header.requester,
            "outcome": pb.FINE_OUTCOME_PROVIDED,
            "records": [record] if provided else [],
            "salt": os.urandom(32),
        }
        return pb.Answer(**(named | changes))

    def seal(
        self,
        answers: Sequence[pb.Answer],
        *,
        provider: str | None = None,
        leaves: Sequence[bytes] | None = None,
        purpose: Purpose = Purpose.ANSWER,
        spoilt: bool = False,
        signer: InstitutionKeys | None = None,
        signed_as: str | None = None,
    ) -> pb.SealedAnswer:
        """A block of answers, sealed to the requester and signed by the provider, or wrong in one of the ways named.

        Args:
            answers: what is inside.
            provider: whose keys sign; by default the usual provider's.
            leaves: other leaves than those of the answers.
            purpose: as what it is sealed.
            spoilt: its padding is not zero.
            signer: other keys that sign.
            signed_as: key id that is named, if not the signer's.
        """
        own = self.register.keys[provider or self.prepared.providers[0]]
        to = self.register.requester()
        named = list(leaves or [answer_leaf(one.header_hash, one.permit_hash) for one in answers])
        block = pb.SealedBlock(recipient=to.owner, key_id=to.sealing.key_id, leaves=named)
        padded = bytearray(
            pad(pb.AnswerBlock(answers=answers).SerializeToString(), floor=Purpose.ANSWER.floor(len(named)))
        )
        padded[-1] |= spoilt
        block.ciphertext = to.sealing.seal(bytes(padded), purpose.tag + bound(block))
        by = signer or own
        root = len(named).to_bytes(4, "big") + merkle.root(named)
        signature = by.sign(ANSWER_BATCH + root + block_hash(block) + block.key_id.encode())
        self._made[signature] = {
            "sealed_as": purpose.name,
            "signed_by": f"{by.owner} ({by.signing_key_id})",
            **({"padding": "not zero"} if spoilt else {}),
            "answers": [MessageToDict(one, preserving_proto_field_name=True) for one in answers],
        }
        return pb.SealedAnswer(block=block, key_id=signed_as or by.signing_key_id, signature=signature)

    def inside(self, asked: Asked) -> list[pb.Query]:
        """The queries of an inquiry's block, under the info of either purpose, padded or not.

        Raises:
            UnmetError: it does not open.
        """
        return list(pb.QueryBlock.FromString(content_of(self.opened(asked)[1])).queries)

    def opened(self, asked: Asked) -> tuple[Purpose, bytes]:
        """As what an inquiry's block is sealed, and its plaintext, padding included.

        Raises:
            UnmetError: it does not open.
        """
        own, block = self.register.keys[asked.header.provider], asked.block
        for purpose in Purpose:
            try:
                return purpose, own.open(block.key_id, block.ciphertext, purpose.tag + bound(block))
            except OpenError:
                continue
        raise UnmetError(
            Text(f"{own.owner} の鍵あてに封緘された問合せ", f"a query sealed to the key of {own.owner}"),
            Text("どうしても開かないブロック", "a block that opens in no way"),
        )

    async def restart(self) -> bool:
        """Kill the requester and start it again; False, with a note, when it is not ours to kill."""
        if not self.speaker.can_be_killed:
            self.notes.append(
                Text(
                    "強制終了をまたぐ試験は未実施：--command の指定なし",
                    "across a kill not tried: --command was not given",
                )
            )
            return False
        await self.speaker.kill()
        await self.speaker.start()
        return True


def hash_of(asked: Asked) -> bytes:
    """The hash of an inquiry's header."""
    return header_hash(asked.head)


def content_of(plaintext: bytes) -> bytes:
    """A plaintext without its padding, if it has any."""
    try:
        return unpad(plaintext)
    except PaddingError:
        return plaintext
