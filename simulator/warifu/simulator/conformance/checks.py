"""What a provider must do, one function a requirement; none needs another, and what each is about its requirement says."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from warifu.exchange import answer as answers
from warifu.exchange.keys import OpenError
from warifu.exchange.padding import unpad
from warifu.exchange.record import check as check_record
from warifu.exchange.sealing import Purpose, block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.simulator.conformance.bench import OWN_REQUEST, Bench, first_block
from warifu.simulator.conformance.folder import LAYOUT, code
from warifu.simulator.conformance.outcome import Text, UnmetError, expect
from warifu.tlog import merkle

RELEASED = frozenset({"tax_year", "salary_revenue_yen", "tax_class"})
"""What row P07 releases of the copy that was given, which holds a field more."""
ONE_ANSWER = 4096 + 1120 + 16
"""Bytes of the ciphertext of a block of one answer."""


async def signature(bench: Bench) -> None:
    """A permit that was altered, or that another signed."""
    altered = bench.ask()
    altered.signed.permit = altered.signed.permit.replace(code("ordinary"), code("hidden"))
    await bench.refused(altered, "CLIENT_PERMIT_INVALID")
    await bench.refused(bench.ask(gateway=bench.keys[bench.requester]), "CLIENT_PERMIT_INVALID")


async def audience(bench: Bench) -> None:
    """A permit for another provider."""
    await bench.refused(bench.ask(provider=bench.target.other), "CLIENT_PERMIT_MISMATCH")


async def window(bench: Bench) -> None:
    """A permit of two minutes ago, and one of two minutes hence."""
    for minutes in (-2, 2):
        await bench.refused(bench.ask(age=timedelta(minutes=minutes)), "CLIENT_PERMIT_EXPIRED")


async def single_use(bench: Bench) -> None:
    """The same permit twice at the same time and after a kill, and its id with other bytes."""
    asked = bench.ask()
    first, second = await asyncio.gather(bench.provide(asked), bench.provide(asked))
    if first != second:
        raise UnmetError(
            Text("一つの許可証に同じ回答が二度", "the same answer twice under one permit"),
            Text("異なる二つの回答", "two different ones"),
        )
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
    request_id = pb.RequestHeader.FromString(asked.header).request_id
    await bench.refused(bench.ask(request_id=request_id, clerk="c-0018"), "CLIENT_PERMIT_CHANGED")


async def law(bench: Bench) -> None:
    """A procedure that no row allows, and a row that is not the one that allows it."""
    await bench.refused(bench.ask(procedure="JT90000000000103"), "PROVIDER_PERMIT_INVALID")
    await bench.refused(bench.ask(permit={"row": "P08"}), "PROVIDER_PERMIT_INVALID")


async def query(bench: Bench) -> None:
    """A block that is not there, and a block with another header's query."""
    await bench.refused(bench.ask(permit={"query_block_hash": bytes(32)}), "CLIENT_QUERY_MISMATCH")
    another = bench.ask()
    swapped = bench.ask(permit={"query_block_hash": block_hash(another.block)})
    swapped.block = another.block
    await bench.refused(swapped, "CLIENT_QUERY_MISMATCH")


async def fields(bench: Bench) -> None:
    """An ordinary inquiry; the copy has a field that the row does not release."""
    _, _, answer = await bench.final()
    named = {one.name for record in answer.records for one, _ in record.content.local_tax.ListFields()}
    expect(Text("項目", "fields"), named, RELEASED)


async def flags(bench: Bench) -> None:
    """People with each flag, asked about by an agency and through the portal."""
    _, result, answer = await bench.final("hidden")
    expect(
        Text("結果と回答の不開示の印", "non-disclosure in result and answer"),
        (result.non_disclosure, answer.non_disclosure),
        (True, True),
    )
    _, result, answer = await bench.final("hidden", **OWN_REQUEST)
    expect(
        Text("本人の求めでの、結果と回答の不開示の印", "non-disclosure of an own request in result and answer"),
        (result.non_disclosure, answer.non_disclosure),
        (False, False),
    )
    _, _, answer = await bench.final("blocked", **OWN_REQUEST)
    expect(Text("自己情報提供不可の本人の求め", "a blocked own request"), _told(answer), ("FINE_OUTCOME_WITHHELD", 0))
    result, answer = await bench.told(bench.ask("reviewed"))
    expect(
        Text("確認の指示があるときの結果", "outcome where review is ordered"),
        pb.Outcome.Name(result.outcome),
        "OUTCOME_PENDING",
    )
    expect(
        Text("確認の指示があるときの回答", "the answer where review is ordered"),
        _told(answer),
        ("FINE_OUTCOME_PENDING", 0),
    )


async def layout(bench: Bench) -> None:
    """An ordinary inquiry."""
    _, _, answer = await bench.final()
    expect(
        Text("記録の鍵とレイアウトの版", "record key and layout version"),
        [f"{one.record_key} {one.layout_version}" for one in answer.records],
        [f"2026 {LAYOUT}"],
    )


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
    """An ordinary inquiry, and the provider's records of it as the supervisor reads them."""
    asked, _, answer = await bench.final()
    own = [one for one in await bench.records() if one.permit_hash == asked.permit_hash]
    checked = [check_record(one.record) for one in own]
    expect(
        Text("記録", "records"),
        [pb.RecordKind.Name(one.kind) for one in checked],
        ["RECORD_KIND_REQUEST", "RECORD_KIND_OUTCOME"],
    )
    promised = pb.Permit.FromString(asked.signed.permit).commitment
    expect(
        Text("証拠としての、許可証の約束", "the permit's commitment as evidence"), own[0].evidence.promised, promised
    )
    done = (pb.Outcome.Name(checked[1].outcome), pb.FineOutcome.Name(checked[1].fine_outcome))
    expect(Text("記録された結果", "outcome on record"), done, ("OUTCOME_ANSWERED", "FINE_OUTCOME_PROVIDED"))
    expect(
        Text("記録された要約値", "digest on record"),
        checked[1].answer_digest,
        answers.answer_digest(answers.answer_bytes(answer)),
    )


def _told(answer: pb.Answer) -> tuple[str, int]:
    """Fine outcome, and how many records."""
    known = answer.outcome in pb.FineOutcome.values()
    return pb.FineOutcome.Name(answer.outcome) if known else str(answer.outcome), len(answer.records)
