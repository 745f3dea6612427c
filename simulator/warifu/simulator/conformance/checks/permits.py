"""What must hold of a permit before anything is looked up, and that it serves once (docs/PROTOCOL.md §5)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from warifu.exchange import domains
from warifu.exchange.answer import answer_leaf
from warifu.exchange.permit import stamp
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.simulator.conformance.asking import Asked, Wish
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.folder import code
from warifu.simulator.conformance.opening import first_block
from warifu.simulator.conformance.outcome import Text, UnmetError, expect
from warifu.tlog import merkle

_UNKNOWN_FIELD = b"\xf8\x07\x01"
"""Field 127, a number."""
_FINAL_TRIES = 20


async def signature(bench: Bench) -> None:
    """A permit that was altered, that another signed, and the proof of another permit of its batch."""
    altered = bench.ask()
    altered.signed.permit = altered.signed.permit.replace(code("ordinary"), code("hidden"))
    await bench.refused(altered, "CLIENT_PERMIT_INVALID")
    await bench.refused(bench.ask(gateway=bench.keys[bench.requester]), "CLIENT_PERMIT_INVALID")
    one, other = bench.ask_together([Wish(), Wish()])
    one.signed.signature.CopyFrom(other.signed.signature)
    await bench.refused(one, "CLIENT_PERMIT_INVALID")


async def proof(bench: Bench) -> None:
    """Permits whose signature fits if only hashes are followed, but which stand at no place of a batch of that size."""
    for index, size, path in ((3, 1, 0), (0, 4, 1), (0, 1, 1), (0, 2, 2), (1, 201, 8)):
        asked = bench.ask()
        await bench.refused(_misplaced(bench, asked, index, size, path), "CLIENT_PERMIT_INVALID")


def _misplaced(bench: Bench, asked: Asked, index: int, size: int, path: int) -> Asked:
    """The permit with a path of so many hashes, signed under the root to which these lead, whatever the size."""
    siblings = [os.urandom(merkle.HASH_SIZE) for _ in range(path)]
    node, place = merkle.leaf_hash(asked.signed.permit), index
    for sibling in siblings:
        node = merkle.node_hash(sibling, node) if place % 2 else merkle.node_hash(node, sibling)
        place //= 2
    signed = bench.gateway.sign(domains.PERMIT_BATCH + size.to_bytes(4, "big") + node)
    asked.signed.signature.CopyFrom(
        pb.BatchSignature(index=index, size=size, path=siblings, key_id=bench.gateway.signing_key_id, signature=signed)
    )
    return asked


async def form(bench: Bench) -> None:
    """Permits that the gateway did sign, each out of form in one way."""
    for data in _out_of_form(bench):
        await bench.refused(bench.signed(bench.ask(), data), "CLIENT_PERMIT_INVALID")


def _out_of_form(bench: Bench) -> Iterator[bytes]:
    made = bench.ask().signed.permit
    yield b""
    yield os.urandom(300)
    yield made[:-1]
    yield made + _UNKNOWN_FIELD
    header = pb.Permit.FromString(made).header
    yield _with(made, header=header + _UNKNOWN_FIELD)
    yield _with(made, header=_header(header, clerk="c\x07"))
    yield _with(made, header=_header(header, requester="NHI"))
    yield _with(made, permit_id="5f1c0f7e-0000-4000-8000-000000000000")
    yield _with(made, commitment=bytes(31))
    yield _with(made, query_index=200)
    yield _with(made, requester_key_id="")
    yield _with(made, accept_by=stamp(datetime.now(tz=UTC) + timedelta(seconds=90)))
    for name in ("subject", "exchange_time", "issued_at"):
        permit = pb.Permit.FromString(made)
        permit.ClearField(name)
        yield permit.SerializeToString(deterministic=True)
    permit = pb.Permit.FromString(made)
    permit.exchange_time.seconds = 253_402_300_800  # the year 10000
    yield permit.SerializeToString(deterministic=True)


def _with(made: bytes, **changes: Any) -> bytes:
    permit = pb.Permit.FromString(made)
    for name in changes:
        permit.ClearField(name)  # type: ignore[arg-type]  # the names are fields
    permit.MergeFrom(pb.Permit(**changes))
    return permit.SerializeToString(deterministic=True)


def _header(header: bytes, **changes: Any) -> bytes:
    made = pb.RequestHeader.FromString(header)
    made.MergeFrom(pb.RequestHeader(**changes))
    return made.SerializeToString(deterministic=True)


async def audience(bench: Bench) -> None:
    """A permit for another provider."""
    await bench.refused(bench.ask(provider=bench.target.other), "CLIENT_PERMIT_MISMATCH")


async def window(bench: Bench) -> None:
    """A permit of two minutes ago, and one of two minutes hence."""
    for minutes in (-2, 2):
        await bench.refused(bench.ask(age=timedelta(minutes=minutes)), "CLIENT_PERMIT_EXPIRED")


async def single_use(bench: Bench) -> None:
    """The same permit twice at the same time and after a kill, and its id with other bytes."""
    for _ in range(_FINAL_TRIES):
        asked = bench.ask()
        first, second = await asyncio.gather(bench.provide(asked), bench.provide(asked))
        if first != second:
            raise UnmetError(
                Text("一つの許可証に同じ回答が二度", "the same answer twice under one permit"),
                Text("異なる二つの回答", "two different ones"),
            )
        if first.results[0].outcome == pb.OUTCOME_ANSWERED:
            break
    if bench.restart is None:
        bench.notes.append(
            Text(
                "強制終了をまたぐ試験は未実施：--command の指定なし", "across a kill not tried: --command was not given"
            )
        )
    else:
        await bench.restart()
        if await bench.provide(asked) != first:
            raise UnmetError(
                Text("強制終了の後も同じ回答", "the same answer after a kill"), Text("別の回答", "another one")
            )
    await bench.refused(bench.ask(request_id=asked.request_id, clerk="c-0018"), "CLIENT_PERMIT_CHANGED")


async def repeat(bench: Bench) -> None:
    """Permits of one call, some of them again in others, in another order and beside a new one."""
    asked = bench.ask_together([Wish() for _ in range(3)])
    answers = {one.request_id: answer for one, (_, answer) in zip(asked, await bench.each(*asked), strict=True)}
    new = bench.ask()
    for call in ([asked[2], asked[1]], [asked[2], new, asked[0]], [asked[1]]):
        response = await bench.provide(*call)
        for place, one in enumerate(call):
            result, answer = bench.opened(response, place, one)
            leaf = first_block(response, result.answer_block).block.leaves[result.answer_index]
            what = Text("再び示した許可証の回答の葉", "leaf of the answer to a permit shown again")
            expect(what, leaf, answer_leaf(one.header_hash, one.permit_hash))
            if len(call) > 1 and answer != answers.get(one.request_id, answer):
                raise UnmetError(
                    Text("再び示した許可証に同じ回答", "the same answer to a permit shown again"),
                    Text("別の回答", "another one"),
                )
