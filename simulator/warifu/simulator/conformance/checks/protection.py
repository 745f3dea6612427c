"""Protection of persons, and answers that wait for a clerk (docs/PROTOCOL.md §6)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from warifu.exchange.permit import stamp
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.provision.v1 import provision_pb2
from warifu.simulator.conformance.asking import OWN_REQUEST, Asked, Wish
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.folder import START
from warifu.simulator.conformance.opening import told
from warifu.simulator.conformance.outcome import Text, UnmetError, expect


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
    expect(Text("自己情報提供不可の本人の求め", "a blocked own request"), told(answer), ("FINE_OUTCOME_WITHHELD", 0))
    result, answer = await bench.told(bench.ask("reviewed"))
    expect(
        Text("確認の指示があるときの結果", "outcome where review is ordered"),
        pb.Outcome.Name(result.outcome),
        "OUTCOME_PENDING",
    )
    expect(
        Text("確認の指示があるときの回答", "the answer where review is ordered"),
        told(answer),
        ("FINE_OUTCOME_PENDING", 0),
    )


async def unmarked(bench: Bench) -> None:
    """An own request of someone whose own requests are blocked and for whom review is ordered: it must not wait more than others, nor be marked."""
    _, result, _ = await bench.final("both", **OWN_REQUEST)
    _, other, _ = await bench.final(**OWN_REQUEST)
    what = Text("ゲートウェイに見える結果", "the result as the gateway sees it")
    expect(what, _seen(result), _seen(other))


def _seen(result: provision_pb2.ProvideResult) -> tuple[str, bool]:
    return pb.Outcome.Name(result.outcome), result.non_disclosure


async def sample(bench: Bench) -> None:
    """Many permits about someone unknown, and about someone whose own requests are blocked: some of each wait, by the sample alone."""
    await bench.drawn(Wish("stranger"))
    await bench.drawn(Wish("blocked", header=OWN_REQUEST))


async def corrected(bench: Bench) -> None:
    """Someone whose record was corrected three days before, which waits each time, and another a week before, which does not."""
    for _ in range(2):
        result, _ = await bench.told(bench.ask("corrected"))
        what = Text("3日前に訂正された記録", "a record corrected three days before")
        expect(what, pb.Outcome.Name(result.outcome), "OUTCOME_PENDING")
    await bench.final("settled")


async def waits(bench: Bench) -> None:
    """Answers that wait are the same while they do; a clerk provides one and withholds another, once."""
    asked = await bench.waiting()
    first = await bench.provide(asked)
    if await bench.provide(asked) != first:
        raise UnmetError(Text("待つ間は同じ回答", "the same answer while it waits"), Text("別の回答", "another one"))
    expect(
        Text("待つ間の回答", "the answer while it waits"),
        told((await bench.told(asked))[1]),
        ("FINE_OUTCOME_PENDING", 0),
    )
    if bench.decide is None:
        note = Text("職員の決定は未実施：--clerk の指定なし", "a clerk's decision not tried: --clerk was not given")
        bench.notes.append(note)
        return
    await _decided(bench, asked, "provide", "withhold", ("FINE_OUTCOME_PROVIDED", 1))
    await _decided(bench, await bench.waiting(), "withhold", "provide", ("FINE_OUTCOME_WITHHELD", 0))


async def _decided(bench: Bench, asked: Asked, word: str, later: str, wanted: tuple[str, int]) -> None:
    """A clerk decides, and later differently, which must be without effect."""
    assert bench.decide is not None
    await bench.decide(asked.request_id, word)
    result, answer = await bench.told(asked)
    what = Text(f"職員の決定（{word}）の後の結果", f"outcome after a clerk's decision to {word}")
    expect(what, (pb.Outcome.Name(result.outcome), *told(answer)), ("OUTCOME_ANSWERED", *wanted))
    with suppress(UnmetError):  # to say no is best
        await bench.decide(asked.request_id, later)
    (_, again), _ = await bench.each(asked, bench.ask())
    if again != answer:
        raise UnmetError(
            Text("確定した回答は変わらない", "a final answer that does not change"),
            Text(f"{later} の後に別の回答", f"another one after {later}"),
        )


async def overdue(bench: Bench) -> None:
    """An answer that waits, under a permit whose review period ended before this day."""
    ended = datetime.fromisoformat(START) - timedelta(days=1)
    late: dict[str, Any] = {"review_until": stamp(ended)}
    first = (await bench.provide(bench.ask("reviewed", permit=late))).results[0]
    if first.error.reason == "CLIENT_PERMIT_EXPIRED":
        return  # told at once
    await bench.refused(await bench.waiting(**late), "CLIENT_PERMIT_EXPIRED")
