"""Records of an exchange (情報提供等の記録, art. 23) and their commitments (docs/PROTOCOL.md §7).

commitment = SHA-256(tag ‖ salt ‖ record). With 32 random bytes of salt it binds its author and tells nothing to others.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

from warifu.exchange import domains
from warifu.exchange.form import FormError, parse_whole
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.randomness import draw

SALT_SIZE: Final = 32
"""Bytes of a salt."""
VERSION: Final = 1
"""Version of the record's form."""


class RecordError(ValueError):
    """A record that its commitment does not fit, or bytes that are no record."""


def commit(record: exchange_pb2.AccessRecord) -> exchange_pb2.CommittedRecord:
    """Serialise a record and commit to it with a new salt."""
    data, salt, committed = commit_parts(record)
    return exchange_pb2.CommittedRecord(record=data, salt=salt, commitment=committed)


def commit_parts(record: exchange_pb2.AccessRecord) -> tuple[bytes, bytes, bytes]:
    """The same as it is kept in columns: the record's bytes, a new salt, the commitment."""
    data = record.SerializeToString(deterministic=True)
    salt = draw(SALT_SIZE)
    return data, salt, commitment(salt, data)


def commitment(salt: bytes, record: bytes) -> bytes:
    """The 32-byte commitment to record bytes."""
    return sha256(domains.RECORD + salt + record).digest()


def check(committed: exchange_pb2.CommittedRecord) -> exchange_pb2.AccessRecord:
    """The record, when its commitment fits.

    Raises:
        RecordError: it does not, the salt has another length, or the bytes are no record of a known version.
    """
    if len(committed.salt) != SALT_SIZE:
        raise RecordError("salt of a wrong length")
    expected = commitment(committed.salt, committed.record)
    if not hmac.compare_digest(expected, committed.commitment):
        raise RecordError("the commitment does not fit the record")
    try:
        record = parse_whole(exchange_pb2.AccessRecord, committed.record, "record")
    except FormError as error:
        raise RecordError("not a record") from error
    if record.version != VERSION:
        raise RecordError("a record of an unknown version")
    return record
