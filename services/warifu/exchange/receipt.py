"""The gateway's receipt: its signed word that a request is in its records (docs/PROTOCOL.md §4).

Signed as a batch (`warifu.exchange.batch`) whose items are commitment ‖ machine time of the commit (64-bit milliseconds since 1970,
big-endian).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from warifu.exchange import batch, domains
from warifu.exchange.batch import BatchChecker, Signed
from warifu.exchange.form import FormError
from warifu.exchange.keys import Signer, VerifyingKey
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import dated, milliseconds, stamped, timestamp
from warifu.linkage.v1 import linkage_pb2
from warifu.tlog import merkle


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a receipt is given for."""

    commitment: bytes
    exchange_time: int
    """Network milliseconds: the time in the record."""
    recorded_at: int
    """Machine milliseconds of the commit."""


def issue(
    commitment: bytes, exchange_time: datetime, recorded_at: datetime, key_id: str, sign: Signer
) -> linkage_pb2.Receipt:
    """A receipt for one record; see `issue_all`. Times are cut to the millisecond."""
    recorded = Recorded(commitment, milliseconds(exchange_time), milliseconds(recorded_at))
    return issue_all([recorded], key_id, sign)[0]


def issue_all(requests: Sequence[Recorded], key_id: str, sign: Signer) -> list[linkage_pb2.Receipt]:
    """Receipts for recorded requests, signed once; each stands alone.

    Raises:
        ValueError: none, or more than a batch holds.
    """
    items = [_item(one.commitment, one.recorded_at) for one in requests]
    return [
        linkage_pb2.Receipt(
            commitment=one.commitment,
            exchange_time=timestamp(one.exchange_time),
            recorded_at=timestamp(one.recorded_at),
            signature=signature,
        )
        for one, signature in zip(requests, batch.sign(domains.RECEIPT, items, key_id, sign), strict=True)
    ]


class ReceiptChecker:
    """Checks receipts, and each signature of a batch only once. Use one for each call."""

    __slots__ = ("_batches",)

    def __init__(
        self, key_of: Callable[[str], VerifyingKey | None], together: Iterable[linkage_pb2.Receipt] = ()
    ) -> None:
        """`key_of(key_id)` finds a signing key of the gateway. `together`: receipts that came in one call."""
        self._batches = BatchChecker(domains.RECEIPT, key_of, _readable(together))

    def check(self, receipt: linkage_pb2.Receipt) -> None:
        """Check a receipt against the gateway's key of its id.

        Raises:
            LinkageError: GATEWAY_RECEIPT_INVALID, also when one of its times is none.
        """
        if len(receipt.commitment) != merkle.HASH_SIZE:
            raise LinkageError(Reason.GATEWAY_RECEIPT_INVALID)
        try:
            dated(receipt.exchange_time)
            self._batches.check(_item(receipt.commitment, dated(receipt.recorded_at)), receipt.signature)
        except (ValueError, OverflowError, FormError) as error:
            raise LinkageError(Reason.GATEWAY_RECEIPT_INVALID) from error


def check(receipt: linkage_pb2.Receipt, gateway: VerifyingKey) -> None:
    """Check one receipt against one key of the gateway; see `ReceiptChecker.check`."""
    ReceiptChecker(lambda key_id: gateway if key_id == gateway.key_id else None).check(receipt)


def _readable(receipts: Iterable[linkage_pb2.Receipt]) -> Iterator[Signed]:
    for one in receipts:
        with suppress(OverflowError):  # a time before 1970, which `check` refuses
            yield _item(one.commitment, stamped(one.recorded_at)), one.signature


def _item(commitment: bytes, at: int) -> bytes:
    return commitment + at.to_bytes(8, "big")
