"""What is held in the same form by several parties: codes, headers, sealed blocks, records, permits."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from warifu.exchange import record as records
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import stamped
from warifu.law import Text
from warifu.simulator.stage.picture import words
from warifu.simulator.stage.picture.model import Fact, Held, Kind
from warifu.simulator.stage.picture.names import Names, as_it_is, when
from warifu.simulator.stage.picture.reading import Row, parsed
from warifu.simulator.stage.picture.tally import tally

_FEW = 8
"""Bytes of a hash that are shown in a line."""


def reference(subject: pb.SubjectReference | None, raw: bytes = b"") -> bytes:
    """The bytes by which a person is referred to; of another form of reference, or no message, all of `raw`."""
    return subject.code if subject is not None and subject.WhichOneof("reference") == "code" else raw


def code(name: str, label: Text, held: bytes, since: int, source: str) -> Iterator[Held]:
    """A code with its sign; nothing when there are no bytes."""
    if held:
        sign = tally(held)
        yield Held(name, Kind.CODE, label, as_it_is(sign.digits), since, source, held, tally=sign)


def plain(
    name: str, label: Text, value: Text, since: int, source: str, raw: bytes = b"", facts: tuple[Fact, ...] = ()
) -> Held:
    """Something readable."""
    return Held(name, Kind.PLAIN, label, value, since, source, raw, facts)


def header(names: Names, raw: bytes, since: int, source: str) -> Iterator[Held]:
    """What is asked, in the clear; nothing when the bytes are no header."""
    asked = parsed(pb.RequestHeader, raw)
    if asked is not None and asked.request_id:
        yield plain("inquiry", words.INQUIRY, names.item(asked.item), since, source, raw, tuple(names.asked(asked)))


def sealed(names: Names, name: str, label: Text, block: pb.SealedBlock, since: int, source: str) -> Iterator[Held]:
    """A sealed block; nothing when there is none."""
    if block.ciphertext:
        facts = (
            Fact(words.RECIPIENT, names.institution(block.recipient)),
            Fact(words.SIZE, words.size(len(block.ciphertext))),
            Fact(words.KEY, as_it_is(block.key_id)),
        )
        size = words.size(len(block.ciphertext))
        yield Held(name, Kind.CIPHERTEXT, label, size, since, source, block.ciphertext, facts)


def permit(row: Row, column: str, since: int) -> Iterator[Held]:
    """A permit; nothing when there is none."""
    held = row.message(column, pb.Permit)
    if held is not None and held.permit_id:
        facts = [
            Fact(words.ROW, as_it_is(held.row)),
            Fact(words.TABLE, as_it_is(held.table_version)),
            Fact(words.COMMITMENT, short(held.commitment)),
            Fact(words.PERMIT_HASH, short(row.raw("permit_hash"))),
        ]
        moment = when(stamped(held.exchange_time))
        facts += [Fact(words.WHEN, moment)] if moment is not None else []
        value = Text(f"行 {held.row}", f"row {held.row}")
        yield Held("permit", Kind.PERMIT, words.PERMIT, value, since, row.source(column), row.raw(column), tuple(facts))


def record(names: Names, row: Row, since: int) -> Held:
    """An access record in a row with record, salt and commitment."""
    committed = pb.CommittedRecord(record=row.raw("record"), salt=row.raw("salt"), commitment=row.raw("commitment"))
    name = f"record{row.text('side')}-{row.text('kind')}"
    return committed_record(names, name, committed, since, row.source("record"))


def committed_record(names: Names, name: str, committed: pb.CommittedRecord, since: int, source: str) -> Held:
    """A record with what opens its commitment, which is computed again."""
    held = parsed(pb.AccessRecord, committed.record) or pb.AccessRecord()
    outcome = held.kind == pb.RECORD_KIND_OUTCOME
    label = words.OUTCOME_RECORD if outcome else words.REQUEST_RECORD
    made = records.commitment(committed.salt, committed.record)
    facts = [
        *names.record(held),
        Fact(words.COMMITMENT, short(committed.commitment)),
        Fact(words.SALT, short(committed.salt)),
    ]
    moment = when(stamped(held.answered_at if outcome and held.HasField("answered_at") else held.requested_at))
    if moment is not None:
        facts.insert(0, Fact(words.WHEN, moment))
    return Held(
        name, Kind.RECORD, label, words.outcome(held.outcome) if outcome else as_it_is(held.row), since, source,
        committed.record, tuple(facts), fits=hmac.compare_digest(made, committed.commitment),
    )  # fmt: skip


def short(held: bytes) -> Text:
    """The first digits of a hash."""
    return as_it_is(held[:_FEW].hex() + ("…" if len(held) > _FEW else ""))


def others(rows: list[Row], since: int) -> Iterator[Held]:
    """Rows that no part of the picture knows, as they are."""
    for place, row in enumerate(rows):
        facts = tuple(
            Fact(as_it_is(name), as_it_is(value.text) if value.WhichOneof("value") == "text" else short(value.raw))
            for name, value in row.values.items()
        )
        yield Held(
            f"other-{place}", Kind.PLAIN, words.OTHER, as_it_is(row.where), since, row.where, row.everything, facts
        )
