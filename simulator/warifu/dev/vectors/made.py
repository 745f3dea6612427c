"""What the vectors are made of: keys from names, and the parties and times of one exchange. None of it is anybody's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256, shake_256
from typing import Final

from warifu.common.v1 import common_pb2
from warifu.exchange import header as headers
from warifu.exchange.keys import InstitutionKeys
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import milliseconds, timestamp

REQUESTER: Final = "nhi-480029"
PROVIDER: Final = "tax-480011"
GATEWAY: Final = "gateway"
ISSUED: Final = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
"""Machine time."""
EXCHANGED: Final = datetime(2026, 6, 10, 0, 30, tzinfo=UTC)
"""Simulated time."""


def drawn(name: str, size: int = 32) -> bytes:
    """Bytes that look random and are always the same: SHAKE256 of "warifu vectors: " and the name."""
    return shake_256(b"warifu vectors: " + name.encode()).digest(size)


def xwing_seed(owner: str) -> bytes:
    """The 32 bytes that an X-Wing private key is, of an owner."""
    return drawn(f"{owner} hpke")


def keys(owner: str) -> InstitutionKeys:
    """An owner's keys; SHAKE256 makes the 96 bytes of ML-KEM and X25519 of the seed, as X-Wing does."""
    return InstitutionKeys(owner, [shake_256(xwing_seed(owner)).digest(96)], drawn(f"{owner} signing"))


def header(number: int = 0) -> bytes:
    """The bytes of the numbered header."""
    at = sha256(f"header {number}".encode()).hexdigest()
    return headers.build(
        pb.RequestHeader(
            request_id=f"{at[:8]}-{at[8:12]}-4{at[13:16]}-8{at[17:20]}-{at[20:32]}",
            requester=REQUESTER,
            provider=PROVIDER,
            affair="JM90000000000101",
            procedure="JT90000000000101",
            item="TM90000000000001",
            span=common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2026)),
            office="国保年金課",
            clerk=f"c-{number:04}",
        )
    )


def permit(number: int = 0, **changes: object) -> bytes:
    """The bytes of the numbered permit, with other fields where asked."""
    asked = header(number)
    fields: dict[str, object] = {
        "permit_id": pb.RequestHeader.FromString(asked).request_id,
        "header": asked,
        "subject": pb.SubjectReference(code=drawn(f"code {number}", 33)),
        "query_block_hash": drawn("query block"),
        "query_index": number,
        "table_version": "2026.2+00000000",
        "row": "P07",
        "commitment": drawn(f"commitment {number}"),
        "exchange_time": timestamp(milliseconds(EXCHANGED)),
        "issued_at": timestamp(milliseconds(ISSUED)),
        "accept_by": timestamp(milliseconds(ISSUED + timedelta(seconds=30))),
        "review_until": timestamp(milliseconds(EXCHANGED + timedelta(days=30))),
        "requester_key_id": keys(REQUESTER).hpke_key_id,
    }
    return pb.Permit(**(fields | changes)).SerializeToString(deterministic=True)  # type: ignore[arg-type] # the fields' own types
