"""Events of the network, logged beside the records of exchanges, and their commitments (docs/PROTOCOL.md §14).

commitment = SHA-256(tag ‖ salt ‖ event): as records', under a tag of its own.
"""

from __future__ import annotations

import hmac
import os
from hashlib import sha256
from typing import Final

from warifu.exchange import domains
from warifu.exchange.form import FormError, parse_whole
from warifu.exchange.record import SALT_SIZE, RecordError
from warifu.log.v1 import log_pb2

VERSION: Final = 1
"""Version of the event's form."""


def commit(event: log_pb2.NetworkEvent) -> log_pb2.CommittedEvent:
    """Serialise an event and commit to it with a new salt."""
    data = event.SerializeToString(deterministic=True)
    salt = os.urandom(SALT_SIZE)
    return log_pb2.CommittedEvent(event=data, salt=salt, commitment=commitment(salt, data))


def commitment(salt: bytes, event: bytes) -> bytes:
    """The 32-byte commitment to event bytes."""
    return sha256(domains.EVENT + salt + event).digest()


def check(committed: log_pb2.CommittedEvent) -> log_pb2.NetworkEvent:
    """The event, when its commitment fits.

    Raises:
        RecordError: it does not, the salt has another length, or the bytes are no event of a known version.
    """
    if len(committed.salt) != SALT_SIZE:
        raise RecordError("salt of a wrong length")
    if not hmac.compare_digest(commitment(committed.salt, committed.event), committed.commitment):
        raise RecordError("the commitment does not fit the event")
    try:
        event = parse_whole(log_pb2.NetworkEvent, committed.event, "event")
    except FormError as error:
        raise RecordError("not an event") from error
    if event.version != VERSION or event.WhichOneof("event") is None:
        raise RecordError("an event of an unknown version or kind")
    return event
