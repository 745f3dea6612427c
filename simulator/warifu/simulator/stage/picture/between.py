"""What the gateway holds, and of that what is public in its log; what the witness and the portal hold."""

from __future__ import annotations

from collections.abc import Iterator

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.law import Text
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.stage.picture import things, words
from warifu.simulator.stage.picture.asking import denial, failure
from warifu.simulator.stage.picture.model import DECIDED, LOGGED, RELAYED, SHOWN, Fact, Held, Kind
from warifu.simulator.stage.picture.names import Names, as_it_is, when
from warifu.simulator.stage.picture.reading import Row, parsed


def exchange(names: Names, row: Row) -> Iterator[Held]:
    """Everything in the gateway's row of an exchange."""
    asked = row.message("inquiry", pb.Inquiry) or pb.Inquiry()
    permit = row.message("permit", pb.Permit) or pb.Permit()
    theirs, converted = things.reference(asked.subject), things.reference(permit.subject)
    source = row.source("inquiry", "Inquiry.subject")
    yield from things.code("requester-code", words.REQUESTER_CODE, theirs, DECIDED, source)
    source = row.source("permit", "Permit.subject")
    yield from things.code("provider-code", words.PROVIDER_CODE, converted, DECIDED, source)
    yield from things.header(names, asked.header, DECIDED, row.source("inquiry", "Inquiry.header"))
    query = row.message("query", pb.SealedBlock) or pb.SealedBlock()
    yield from things.sealed(names, "query", words.SEALED_QUERY, query, DECIDED, row.source("query"))
    yield from things.permit(row, "permit", DECIDED)
    yield from denial(row.message("denial", linkage_pb2.Denial), DECIDED, row.source("denial"))
    answer = row.message("answer", pb.SealedAnswer) or pb.SealedAnswer()
    yield from things.sealed(names, "answer", words.SEALED_ANSWER, answer.block, RELAYED, row.source("answer"))
    yield from failure(row.message("failure", common_pb2.Failure), RELAYED, row.source("failure"))
    if row.number("outcome"):
        hidden = (Fact(words.HIDDEN, words.yes(row.flag("withheld"))),)
        told, raw = words.outcome(row.number("outcome") or 0), row.raw("outcome")
        yield things.plain("outcome", words.OUTCOME, told, RELAYED, row.source("outcome"), raw, hidden)


def outbox(row: Row) -> Held:
    """An entry that the portal has not acknowledged."""
    return things.plain("outbox", words.WAITS, as_it_is(row.text("position")), SHOWN, row.source("request_id"))


def leaf(row: Row) -> Iterator[Held]:
    """A record's place in the public log: there it is its commitment and nothing else."""
    place = row.number("leaf_index")
    if place is not None and row.raw("commitment"):
        outcome = row.number("kind") == pb.RECORD_KIND_OUTCOME
        label = words.OUTCOME_LEAF if outcome else words.REQUEST_LEAF
        facts = (Fact(words.LEAF, as_it_is(place)), Fact(words.COMMITMENT, as_it_is(row.raw("commitment").hex())))
        value = Text(f"{place} 番", f"no. {place}")
        yield Held(
            f"leaf-{place}", Kind.LEAF, label, value, LOGGED, row.source("commitment"), row.raw("commitment"), facts
        )


def log_head(row: Row) -> Iterator[Held]:
    """The log's newest head, and the newest that the witness cosigned."""
    for name, size, column, label in (
        ("checkpoint", "size", "checkpoint", words.CHECKPOINT),
        ("cosigned", "witnessed_size", "witnessed", words.COSIGNED),
    ):
        if row.text(column):
            value = Text(f"{row.text(size)} 件まで", f"up to {row.text(size)}")
            facts = tuple(Fact(as_it_is("—"), as_it_is(line)) for line in row.text(column).splitlines() if line)
            raw = row.text(column).encode()
            yield Held(name, Kind.SIGNATURE, label, value, LOGGED, row.source(column), raw, facts)


def witness_head(row: Row) -> Iterator[Held]:
    """The head that the witness cosigned last."""
    if row.raw("root"):
        value = Text(f"{row.text('size')} 件まで", f"up to {row.text('size')}")
        facts = (Fact(words.HASH, as_it_is(row.raw("root").hex())),)
        yield Held("head", Kind.SIGNATURE, words.HEAD, value, LOGGED, row.source("root"), row.raw("root"), facts)


def entry(names: Names, row: Row) -> Iterator[Held]:
    """Everything in the portal's row of an entry."""
    subject = things.reference(row.message("subject", pb.SubjectReference), row.raw("subject"))
    yield from things.code("code", words.OWN_CODE, subject, SHOWN, row.source("subject"))
    facts = [
        Fact(words.REQUESTER, names.institution(row.text("requester"))),
        Fact(words.PROVIDER, names.institution(row.text("provider"))),
        Fact(words.PROCEDURE, names.procedure(row.text("procedure"))),
        Fact(words.ITEM, names.item(row.text("item"))),
        Fact(words.OUTCOME, words.outcome(row.number("outcome") or 0)),
    ]
    moment = when(row.number("requested_at"))
    facts += [Fact(words.WHEN, moment)] if moment is not None else []
    told = words.outcome(row.number("outcome") or 0)
    raw = row.raw("request_id")
    yield things.plain("entry", words.ENTRY, told, SHOWN, row.where, raw, tuple(facts))
    for column in ("request_record", "outcome_record"):
        committed = parsed(pb.CommittedRecord, row.raw(column))
        if committed is not None and committed.record:
            yield things.committed_record(names, column.replace("_", "-"), committed, SHOWN, row.source(column))
    places = [row.text(name) for name in ("request_leaf", "outcome_leaf") if row.text(name)]
    if places:
        value = as_it_is(", ".join(places))
        yield Held("places", Kind.LEAF, words.LEAF, value, SHOWN, row.source("request_leaf"), value.ja.encode())
