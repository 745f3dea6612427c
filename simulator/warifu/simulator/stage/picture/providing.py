"""What a provider holds, by its interim server's view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.items.v1 import items_pb2
from warifu.kernel.instants import day_at, stamped
from warifu.law import Text
from warifu.simulator.stage.picture import things, words
from warifu.simulator.stage.picture.asking import binding
from warifu.simulator.stage.picture.model import PROVIDED, Fact, Held
from warifu.simulator.stage.picture.names import Names, as_it_is, covers
from warifu.simulator.stage.picture.reading import Row, parsed


def provision(names: Names, row: Row, bound: Sequence[Row], copies: Sequence[Row]) -> Iterator[Held]:
    """Everything in the row of a used permit; the addressee's binding and the copies as they are now."""
    permit = row.message("permit", pb.Permit) or pb.Permit()
    yield from things.permit(row, "permit", PROVIDED)
    used = things.reference(permit.subject)
    yield from things.code("code", words.OWN_CODE, used, PROVIDED, row.source("permit", "Permit.subject"))
    if row.text("addressee_no"):
        number, source = row.text("addressee_no"), row.source("addressee_no")
        yield things.plain("addressee", words.ADDRESSEE, as_it_is(number), PROVIDED, source, number.encode())
    yield from binding(bound, used, PROVIDED)
    yield from things.header(names, permit.header, PROVIDED, row.source("permit", "Permit.header"))
    query = row.message("fields", pb.Query)
    if query is not None and query.header_hash:
        wanted = as_it_is(", ".join(query.fields)) if query.fields else words.ALL_FIELDS
        yield things.plain("query", words.OPENED_QUERY, wanted, PROVIDED, row.source("fields"), row.raw("fields"))
    yield from _copies(names, permit, copies)
    fine, source = words.fine(row.number("fine_outcome") or 0), row.source("fine_outcome")
    hidden = Fact(words.HIDDEN, words.yes(row.flag("non_disclosure")))
    yield things.plain("fine", words.FINE, fine, PROVIDED, source, row.raw("fine_outcome"), (hidden,))


def _copies(names: Names, permit: pb.Permit, copies: Sequence[Row]) -> Iterator[Held]:
    """Those about the span asked for, each; the others together."""
    asked = parsed(pb.RequestHeader, permit.header) or pb.RequestHeader()
    on = _day(permit)
    wanted = [row for row in copies if covers(asked.span, row.text("first_day"), row.text("last_day"), on)]
    for row in wanted:
        content = row.message("content", items_pb2.ItemContent) or items_pb2.ItemContent()
        key = row.text("record_key")
        facts = tuple(names.content(content))
        yield things.plain(
            f"copy-{key}", words.COPY, as_it_is(key), PROVIDED, row.source("content"), row.raw("content"), facts
        )
    rest = [row for row in copies if row not in wanted]
    if rest:
        count = Text(f"{len(rest)} 件", f"{len(rest)}")
        facts = tuple(Fact(words.COPY, as_it_is(row.text("record_key"))) for row in rest)
        yield things.plain("copies", words.OTHER_COPIES, count, PROVIDED, rest[0].where, facts=facts)


def _day(permit: pb.Permit) -> str:
    try:
        return day_at(stamped(permit.exchange_time)).isoformat()
    except (OverflowError, ValueError):
        return ""


def review(row: Row) -> Held:
    """What a clerk had to look at, and decided."""
    decision = row.number("decision")
    facts = [Fact(words.CLERK, as_it_is(row.text("clerk")))] if row.text("clerk") else []
    source, raw = row.source("decision"), row.raw("decision")
    return things.plain("review", words.REVIEW, words.decision(decision), PROVIDED, source, raw, tuple(facts))


def answer_block(names: Names, row: Row, place: int) -> Iterator[Held]:
    """The answer as it left."""
    sealed = row.message("sealed", pb.SealedAnswer) or pb.SealedAnswer()
    name = "answer" if not place else f"answer-{place}"
    yield from things.sealed(names, name, words.SEALED_ANSWER, sealed.block, PROVIDED, row.source("sealed"))
