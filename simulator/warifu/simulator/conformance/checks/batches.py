"""Several permits in one call (docs/PROTOCOL.md §4, §6)."""

from __future__ import annotations

import os

import grpc

from warifu.exchange.answer import answer_leaf
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.provision.v1 import provision_pb2
from warifu.simulator.conformance.asking import OWN_REQUEST, Asked, Wish
from warifu.simulator.conformance.bench import Bench, refused
from warifu.simulator.conformance.opening import first_block
from warifu.simulator.conformance.outcome import Text, UnmetError, expect
from warifu.simulator.conformance.wire import reason_of


async def batch(bench: Bench) -> None:
    """Five permits of one requester, of which one cannot be read and one names a key that nobody has."""
    asked = bench.ask_together(
        [Wish(), Wish("hidden"), Wish("stranger"), Wish(permit={"requester_key_id": "0" * 16}), Wish()]
    )
    asked[1] = bench.signed(asked[1], os.urandom(200))
    response = await bench.provide(*asked)
    wrong = {1: "CLIENT_PERMIT_INVALID", 3: "CLIENT_DIRECTORY_ENTRY_UNKNOWN"}
    for place, one in enumerate(asked):
        if place in wrong:
            refused(response.results[place], wrong[place])
        else:
            _answered(bench, response, place, one)
    used = {(one.answer_block, one.answer_index) for place, one in enumerate(response.results) if place not in wrong}
    expect(Text("異なる回答の数", "different answers"), len(used), len(asked) - len(wrong))


def _answered(bench: Bench, response: provision_pb2.ProvideResponse, place: int, asked: Asked) -> None:
    """The result must lead to the answer to this very permit, in a block for its requester."""
    result, answer = bench.opened(response, place, asked)
    leaf = answer_leaf(asked.header_hash, asked.permit_hash)
    leaves = first_block(response, result.answer_block).block.leaves
    expect(Text(f"{place} 番の回答の葉", f"leaf of answer {place}"), leaves[result.answer_index], leaf)
    named = (answer.header_hash, answer.permit_hash)
    expect(Text(f"{place} 番の回答の中身", f"what answer {place} names"), named, (asked.header_hash, asked.permit_hash))


async def separate(bench: Bench) -> None:
    """Permits of an agency and of the portal in one call."""
    asked = [bench.ask(), *bench.ask_together([Wish(header=OWN_REQUEST)] * 2), bench.ask()]
    try:
        response = await bench.provide(*asked)
    except grpc.aio.AioRpcError as error:
        if reason_of(error) != "CLIENT_MALFORMED":
            raise
        bench.notes.append(Text("二つの照会機関の呼び出しは拒まれた", "a call of two requesters is refused"))
        return
    for place, one in enumerate(asked):
        block = _block(response, place)
        expect(Text(f"{place} 番の回答の宛先", f"recipient of answer {place}"), block.recipient, one.requester)
        _answered(bench, response, place, one)
    hashes = [one.block.ciphertext for one in response.answers]
    if len(set(hashes)) != len(hashes):
        raise UnmetError(Text("各ブロックは一度だけ", "each block once"), Text("同じブロックが二度", "a block twice"))


def _block(response: provision_pb2.ProvideResponse, place: int) -> pb.SealedBlock:
    return first_block(response, response.results[place].answer_block).block
