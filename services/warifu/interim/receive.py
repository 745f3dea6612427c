"""Step 6: what came back is checked, opened, recorded, and only then shown to the business system.

The receipt must be the gateway's; an answer must be signed by the provider that was asked, open with the own key, and name this very
header and permit. What fails any of it is an ERROR, never an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from warifu.common.v1 import common_pb2
from warifu.exchange import answer, header
from warifu.exchange.answer import OpenedAnswers
from warifu.exchange.directory import GATEWAY
from warifu.exchange.keys import InstitutionKeys, VerifyingKey
from warifu.exchange.receipt import ReceiptChecker
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import records
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import UNSETTLED, Change, Inquiry, Settling
from warifu.interim.records import Event, RecordRow
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import dated, stamped
from warifu.linkage.v1 import linkage_pb2

PENDING = exchange_pb2.OUTCOME_PENDING


class Received(NamedTuple):
    """What an exchange has come to, checked."""

    outcome: exchange_pb2.Outcome.ValueType
    fine: exchange_pb2.FineOutcome.ValueType = exchange_pb2.FINE_OUTCOME_UNSPECIFIED
    answer: exchange_pb2.Answer | None = None
    failure: common_pb2.Failure | None = None
    reason: str | None = None
    """Of a denial or error."""
    row: str | None = None
    """Permission row that a denial names."""
    requested_at: int | None = None
    """Network milliseconds, from the gateway's receipt; None when nothing was recorded there."""

    @property
    def is_final(self) -> bool:
        """It will not change any more."""
        return self.outcome not in UNSETTLED


class Reply(NamedTuple):
    """What the gateway says of one inquiry."""

    inquiry: Inquiry
    state: linkage_pb2.ExchangeState
    """Without its answer block."""
    block: Block | None = None
    """The answer block; the same object for all that share it."""


class Block:
    """An answer block as it came, opened when it is first needed, and once."""

    __slots__ = ("_opened", "message", "received", "signers")

    def __init__(self, message: exchange_pb2.SealedAnswer) -> None:
        self.message = message
        self.received = message.SerializeToString()
        self.signers: dict[str, VerifyingKey | None] = {}
        """The key that its id names, by the provider whose it would be."""
        self._opened: OpenedAnswers | LinkageError | None = None

    def opened(self, own: InstitutionKeys, provider: VerifyingKey) -> OpenedAnswers:
        """The answers in it; see `answer.open_answers`. Its signature is checked against the key that its id names."""
        if self._opened is None:
            try:
                self._opened = answer.open_answers(self.message, own, provider)
            except LinkageError as error:
                self._opened = error
        if isinstance(self._opened, LinkageError):
            raise self._opened
        return self._opened


class Taken(NamedTuple):
    """What was taken in of one inquiry, durable."""

    received: Received
    inquiry: Inquiry
    """As it is kept now."""


class _Made(NamedTuple):
    """What is to be written of one reply."""

    received: Received
    change: Change
    records: list[RecordRow]


class _Asked(NamedTuple):
    """An inquiry's header, as it was sent and read."""

    head: bytes
    header: exchange_pb2.RequestHeader

    @classmethod
    def of(cls, inquiry: Inquiry) -> _Asked:
        head = exchange_pb2.Inquiry.FromString(inquiry.inquiry).header
        return cls(head, exchange_pb2.RequestHeader.FromString(head))


class Receiver:
    """Takes in what the gateway says of one institution's inquiries."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def take(self, replies: Sequence[Reply]) -> list[Taken | LinkageError]:
        """Check, open and record what became of inquiries, in one commit. What is taken is durable on return.

        One that cannot be taken now, since a key to check with cannot be had, is that error (GATEWAY_… or …_UNAVAILABLE); the same may
        be taken later.
        """
        receipts = ReceiptChecker((await self._gateway_keys(replies)).get, [reply.state.receipt for reply in replies])
        made: list[_Made | LinkageError] = []
        for reply in replies:
            try:
                made.append(await self._made(reply, receipts))
            except LinkageError as error:
                made.append(error)
        return await self._kept(made)

    async def refuse(self, refused: Sequence[tuple[Inquiry, LinkageError]]) -> list[Taken | LinkageError]:
        """The gateway refused these inquiries themselves and recorded nothing: final, with the reason for the clerk."""
        return await self._kept([self._change(one, _Asked.of(one), failed(error), None) for one, error in refused])

    async def _gateway_keys(self, replies: Sequence[Reply]) -> dict[str, VerifyingKey]:
        keys = {}
        for key_id in {reply.state.receipt.signature.key_id for reply in replies}:
            key = await self._ground.directory.signing_key(GATEWAY, key_id)
            if key is not None:
                keys[key_id] = key
        return keys

    async def _made(self, reply: Reply, receipts: ReceiptChecker) -> _Made:
        asked = _Asked.of(reply.inquiry)
        try:
            received = await self._checked(asked, reply, receipts)
        except LinkageError as error:
            if error.retryable:
                raise
            received = failed(error)
        return self._change(reply.inquiry, asked, received, reply)

    async def _checked(self, asked: _Asked, reply: Reply, receipts: ReceiptChecker) -> Received:
        state, outcome = reply.state, reply.state.outcome
        if state.request_id != asked.header.request_id:
            raise LinkageError(Reason.GATEWAY_RECEIPT_INVALID)
        receipts.check(state.receipt)
        requested_at = stamped(state.receipt.exchange_time)
        match outcome:
            case exchange_pb2.OUTCOME_ANSWERED | exchange_pb2.OUTCOME_PENDING:
                try:
                    opened = await self._opened(asked, reply)
                except LinkageError as error:
                    if error.retryable:
                        raise
                    return failed(error)._replace(requested_at=requested_at)
                return Received(outcome, opened.outcome, opened, requested_at=requested_at)
            case exchange_pb2.OUTCOME_DENIED:
                return _denied(state.denial)._replace(requested_at=requested_at)
            case exchange_pb2.OUTCOME_ERROR | exchange_pb2.OUTCOME_EXPIRED:
                # Texts are our own table's: what came over the wire is a name from the list, or nothing.
                failure = LinkageError.from_failure(state.error, party="gateway").failure()
                return Received(outcome, failure=failure, reason=failure.reason, requested_at=requested_at)
            case exchange_pb2.OUTCOME_UNSPECIFIED:
                return Received(outcome, requested_at=requested_at)
            case _:  # what nobody here understands is nothing to be told as an outcome
                return failed(LinkageError(Reason.GATEWAY_INTERNAL))._replace(requested_at=requested_at)

    async def _opened(self, asked: _Asked, reply: Reply) -> exchange_pb2.Answer:
        state, block, provider_code = reply.state, reply.block, asked.header.provider
        if block is None:
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        if provider_code not in block.signers:
            key = await self._ground.directory.signing_key(provider_code, block.message.key_id)
            block.signers[provider_code] = key
        provider = block.signers[provider_code]
        if provider is None:
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        answers = block.opened(self._ground.keys, provider)
        if answers.provider != provider_code:  # a block is opened once, by the key of who was asked first
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        opened = answers.answer(state.answer_index, header.header_hash(asked.head), state.permit_hash)
        if (opened.outcome == exchange_pb2.FINE_OUTCOME_PENDING) != (state.outcome == PENDING):
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        return opened

    async def _kept(self, made: Sequence[_Made | LinkageError]) -> list[Taken | LinkageError]:
        """Write all at once. An inquiry that became final meanwhile stays as it is."""
        written = [one for one in made if isinstance(one, _Made)]
        if written:
            settling = Settling(self._ground.contents, [one.change for one in written])
            entries = {one.change.after.request_id: one.records for one in written}
            await self._ground.store.write(lambda connection: _write(connection, settling, entries))
        return [Taken(one.received, one.change.after) if isinstance(one, _Made) else one for one in made]

    def _change(self, before: Inquiry, asked: _Asked, received: Received, reply: Reply | None) -> _Made:
        """What the inquiry becomes, with the records that are still missing."""
        state = reply.state if reply is not None else None
        block = reply.block.received if reply is not None and reply.block is not None else None
        answered_at = self._ground.network() if received.outcome == exchange_pb2.OUTCOME_ANSWERED else None
        contents, requested_at = self._ground.contents, _first(received.requested_at, before.requested_at)
        after = before._replace(
            month=contents.month(requested_at) if requested_at is not None else before.month,
            outcome=received.outcome,
            fine_outcome=received.fine,
            # What was received before stays: its receipt is what the gateway can be held to.
            state=state.SerializeToString() if state is not None else before.state,
            answer=answer.answer_bytes(received.answer) if received.answer is not None else None,
            failure=received.failure.SerializeToString() if received.failure is not None else None,
            requested_at=requested_at,
            answered_at=answered_at,
            review_until=_review_until(state),
        )
        return _Made(received, Change(before, after, block), self._records(asked, before, after, received, state))

    def _records(
        self,
        asked: _Asked,
        before: Inquiry,
        after: Inquiry,
        received: Received,
        state: linkage_pb2.ExchangeState | None,
    ) -> list[RecordRow]:
        """Rows still missing: of the request when the gateway's receipt came first, of the outcome when it is final.

        What the gateway did not record, since it refused the call as such, is no exchange and gets no record here either.
        """
        if after.requested_at is None:
            return []
        event = Event(
            header=asked.header,
            side="requester",
            requested_at=after.requested_at,
            table_version=self._ground.law.book().version,
            row=received.row,
            permit_hash=state.permit_hash if state is not None and state.HasField("permit_hash") else None,
        )
        entries = [event.request()] if before.requested_at is None else []
        if received.is_final:
            hidden = received.answer is not None and received.answer.non_disclosure
            fine = received.fine or None
            made = event.outcome(received.outcome, fine, after.answered_at, received.reason, non_disclosure=hidden)
            if after.answer is not None:
                made.answer_digest = answer.answer_digest(after.answer)
            entries.append(made)
        return event.rows(self._ground.contents, entries)


def _write(connection: Connection, settling: Settling, entries: Mapping[str, list[RecordRow]]) -> None:
    """Runs in the store's transaction."""
    records.add(connection, [row for request_id in sorted(settling.write(connection)) for row in entries[request_id]])


def failed(error: LinkageError) -> Received:
    """An ERROR for this reason."""
    return Received(exchange_pb2.OUTCOME_ERROR, failure=error.failure(), reason=error.reason)


def _denied(denial: linkage_pb2.Denial) -> Received:
    """For a reason from the list; another is nothing that anybody here understands."""
    if LinkageError.from_reason(denial.reason, party="gateway").reason != denial.reason:
        return failed(LinkageError(Reason.GATEWAY_INTERNAL))
    row = denial.nearest_row if denial.HasField("nearest_row") else None
    return Received(exchange_pb2.OUTCOME_DENIED, reason=denial.reason, row=row)


def _first(now: int | None, before: int | None) -> int | None:
    return now if now is not None else before


def _review_until(state: linkage_pb2.ExchangeState | None) -> int | None:
    if state is None or not state.HasField("review_until"):
        return None
    try:
        return dated(state.review_until)
    except (ValueError, OverflowError):  # no time, so no end of the review either
        return None
