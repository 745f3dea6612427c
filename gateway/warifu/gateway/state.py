"""What a requester is told of its exchange; the same words however often it asks."""

from __future__ import annotations

from collections.abc import Sequence

from warifu.common.v1.common_pb2 import Failure
from warifu.exchange import receipt
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.receipt import Recorded
from warifu.exchange.v1.exchange_pb2 import OUTCOME_PENDING
from warifu.gateway.stored import Stored
from warifu.kernel.instants import timestamp
from warifu.linkage.v1.linkage_pb2 import Denial, ExchangeState, Receipt


def state_of(stored: Stored, keys: InstitutionKeys) -> ExchangeState:
    """The state, with its answer block and the gateway's receipt for the request record."""
    (state,) = states_of([stored], keys)
    if stored.answer is not None:
        state.answer.MergeFromString(stored.answer)
    return state


def states_of(exchanges: Sequence[Stored], keys: InstitutionKeys) -> list[ExchangeState]:
    """States without their answer blocks, with receipts that are signed once."""
    if not exchanges:
        return []
    receipts = receipt.issue_all([_recorded(one) for one in exchanges], keys.signing_key_id, keys.sign)
    return [_state(one, given) for one, given in zip(exchanges, receipts, strict=True)]


def _state(stored: Stored, given: Receipt) -> ExchangeState:
    state = ExchangeState(
        request_id=stored.request_id,
        outcome=stored.outcome,  # type: ignore[arg-type] # the column holds values of the enum
        receipt=given,
        permit_hash=stored.permit_hash,
    )
    if stored.denial is not None:
        state.denial.CopyFrom(Denial.FromString(stored.denial))
    if stored.failure is not None:
        state.error.CopyFrom(Failure.FromString(stored.failure))
    if stored.answer is not None:
        state.answer_index = stored.answer_index or 0
    if stored.outcome == OUTCOME_PENDING and stored.review_until is not None:
        state.review_until.CopyFrom(timestamp(stored.review_until))
    return state


def _recorded(stored: Stored) -> Recorded:
    return Recorded(stored.commitment, stored.exchange_time, stored.recorded_at)
