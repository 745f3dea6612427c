"""Calls that are too large, cannot be read or mean harm: clean errors, and the next good permit is answered (docs/PROTOCOL.md §3, §9, §10)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from warifu.exchange.padding import pad
from warifu.exchange.query import seal_queries
from warifu.exchange.sealing import Purpose, block_hash, seal
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.errors import TABLE, Reason
from warifu.kernel.limits import MESSAGE_BYTES
from warifu.provision.v1 import provision_pb2
from warifu.simulator.conformance import wire
from warifu.simulator.conformance.asking import Asked, Wish
from warifu.simulator.conformance.bench import BATCH, Bench
from warifu.simulator.conformance.opening import bound
from warifu.simulator.conformance.outcome import Text, UnmetError, expect

_METHOD = "/warifu.provision.v1.ProvisionService/Provided"
_BAD_UTF8 = b"\x0a\x02\xc3\x28"
"""Field 1, a text that is none."""


async def limits(bench: Bench) -> None:
    """A message, a permit, and lists of permits and of blocks over their limits."""
    asked = bench.ask()
    request = bench.request(asked)
    request.queries.add(recipient="x", ciphertext=bytes(MESSAGE_BYTES))
    await _over(bench, request, "CLIENT_TOO_LARGE")
    await _over(bench, bench.request(asked, *bench.ask_together([Wish()] * BATCH)), "CLIENT_TOO_MANY_ITEMS")
    request = bench.request(asked)
    request.queries.extend([pb.SealedBlock(recipient="x", ciphertext=os.urandom(32)) for _ in range(BATCH)])
    await _over(bench, request, "CLIENT_TOO_MANY_ITEMS")
    await bench.refused(bench.signed(bench.ask(), os.urandom(5121)), "CLIENT_TOO_LARGE")
    await bench.told(asked)


async def _over(bench: Bench, request: provision_pb2.ProvideRequest, reason: str) -> None:
    named = (await bench.refused_call(request, reason)).metadata
    what = Text(f"{reason} が示すもの", f"what {reason} names")
    expect(what, {name for name in ("field", "limit") if named.get(name)}, {"field", "limit"})


async def unreadable(bench: Bench) -> None:
    """Bytes that are no message, calls without permits, for another, with one permit twice, and an unknown operation."""
    asked = bench.ask()
    whole = bench.request(asked).SerializeToString()
    for data in (whole[:-7], b"\x12\xff\xff\xff\xff\x0f"):
        await bench.refused_call(data, "CLIENT_MALFORMED")
    for data in (b"\xff" * 64, b"\x0f\x01", _BAD_UTF8, b""):  # a reader may make out a message that names nobody
        await bench.refused_call(data, "CLIENT_MALFORMED", "CLIENT_INSTITUTION_UNKNOWN")
    none = provision_pb2.ProvideRequest(provider=bench.target.institution)
    await bench.refused_call(none, "CLIENT_MALFORMED")
    another = provision_pb2.ProvideRequest(provider=bench.target.other, permits=[asked.signed], queries=[asked.block])
    await bench.refused_call(another, "CLIENT_INSTITUTION_UNKNOWN")
    twice = bench.request(asked)
    twice.permits.add().CopyFrom(asked.signed)
    await bench.refused_call(twice, "CLIENT_MALFORMED")
    await _no_operation(bench)
    await bench.told(asked)


async def _no_operation(bench: Bench) -> None:
    async with bench.channel("gateway", "main") as channel:
        try:
            send: Any = channel.unary_unary(_METHOD, None, None)
            await send(b"", timeout=5.0)
            got = "OK"
        except grpc.aio.AioRpcError as error:
            got = error.code().name
    expect(Text("存在しない操作", "an operation that there is not"), got, "UNIMPLEMENTED")


async def errors(bench: Bench) -> None:
    """A refused call and refused items, by their form: status, reason, domain, both languages, retryable or not."""
    none = provision_pb2.ProvideRequest(provider=bench.target.institution)
    try:
        await bench.call(none)
    except grpc.aio.AioRpcError as error:
        reason, texts = wire.reason_of(error), wire.locales_of(error)
        expect(Text("理由", "reason"), reason, "CLIENT_MALFORMED")
        expect(Text("状態", "status"), error.code().name, TABLE[Reason(reason)].code.name)
        expect(Text("文言の言語", "languages of the text"), {one for one, text in texts.items() if text}, {"ja", "en"})
    else:
        raise UnmetError(Text("拒否", "a refusal"), Text("応答", "a response"))
    for asked, retryable in (
        (bench.signed(bench.ask(), b"?"), False),
        (bench.ask(permit={"requester_key_id": "0" * 16}), True),
    ):
        failure = (await bench.provide(asked)).results[0].error
        texts = {"ja": failure.message.ja, "en": failure.message.en}
        expect(
            Text("項目の文言の言語", "languages of an item's text"),
            {one for one, text in texts.items() if text},
            {"ja", "en"},
        )
        expect(Text(f"{failure.reason} は再試行可", f"{failure.reason} is retryable"), failure.retryable, retryable)


async def sealed_query(bench: Bench) -> None:
    """Query blocks that do not open, are not padded, or do not hold what their leaves say."""
    for made in _unreadable(bench):
        asked = bench.ask()
        await bench.refused(_asked_with(bench, asked, made(asked)), "CLIENT_QUERY_UNREADABLE")


def _asked_with(bench: Bench, asked: Asked, block: pb.SealedBlock) -> Asked:
    permit = pb.Permit.FromString(asked.signed.permit)
    permit.query_block_hash = block_hash(block)
    made = bench.signed(asked, permit.SerializeToString(deterministic=True))
    made.block = block
    return made


def _unreadable(bench: Bench) -> Iterator[Callable[[Asked], pb.SealedBlock]]:
    """Ways to make a block of a permit's query that must not be read."""
    key = bench.entry.sealing

    def sealed(content: bytes, *leaves: bytes, purpose: Purpose = Purpose.QUERY) -> pb.SealedBlock:
        return seal(purpose, key, leaves, content)

    def raw(asked: Asked, padded: bytes) -> pb.SealedBlock:
        block = pb.SealedBlock(recipient=key.owner, key_id=key.key_id, leaves=[asked.header_hash])
        block.ciphertext = key.seal(padded, Purpose.QUERY.tag + bound(block))
        return block

    def altered(asked: Asked) -> pb.SealedBlock:
        block = seal_queries([_query(asked)], key)
        block.ciphertext = block.ciphertext[:-1] + bytes([block.ciphertext[-1] ^ 1])
        return block

    def misdirected(asked: Asked) -> pb.SealedBlock:
        block = seal_queries([_query(asked)], key)
        block.recipient = bench.target.other
        return block

    yield altered
    yield misdirected
    yield lambda asked: sealed(_content(asked), asked.header_hash, purpose=Purpose.ANSWER)
    yield lambda asked: raw(asked, _content(asked))
    yield lambda asked: raw(asked, pad(_content(asked))[:-1] + b"\x01")
    yield lambda asked: sealed(_content(asked), asked.header_hash, os.urandom(32))
    yield lambda asked: sealed(_content(asked), os.urandom(32))


def _query(asked: Asked) -> pb.Query:
    return pb.Query(header_hash=asked.header_hash)


def _content(asked: Asked) -> bytes:
    return pb.QueryBlock(queries=[_query(asked)]).SerializeToString()
