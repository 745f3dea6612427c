"""Permits (docs/PROTOCOL.md §5) and receipts (§4.10): good ones, and each wrong one with the reason why it is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from warifu.dev.vectors.made import EXCHANGED, GATEWAY, ISSUED, PROVIDER, header, keys, permit
from warifu.exchange import permit as permits
from warifu.exchange import receipt
from warifu.exchange.header import header_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import milliseconds, timestamp

_BATCH: Final = 5
_WINDOW: Final = timedelta(seconds=30)
_SKEW: Final = permits.CLOCK_SKEW
_SECOND: Final = timedelta(seconds=1)
Change = Callable[[pb.SignedPermit], None]


def make() -> dict[str, Any]:
    """The file permits.json."""
    gateway = keys(GATEWAY)
    batch = _issued([permit(number) for number in range(_BATCH)])
    return {
        "gateway": {"signing_key_id": gateway.signing_key_id, "signing_public_key": gateway.signing_public.hex()},
        "provider": PROVIDER,
        "clock_skew_seconds": int(_SKEW.total_seconds()),
        "permits": [_good(one) for one in (*_issued([permit()]), *batch)],
        "refused": _refused(batch[2]),
        "windows": _windows(batch[2]),
        "receipts": _receipts(),
    }


def _issued(permits_: list[bytes], owner: str = GATEWAY) -> list[pb.SignedPermit]:
    signer = keys(owner)
    return permits.issue(permits_, signer.signing_key_id, signer.sign)


def _good(signed: pb.SignedPermit) -> dict[str, Any]:
    inside = pb.Permit.FromString(signed.permit)
    return {
        "signed_permit": signed.SerializeToString(deterministic=True).hex(),
        "permit": signed.permit.hex(),
        "permit_hash": permits.permit_hash(signed.permit).hex(),
        "header_hash": header_hash(inside.header).hex(),
        "fields": MessageToDict(inside, preserving_proto_field_name=True),
        "header_fields": MessageToDict(pb.RequestHeader.FromString(inside.header), preserving_proto_field_name=True),
        "index": signed.signature.index,
        "size": signed.signature.size,
        "path": [step.hex() for step in signed.signature.path],
        "signature": signed.signature.signature.hex(),
    }


def _refused(good: pb.SignedPermit) -> list[dict[str, Any]]:
    invalid, mismatch = "CLIENT_PERMIT_INVALID", "CLIENT_PERMIT_MISMATCH"
    wrong: list[tuple[str, str, pb.SignedPermit]] = [
        (name, invalid, _altered(good, change)) for name, change in _CHANGES.items()
    ]
    wrong += [(name, invalid, _issued([content])[0]) for name, content in _wrong_forms().items()]
    other = pb.RequestHeader.FromString(header())
    other.provider = "tax-490016"
    wrong += [
        ("signed by another key", invalid, _issued([permit()], PROVIDER)[0]),
        ("too large", "CLIENT_TOO_LARGE", _issued([permit(row="P" * 5000)])[0]),
        ("for another provider", mismatch, _issued([permit(header=other.SerializeToString(deterministic=True))])[0]),
    ]
    return [
        {"name": name, "reason": reason, "signed_permit": one.SerializeToString(deterministic=True).hex()}
        for name, reason, one in wrong
    ]


def _altered(good: pb.SignedPermit, change: Change) -> pb.SignedPermit:
    altered = pb.SignedPermit()
    altered.CopyFrom(good)
    change(altered)
    return altered


def _flip(content: bytes, at: int = -1) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


def _set_permit(signed: pb.SignedPermit) -> None:
    signed.permit = signed.permit.replace(b"P07", b"P08")


def _set_index(signed: pb.SignedPermit) -> None:
    signed.signature.index += 1


def _set_size(signed: pb.SignedPermit) -> None:
    signed.signature.size += 1


def _set_huge(signed: pb.SignedPermit) -> None:
    signed.signature.size = 201


def _set_path(signed: pb.SignedPermit) -> None:
    signed.signature.path[0] = _flip(signed.signature.path[0])


def _cut_path(signed: pb.SignedPermit) -> None:
    del signed.signature.path[-1]


def _longer_path(signed: pb.SignedPermit) -> None:
    signed.signature.path.append(bytes(32))


def _set_signature(signed: pb.SignedPermit) -> None:
    signed.signature.signature = _flip(signed.signature.signature, 0)


def _no_signature(signed: pb.SignedPermit) -> None:
    signed.signature.signature = b""


def _set_key(signed: pb.SignedPermit) -> None:
    signed.signature.key_id = keys(PROVIDER).signing_key_id


_CHANGES: Final[dict[str, Change]] = {
    "altered after it was signed": _set_permit,
    "another place in the batch": _set_index,
    "another size of the batch": _set_size,
    "more than a batch": _set_huge,
    "altered path": _set_path,
    "path too short": _cut_path,
    "path too long": _longer_path,
    "altered signature": _set_signature,
    "without a signature": _no_signature,
    "a key that is not the gateway's": _set_key,
}


def _wrong_forms() -> dict[str, bytes]:
    """Signed by the gateway all the same."""
    late = timestamp(milliseconds(ISSUED + timedelta(seconds=61)))
    early = timestamp(milliseconds(ISSUED - _SECOND))
    return {
        "permit id is not the request id": permit(permit_id="00000000-0000-4000-8000-000000000000"),
        "no reference to the person": permit(subject=None),
        "a reference that is too large": permit(subject=pb.SubjectReference(code=bytes(127))),
        "query hash of a wrong length": permit(query_block_hash=bytes(31)),
        "commitment of a wrong length": permit(commitment=b""),
        "a place outside a block": permit(query_index=200),
        "no row": permit(row=""),
        "no table version": permit(table_version=""),
        "key id of a wrong length": permit(requester_key_id="0011"),
        "no exchange time": permit(exchange_time=None),
        "no end": permit(accept_by=None),
        "a window longer than 60 seconds": permit(accept_by=late),
        "a window that ends before it begins": permit(accept_by=early),
        "a header that is none": permit(header=b"\xff"),
        "an unknown field": permit() + b"\xa0\x06\x01",
        "an unknown field in the reference": permit(subject=None) + b"\x1a\x06\x0a\x01\x00\xa0\x06\x01",
        "not a message": b"\xff",
        "empty": b"",
    }


def _windows(good: pb.SignedPermit) -> list[dict[str, Any]]:
    """At which machine times the permit may be accepted for the first time."""
    at: dict[str, tuple[datetime, bool]] = {
        "at the issue": (ISSUED, True),
        "as early as clocks may differ": (ISSUED - _SKEW, True),
        "too early": (ISSUED - _SKEW - _SECOND, False),
        "as late as clocks may differ": (ISSUED + _WINDOW + _SKEW, True),
        "too late": (ISSUED + _WINDOW + _SKEW + _SECOND, False),
    }
    signed = good.SerializeToString(deterministic=True).hex()
    return [
        {
            "name": name,
            "signed_permit": signed,
            "now": milliseconds(now),
            "reason": None if fits else "CLIENT_PERMIT_EXPIRED",
        }
        for name, (now, fits) in at.items()
    ]


def _receipts() -> list[dict[str, Any]]:
    gateway = keys(GATEWAY)
    exchanged, recorded = milliseconds(EXCHANGED), milliseconds(ISSUED)
    committed = [pb.Permit.FromString(permit(number)).commitment for number in range(3)]
    made = [receipt.Recorded(one, exchanged, recorded + number) for number, one in enumerate(committed)]
    return [
        {
            "receipt": one.SerializeToString(deterministic=True).hex(),
            "commitment": one.commitment.hex(),
            "recorded_at": recorded + number,
            "signed_item": (one.commitment + (recorded + number).to_bytes(8, "big")).hex(),
        }
        for number, one in enumerate(receipt.issue_all(made, gateway.signing_key_id, gateway.sign))
    ]
