"""Step 6: what came back is checked, opened, recorded, and only then shown to the business system.

The receipt must be the gateway's; an answer must be signed by the provider that was asked, open with the own key, and name this very
header and permit. What fails any of it is an ERROR, never an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from warifu.common.v1 import common_pb2
from warifu.exchange import answer, header, receipt
from warifu.exchange.v1 import exchange_pb2
from warifu.interim import kept_inquiries, records
from warifu.interim.ground import Ground
from warifu.interim.kept_inquiries import UNSETTLED, Inquiry
from warifu.interim.records import Event
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import stamped
from warifu.linkage.v1 import linkage_pb2

PENDING = exchange_pb2.OUTCOME_PENDING


@dataclass(frozen=True, slots=True)
class Received:
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


class Receiver:
    """Takes in what the gateway says of one institution's inquiries."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def take(self, row: Inquiry, state: linkage_pb2.ExchangeState) -> Received:
        """Check, open and record what became of the inquiry `row`. On return it is durable.

        Raises:
            LinkageError: GATEWAY_… or …_UNAVAILABLE when a key to check with cannot be had; the same may be taken later.
        """
        head = _header_of(row)
        try:
            received = await self._checked(exchange_pb2.RequestHeader.FromString(head), head, state)
        except LinkageError as error:
            if error.retryable:
                raise
            received = failed(error)
        await self._ground.store.write(lambda connection: self._keep(connection, row, received, state))
        return received

    async def refuse(self, row: Inquiry, error: LinkageError) -> Received:
        """The gateway refused the call itself and recorded nothing: final, with the reason for the clerk."""
        received = failed(error)
        await self._ground.store.write(lambda connection: self._keep(connection, row, received, None))
        return received

    async def _checked(
        self, asked: exchange_pb2.RequestHeader, head: bytes, state: linkage_pb2.ExchangeState
    ) -> Received:
        await self._check_receipt(asked, state)
        requested_at = stamped(state.receipt.exchange_time)
        known = Received(state.outcome, requested_at=requested_at)
        match state.outcome:
            case exchange_pb2.OUTCOME_ANSWERED | exchange_pb2.OUTCOME_PENDING:
                try:
                    opened = await self._opened(asked, head, state)
                except LinkageError as error:
                    if error.retryable:
                        raise
                    return replace(failed(error), requested_at=requested_at)
                return replace(known, fine=opened.outcome, answer=opened)
            case exchange_pb2.OUTCOME_DENIED:
                row = state.denial.nearest_row if state.denial.HasField("nearest_row") else None
                return replace(known, reason=state.denial.reason, row=row)
            case exchange_pb2.OUTCOME_ERROR | exchange_pb2.OUTCOME_EXPIRED:
                # Texts are our own table's: what came over the wire is a name from the list, or nothing.
                failure = LinkageError.from_failure(state.error, party="gateway").failure()
                return replace(known, failure=failure, reason=failure.reason)
            case _:
                return known

    async def _check_receipt(self, asked: exchange_pb2.RequestHeader, state: linkage_pb2.ExchangeState) -> None:
        gateway = await self._ground.directory.signing_key("gateway", state.receipt.signature.key_id)
        if gateway is None or state.request_id != asked.request_id:
            raise LinkageError(Reason.GATEWAY_RECEIPT_INVALID)
        receipt.check(state.receipt, gateway)

    async def _opened(
        self, asked: exchange_pb2.RequestHeader, head: bytes, state: linkage_pb2.ExchangeState
    ) -> exchange_pb2.Answer:
        provider = await self._ground.directory.signing_key(asked.provider, state.answer.key_id)
        if provider is None or not state.HasField("answer"):
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        opened = answer.open_answer(
            state.answer,
            state.answer_index,
            self._ground.keys,
            provider,
            header.header_hash(head),
            state.permit_hash,
        )
        if (opened.outcome == exchange_pb2.FINE_OUTCOME_PENDING) != (state.outcome == PENDING):
            raise LinkageError(Reason.PROVIDER_ANSWER_INVALID)
        return opened

    def _keep(
        self, connection: Connection, row: Inquiry, received: Received, state: linkage_pb2.ExchangeState | None
    ) -> None:
        """Runs in the store's transaction. An inquiry that became final meanwhile stays as it is."""
        answered_at = self._ground.network() if received.outcome == exchange_pb2.OUTCOME_ANSWERED else None
        contents, requested_at = self._ground.contents, _first(received.requested_at, row.requested_at)
        after = replace(
            row,
            month=contents.month(requested_at) if requested_at is not None else row.month,
            outcome=received.outcome,
            fine_outcome=received.fine,
            # What was received before stays: its receipt is what the gateway can be held to.
            state=state.SerializeToString() if state is not None else row.state,
            answer=answer.answer_bytes(received.answer) if received.answer is not None else None,
            failure=received.failure.SerializeToString() if received.failure is not None else None,
            requested_at=requested_at,
            answered_at=answered_at,
            review_until=_review_until(state),
        )
        if kept_inquiries.settle(connection, contents, row, after):
            records.add(connection, self._records(row, received, state, answered_at))

    def _records(
        self,
        row: Inquiry,
        received: Received,
        state: linkage_pb2.ExchangeState | None,
        answered_at: int | None,
    ) -> list[dict[str, object]]:
        """Rows still missing: of the request when the gateway's receipt came first, of the outcome when it is final.

        What the gateway did not record, since it refused the call as such, is no exchange and gets no record here either.
        """
        requested_at = _first(received.requested_at, row.requested_at)
        if requested_at is None:
            return []
        event = Event(
            header=exchange_pb2.RequestHeader.FromString(_header_of(row)),
            side="requester",
            requested_at=requested_at,
            table_version=self._ground.law.book().version,
            row=received.row,
            permit_hash=state.permit_hash if state is not None and state.HasField("permit_hash") else None,
        )
        entries = [event.request()] if row.requested_at is None else []
        if received.is_final:
            hidden = received.answer is not None and received.answer.non_disclosure
            fine = received.fine or None
            made = event.outcome(received.outcome, fine, answered_at, received.reason, non_disclosure=hidden)
            if received.answer is not None:
                made.answer_digest = answer.answer_digest(answer.answer_bytes(received.answer))
            entries.append(made)
        return event.rows(self._ground.contents, entries)


def failed(error: LinkageError) -> Received:
    """An ERROR for this reason."""
    return Received(exchange_pb2.OUTCOME_ERROR, failure=error.failure(), reason=error.reason)


def _header_of(row: Inquiry) -> bytes:
    sent = linkage_pb2.InquireRequest.FromString(row.sent)
    return exchange_pb2.Inquiry.FromString(sent.inquiry).header


def _first(now: int | None, before: int | None) -> int | None:
    return now if now is not None else before


def _review_until(state: linkage_pb2.ExchangeState | None) -> int | None:
    return stamped(state.review_until) if state is not None and state.HasField("review_until") else None
