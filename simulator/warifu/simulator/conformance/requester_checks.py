"""What a requester must do before and while it asks, and with the directory; one function a requirement."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from warifu.common.v1 import common_pb2
from warifu.exchange.directory import DirectoryError, verify_entry
from warifu.exchange.sealing import Purpose, block_hash
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.limits import OFFICE
from warifu.kernel.trust import Trust
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.conformance.entries import new_keys
from warifu.simulator.conformance.folder import code
from warifu.simulator.conformance.lines import PATIENCE
from warifu.simulator.conformance.outcome import Text, UnmetError, expect, plain
from warifu.simulator.conformance.requester_bench import RequesterBench, content_of, hash_of
from warifu.simulator.conformance.requester_expect import failing, is_told, refused, same_bytes, signed_by
from warifu.simulator.conformance.requester_gateway import Asked, Failing

_AGAIN = 0.2
"""Seconds between two questions while the gateway is not found again: a channel that failed waits before it tries anew."""
ONE_QUERY = 1024 + 1120 + 16
"""Bytes of the ciphertext of a block of one query."""


async def published(bench: RequesterBench) -> None:
    """Its entry is right, and what it publishes after a kill is the same bytes or has a higher version."""
    trust, now = Trust(bench.register.root / "gateway"), datetime.now(tz=UTC)
    try:
        owners = {verify_entry(one, trust, now).owner for one in bench.gateway.published}
    except DirectoryError as error:
        raise UnmetError(
            Text("自らの証明書で署名した正しい項目", "an entry, signed with its own certificate"), plain(f"{error}")
        ) from error
    expect(Text("名簿の項目の所有者", "the owner of its entry"), owners, {bench.prepared.institution})
    if await bench.restart():
        await bench.heard(bench.question())
    seen = [(pb.DirectoryEntry.FromString(one.entry).version, one.entry) for one in bench.gateway.published]
    for (before, old), (after, new) in pairwise(seen):
        if new != old and after <= before:
            raise UnmetError(Text(f"{before} より大きい版", f"a version over {before}"), plain(after))


async def server_name(bench: RequesterBench) -> None:
    """Nothing is sent to somebody who listens at the gateway's address under another party's certificate; afterwards it goes on."""
    assert bench.impostor is not None
    question = bench.question(waitMs=0)
    async with bench.impostor():
        told = await bench.ask(question, bench.answers())
    if bench.gateway.of(question["requestId"]) or told.is_believed:
        raise UnmetError(
            Text(
                "gateway.warifu.internal でないサーバーには送らない",
                "nothing sent to a server that is not gateway.warifu.internal",
            ),
            plain(told),
        )
    end = time.monotonic() + PATIENCE
    while not bench.gateway.of(question["requestId"]):
        if time.monotonic() > end:
            raise UnmetError(
                Text("ゲートウェイに戻ったら照会する", "an inquiry once the gateway is back"),
                Text(f"{PATIENCE:g} 秒間、なし", f"none within {PATIENCE:g} s"),
            )
        question = bench.question()
        await bench.ask(question, bench.answers())
        await asyncio.sleep(_AGAIN)


async def header(bench: RequesterBench) -> None:
    """The header says what was asked, and that it is not to be shown."""
    question = bench.question(nonDisclosure=True)
    asked = (await bench.heard(question)).header
    for name in ("provider", "affair", "procedure", "item", "office", "clerk"):
        expect(Text(f"ヘッダーの {name}", f"the header's {name}"), getattr(asked, name), question[name])
    expect(Text("照会機関", "the requester"), asked.requester, bench.prepared.institution)
    expect(Text("年度", "the fiscal year"), asked.span.fiscal_year.year, question["year"])
    expect(Text("照会側不開示", "non-disclosure"), asked.non_disclosure, True)


async def bound(bench: RequesterBench) -> None:
    """The inquiry binds header, its own code, and hash and place of the query."""
    asked = await bench.heard(bench.question())
    inquiry = asked.parsed
    expect(Text("自らの符号", "its own code"), inquiry.subject.code, code("ordinary"))
    expect(
        Text("問合せの暗号文の SHA-256", "the SHA-256 of the query's ciphertext"),
        inquiry.query_block_hash,
        block_hash(asked.block),
    )
    place = inquiry.query_index
    leaf = asked.block.leaves[place] if place < len(asked.block.leaves) else b""
    expect(Text("ブロックのその位置の葉", "the leaf at its place in the block"), leaf, hash_of(asked))


async def query(bench: RequesterBench) -> None:
    """The query names the header by its hash, and the fields that were wanted."""
    question = bench.question()
    asked = await bench.heard(question)
    queries, place = bench.inside(asked), asked.parsed.query_index
    if place >= len(queries):
        raise UnmetError(Text(f"{place} 番の問合せ", f"a query at place {place}"), plain(f"{len(queries)}"))
    expect(Text("ヘッダーのハッシュ", "the header's hash"), queries[place].header_hash, hash_of(asked))
    expect(Text("求める項目", "the fields wanted"), sorted(queries[place].fields), sorted(question["fields"]))


async def query_seal(bench: RequesterBench) -> None:
    """The query is sealed as a query, to the provider's key of the directory."""
    asked = await bench.heard(bench.question())
    named = (asked.block.recipient, asked.block.key_id)
    own = bench.register.keys[asked.header.provider]
    expect(Text("宛先と鍵", "recipient and key"), named, (own.owner, own.hpke_key_id))
    purpose, _ = bench.opened(asked)
    expect(Text("封緘の用途", "the purpose of the seal"), purpose.name, Purpose.QUERY.name)


async def query_size(bench: RequesterBench) -> None:
    """A query for one field is as large as one for two, and its padding is zero."""
    for fields in (["tax_class"], ["salary_revenue_yen", "tax_class"]):
        asked = await bench.heard(bench.question(fields=fields))
        if len(asked.block.leaves) == 1:
            expect(
                Text("一件の問合せの暗号文のバイト数", "bytes of the ciphertext of one query"),
                len(asked.block.ciphertext),
                ONE_QUERY,
            )
        _, plaintext = bench.opened(asked)
        if content_of(plaintext) == plaintext:
            raise UnmetError(
                Text("長さと零で埋めた平文", "a plaintext padded with length and zeros"),
                plain(f"{len(plaintext)} bytes"),
            )


async def clear(bench: RequesterBench) -> None:
    """Wanted fields stand nowhere in clear, and what names the person stands in the inquiry's reference alone."""
    question = bench.question()
    asked = await bench.heard(question)
    raw = asked.message + asked.metadata.encode()
    for word in (*question["fields"], question["addresseeNo"]):
        if word.encode() in raw:
            raise UnmetError(Text(f"{word} が平文にない要求", f"a call without {word} in clear"), plain(word))
    beside = asked.head + asked.metadata.encode()
    if any(form in beside for form in (code("ordinary"), question["code"].encode())):
        raise UnmetError(
            Text("ヘッダーに符号がない照会", "no code in the header or beside it"), plain(question["code"])
        )


async def stored(bench: RequesterBench) -> None:
    """Killed while the gateway has not answered, it sends the same bytes when it is asked the same again."""
    question, came, over = bench.question(), asyncio.Event(), asyncio.Event()

    async def silent(_: Asked) -> linkage_pb2.ExchangeState:
        came.set()
        await over.wait()
        raise Failing("GATEWAY_UNAVAILABLE", retryable=True)

    if not bench.speaker.can_be_killed:
        await bench.restart()
        return
    asking = asyncio.create_task(bench.ask(question, silent))
    waiting = asyncio.create_task(came.wait())
    try:
        await asyncio.wait([asking, waiting], return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            bench.one_asked(question, await asking)
        await bench.restart()
    finally:
        over.set()
        for task in (asking, waiting):
            task.cancel()
        with suppress(asyncio.CancelledError, UnmetError):
            await asking
    told = await bench.ask(question, bench.answers())
    same_bytes(bench, question["requestId"])
    is_told(told)


async def retry(bench: RequesterBench) -> None:
    """What fails for a while is sent again, the same bytes, until it is answered."""
    question, told_off = bench.question(), 0
    good = bench.answers()

    async def at_last(asked: Asked) -> linkage_pb2.ExchangeState:
        nonlocal told_off
        told_off += 1
        if told_off <= 2:  # noqa: PLR2004 - twice, so that it does not give up after one
            raise Failing("GATEWAY_LOG_UNAVAILABLE" if told_off == 1 else "PROVIDER_UNAVAILABLE", retryable=True)
        return await good(asked)

    told = await bench.ask(question, at_last)
    same_bytes(bench, question["requestId"])
    is_told(told)


async def refusal(bench: RequesterBench) -> None:
    """What the gateway refuses for good is asked once and told with its reason."""
    for reason in ("CLIENT_REQUEST_CHANGED", "CLIENT_QUERY_MISMATCH"):
        question = bench.question()
        told = await bench.ask(question, failing(reason))
        expect(Text("送った回数", "times that it was sent"), len(bench.gateway.of(question["requestId"])), 1)
        refused(told, reason)


async def typed(bench: RequesterBench) -> None:
    """What somebody typed with a control character in it, or too long, is refused, and nothing of it is asked."""
    for office in ("国保\u0007年金課", "課" * (int(OFFICE) + 1)):
        question = bench.question(office=office)
        told = await bench.ask(question, bench.answers())
        if came := bench.gateway.of(question["requestId"]):
            raise UnmetError(Text("照会しない", "no inquiry"), plain(repr(came[-1].header.office)))
        refused(told, "CLIENT_MALFORMED", "CLIENT_TOO_LARGE")


async def unknown_reason(bench: RequesterBench) -> None:
    """A reason that it does not know is told as the gateway's own failure."""
    failure = common_pb2.Failure(reason="GATEWAY_ELEPHANT")
    reply = bench.answers(outcome=pb.OUTCOME_ERROR, error=failure)
    refused(await bench.ask(bench.question(), reply), "GATEWAY_INTERNAL")


async def directory_entry(bench: RequesterBench) -> None:
    """Nothing is sealed to the keys of an entry that another signed, that was altered, that is another's, or that is out of date."""
    register, forged = bench.register, bench.prepared.providers[2]
    usual = bench.prepared.providers[0]
    altered = register.entry(forged)
    altered.entry = register.entry(forged, version=register.versions[forged] + 1).entry
    wrong = {
        Text("別の機関が署名した項目", "an entry that another institution signed"): register.entry(forged, by=usual),
        Text("署名後に改変された項目", "an entry altered after it was signed"): altered,
        Text("別の機関の項目", "another institution's entry"): register.entry(usual),
        Text("期限切れの項目", "an entry out of date"): register.entry(forged, age=timedelta(days=30)),
    }
    for what, entry in wrong.items():
        bench.gateway.entries[forged] = entry
        question = bench.question(provider=forged)
        told = await bench.ask(question, bench.answers())
        if bench.gateway.of(question["requestId"]) or told.is_believed:
            raise UnmetError(Text(f"{what.ja}では照会しない", f"no inquiry by {what.en}"), plain(f"{told}"))


async def directory_version(bench: RequesterBench) -> None:
    """A key of a lower version than was seen, or of another entry of the same version, is not believed, also after a kill."""
    register, turning = bench.register, bench.prepared.providers[1]
    newest = bench.gateway.entries[turning]
    question = bench.question(provider=turning)
    is_told(await bench.ask(question, bench.answers(sealed=signed_by(bench, turning))))
    # A key that nobody has sends it to the directory: it may know the owner from an earlier run, and not have seen this version.
    unknown = signed_by(bench, turning, new_keys(turning))
    await bench.ask(bench.question(provider=turning), bench.answers(sealed=unknown))
    try:
        for version, again in ((-1, False), (0, False), (-1, True)):
            stale = new_keys(turning)
            bench.gateway.entries[turning] = register.entry(
                turning, version=register.versions[turning] + version, signing=stale
            )
            if again and not await bench.restart():
                return
            told = await bench.ask(
                bench.question(provider=turning), bench.answers(sealed=signed_by(bench, turning, stale))
            )
            if told.is_believed:
                what = (
                    Text("低い版", "a lower version")
                    if version
                    else Text("同じ版の別の項目", "another entry of the same version")
                )
                raise UnmetError(
                    Text(f"{what.ja}の鍵による回答を拒む", f"an answer by a key of {what.en} refused"), plain(f"{told}")
                )
    finally:
        bench.gateway.entries[turning] = newest


async def rotation(bench: RequesterBench) -> None:
    """After a change of keys answers by the new key are believed, and by the one before."""
    register, turning = bench.register, bench.prepared.providers[1]
    is_told(await bench.ask(bench.question(provider=turning), bench.answers(sealed=signed_by(bench, turning))))
    fresh = new_keys(turning)
    register.versions[turning] += 1
    bench.gateway.entries[turning] = register.entry(turning, signing=fresh)
    for signer in (fresh, None):
        told = await bench.ask(
            bench.question(provider=turning), bench.answers(sealed=signed_by(bench, turning, signer))
        )
        is_told(told)
