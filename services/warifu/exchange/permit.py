"""The permit (情報提供許可): the gateway's signed leave to provide (docs/PROTOCOL.md §5).

One signature covers every permit of a batch (`warifu.exchange.batch`); a provider can keep and show each alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from warifu.exchange import batch, domains, form, header
from warifu.exchange.batch import BatchChecker
from warifu.exchange.form import FormError
from warifu.exchange.keys import KEY_ID_SIZE, Signer, VerifyingKey
from warifu.exchange.sealing import MOST_ITEMS
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import moment
from warifu.kernel.limits import PERMIT_LIFE, SUBJECT_BYTES
from warifu.tlog import merkle

CLOCK_SKEW: Final = timedelta(seconds=30)
"""Difference allowed between the machine clocks of two parties."""
LONGEST_WINDOW: Final = timedelta(seconds=PERMIT_LIFE)
"""From a permit's issue to the last moment at which it may first be accepted, at most."""
LARGEST_PERMIT: Final = header.LARGEST_HEADER + 1024
"""Bytes of a serialised permit, at most."""


class CheckedPermit(NamedTuple):
    """A permit whose signature, provider and form were checked. Its window was not: see `check_window`."""

    permit: exchange_pb2.Permit
    header: exchange_pb2.RequestHeader
    permit_hash: bytes
    """SHA-256 of the permit bytes."""
    header_hash: bytes
    """SHA-256 of the header bytes."""
    issued_at: datetime
    """Machine time."""
    accept_by: datetime
    """Machine time."""
    exchange_time: datetime
    """Simulated time by which law and life are judged."""
    review_until: datetime
    """Simulated time."""


def permit_hash(permit: bytes) -> bytes:
    """SHA-256 of the permit bytes, by which answers and records name it."""
    return sha256(permit).digest()


def issue(permits: Sequence[bytes], key_id: str, sign: Signer) -> list[exchange_pb2.SignedPermit]:
    """Sign a batch of serialised permits once; each result stands alone.

    Raises:
        ValueError: none, or more than a batch holds.
    """
    signatures = batch.sign(domains.PERMIT_BATCH, permits, key_id, sign)
    return [
        exchange_pb2.SignedPermit(permit=permit, signature=signature)
        for permit, signature in zip(permits, signatures, strict=True)
    ]


class PermitChecker:
    """Checks permits for one provider, and each signature of a batch only once. Use one for each call."""

    __slots__ = ("_batches", "_provider")

    def __init__(
        self,
        provider: str,
        key_of: Callable[[str], VerifyingKey | None],
        together: Iterable[exchange_pb2.SignedPermit] = (),
    ) -> None:
        """For `provider`; `key_of(key_id)` finds a signing key of the gateway that is in force. `together`: permits that came in one call."""
        self._provider = provider
        self._batches = BatchChecker(domains.PERMIT_BATCH, key_of, ((one.permit, one.signature) for one in together))

    def check(self, signed: exchange_pb2.SignedPermit) -> CheckedPermit:
        """The permit, when the gateway signed exactly these bytes for this provider.

        Raises:
            LinkageError: CLIENT_PERMIT_INVALID (not signed by the gateway, altered, unknown fields, a field out of form, not
                short-lived); CLIENT_PERMIT_MISMATCH (for another provider); CLIENT_TOO_LARGE.
        """
        if len(signed.permit) > LARGEST_PERMIT:
            raise LinkageError(Reason.CLIENT_TOO_LARGE, metadata={"field": "permit", "limit": str(LARGEST_PERMIT)})
        try:
            self._batches.check(signed.permit, signed.signature)
            permit = form.parse_whole(exchange_pb2.Permit, signed.permit, "permit")
            request = header.parse(permit.header)
            checked = _checked(signed.permit, permit, request)
        except (FormError, LinkageError) as error:
            raise LinkageError(Reason.CLIENT_PERMIT_INVALID) from error
        if request.provider != self._provider:
            raise LinkageError(Reason.CLIENT_PERMIT_MISMATCH)
        return checked


def check_window(checked: CheckedPermit, now: datetime) -> None:
    """May a permit be accepted for the first time at machine time `now`, with 30 s allowed for the clocks' difference.

    Raises:
        LinkageError: CLIENT_PERMIT_EXPIRED, before its issue or after its window.
    """
    if not checked.issued_at - CLOCK_SKEW <= now <= checked.accept_by + CLOCK_SKEW:
        raise LinkageError(Reason.CLIENT_PERMIT_EXPIRED)


def stamp(at: datetime) -> Timestamp:
    """An aware datetime as a timestamp for a message."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def _checked(data: bytes, permit: exchange_pb2.Permit, request: exchange_pb2.RequestHeader) -> CheckedPermit:
    if permit.permit_id != request.request_id:
        raise FormError("permit_id", "not the request id")
    form.check_bytes("query_block_hash", permit.query_block_hash, merkle.HASH_SIZE)
    form.check_bytes("commitment", permit.commitment, merkle.HASH_SIZE)
    if not 0 < permit.subject.ByteSize() <= SUBJECT_BYTES:
        raise FormError("subject", "absent or too large")
    if permit.query_index >= MOST_ITEMS:
        raise FormError("query_index", "outside a block")
    _check_rule(permit.table_version, permit.row)
    if len(permit.requester_key_id) != KEY_ID_SIZE:
        raise FormError("requester_key_id", "not a key id")
    issued_at, accept_by = _time(permit, "issued_at"), _time(permit, "accept_by")
    if not timedelta(0) <= accept_by - issued_at <= LONGEST_WINDOW:
        raise FormError("accept_by", "not short-lived")
    return CheckedPermit(
        permit=permit,
        header=request,
        permit_hash=permit_hash(data),
        header_hash=header.header_hash(permit.header),
        issued_at=issued_at,
        accept_by=accept_by,
        exchange_time=_time(permit, "exchange_time"),
        review_until=_time(permit, "review_until"),
    )


@lru_cache(maxsize=1024)
def _check_rule(table_version: str, row: str) -> None:
    form.check_text("table_version", table_version, 64)
    form.check_text("row", row, 64)


def _time(permit: exchange_pb2.Permit, name: str) -> datetime:
    if not permit.HasField(name):  # type: ignore[arg-type] # the four names are fields
        raise FormError(name, "absent")
    try:
        return moment(getattr(permit, name))
    except (ValueError, OverflowError) as error:
        raise FormError(name, "not a time") from error
