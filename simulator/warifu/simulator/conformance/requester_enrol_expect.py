"""How a requester is made to enrol, what it then uses, and what acquisition numbers must be."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from warifu.kernel.limits import ACQUISITION_BYTES
from warifu.numbering.v1 import numbering_pb2
from warifu.numbers import individual_number
from warifu.simulator.conformance.lines import PATIENCE
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain
from warifu.simulator.conformance.requester_bench import RequesterBench
from warifu.simulator.conformance.requester_enrolment import Person, shown_enrolment
from warifu.simulator.conformance.requester_gateway import Asked
from warifu.simulator.conformance.told import Told

_AGAIN: Final = 0.2
"""Seconds between two looks whether the list of superseded codes was read."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of a question to enrol somebody."""

    reason: str
    """Why not, as the requester tells it; empty when it says that it has the code."""
    asked: Sequence[numbering_pb2.EnrolRequest]
    """What came to numbering meanwhile."""


async def enrol(bench: RequesterBench, person: Person) -> Enrolled:
    """Have somebody enrolled and hear what is told of it.

    Raises:
        UnmetError: the question is not answered.
    """
    played, question = bench.enrolment, person.question()
    before = len(played.asked)
    bench.sent.append({"question": question})
    try:
        said = await bench.speaker.say(question)
    except UnmetError as error:
        wanted = Text(
            f"{error.expected.ja}（enrol の質問。docs/CONFORMANCE.md 6）",
            f"{error.expected.en} (the question enrol, docs/CONFORMANCE.md 6)",
        )
        raise UnmetError(wanted, error.got) from error
    asked = played.asked[before:]
    bench.sent += [shown_enrolment(one) for one in asked[-1:]]
    return Enrolled(str(said.get("reason") or ""), asked)


async def begun(bench: RequesterBench, person: Person) -> Enrolled:
    """The same, when it must have gone to numbering.

    Raises:
        UnmetError: nothing came there.
    """
    told = await enrol(bench, person)
    if not told.asked:
        raise UnmetError(
            Text(
                "住基ネット役への取得の依頼（enrol の質問。docs/CONFORMANCE.md 6）",
                "an enrolment at numbering (the question enrol, docs/CONFORMANCE.md 6)",
            ),
            plain(f"–; reason {told.reason or '–'}"),
        )
    return told


async def bound(bench: RequesterBench, person: Person) -> None:
    """The same, when nothing stands in the way."""
    told = await begun(bench, person)
    if told.reason:
        raise UnmetError(Text("理由なし", "no reason"), plain(told.reason))


def question_about(bench: RequesterBench, person: Person) -> dict[str, Any]:
    """Ask about somebody by the addressee number alone."""
    question = bench.question(addresseeNo=person.addressee_no)
    del question["code"]
    return question


async def asked_about(bench: RequesterBench, person: Person) -> tuple[Told, list[Asked]]:
    """What is told of a question about somebody, and what came of it to the gateway."""
    question = question_about(bench, person)
    told = await bench.ask(question, bench.answers())
    return told, bench.gateway.of(question["requestId"])


async def uses(bench: RequesterBench, person: Person) -> None:
    """The person's code is the one that was claimed, byte by byte.

    Raises:
        UnmetError: it is another, or nothing is asked.
    """
    told, came = await asked_about(bench, person)
    if not came:
        raise UnmetError(Text("取得した符号による照会", "an inquiry by the code that was claimed"), plain(f"–; {told}"))
    expect(Text("取得した符号", "the code that was claimed"), came[-1].parsed.subject.code, person.code)


async def read(bench: RequesterBench, person: Person) -> bool:
    """Wait until the list was read to its end; somebody else is asked about meanwhile, since it may be read before asking. False: it was not."""
    end = time.monotonic() + PATIENCE
    while True:
        await asked_about(bench, person)
        if bench.enrolment.is_read:
            return True
        if time.monotonic() > end:
            return False
        await asyncio.sleep(_AGAIN)


def drawn(asked: Iterable[numbering_pb2.EnrolRequest]) -> None:
    """Acquisition numbers are of 16 bytes, each of one person alone, and look drawn by chance.

    Raises:
        UnmetError: one is not.
    """
    owners: defaultdict[bytes, set[str]] = defaultdict(set)
    for one in asked:
        number, named = one.acquisition_number, one.individual_number or one.basic_items.name
        expect(Text("取得番号のバイト数", "bytes of an acquisition number"), len(number), int(ACQUISITION_BYTES))
        owners[number].add(named)
        if any(form in number for form in _forms(one.individual_number)):
            raise UnmetError(
                Text("本人を表すもののない取得番号", "an acquisition number with nothing of the person in it"),
                plain(number),
            )
    shared = [number for number, people in owners.items() if len(people) > 1]
    if shared:
        raise UnmetError(
            Text("一人ごとに新しい取得番号", "a fresh acquisition number for each person"), plain(shared[0])
        )
    # Of seven random numbers and more, one place of sixteen is alike in all about once in 10¹³ runs.
    still = [place for place in range(int(ACQUISITION_BYTES)) if len({number[place] for number in owners}) == 1]
    if still:
        raise UnmetError(
            Text("どのバイトも乱数の取得番号", "acquisition numbers that are random in every byte"),
            Text(f"すべてで同じバイト：{still}", f"bytes that are alike in all: {still}"),
        )


def _forms(number: str) -> list[bytes]:
    """How an individual number could stand in bytes."""
    if not (number.isascii() and number.isdecimal() and len(number) == individual_number.LENGTH):
        return []
    return [number.encode(), bytes.fromhex(number), int(number).to_bytes(5, "big")]
