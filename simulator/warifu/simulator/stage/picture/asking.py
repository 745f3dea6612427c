"""What a requester holds, by its interim server's view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.interim.v1 import interim_pb2
from warifu.law import Text
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.stage.picture import things, words
from warifu.simulator.stage.picture.model import LOGGED, OPENED, PREPARED, Fact, Held, Kind
from warifu.simulator.stage.picture.names import Names, as_it_is
from warifu.simulator.stage.picture.reading import Row, parsed


def inquiry(names: Names, row: Row, bound: Sequence[Row]) -> Iterator[Held]:
    """Everything in the row of an own inquiry, and the addressee's binding as it is now."""
    asked = row.message("request", interim_pb2.InquireRequest) or interim_pb2.InquireRequest()
    sent = row.message("sent", linkage_pb2.InquireRequest) or linkage_pb2.InquireRequest()
    inner = parsed(pb.Inquiry, sent.inquiry) or pb.Inquiry()
    yield from _addressee(asked, row)
    source = row.source("sent", "Inquiry.subject")
    yield from things.code("code", words.OWN_CODE, things.reference(inner.subject), PREPARED, source)
    yield from binding(bound, things.reference(inner.subject), PREPARED)
    yield from things.header(names, inner.header, PREPARED, row.source("sent", "Inquiry.header"))
    if asked.provider:
        wanted = as_it_is(", ".join(asked.fields)) if asked.fields else words.ALL_FIELDS
        raw = "\0".join(asked.fields).encode()
        yield things.plain("wanted", words.WANTED, wanted, PREPARED, row.source("request", "fields"), raw)
    yield from things.sealed(names, "query", words.SEALED_QUERY, sent.query, PREPARED, row.source("sent", "query"))
    yield from _received(names, row)


def _addressee(asked: interim_pb2.InquireRequest, row: Row) -> Iterator[Held]:
    if asked.addressee_no:
        case = (Fact(words.CASE, as_it_is(asked.case_reference)),) if asked.case_reference else ()
        source, raw = row.source("request", "addressee_no"), asked.addressee_no.encode()
        yield things.plain("addressee", words.ADDRESSEE, as_it_is(asked.addressee_no), PREPARED, source, raw, case)


def binding(bound: Sequence[Row], used: bytes, since: int) -> Iterator[Held]:
    """The code that the addressee number is bound to now, when it is another than the exchange used: then both are shown."""
    for place, row in enumerate(bound):
        now = things.reference(row.message("subject", pb.SubjectReference), row.raw("subject"))
        if now != used:
            yield from things.code(f"bound-{place}", words.BOUND_CODE, now, since, row.source("subject"))


def _received(names: Names, row: Row) -> Iterator[Held]:
    state = row.message("state", linkage_pb2.ExchangeState) or linkage_pb2.ExchangeState()
    if state.receipt.HasField("signature"):
        facts = (
            Fact(words.COMMITMENT, things.short(state.receipt.commitment)),
            Fact(words.KEY, as_it_is(state.receipt.signature.key_id)),
        )
        value, source = things.short(state.receipt.signature.signature), row.source("state", "receipt")
        yield Held(
            "receipt", Kind.SIGNATURE, words.RECEIPT, value, OPENED, source, state.receipt.SerializeToString(), facts
        )
    if state.permit_hash:
        value, source = things.short(state.permit_hash), row.source("state", "permit_hash")
        yield Held("permit-hash", Kind.LEAF, words.PERMIT_HASH, value, OPENED, source, state.permit_hash)
    block, source = state.answer.block, row.source("state", "answer")
    yield from things.sealed(names, "answer", words.SEALED_ANSWER, block, OPENED, source)
    yield from _opened(names, row)
    yield from denial(state.denial if state.HasField("denial") else None, OPENED, row.source("state", "denial"))
    yield from failure(row.message("failure", common_pb2.Failure), OPENED, row.source("failure"))


def _opened(names: Names, row: Row) -> Iterator[Held]:
    answer = row.message("answer", pb.Answer)
    if answer is not None and answer.header_hash:
        facts = [fact for record in answer.records for fact in names.content(record.content)]
        facts.insert(0, Fact(words.FINE, words.fine(answer.outcome)))
        value, source = words.fine(answer.outcome), row.source("answer")
        yield things.plain("opened", words.OPENED_ANSWER, value, OPENED, source, row.raw("answer"), tuple(facts))


def denial(denied: linkage_pb2.Denial | None, since: int, source: str) -> Iterator[Held]:
    """Why not: first the sentence, then what the gateway names."""
    if denied is not None:
        told = Text(denied.message.ja or denied.reason, denied.message.en or denied.reason)
        facts = (
            Fact(words.DENIAL, told),
            Fact(words.CONDITION, as_it_is(denied.failed_condition)),
            Fact(words.ROW, as_it_is(denied.nearest_row)),
        )
        yield things.plain(
            "denial", words.DENIAL, as_it_is(denied.reason), since, source, denied.SerializeToString(), facts
        )


def failure(failed: common_pb2.Failure | None, since: int, source: str) -> Iterator[Held]:
    """What failed: first the sentence."""
    if failed is not None and failed.reason:
        told = Text(failed.message.ja or failed.reason, failed.message.en or failed.reason)
        facts = (Fact(words.FAILURE, told),)
        yield things.plain(
            "failure", words.FAILURE, as_it_is(failed.reason), since, source, failed.SerializeToString(), facts
        )


def promise(row: Row, name: str) -> Held:
    """What became of the gateway's word that the request is in the log."""
    facts = [Fact(words.COMMITMENT, things.short(row.raw("commitment")))]
    if row.text("leaf_index"):
        facts.append(Fact(words.LEAF, as_it_is(row.text("leaf_index"))))
    state = words.promise(row.number("state"))
    return Held(
        name, Kind.LEAF, words.PROMISE, state, LOGGED, row.source("commitment"), row.raw("commitment"), tuple(facts)
    )
