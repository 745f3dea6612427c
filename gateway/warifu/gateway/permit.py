"""Step 2, last part: the permit (情報提供許可). Written and stored with the request record, signed only once that is durable.

What is stored is the permit without its signature: whoever resumes the exchange, after any crash, signs the very same bytes. Ed25519 is
deterministic, and a permit is told apart by its bytes alone.
"""

from __future__ import annotations

from datetime import timedelta

from warifu.exchange.v1.exchange_pb2 import Permit, SubjectReference
from warifu.gateway.asked import Asked
from warifu.gateway.decide import Allowed
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.limits import PERMIT_LIFE, REVIEW_LIFE

ACCEPT_WITHIN = milliseconds(timedelta(seconds=PERMIT_LIFE))
"""Machine milliseconds in which a provider may first accept a permit."""
REVIEW_WITHIN = milliseconds(timedelta(days=REVIEW_LIFE))
"""Network milliseconds in which an answer that waits for a clerk may become final."""


def write(
    asked: Asked, allowed: Allowed, subject: SubjectReference, commitment: bytes, key_id: str, now: int, network: int
) -> bytes:
    """Serialised Permit.

    Args:
        asked: the inquiry; its header goes into the permit as received.
        allowed: the decision.
        subject: the person as the provider knows it.
        commitment: to the request record.
        key_id: of the requester's HPKE key.
        now: machine milliseconds.
        network: network milliseconds, the exchange's time.
    """
    return Permit(
        permit_id=asked.request_id,
        header=asked.inquiry.header,
        subject=subject,
        query_block_hash=asked.inquiry.query_block_hash,
        query_index=asked.inquiry.query_index,
        table_version=allowed.table_version,
        row=allowed.row,
        commitment=commitment,
        exchange_time=timestamp(network),
        issued_at=timestamp(now),
        accept_by=timestamp(now + ACCEPT_WITHIN),
        review_until=timestamp(network + REVIEW_WITHIN),
        requester_key_id=key_id,
    ).SerializeToString(deterministic=True)
