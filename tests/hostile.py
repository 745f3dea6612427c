"""What a hostile or broken caller sends: every RPC of the contracts, with messages of any shape that still parse and bytes that do not."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

import warifu.agency.v1.agency_pb2
import warifu.enrolment.v1.enrolment_pb2
import warifu.interim.v1.interim_pb2
import warifu.linkage.v1.linkage_pb2
import warifu.numbering.v1.numbering_pb2
import warifu.portal.v1.portal_pb2
import warifu.provision.v1.provision_pb2  # noqa: F401 - importing them fills the pool of descriptors
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel import access
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.server import Running

SCRIPT = "<script>alert(1)</script>"
TEXTS = (
    "",
    "x",
    SCRIPT,
    "あ" * 300,
    "\u0000",
    "\u202e",
    "試験　花子",
    "2026-02-30",
    "2025-04-01",
    "9999-12-31",
    "0000-00-00",
    "0",
    "1",
    "-1",
    "00000000-0000-4000-8000-000000000001",
    "../../etc/passwd",
    "' OR 1=1 --",
    "%s%n{0}",
)
BYTES = (b"", b"\xff", b"\xff" * 16, bytes(32), bytes(64), b"\x0a\x03abc", b"\x08\x96\x01", b"z" * 9000)
WHOLE = (0, 1, 2, 2025, -1, 2**31 - 1, -(2**31))
LONG = (*WHOLE, 2**62, -(2**62))
INSIDE = {
    "inquiry": exchange_pb2.Inquiry,
    "header": exchange_pb2.RequestHeader,
    "permit": exchange_pb2.Permit,
    "entry": exchange_pb2.DirectoryEntry,
}
"""Messages that travel as bytes, by the name of the field."""
_DEPTH = 5
_REASON = re.compile("|".join(sorted(Reason, key=len, reverse=True)).encode())


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC of the contracts."""

    service: str
    name: str
    callers: frozenset[str]
    """Who may call it, as the access table says."""
    request: type[Message]
    streams: bool
    answers_with_stream: bool

    @property
    def method(self) -> str:
        """As gRPC names it."""
        return f"/{self.service}/{self.name}"


def rpcs(*services: str) -> list[Rpc]:
    """Every RPC of these services, in the contracts' order."""
    table = tomllib.loads(Path(access.__file__).with_name("access.toml").read_text(encoding="utf-8"))
    pool = descriptor_pool.Default()
    return [
        Rpc(
            service,
            method.name,
            frozenset(table["allow"][service][method.name]),
            message_factory.GetMessageClass(method.input_type),
            method.client_streaming,
            method.server_streaming,
        )
        for service in services
        for method in pool.FindServiceByName(service).methods
    ]


def any_message(kind: type[Message], dice: Random, own: str = "", depth: int = 0) -> Any:
    """A message of any shape; a field that names an institution mostly names `own`, so that the call gets past the door."""
    message = kind()
    for one in message.DESCRIPTOR.fields:
        if dice.random() < 0.15:
            continue
        count = dice.choice((0, 1, 1, 3)) if one.is_repeated else 1
        values = [value for value in (_value(one, dice, own, depth) for _ in range(count)) if value is not None]
        if one.is_repeated:
            getattr(message, one.name).extend(values)
        elif values and one.message_type is not None:
            getattr(message, one.name).CopyFrom(values[0])
        elif values:
            setattr(message, one.name, values[0])
    return message


def spoilt(good: Message, dice: Random) -> Any:
    """The good message with one field, at any depth, of another value."""
    message = type(good)()
    message.CopyFrom(good)
    part: Message = message
    while True:
        one = dice.choice(part.DESCRIPTOR.fields)
        if one.message_type is None or one.is_repeated or dice.random() < 0.2:
            break
        part = getattr(part, one.name)
    part.ClearField(one.name)
    value = _value(one, dice, "", 0)
    if one.is_repeated:
        getattr(part, one.name).extend([value] * dice.choice((1, 3)))
    elif one.message_type is not None:
        getattr(part, one.name).CopyFrom(value)
    else:
        setattr(part, one.name, value)
    return message


def _value(one: FieldDescriptor, dice: Random, own: str, depth: int) -> Any:
    if one.message_type is not None:
        return None if depth >= _DEPTH else any_message(one.message_type._concrete_class, dice, own, depth + 1)
    if one.enum_type is not None:
        return dice.choice((*one.enum_type.values_by_number, 77, -1))
    if one.type == one.TYPE_BYTES and one.name in INSIDE and dice.random() < 0.8:
        return any_message(INSIDE[one.name], dice, own, depth + 1).SerializeToString()
    if one.name in {"institution", "requester"} and dice.random() < 0.9:
        return own
    return {
        FieldDescriptor.CPPTYPE_STRING: lambda: dice.choice(BYTES if one.type == one.TYPE_BYTES else TEXTS),
        FieldDescriptor.CPPTYPE_BOOL: lambda: dice.random() < 0.5,
        FieldDescriptor.CPPTYPE_INT32: lambda: dice.choice(WHOLE),
        FieldDescriptor.CPPTYPE_INT64: lambda: dice.choice(LONG),
        FieldDescriptor.CPPTYPE_UINT32: lambda: abs(dice.choice(WHOLE)),
        FieldDescriptor.CPPTYPE_UINT64: lambda: abs(dice.choice(LONG)),
    }[one.cpp_type]()


def enum_fields(kind: type[Message], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every enum field in a message and its parts."""
    if len(path) > _DEPTH:
        return
    for one in kind.DESCRIPTOR.fields:
        here = (*path, one.name)
        if one.enum_type is not None:
            yield here
        elif one.message_type is not None:
            yield from enum_fields(one.message_type._concrete_class, here)


async def told(channel: grpc.aio.Channel, rpc: Rpc, content: bytes, party: str, wait: float = 20.0) -> Reason | None:
    """Why the party refused these bytes; None when it took them. The reason may be of the call or, inside an answer, of its item."""
    make = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }[rpc.streams, rpc.answers_with_stream]
    try:
        call = make(rpc.method)(iter([content]) if rpc.streams else content, timeout=wait)
        answers = [answer async for answer in call] if rpc.answers_with_stream else [await call]
    except grpc.aio.AioRpcError as error:
        return LinkageError.from_rpc(error, party=party).reason
    return next((Reason(found[0].decode()) for found in map(_REASON.search, answers) if found), None)


async def try_shapes(channel: grpc.aio.Channel, rpc: Rpc, party: str, own: str, number: int) -> None:
    """Send `number` messages of any shape; each must be answered or refused, none may be an accident of the party's."""
    for seed in range(number):
        message = any_message(rpc.request, Random(f"{rpc.method}/{seed}"), own)
        reason = await told(channel, rpc, message.SerializeToString(), party)
        assert is_plain(reason), (rpc.method, seed, reason, message)


async def try_no_messages(channel: grpc.aio.Channel, rpc: Rpc, party: str) -> None:
    """Send what does not parse, text that is no UTF-8 and 5 MB; each must be refused by its own reason."""
    text = next((one for one in rpc.request.DESCRIPTOR.fields if one.type == one.TYPE_STRING), None)
    assert await told(channel, rpc, b"\x0a\xff", party) == Reason.CLIENT_MALFORMED, rpc.method
    if text is not None:
        broken = bytes([text.number << 3 | 2, 2]) + b"\xc3\x28"
        assert await told(channel, rpc, broken, party) == Reason.CLIENT_MALFORMED, rpc.method
    five_megabytes = b"\xfa\x3f\x80\x80\xc0\x02" + bytes(5 << 20)  # field 1023, which no contract has
    assert await told(channel, rpc, five_megabytes, party) == Reason.CLIENT_TOO_LARGE, rpc.method


def is_plain(reason: Reason | None) -> bool:
    """An answer or a refusal, not an accident."""
    return reason is None or not reason.endswith(("_INTERNAL", "_TIMEOUT", "_UNAVAILABLE"))


def accidents(running: Running) -> dict[tuple[str, str], int]:
    """Calls that ended in the party's own internal error, by method and reason."""
    return {key: count for key, count in running.counts.items() if key[1].endswith("_INTERNAL")}
