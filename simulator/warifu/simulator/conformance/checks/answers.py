"""Answers and what is kept of them: seal, signature, size, record."""

from __future__ import annotations

from warifu.exchange import answer as answers
from warifu.exchange.keys import OpenError
from warifu.exchange.padding import unpad
from warifu.exchange.record import check as check_record
from warifu.exchange.sealing import Purpose
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.linkage.v1.linkage_pb2 import PositionedRecord
from warifu.simulator.conformance.asking import Asked
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.opening import first_block
from warifu.simulator.conformance.outcome import Text, UnmetError, expect
from warifu.tlog import merkle

ONE_ANSWER = 4096 + 1120 + 16
"""Bytes of the ciphertext of a block of one answer."""


async def seal(bench: Bench) -> None:
    """An ordinary inquiry, opened with the info that the protocol says."""
    block = first_block(await bench.provide(bench.ask())).block
    own = bench.keys[bench.requester]
    named = b"".join(
        len(part).to_bytes(2, "big") + part for part in (bench.requester.encode(), own.hpke_key_id.encode())
    )
    info = Purpose.ANSWER.tag + named + (1).to_bytes(4, "big") + merkle.root(block.leaves)
    try:
        unpad(own.open(own.hpke_key_id, block.ciphertext, info))
    except OpenError as error:
        raise UnmetError(
            Text(
                f"{bench.requester} の鍵 {own.hpke_key_id} と回答用の info で開くブロック",
                f"a block that opens with the key {own.hpke_key_id} of {bench.requester} and the info of an answer",
            ),
            Text(
                f"{block.recipient} あて（鍵 {block.key_id}）で、開かないブロック",
                f"one for {block.recipient}, key {block.key_id}, that does not",
            ),
        ) from error


async def signed(bench: Bench) -> None:
    """An ordinary inquiry, its signature checked with the key of the directory."""
    answer = first_block(await bench.provide(bench.ask()))
    if not answers.signed_by(answer, bench.entry.signing):
        raise UnmetError(
            Text(
                f"名簿の鍵 {bench.entry.signing.key_id} による署名",
                f"a signature by the key {bench.entry.signing.key_id} of the directory",
            ),
            Text("検証できない署名、または署名なし", "one that does not verify, or none"),
        )


async def size(bench: Bench) -> None:
    """Someone with a copy, someone unknown, and someone whose answer waits."""
    responses = [await bench.provide(bench.ask(who)) for who in ("ordinary", "stranger", "reviewed")]
    expect(
        Text("暗号文のバイト数", "bytes of ciphertext"),
        {len(first_block(one).block.ciphertext) for one in responses},
        {ONE_ANSWER},
    )


async def record(bench: Bench) -> None:
    """An ordinary inquiry and one that waits, and the provider's records of them as the supervisor reads them."""
    asked, _, answer = await bench.final()
    own = await _records(bench, asked, "REQUEST", "OUTCOME")
    promised = pb.Permit.FromString(asked.signed.permit).commitment
    expect(
        Text("証拠としての、許可証の約束", "the permit's commitment as evidence"), own[0].evidence.promised, promised
    )
    final = check_record(own[1].record)
    done = (pb.Outcome.Name(final.outcome), pb.FineOutcome.Name(final.fine_outcome))
    expect(Text("記録された結果", "outcome on record"), done, ("OUTCOME_ANSWERED", "FINE_OUTCOME_PROVIDED"))
    digest = answers.answer_digest(answers.answer_bytes(answer))
    expect(Text("記録された要約値", "digest on record"), final.answer_digest, digest)
    await _records(bench, await bench.waiting(), "REQUEST")


async def wish(bench: Bench) -> None:
    """An inquiry of which the requester wishes that it be not shown, and whatever records the provider has of it: that it has them is `record`'s."""
    asked, _, _ = await bench.final(non_disclosure=True)
    own = [one for one in await bench.records() if one.permit_hash == asked.permit_hash]
    for made in (check_record(one.record) for one in own):
        what = pb.RecordKind.Name(made.kind).removeprefix("RECORD_KIND_")
        expect(Text(f"記録 {what} の不開示", f"non-disclosure in the record {what}"), made.non_disclosure, wanted=True)


async def _records(bench: Bench, asked: Asked, *kinds: str) -> list[PositionedRecord]:
    """What is on record of an exchange, which must be records of these kinds."""
    own = [one for one in await bench.records() if one.permit_hash == asked.permit_hash]
    got = [pb.RecordKind.Name(check_record(one.record).kind).removeprefix("RECORD_KIND_") for one in own]
    expect(Text("記録", "records"), got, list(kinds))
    return own
