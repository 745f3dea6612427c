"""The gateway's receipt: its signed word that a request is in its records (docs/PROTOCOL.md §5).

Signed: tag ‖ commitment ‖ machine time of the commit (64-bit milliseconds since 1970, big-endian).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from warifu.exchange import domains
from warifu.exchange.keys import Signer, VerifyingKey
from warifu.exchange.permit import moment, stamp
from warifu.kernel.errors import LinkageError, Reason
from warifu.linkage.v1 import linkage_pb2
from warifu.tlog import merkle


def issue(
    commitment: bytes, exchange_time: datetime, recorded_at: datetime, key_id: str, sign: Signer
) -> linkage_pb2.Receipt:
    """A receipt for a record committed at machine time `recorded_at`, which is cut to the millisecond."""
    at = recorded_at - timedelta(microseconds=recorded_at.microsecond % 1000)
    return linkage_pb2.Receipt(
        commitment=commitment,
        exchange_time=stamp(exchange_time),
        recorded_at=stamp(at),
        key_id=key_id,
        signature=sign(_signed(commitment, at)),
    )


def check(receipt: linkage_pb2.Receipt, gateway: VerifyingKey) -> None:
    """Check a receipt against the gateway's key of its id.

    Raises:
        LinkageError: GATEWAY_RECEIPT_INVALID.
    """
    try:
        message = _signed(receipt.commitment, moment(receipt.recorded_at))
    except (ValueError, OverflowError) as error:
        raise LinkageError(Reason.GATEWAY_RECEIPT_INVALID) from error
    sound = len(receipt.commitment) == merkle.HASH_SIZE and receipt.key_id == gateway.key_id
    if not sound or not gateway.fits(message, receipt.signature):
        raise LinkageError(Reason.GATEWAY_RECEIPT_INVALID)


def _signed(commitment: bytes, at: datetime) -> bytes:
    milliseconds = round(at.timestamp() * 1000)
    return domains.RECEIPT + commitment + milliseconds.to_bytes(8, "big")
