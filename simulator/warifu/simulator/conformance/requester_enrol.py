"""What a requester must do when it enrols, and with the codes that it claimed; one function a requirement."""

from __future__ import annotations

import json
import os
from typing import Final

from google.protobuf.json_format import MessageToDict

from warifu.kernel.limits import SUBJECT_BYTES
from warifu.simulator.conformance.lines import PATIENCE
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain
from warifu.simulator.conformance.requester_bench import RequesterBench
from warifu.simulator.conformance.requester_enrol_expect import asked_about, begun, bound, drawn, enrol, read, uses
from warifu.simulator.conformance.requester_enrolment import new_code
from warifu.simulator.conformance.requester_gateway import Failing

_REFUSED: Final = "CLIENT_ACQUISITION_REFUSED"
_AWAY: Final = "GATEWAY_UNAVAILABLE"
_UNKNOWN: Final = ("CLIENT_PERSON_NOT_MATCHED", "CLIENT_PERSON_AMBIGUOUS", "CLIENT_NUMBER_RETIRED")
_EVER: Final = 100
"""Claims that fail: more than anybody makes for one question."""
_TIMES: Final = 5
"""How often one person's enrolment is asked for while the gateway is away for a moment."""


async def acquisition(bench: RequesterBench) -> None:
    """Each enrolment has an acquisition number of its own, drawn by chance; after a refusal too, and after a kill."""
    played = bench.enrolment
    stranger, again = played.person(), played.person()
    stranger.unknown = _UNKNOWN[0]
    again.claims = [Failing(_REFUSED) for _ in range(_EVER)]
    for person in (played.person(), stranger, played.person()):
        await begun(bench, person)
    first = {one.acquisition_number for one in (await begun(bench, again)).asked}
    again.claims.clear()
    second = {one.acquisition_number for one in (await begun(bench, again)).asked}
    if first & second:
        raise UnmetError(
            Text("断られた取得番号とは別の取得番号", "another acquisition number than the one that was refused"),
            plain(min(first & second)),
        )
    await bench.restart()
    for _ in range(3):
        await begun(bench, played.person())
    drawn(played.asked)


async def named(bench: RequesterBench) -> None:
    """Numbering is told the individual number, or all four items, just as they were given."""
    for by_items in (False, True):
        person = bench.enrolment.person(by_items=by_items)
        told = MessageToDict((await begun(bench, person)).asked[-1])
        told.pop("acquisitionNumber", None)
        wanted = {"institution": bench.prepared.institution, **person.identification}
        expect(
            Text("機関と本人", "institution and person"),
            *(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in (told, wanted)),
        )


async def alone(bench: RequesterBench) -> None:
    """What names a person comes to numbering, and nowhere in a claim or an inquiry to the gateway."""
    played = bench.enrolment
    for person in (played.person(), played.person(by_items=True)):
        before = len(played.claimed)
        await begun(bench, person)
        _, came = await asked_about(bench, person)
        calls = [one.message + one.metadata.encode() for one in played.claimed[before:]]
        calls += [one.message + one.metadata.encode() for one in came]
        items = person.identification.get("basicItems", {})
        for word in (person.key, person.addressee_no, *([items["address"]] if items else [])):
            if any(form in call for call in calls for form in (word.encode(), repr(word.encode())[2:-1].encode())):
                raise UnmetError(
                    Text("本人を表すもののないゲートウェイへの呼び出し", "calls to the gateway that name nobody"),
                    plain(word),
                )


async def refusal(bench: RequesterBench) -> None:
    """Why somebody could not be enrolled is told, whether numbering or the gateway refused, and then nothing is asked about them."""
    for reason in (*_UNKNOWN, _REFUSED):
        person = bench.enrolment.person()
        if reason == _REFUSED:
            person.claims = [Failing(_REFUSED) for _ in range(_EVER)]
        else:
            person.unknown = reason
        told = await begun(bench, person)
        expect(Text("理由", "the reason"), told.reason or "–", reason)
        said, came = await asked_about(bench, person)
        if came or said.is_believed:
            raise UnmetError(
                Text("符号のない人については照会しない", "no inquiry about somebody without a code"), plain(said)
            )


async def claim(bench: RequesterBench) -> None:
    """While the gateway is away for a moment nobody is told as enrolled; then the person is, by the same question or the next."""
    person = bench.enrolment.person()
    person.claims = [Failing(_AWAY, retryable=True) for _ in range(2)]
    told = await begun(bench, person)
    for _ in range(_TIMES - 1):
        if not told.reason:
            break
        expect(Text("理由", "the reason"), told.reason, _AWAY)
        told = await enrol(bench, person)  # the claim alone may be made again
    if told.reason or person.code not in bench.enrolment.given:
        raise UnmetError(
            Text("符号を受け取ってから、取得できたと伝える", "told as enrolled once there is a code, and not before"),
            Text("符号のないまま取得できたと伝えた", "told as enrolled without a code")
            if not told.reason
            else Text(f"{_TIMES} 回求めても理由 {told.reason}", f"the reason {told.reason} at {_TIMES} questions"),
        )
    await uses(bench, person)


async def opaque(bench: RequesterBench) -> None:
    """Codes are bytes: of any length that is allowed and any value, and told apart by every byte."""
    core = new_code()
    longest = b"\x00\r\n\xff\xfe" + core
    longest += os.urandom(int(SUBJECT_BYTES) - len(longest) - 2) + b" \x00"
    people = [bench.enrolment.person(code=one) for one in (core, core + b"\x00", b"\x00" + core, core[:4], longest)]
    for person in people:
        await bound(bench, person)
    for person in people:
        await uses(bench, person)


async def superseded(bench: RequesterBench) -> None:
    """A code that the gateway named as superseded is not used any more; enrolled anew, the person has another."""
    played = bench.enrolment
    moved, stays = played.person(), played.person()
    for person in (moved, stays):
        await bound(bench, person)
    played.supersede(moved.code)
    if not await read(bench, stays):
        raise UnmetError(
            Text(
                f"{PATIENCE:g} 秒以内、または照会の前に ListSuperseded を読む",
                f"ListSuperseded read within {PATIENCE:g} s, or before it asks",
            ),
            Text("最後まで読まれていない", "not read to its end"),
        )
    told, came = await asked_about(bench, moved)
    if came or told.is_believed:
        raise UnmetError(
            Text("使えなくなった符号では照会しない", "no inquiry by a code that was superseded"), plain(told)
        )
    moved.code = new_code()
    await bound(bench, moved)
    await uses(bench, moved)


async def not_held(bench: RequesterBench) -> None:
    """Codes in the list that it never claimed, however like its own, change nothing."""
    person = bench.enrolment.person()
    await bound(bench, person)
    bench.enrolment.supersede(person.code + b"\x00", person.code[:-1], new_code())
    await read(bench, person)  # whoever reads no list is told so by another check
    await uses(bench, person)
